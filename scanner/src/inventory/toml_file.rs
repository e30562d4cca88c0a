//! TOML with the place of every value, read as far as it is TOML: a fault is a diagnostic, and what stands around it is kept.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::text::SourceText;
use crate::diagnostic::Diagnostic;

/// A fault in a generated file tends to cause many; the first ones tell where.
const MAX_FAULTS: usize = 10;

/// A value with its place.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// Parses a file; faults become gaps with line, column and what was expected.
pub fn parse<'i>(file: &'i SourceText, diagnostics: &mut Vec<Diagnostic>) -> DeTable<'i> {
    let (root, faults) = DeTable::parse_recoverable(&file.text);
    let count = faults.len();
    for fault in faults.into_iter().take(MAX_FAULTS) {
        let offset = fault.span().map_or(0, |span| span.start);
        diagnostics.push(file.gap(offset, format!("not TOML: {}", fault.message().replace('\n', "; "))));
    }
    if count > MAX_FAULTS {
        diagnostics.push(file.gap(0, format!("not TOML: {} more faults in this file", count - MAX_FAULTS)));
    }
    root.into_inner()
}

/// The table at a path of keys.
pub fn table<'t, 'i>(table: &'t DeTable<'i>, path: &[&str]) -> Option<&'t DeTable<'i>> {
    path.iter().try_fold(table, |table, &key| table.get(key)?.get_ref().as_table())
}

/// The text at a key.
pub fn text<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    table.get(key)?.get_ref().as_str()
}

/// The text at a key, with where it stands.
pub fn text_at<'t>(table: &'t DeTable<'_>, key: &str) -> Option<(&'t str, usize)> {
    let value = table.get(key)?;
    Some((value.get_ref().as_str()?, value.span().start))
}

/// The items of the array at a key; nothing when there is none.
pub fn items<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> &'t [Value<'i>] {
    table.get(key).and_then(|value| value.get_ref().as_array()).map_or(&[], |array: &DeArray<'i>| array)
}

/// The hashes of the `files` of a package, as Poetry and PDM list them.
pub fn file_hashes<'t>(table: &'t DeTable<'_>) -> impl Iterator<Item = &'t str> {
    items(table, "files").iter().filter_map(file_hash)
}

/// The hash of one such file. Poetry 1.0 listed the digests alone, of sha256.
pub fn file_hash<'t>(file: &'t Value<'_>) -> Option<&'t str> {
    file.get_ref().as_table().map_or_else(|| file.get_ref().as_str(), |table| text(table, "hash"))
}

/// The texts of the array at a key (or the one text there), with where they stand.
pub fn texts<'t>(table: &'t DeTable<'_>, key: &str) -> Vec<(&'t str, usize)> {
    match text_at(table, key) {
        Some(one) => vec![one],
        None => {
            items(table, key).iter().filter_map(|item| Some((item.get_ref().as_str()?, item.span().start))).collect()
        }
    }
}

/// The entries of a table in the order of the file.
pub fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t str, usize, &'t Value<'i>)> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value)).collect();
    entries.sort_by_key(|(_, start, _)| *start);
    entries
}
