//! Changes of a decision that are not yet written, over what is below them.

use std::collections::BTreeMap;

use super::StoreError;
use super::edition::Locked;
use super::rows::{Read, Row, Scope, Write, successor};

/// What a decision runs over.
pub trait Below: Read {
    /// Keeps other decisions of the scope out until this one has ended.
    fn lock(&self, scope: Scope<'_>) -> Result<(), StoreError>;
}

/// Changed rows by key; `None` is a removed one.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Reads see the changes of the same decision.
pub struct Overlay<'b> {
    below: &'b dyn Below,
    changes: Changes,
    locked: Vec<Locked>,
}

impl<'b> Overlay<'b> {
    /// Without changes.
    pub fn over(below: &'b dyn Below) -> Self {
        Self { below, changes: BTreeMap::new(), locked: Vec::new() }
    }

    /// What has changed.
    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// The scopes that were locked.
    pub fn locked(&self) -> &[Locked] {
        &self.locked
    }

    /// What has changed, while the decision runs.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Takes changes over.
    pub fn extend(&mut self, changes: Changes) {
        self.changes.extend(changes);
    }
}

impl Below for Overlay<'_> {
    fn lock(&self, scope: Scope<'_>) -> Result<(), StoreError> {
        self.below.lock(scope)
    }
}

impl Read for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.changes.get(key).map_or_else(|| self.below.get(key), |change| Ok(change.clone()))
    }

    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let unchanged: Vec<_> = keys.iter().filter(|key| !self.changes.contains_key(*key)).cloned().collect();
        let mut below = self.below.get_many(&unchanged)?.into_iter();
        let value = |key: &Vec<u8>| match self.changes.get(key) {
            Some(change) => change.clone(),
            None => below.next().flatten(),
        };
        Ok(keys.iter().map(value).collect())
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let mut changes = self.changes.range(from.to_vec()..to.to_vec()).peekable();
        let mut answer = Vec::new();
        let mut from = from.to_vec();
        loop {
            let step = limit.saturating_sub(answer.len()).max(1);
            let below = self.below.range(&from, to, step)?;
            let exhausted = below.len() < step;
            for row in below {
                while let Some((key, change)) = changes.next_if(|(key, _)| **key < row.0) {
                    answer.extend(change.clone().map(|value| (key.clone(), value)));
                }
                from = successor(&row.0);
                match changes.next_if(|(key, _)| **key == row.0) {
                    Some((_, change)) => answer.extend(change.clone().map(|value| (row.0, value))),
                    None => answer.push(row),
                }
            }
            if exhausted {
                answer.extend(changes.by_ref().filter_map(|(key, value)| Some((key.clone(), value.clone()?))));
            }
            if exhausted || answer.len() >= limit {
                answer.truncate(limit);
                return Ok(answer);
            }
        }
    }
}

impl Write for Overlay<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    fn discard(&mut self) {
        self.changes.clear();
    }

    fn lock(&mut self, scope: Scope<'_>) -> Result<(), StoreError> {
        self.below.lock(scope)?;
        self.locked.push(scope.into());
        Ok(())
    }
}
