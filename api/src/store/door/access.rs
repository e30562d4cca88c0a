//! Tokens, remembered requests and named values.

use jiff::{SignedDuration, Timestamp};

use crate::identity::{TokenHash, TokenRecord};
use crate::store::record::{IdempotencyRecord, StoredResponse, Tenant};
use crate::store::rows::{self, Key, Scope, load, save};
use crate::store::{Idempotency, Store, StoreError, keys};

impl Store {
    /// Keeps a token (new or changed).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_token(&self, token: TokenRecord) -> Result<(), StoreError> {
        self.write(move |rows| {
            rows.lock(Scope::Tokens)?;
            rows.put(Key::table(keys::BY_HASH).text(&token.hash.0).done(), token.id.as_bytes().to_vec());
            save(rows, Key::table(keys::TOKEN).text(&token.id), &token)
        })
        .await
    }

    /// The token of a hash, valid or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_by_hash(&self, hash: &TokenHash) -> Result<Option<TokenRecord>, StoreError> {
        let key = Key::table(keys::BY_HASH).text(&hash.0);
        self.read(move |rows| {
            let Some(id) = rows.get(key.bytes())? else { return Ok(None) };
            load(rows, &Key::table(keys::TOKEN).text(&String::from_utf8_lossy(&id)))
        })
        .await
    }

    /// All tokens, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.read(|rows| {
            let found = rows::list(rows, &Key::table(keys::TOKEN), None, usize::MAX)?;
            Ok(found.into_iter().map(|(_, token)| token).collect())
        })
        .await
    }

    /// Revokes a token, seconds since 1970. False when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_token(&self, id: &str, now: i64) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |rows| {
            rows.lock(Scope::Tokens)?;
            let key = Key::table(keys::TOKEN).text(&id);
            let Some(mut token) = load::<TokenRecord>(rows, &key)? else { return Ok(false) };
            token.revoked = token.revoked.or(Some(now));
            save(rows, key, &token)?;
            Ok(true)
        })
        .await
    }

    /// Claims an `Idempotency-Key` for a request.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_request(
        &self,
        tenant: &Tenant,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<Idempotency, StoreError> {
        let record = IdempotencyRecord {
            tenant: tenant.clone(),
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
            at: now,
            response: None,
        };
        self.write(move |rows| {
            rows.lock(Scope::Request(&record.tenant, &record.key))?;
            let row = keys::of_tenant(keys::IDEMPOTENCY, &record.tenant).text(&record.key);
            match load::<IdempotencyRecord>(rows, &row)? {
                Some(known) if known.fingerprint != record.fingerprint => Ok(Idempotency::Mismatch),
                Some(IdempotencyRecord { response: Some(response), .. }) => Ok(Idempotency::Replay(response)),
                // whoever began it a minute ago and has not answered has died
                Some(known) if now.duration_since(known.at) < SignedDuration::from_secs(60) => {
                    Ok(Idempotency::UnderWay)
                }
                _ => save(rows, row, &record).map(|()| Idempotency::Fresh),
            }
        })
        .await
    }

    /// Remembers the answer to a request that [`Store::begin_request`] called fresh.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remember(&self, tenant: &Tenant, key: &str, response: StoredResponse) -> Result<(), StoreError> {
        let row = keys::of_tenant(keys::IDEMPOTENCY, tenant).text(key);
        let (tenant, key) = (tenant.clone(), key.to_owned());
        self.write(move |rows| {
            rows.lock(Scope::Request(&tenant, &key))?;
            let Some(mut record) = load::<IdempotencyRecord>(rows, &row)? else { return Ok(()) };
            record.response = Some(response.clone());
            save(rows, row.clone(), &record)
        })
        .await
    }

    /// A named value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        let key = keys::value(name);
        self.read(move |rows| load(rows, &key)).await
    }

    /// Sets a named value unless it is set; gives the one in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agree(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let (key, value) = (keys::value(name), value.to_owned());
        self.write(move |rows| {
            rows.lock(Scope::Values)?;
            if let Some(known) = load(rows, &key)? {
                return Ok(known);
            }
            save(rows, key.clone(), &value)?;
            Ok(value.clone())
        })
        .await
    }

    /// Sets a named value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (key, value) = (keys::value(name), value.to_owned());
        self.write(move |rows| save(rows, key.clone(), &value)).await
    }
}
