//! TOML with the place of every value, read as far as it is TOML: a fault is a diagnostic, and what stands around it is kept.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::text::SourceText;
use crate::diagnostic::Diagnostic;

/// A fault in a generated file tends to cause many; the first ones tell where.
const MAX_FAULTS: usize = 10;

/// A value with its place.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// Parses a file; faults become gaps with line, column and what was expected. What stands behind a fault is read too, as far as it can be:
/// once more without the lines at fault and those that git leaves where a merge was not finished, if that tells more.
pub fn parse<'i>(file: &'i SourceText, diagnostics: &mut Vec<Diagnostic>) -> DeTable<'i> {
    let (root, faults) = DeTable::parse_recoverable(&file.text);
    let root = root.into_inner();
    if faults.is_empty() {
        return root;
    }
    let mut lines: BTreeSet<u32> = BTreeSet::new();
    for fault in faults {
        let offset = fault.span().map_or(0, |span| span.start);
        // one fault tends to cause more on its line
        if lines.insert(file.line(offset)) && lines.len() <= MAX_FAULTS {
            diagnostics.push(file.gap(offset, format!("not TOML: {}", fault.message().replace('\n', "; "))));
        }
    }
    if lines.len() > MAX_FAULTS {
        let more = lines.len() - MAX_FAULTS;
        diagnostics.push(file.gap(0, format!("not TOML: faults on {more} more lines of this file")));
    }
    lines.extend(unmerged(&file.text));
    let (mended, _) = DeTable::parse_recoverable(file.mended(&lines));
    let mended = mended.into_inner();
    if entries_in(&mended) > entries_in(&root) { mended } else { root }
}

/// The 1-based lines of git's conflict markers.
fn unmerged(text: &str) -> impl Iterator<Item = u32> {
    let markers = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"];
    let lines = text.lines().enumerate().filter(move |(_, line)| markers.iter().any(|marker| line.starts_with(marker)));
    lines.map(|(index, _)| u32::try_from(index + 1).unwrap_or(u32::MAX))
}

/// How much a document says: the entries of its tables and arrays at the top.
fn entries_in(root: &DeTable<'_>) -> usize {
    let of = |value: &Value<'_>| match value.get_ref() {
        DeValue::Array(array) => array.len(),
        DeValue::Table(table) => table.len(),
        _ => 1,
    };
    root.values().map(of).sum()
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

/// The items of the array that a lockfile keeps its packages in. Something else in its place, and a file without anything, are gaps.
pub fn packages<'t, 'i>(
    file: &SourceText,
    root: &'t DeTable<'i>,
    key: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> &'t [Value<'i>] {
    expect(file, root, key, "an array of tables", DeValue::is_array, diagnostics);
    let is_told = || diagnostics.iter().any(|said| said.path.as_deref() == Some(&file.path));
    if root.is_empty() && !is_told() {
        diagnostics.push(file.gap(0, format!("expected a lockfile with [[{key}]] tables, found nothing in it")));
    }
    items(root, key)
}

/// Says where the value at a key is of another type than the expected one.
pub fn expect<'i>(
    file: &SourceText,
    table: &DeTable<'i>,
    key: &str,
    expected: &str,
    is: fn(&DeValue<'i>) -> bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(value) = table.get(key).filter(|value| !is(value.get_ref())) {
        diagnostics.push(file.gap(value.span().start, format!("expected `{key}`, {expected}")));
    }
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
