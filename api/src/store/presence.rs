//! Which processes are at work on the store, and which one of them leads: it alone keeps the clocks and cleans up.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rows::{Key, Scope, list, load, save};
use super::{Store, StoreError, keys};

#[derive(Debug, Serialize, Deserialize)]
struct Process {
    name: String,
    until: Timestamp,
}

fn leader() -> Key {
    Key::table(keys::MOMENT).fixed(&[0])
}

fn processes() -> Key {
    Key::table(keys::MOMENT).fixed(&[1])
}

impl Store {
    /// Says that the process works, for as long as `lease`. True when it leads: nobody else did, or it has led before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attend(&self, name: &str, lease: SignedDuration, now: Timestamp) -> Result<bool, StoreError> {
        let own = Process { name: name.to_owned(), until: now + lease };
        self.write(move |rows| {
            rows.lock(Scope::Values)?;
            save(rows, processes().text(&own.name), &own)?;
            for (key, process) in list::<Process>(rows, &processes(), None, usize::MAX)? {
                if process.until + SignedDuration::from_hours(1) < now {
                    rows.delete(key);
                }
            }
            let leads = load::<Process>(rows, &leader())?;
            if leads.is_some_and(|leads| leads.name != own.name && leads.until > now) {
                return Ok(false);
            }
            save(rows, leader(), &own)?;
            Ok(true)
        })
        .await
    }

    /// Says that the process ends, so that another one can lead at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leave(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |rows| {
            rows.lock(Scope::Values)?;
            rows.delete(processes().text(&name).done());
            if load::<Process>(rows, &leader())?.is_some_and(|leads| leads.name == name) {
                rows.delete(leader().done());
            }
            Ok(())
        })
        .await
    }

    /// The processes at work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn at_work(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.read(move |rows| {
            let found = list::<Process>(rows, &processes(), None, usize::MAX)?.into_iter();
            Ok(found.filter(|(_, process)| process.until > now).map(|(_, process)| process.name).collect())
        })
        .await
    }
}
