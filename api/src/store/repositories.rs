//! Decisions about which repository is which: one identity over renames, by the forge's own id.

use jiff::Timestamp;

use super::StoreError;
use super::keys;
use super::record::{NewRepository, RepositoryId, RepositoryRecord, Shown, Tenant};
use super::rows::{Read, Scope, Write, load, save};

/// What a forge's word about a repository meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// It is new here.
    New(RepositoryRecord),
    /// It was known; nothing but details changed.
    Known(RepositoryRecord),
    /// It has another name or address than before.
    Renamed {
        /// As it is now; its identity is the old one.
        record: RepositoryRecord,
        /// Its name before.
        from: String,
    },
}

impl Observed {
    /// The repository as it is now.
    #[must_use]
    pub fn record(&self) -> &RepositoryRecord {
        match self {
            Self::New(record) | Self::Known(record) | Self::Renamed { record, .. } => record,
        }
    }
}

/// The index row of a repository under its forge's own id.
pub fn derived(record: &RepositoryRecord) -> Option<Vec<u8>> {
    let (forge, id) = (record.forge.as_deref()?, record.forge_id.as_deref()?);
    Some(keys::by_forge(&record.tenant, forge, id).done())
}

pub fn put(
    rows: &mut dyn Write,
    before: Option<&RepositoryRecord>,
    record: &RepositoryRecord,
) -> Result<(), StoreError> {
    if let Some(key) = before.and_then(derived) {
        rows.delete(key);
    }
    if let Some(key) = derived(record) {
        rows.put(key, record.id.as_str().as_bytes().to_vec());
    }
    save(rows, keys::repository(&record.tenant, &record.id), record)
}

pub fn by_id(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    id: &RepositoryId,
) -> Result<Option<RepositoryRecord>, StoreError> {
    load(rows, &keys::repository(tenant, id))
}

pub fn by_forge(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    forge: &str,
    id: &str,
) -> Result<Option<RepositoryRecord>, StoreError> {
    match rows.get(keys::by_forge(tenant, forge, id).bytes())? {
        Some(id) => by_id(rows, tenant, &RepositoryId::from_text(&String::from_utf8_lossy(&id))),
        None => Ok(None),
    }
}

/// The repository of an address, also under one that it took on later, or had before.
pub fn by_address(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    address: &RepositoryId,
) -> Result<Option<RepositoryRecord>, StoreError> {
    if let Some(id) = load::<RepositoryId>(rows, &keys::alias(tenant, address))?
        && let Some(record) = by_id(rows, tenant, &id)?
    {
        return Ok(Some(record));
    }
    by_id(rows, tenant, address)
}

pub fn register(
    rows: &mut dyn Write,
    new: &NewRepository,
    now: Timestamp,
) -> Result<(RepositoryRecord, bool), StoreError> {
    let record = RepositoryRecord::register(new, now);
    rows.lock(Scope::Repository(&record.tenant, &record.id))?;
    if let Some(known) = by_address(rows, &record.tenant, &record.id)? {
        return Ok((known, false));
    }
    put(rows, None, &record)?;
    Ok((record, true))
}

