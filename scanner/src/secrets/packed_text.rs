//! Texts that wait in memory until they are asked for: a large history has tens of thousands of places that are judged again when it is
//! known who brought them, a hundred megabytes as they stand and a quarter of that compressed.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use zeroize::Zeroizing;

use crate::isolation::OwnError;

/// A text, compressed. It may hold secrets, and is wiped like them.
pub(super) struct PackedText {
    packed: Zeroizing<Vec<u8>>,
    /// Bytes of the text.
    length: usize,
}

impl PackedText {
    /// # Errors
    /// When it cannot be compressed, which would be this program's own error.
    pub(super) fn of(text: &[u8]) -> Result<Self, OwnError> {
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(text.len() / 2), Compression::fast());
        let packed = encoder.write_all(text).and_then(|()| encoder.finish()).map_err(|_| OwnError)?;
        Ok(Self { packed: Zeroizing::new(packed), length: text.len() })
    }

    /// The bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.packed.len()
    }

    /// # Errors
    /// When it is no more what it was, which would be this program's own error.
    pub(super) fn text(&self) -> Result<Zeroizing<Vec<u8>>, OwnError> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.length + 1));
        DeflateDecoder::new(&self.packed[..]).read_to_end(&mut text).map_err(|_| OwnError)?;
        if text.len() == self.length { Ok(text) } else { Err(OwnError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was() {
        let long = "some words, and more of them\n".repeat(200);
        for text in ["", "x", &long] {
            let packed = PackedText::of(text.as_bytes()).unwrap();
            assert_eq!(&packed.text().unwrap()[..], text.as_bytes());
        }
        assert!(PackedText::of(long.as_bytes()).unwrap().size() * 10 < long.len());
    }

    #[test]
    fn what_was_damaged_is_an_error_and_no_other_text() {
        let mut packed = PackedText::of(b"some words, and more of them").unwrap();
        packed.packed.truncate(10);
        assert!(packed.text().is_err());
        packed.packed.clear();
        assert!(packed.text().is_err());
    }
}
