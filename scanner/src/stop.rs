//! The word to break off work that nobody wants any more.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::repository::RepositoryError;

/// Whether work is to go on. Whoever asked it to stop does not take that back, so that what saw the word once was not alone in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stop<'a>(Option<&'a AtomicBool>);

impl<'a> Stop<'a> {
    /// When the flag is raised; the default never stops.
    #[must_use]
    pub fn when(flag: &'a AtomicBool) -> Self {
        Self(Some(flag))
    }

    /// Whether to stop now.
    #[must_use]
    pub fn is_asked(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// The error to end with, if asked to stop.
    ///
    /// # Errors
    /// [`RepositoryError::Cancelled`].
    pub fn check(self) -> Result<(), RepositoryError> {
        if self.is_asked() { Err(RepositoryError::Cancelled) } else { Ok(()) }
    }
}