pub fn observe(
    rows: &mut dyn Write,
    shown: &Shown,
    register: bool,
    now: Timestamp,
) -> Result<Option<Observed>, StoreError> {
    let fresh = RepositoryRecord::register(&shown.new, now);
    let tenant = fresh.tenant.clone();
    let forge = shown.new.forge.as_deref().unwrap_or_default();
    let address = fresh.id.clone();
    // two deliveries about one repository decide one after the other, whatever its address
    let lasting = RepositoryId::of(&tenant, &format!("{forge} {}", shown.forge_id));
    rows.lock(Scope::Repository(&tenant, &lasting))?;
    rows.lock(Scope::Repository(&tenant, &address))?;
    let there = by_address(rows, &tenant, &address)?;
    let known = match by_forge(rows, &tenant, forge, &shown.forge_id)? {
        Some(known) => Some(known),
        // registered by hand, or before the forge was configured
        None => there.clone().filter(|there| there.forge_id.is_none()),
    };
    if let Some(before) = known {
        rows.lock(Scope::Repository(&tenant, &before.id))?;
        // read again under its lock: a scan may have been committed in between
        let Some(before) = by_id(rows, &tenant, &before.id)? else { return Ok(None) };
        let mut after = before.clone();
        after.follow(shown, now);
        let renamed = before.url != after.url;
        if renamed {
            save(rows, keys::alias(&tenant, &address), &after.id)?;
        }
        if after != before {
            put(rows, Some(&before), &after)?;
        }
        let from = before.name;
        return Ok(Some(if renamed { Observed::Renamed { record: after, from } } else { Observed::Known(after) }));
    }
    if !register {
        return Ok(None);
    }
    let mut record = fresh;
    if by_id(rows, &tenant, &address)?.is_some() {
        // another repository began under this name and keeps the identity that goes with it
        record.id = RepositoryId::of(&tenant, &format!("{}#{}", record.url, shown.forge_id));
        save(rows, keys::alias(&tenant, &address), &record.id)?;
    }
    record.follow(shown, now);
    put(rows, None, &record)?;
    Ok(Some(Observed::New(record)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::record::Standing;

    fn shown(name: &str, forge_id: &str, standing: Standing) -> Shown {
        Shown {
            new: NewRepository {
                tenant: Tenant::default(),
                url: format!("https://git.example.org/{name}.git"),
                default_branch: Some("main".into()),
                name: Some(name.into()),
                forge: Some("github".into()),
            },
            forge_id: forge_id.into(),
            ssh_url: None,
            standing,
        }
    }

    #[tokio::test]
    async fn a_repository_keeps_its_identity_over_renames() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let tenant = Tenant::default();
        let see = async |name: &str, id: &str| {
            store.observe(shown(name, id, Standing::Active), true, now).await.unwrap().unwrap()
        };
        let by_hand = store.register(shown("acme/site", "", Standing::Active).new, now).await.unwrap().0;
        let adopted = see("acme/site", "7").await;
        assert!(matches!(&adopted, Observed::Known(record) if record.id == by_hand.id), "{adopted:?}");
        let renamed = see("acme/web", "7").await;
        assert!(
            matches!(&renamed, Observed::Renamed { record, from } if record.id == by_hand.id && from == "acme/site")
        );
        assert_eq!(renamed.record().url, "https://git.example.org/acme/web");
        for url in ["https://git.example.org/acme/web", "https://git.example.org/acme/site.git"] {
            let found = store.repository_at(&tenant, url).await.unwrap().unwrap();
            assert_eq!(found.id, by_hand.id, "{url}: the old address leads there until somebody else has it");
        }
        // registering the new address by hand finds it too
        assert!(!store.register(shown("acme/web", "", Standing::Active).new, now).await.unwrap().1);
        // the old name is taken by another repository
        let other = see("acme/site", "8").await;
        assert!(matches!(&other, Observed::New(record) if record.id != by_hand.id), "{other:?}");
        let found = store.repository_at(&tenant, "https://git.example.org/acme/site").await.unwrap().unwrap();
        assert_eq!(&found.id, &other.record().id);
        assert!(matches!(see("acme/site", "8").await, Observed::Known(_)));
        assert!(matches!(see("acme/web", "7").await, Observed::Known(_)));
        // and back again, after the other has gone elsewhere
        assert!(matches!(see("acme/old", "8").await, Observed::Renamed { .. }));
        let back = see("acme/site", "7").await;
        assert_eq!(back.record().id, by_hand.id);
        let found = store.repository_at(&tenant, "https://git.example.org/acme/site").await.unwrap().unwrap();
        assert_eq!(found.id, by_hand.id);
        let unknown = store.observe(shown("acme/x", "9", Standing::Active), false, now).await.unwrap();
        assert_eq!(unknown, None);
        assert_eq!(store.verify().await.unwrap().problems, []);
    }

    #[tokio::test]
    async fn where_it_stands_is_kept_with_its_time() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let see = async |standing, second| {
            let seen = store.observe(shown("acme/site", "7", standing), true, at(second)).await.unwrap().unwrap();
            let record = seen.record();
            (record.standing, record.standing_since.map(Timestamp::as_second))
        };
        assert_eq!(see(Standing::Active, 1).await, (Standing::Active, None));
        assert_eq!(see(Standing::Archived, 2).await, (Standing::Archived, Some(2)));
        assert_eq!(see(Standing::Archived, 3).await, (Standing::Archived, Some(2)));
        assert_eq!(see(Standing::Active, 4).await, (Standing::Active, Some(4)));
        let record = store.repository_of_forge(&Tenant::default(), "github", "7").await.unwrap().unwrap();
        assert!(store.stand(&Tenant::default(), &record.id, Standing::Deleted, at(5)).await.unwrap());
        assert!(
            !store.stand(&Tenant::default(), &RepositoryId::from_text("no"), Standing::Deleted, at(5)).await.unwrap()
        );
        assert_eq!(store.verify().await.unwrap().problems, []);
    }
}
