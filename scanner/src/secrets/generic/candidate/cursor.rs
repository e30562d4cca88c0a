//! A bounded look ahead in bytes, and how strings are written.

use std::ops::Range;

pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub stop: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, reach: usize) -> Self {
        Self { bytes, at, stop: bytes.len().min(at + reach) }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at.min(self.stop)..self.stop]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    pub(super) fn one_of(&mut self, bytes: &[u8]) -> bool {
        let there = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(there);
        there
    }

    pub(super) fn word(&mut self, word: &[u8]) -> bool {
        let there = self.rest().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        self.at += if there { word.len() } else { 0 };
        there
    }

    pub(super) fn skip(&mut self, bytes: &[u8]) {
        self.at += self.rest().iter().take(64).take_while(|byte| bytes.contains(byte)).count();
    }

    /// The bytes up to one that ends the value.
    pub(super) fn until(&self, ends: impl Fn(u8) -> bool) -> Range<usize> {
        let length = self.rest().iter().take_while(|byte| !ends(**byte)).count();
        self.at..self.at + length
    }

    /// Passes a string's prefix and opening quote.
    pub(super) fn string_start(&mut self) -> Option<u8> {
        let rest = self.rest();
        let prefix = rest.iter().take_while(|byte| b"rbufRBUFLN@$".contains(byte)).count().min(2);
        let quote = *rest.get(prefix).filter(|byte| b"\"'`".contains(byte))?;
        let triple = rest.get(prefix..prefix + 3).is_some_and(|head| head.iter().all(|byte| *byte == quote));
        self.at += prefix + if triple { 3 } else { 1 };
        Some(quote)
    }

    /// To the closing quote on the same line. Inside another string the quotes are escaped themselves.
    pub(super) fn string(&self, quote: u8, escaped: bool) -> Option<Range<usize>> {
        let mut at = self.at;
        while at < self.stop {
            match self.bytes[at] {
                b'\n' => return None,
                b'\\' if escaped && self.bytes.get(at + 1) == Some(&quote) => return Some(self.at..at),
                b'\\' => at += 1,
                byte if byte == quote => return Some(self.at..at),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// A whole string literal; the cursor stands behind it afterwards.
    pub(super) fn literal(&mut self) -> Option<Range<usize>> {
        let escaped = self.rest().starts_with(b"\\");
        let mut ahead = Cursor { at: self.at + usize::from(escaped), ..*self };
        let quote = ahead.string_start()?;
        let value = ahead.string(quote, escaped)?;
        self.at = (value.end + 1 + usize::from(escaped)).min(self.stop);
        Some(value)
    }

    /// A name, a number or a dotted path.
    pub(super) fn operand(&mut self) -> bool {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.$>-[]".contains(byte));
        let length = length.count();
        self.at += length;
        length > 0
    }
}

pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

pub(super) fn line_start(bytes: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(240);
    memchr::memrchr(b'\n', &bytes[from..at]).map_or(from, |position| from + position + 1)
}
