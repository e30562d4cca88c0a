//! What bytes are by their first bytes, and what comes out of them: archives, compressed streams, UTF-16, compiled Python, binaries.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;

/// What a layer's bytes are. Names lie; first bytes seldom do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Gzip,
    Zip,
    Tar,
    Utf16 {
        little: bool,
    },
    CompiledPython,
    Sqlite,
    /// A compressed form that is not read here.
    Packed(&'static str),
    /// Pictures, fonts, sound, film: compressed noise.
    Media,
    /// Anything else with NUL bytes.
    Binary,
    Text,
}

const PROBED: usize = 8000;

pub(super) fn sniff(bytes: &[u8]) -> Container {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"\x1f\x8b\x08") {
        return Container::Gzip;
    }
    if starts(b"PK\x03\x04") {
        return Container::Zip;
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Container::Tar;
    }
    if starts(b"\xff\xfe") || starts(b"\xfe\xff") {
        return Container::Utf16 { little: starts(b"\xff\xfe") };
    }
    // PEP 3147: a magic number, then "\r\n", then flags that are 0 to 3 since 3.7
    if bytes.get(2..4) == Some(b"\r\n") && bytes.get(5..8) == Some(&[0, 0, 0]) {
        return Container::CompiledPython;
    }
    if starts(b"SQLite format 3\0") {
        return Container::Sqlite;
    }
    let packed: [(&[u8], &str); 5] = [
        (b"\xfd7zXZ\0", "an xz stream"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a rar archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd stream"),
        (b"BZh", "a bzip2 stream"),
    ];
    let bzip2 = |magic: &[u8]| magic != b"BZh" || bytes.get(4..10) == Some(b"1AY&SY");
    if let Some((_, kind)) = packed.iter().find(|(magic, _)| starts(magic) && bzip2(magic)) {
        return Container::Packed(kind);
    }
    let media: [&[u8]; 10] = [
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"wOFF",
        b"wOF2",
        b"OggS",
        b"ID3",
        b"\0\x01\0\0",
        b"\0\0\x01\0",
        b"OTTO",
    ];
    if media.iter().any(|magic| starts(magic)) || bytes.get(4..8) == Some(b"ftyp") || bytes.get(8..12) == Some(b"WEBP")
    {
        return Container::Media;
    }
    let probe = &bytes[..bytes.len().min(PROBED)];
    if memchr::memchr(0, probe).is_none() {
        return Container::Text;
    }
    match utf16_without_mark(probe) {
        Some(little) => Container::Utf16 { little },
        None => Container::Binary,
    }
}

/// Mostly ASCII, every other byte NUL.
fn utf16_without_mark(probe: &[u8]) -> Option<bool> {
    let pairs = probe.len() / 2;
    let nul_at = |odd: usize| probe.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nul_at(0), nul_at(1));
    match pairs {
        0..4 => None,
        _ if odd * 10 > pairs * 9 && even * 10 < pairs => Some(true),
        _ if even * 10 > pairs * 9 && odd * 10 < pairs => Some(false),
        _ => None,
    }
}

/// Decodes UTF-16; what is no character becomes U+FFFD. Line breaks stay where they were.
pub(super) fn utf16(bytes: &[u8], little: bool) -> Vec<u8> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
    let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_start_matches('\u{feff}').as_bytes().to_vec()
}

