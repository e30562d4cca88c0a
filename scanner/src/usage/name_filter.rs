//! A small filter of names: most names that are in no set are told so without a hash.

/// Names by their first and last byte and their length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NameFilter([u64; 4]);

impl NameFilter {
    /// The filter of these names.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut filter = Self::default();
        names.into_iter().for_each(|name| filter.add(name));
        filter
    }

    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        let number = number(name);
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// False only for a name that was not added.
    #[must_use]
    pub fn may_hold(&self, name: &str) -> bool {
        let number = number(name);
        self.0[number / 64] & (1 << (number % 64)) != 0
    }
}

/// A number below 256 that equal names share.
fn number(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    usize::from(first.wrapping_mul(31) ^ last.wrapping_mul(7)) ^ (bytes.len() & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_never_denied() {
        let names = ["a", "", "read_excel", "to_sql", "é", "_"];
        let filter = NameFilter::of(names);
        assert!(names.iter().all(|name| filter.may_hold(name)));
        let others: Vec<String> = (0..100).map(|number| format!("name{number}")).collect();
        assert!(others.iter().filter(|name| filter.may_hold(name)).count() < 20);
        assert!(!NameFilter::default().may_hold("a"));
    }
}
