//! Decoded lines of a text that make one text again.

use std::ops::Range;

use super::fragment::Fragment;
use super::layer::{Piece, Point};

/// Pieces of one kind, one behind the other. Where they do not stand on the same line or the next, an empty line parts them.
pub(super) struct Joined {
    pub(super) how: &'static str,
    pub(super) bytes: Vec<u8>,
    /// The point in the file for each of them.
    pub(super) marks: Vec<(usize, Point)>,
    /// Those that belong together.
    pub(super) groups: Vec<Piece>,
    /// Where the last of them ends in the text.
    end: usize,
}

impl Joined {
    pub(super) fn new(how: &'static str) -> Self {
        Self { how, bytes: Vec::new(), marks: Vec::new(), groups: Vec::new(), end: 0 }
    }

    pub(super) fn add(
        &mut self,
        text: &[u8],
        found: &Fragment,
        (start, point): (usize, Point),
        origin: Option<Range<usize>>,
    ) {
        // a line and the next; parts of one line have nothing to do with each other, nor have words with percent escapes
        let parted = found.how != "escapes" || text.get(self.end..start) != Some(b"\n");
        match self.groups.last_mut().filter(|_| !parted) {
            Some(group) => {
                if let (Some(whole), Some(part)) = (&mut group.origin, &origin) {
                    (whole.start, whole.end) = (whole.start.min(part.start), whole.end.max(part.end));
                }
            }
            None => {
                if !self.groups.is_empty() {
                    self.bytes.push(b'\n');
                }
                self.groups.push(Piece { range: self.bytes.len()..self.bytes.len(), origin });
            }
        }
        self.marks.push((self.bytes.len(), point));
        self.bytes.extend_from_slice(&found.bytes);
        self.bytes.push(b'\n');
        self.end = start + (found.end - found.offset);
        if let Some(group) = self.groups.last_mut() {
            group.range.end = self.bytes.len();
        }
    }
}