/// A file inside an archive.
pub(super) struct Member {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What came out of an archive before a bound or a damage ended it.
#[derive(Default)]
pub(super) struct Unpacked {
    pub members: Vec<Member>,
    /// Why something of it was not looked at: at a bound.
    pub bound: Option<String>,
    /// The same for damage, passwords and unknown methods: its raw bytes are looked at instead.
    pub damage: Option<String>,
}

/// How much may still be unpacked out of one blob.
pub(super) struct Budget {
    pub bytes: u64,
    pub members: usize,
}

impl Budget {
    fn take(&mut self, stream: impl Read) -> std::io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        stream.take(self.bytes + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.bytes || self.members == 0 {
            self.bytes = 0;
            return Ok(None);
        }
        self.bytes -= bytes.len() as u64;
        self.members -= 1;
        Ok(Some(bytes))
    }
}

const TOO_LARGE: &str = "unpacks to more than the limit; the rest was not looked at";

pub(super) fn gunzip(bytes: &[u8], budget: &mut Budget) -> Unpacked {
    let mut unpacked = Unpacked::default();
    match budget.take(MultiGzDecoder::new(bytes)) {
        Ok(Some(bytes)) => unpacked.members.push(Member { name: String::new(), bytes }),
        Ok(None) => unpacked.bound = Some(TOO_LARGE.to_owned()),
        Err(error) => unpacked.damage = Some(format!("cannot be unpacked: {error}")),
    }
    unpacked
}

pub(super) fn unzip(bytes: &[u8], budget: &mut Budget) -> Unpacked {
    let mut unpacked = Unpacked::default();
    let mut archive = match zip::ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive,
        Err(error) => {
            unpacked.damage = Some(format!("cannot be unpacked: {error}"));
            return unpacked;
        }
    };
    for number in 0..archive.len() {
        let member = archive.by_index(number).map_err(|error| error.to_string()).and_then(|file| {
            let name = String::from_utf8_lossy(file.name_raw()).into_owned();
            if file.is_dir() {
                return Ok(Some(Member { name, bytes: Vec::new() }));
            }
            let bytes = budget.take(file).map_err(|error| error.to_string())?;
            Ok(bytes.map(|bytes| Member { name, bytes }))
        });
        match member {
            Ok(Some(member)) => unpacked.members.push(member),
            Ok(None) => {
                unpacked.bound = Some(TOO_LARGE.to_owned());
                break;
            }
            Err(error) => unpacked.damage = Some(format!("a member cannot be unpacked: {error}")),
        }
    }
    unpacked
}

pub(super) fn untar(bytes: &[u8], budget: &mut Budget) -> Unpacked {
    let mut unpacked = Unpacked::default();
    let mut archive = tar::Archive::new(bytes);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => {
            unpacked.damage = Some(format!("cannot be unpacked: {error}"));
            return unpacked;
        }
    };
    for entry in entries {
        let member = entry.and_then(|entry| {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            Ok(budget.take(entry)?.map(|bytes| Member { name, bytes }))
        });
        match member {
            Ok(Some(member)) => unpacked.members.push(member),
            Ok(None) => {
                unpacked.bound = Some(TOO_LARGE.to_owned());
                break;
            }
            // the reader cannot find the next header after a broken one
            Err(error) => {
                unpacked.damage = Some(format!("cannot be unpacked further: {error}"));
                break;
            }
        }
    }
    unpacked
}

const SHORTEST_STRING: usize = 6;

const PRINTABLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_graphic() || matches!(letter, b' ' | b'\t' | b'\n' | b'\r');
        byte += 1;
    }
    table
};

/// The runs of printable characters of a binary, one a line.
pub(super) fn printable_runs(bytes: &[u8]) -> Vec<u8> {
    let is_printable = |at: &usize| PRINTABLE[usize::from(bytes[*at])];
    let mut out = Vec::new();
    let mut at = 0;
    while at + SHORTEST_STRING <= bytes.len() {
        // a run that long covers every sixth byte: of noise, most bytes are never looked at
        let probe = at + SHORTEST_STRING - 1;
        if !is_printable(&probe) {
            at = probe + 1;
            continue;
        }
        let start = (at..probe).rev().find(|at| !is_printable(at)).map_or(at, |before| before + 1);
        let end = (probe..bytes.len()).find(|at| !is_printable(at)).unwrap_or(bytes.len());
        if end - start >= SHORTEST_STRING {
            out.extend_from_slice(&bytes[start..end]);
            out.push(b'\n');
        }
        at = end + 1;
    }
    out
}

/// The string constants of compiled Python (marshal's short and long ASCII and Unicode forms), one a line. The runs alone would glue a
/// string to the type byte of the next.
pub(super) fn marshalled_strings(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 16.min(bytes.len());
    while at < bytes.len() {
        // the high bit marks a value that is referred to again
        let (start, length) = match bytes[at] & 0x7f {
            b'z' | b'Z' => (at + 2, bytes.get(at + 1).map(|&byte| usize::from(byte))),
            b'a' | b'A' | b'u' | b't' | b's' => {
                let length = bytes
                    .get(at + 1..at + 5)
                    .map(|size| size.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)));
                (at + 5, length)
            }
            _ => (at, None),
        };
        let text = length.and_then(|length| bytes.get(start..start.checked_add(length)?));
        match text {
            Some(text)
                if text.len() >= SHORTEST_STRING
                    && text.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\n') =>
            {
                out.extend_from_slice(text);
                out.push(b'\n');
                at = start + text.len();
            }
            _ => at += 1,
        }
    }
    out
}
