//! A file's bytes as text with lines and columns: UTF-8 with or without BOM, UTF-16 and UTF-32 with BOM.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::diagnostic::{Diagnostic, Stage};

/// A decoded file.
#[derive(Debug)]
pub struct SourceText {
    /// From the repository's root.
    pub path: String,
    /// The content, without BOM.
    pub text: String,
    line_starts: Vec<usize>,
    /// The text without the lines that a parser stumbled over; each as long as before, so that places stay true.
    mended: OnceLock<String>,
}

impl SourceText {
    /// Decodes a file. Bytes that are no text become U+FFFD, and a gap says where the first one is, or the first NUL.
    pub fn decode(path: &str, bytes: &[u8], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let (text, bad) = decode(bytes);
        let file = Self::new(path, text);
        let nul = memchr::memchr(0, file.text.as_bytes());
        if let Some(offset) = bad.into_iter().chain(nul).min() {
            diagnostics.push(file.gap(offset, "not text: expected UTF-8, or UTF-16 or UTF-32 with a byte order mark"));
        }
        file
    }

    /// A file whose text is already known.
    #[must_use]
    pub fn new(path: &str, text: String) -> Self {
        let line_starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { path: path.to_owned(), text, line_starts, mended: OnceLock::new() }
    }

    /// The 1-based line of a byte offset.
    #[must_use]
    pub fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.line_starts.partition_point(|&start| start <= offset)).unwrap_or(u32::MAX)
    }

    /// The text with these 1-based lines blanked out. What is asked first is kept: a file is mended once.
    pub fn mended(&self, lines: &BTreeSet<u32>) -> &str {
        self.mended.get_or_init(|| {
            let mut mended = String::with_capacity(self.text.len());
            for (index, line) in self.text.split_inclusive('\n').enumerate() {
                let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
                if lines.contains(&number) {
                    mended.extend(line.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
                } else {
                    mended.push_str(line);
                }
            }
            mended
        })
    }

    /// The text of a 1-based line, with its end.
    #[must_use]
    pub fn line_text(&self, line: u32) -> &str {
        let at = line as usize;
        let start = at.checked_sub(1).and_then(|index| self.line_starts.get(index));
        let end = self.line_starts.get(at).copied().unwrap_or(self.text.len());
        start.and_then(|&start| self.text.get(start..end)).unwrap_or_default()
    }

    /// The 1-based line and column (in characters) of a byte offset.
    #[must_use]
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.line(offset);
        let start = self.line_starts.get(line as usize - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX))
    }

    /// The byte offset of a 1-based line and column (in characters); the text's end for what is behind it.
    #[must_use]
    pub fn offset(&self, line: u32, column: u32) -> usize {
        let start = (line as usize).checked_sub(1).and_then(|index| self.line_starts.get(index).copied());
        let Some(start) = start else { return self.text.len() };
        let mut characters = self.text[start..].char_indices().skip((column as usize).saturating_sub(1));
        characters.next().map_or(self.text.len(), |(at, _)| start + at)
    }

    /// Something at this offset could not be understood.
    pub fn gap(&self, offset: usize, reason: impl Into<String>) -> Diagnostic {
        let (line, column) = self.position(offset);
        Diagnostic::gap(Stage::Inventory, self.path.clone(), reason).at(line, column)
    }

    /// A remark about this offset.
    pub fn remark(&self, offset: usize, reason: impl Into<String>) -> Diagnostic {
        Diagnostic { gap: false, ..self.gap(offset, reason) }
    }
}

/// The text, and the offset in it of the first thing that was none.
fn decode(bytes: &[u8]) -> (String, Option<usize>) {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return decode_utf8(rest);
    }
    // UTF-32's little-endian mark begins with UTF-16's
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE\0\0") {
        return decode_utf32(rest, u32::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\0\0\xFE\xFF") {
        return decode_utf32(rest, u32::from_be_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return decode_utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return decode_utf16(rest, u16::from_be_bytes);
    }
    decode_utf8(bytes)
}

fn decode_utf8(bytes: &[u8]) -> (String, Option<usize>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(error) => (String::from_utf8_lossy(bytes).into_owned(), Some(error.valid_up_to())),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (String, Option<usize>) {
    let (units, rest) = bytes.as_chunks::<2>();
    let decoded = char::decode_utf16(units.iter().map(|&pair| unit(pair)));
    collect(decoded.map(Result::ok), rest.is_empty())
}

fn decode_utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> (String, Option<usize>) {
    let (units, rest) = bytes.as_chunks::<4>();
    collect(units.iter().map(|&four| char::from_u32(unit(four))), rest.is_empty())
}

fn collect(decoded: impl Iterator<Item = Option<char>>, whole: bool) -> (String, Option<usize>) {
    let (mut text, mut bad) = (String::new(), None);
    for character in decoded {
        if character.is_none() {
            bad = bad.or(Some(text.len()));
        }
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !whole {
        bad = bad.or(Some(text.len()));
    }
    (text, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_that_pip_reads() {
        let utf16 = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let little = |text| [vec![0xFF, 0xFE], utf16(text).iter().flat_map(|u| u.to_le_bytes()).collect()].concat();
        let big = |text| [vec![0xFE, 0xFF], utf16(text).iter().flat_map(|u| u.to_be_bytes()).collect()].concat();
        type Case = (Vec<u8>, &'static str, Option<(u32, u32)>);
        let cases: [Case; 7] = [
            (b"a==1\n\0".to_vec(), "a==1\n\0", Some((2, 1))),
            (b"a==1\n".to_vec(), "a==1\n", None),
            (b"\xEF\xBB\xBFa==1".to_vec(), "a==1", None),
            (little("a==1\né"), "a==1\né", None),
            (big("a==1 # \u{1F600}"), "a==1 # \u{1F600}", None),
            (b"a\nb\xFF".to_vec(), "a\nb\u{FFFD}", Some((2, 2))),
            (b"\xFF\xFEa\0b".to_vec(), "a", Some((1, 2))),
        ];
        for (bytes, expected, fault) in cases {
            let mut diagnostics = Vec::new();
            let file = SourceText::decode("r.txt", &bytes, &mut diagnostics);
            assert_eq!(file.text, expected);
            let place = diagnostics.first().map(|found| (found.line.unwrap_or(0), found.column.unwrap_or(0)));
            assert_eq!(place, fault, "{expected:?}");
        }
    }
}
