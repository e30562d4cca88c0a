//! Damage that is the same in every run.

/// xorshift64*
pub struct Random(u64);

/// What tends to open, close or end something in one of the formats.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b"\n",
    b"\\",
    b"#",
    b"'",
    b"\0",
    b"\xff",
    b"\r",
    b"\xEF\xBB\xBF",
    b"[[",
    b"]]",
    b"\"\"\"",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"%pip install x==1",
    b"; python_version < '3'",
    b"${X}",
];

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or(0) % limit.max(1)
    }

    /// One to five blows.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + self.below(200)).min(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
                2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                3 => {
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                4 => {
                    // the same piece many times: depth, and long lines
                    let piece = PIECES[self.below(PIECES.len())];
                    let many = piece.repeat(self.below(400));
                    bytes.splice(at..at, many);
                }
                _ => drop(bytes.drain(at..end)),
            }
        }
    }
}
