//! The end of a zip: which members it has and the text of a small one, without the bytes of the others.

use std::io::Read;

/// Bytes of a wheel that are asked for first; most central directories are smaller.
pub(super) const SUFFIX: u64 = 64 << 10;
/// No member that is inflated here is larger in any wheel that was not made to hurt.
const LARGEST_MEMBER: u64 = 4 << 20;

/// Why a zip's end could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// The zip breaks its own format.
    #[error("not a readable zip: {0}")]
    Malformed(&'static str),
    /// More of the file's end is needed: the first byte wanted.
    #[error("the central directory begins at byte {0}")]
    NeedsFrom(u64),
}

/// A member of the central directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path inside the zip.
    pub name: String,
    /// 0 stored, 8 deflated.
    method: u16,
    compressed: u64,
    inflated: u64,
    /// Offset of the local header.
    pub offset: u64,
}

impl Member {
    /// The bytes of the file that surely hold the member with its local header.
    #[must_use]
    pub fn span(&self) -> std::ops::Range<u64> {
        // the local header's extra field may be longer than the central one
        let header = 30 + self.name.len() as u64 + 1_024;
        self.offset..self.offset.saturating_add(header).saturating_add(self.compressed)
    }
}

fn number(bytes: &[u8], at: usize, width: usize) -> Result<u64, ZipError> {
    let field = bytes.get(at..at.saturating_add(width)).ok_or(ZipError::Malformed("ends inside a header"))?;
    Ok(field.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}

/// Reads the central directory out of the last bytes of a file of `length` bytes.
///
/// # Errors
/// [`ZipError::NeedsFrom`] when `tail` begins too late, else what is wrong with the zip.
pub fn central_directory(tail: &[u8], length: u64) -> Result<Vec<Member>, ZipError> {
    let begins = length.saturating_sub(tail.len() as u64);
    let end = memchr::memmem::rfind(tail, b"PK\x05\x06").ok_or(ZipError::Malformed("no end of central directory"))?;
    let (size, start) = (number(tail, end + 12, 4)?, number(tail, end + 16, 4)?);
    if start == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
        return Err(ZipError::Malformed("zip64"));
    }
    if start < begins {
        return Err(ZipError::NeedsFrom(start));
    }
    let mut at = usize::try_from(start - begins).map_err(|_| ZipError::Malformed("offset"))?;
    let mut members = Vec::new();
    while tail.get(at..at + 4) == Some(b"PK\x01\x02") {
        let (name, extra, comment) = (number(tail, at + 28, 2)?, number(tail, at + 30, 2)?, number(tail, at + 32, 2)?);
        let name_end = at + 46 + usize::try_from(name).unwrap_or(usize::MAX);
        let text = tail.get(at + 46..name_end).ok_or(ZipError::Malformed("ends inside a name"))?;
        members.push(Member {
            name: String::from_utf8_lossy(text).into_owned(),
            method: u16::try_from(number(tail, at + 10, 2)?).unwrap_or(u16::MAX),
            compressed: number(tail, at + 20, 4)?,
            inflated: number(tail, at + 24, 4)?,
            offset: number(tail, at + 42, 4)?,
        });
        at = name_end + usize::try_from(extra + comment).unwrap_or(0);
    }
    Ok(members)
}

/// Inflates one member out of bytes of the zip that begin at `begins`.
///
/// # Errors
/// When the bytes do not hold it, or it is no stored or deflated member of bounded size.
pub fn member_text(member: &Member, bytes: &[u8], begins: u64) -> Result<String, ZipError> {
    let at = member.offset.checked_sub(begins).ok_or(ZipError::NeedsFrom(member.offset))?;
    let at = usize::try_from(at).map_err(|_| ZipError::Malformed("offset"))?;
    let skip = number(bytes, at.saturating_add(26), 2)? + number(bytes, at.saturating_add(28), 2)?;
    let data = at + 30 + usize::try_from(skip).map_err(|_| ZipError::Malformed("size"))?;
    let end = data.saturating_add(usize::try_from(member.compressed).map_err(|_| ZipError::Malformed("size"))?);
    let data = bytes.get(data..end).ok_or(ZipError::Malformed("ends inside a member"))?;
    if member.inflated > LARGEST_MEMBER {
        return Err(ZipError::Malformed("member too large"));
    }
    let mut text = Vec::new();
    match member.method {
        0 => text.extend_from_slice(data),
        8 => {
            let reader = flate2::read::DeflateDecoder::new(data).take(LARGEST_MEMBER);
            std::io::BufReader::new(reader).read_to_end(&mut text).map_err(|_| ZipError::Malformed("deflate"))?;
        }
        _ => return Err(ZipError::Malformed("compression method")),
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zip() -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, method) in [("a.txt", zip::CompressionMethod::Stored), ("d/b.txt", zip::CompressionMethod::Deflated)]
        {
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            writer.start_file(name, options).unwrap();
            writer.write_all(name.repeat(50).as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn members_from_the_whole_and_from_its_end() {
        let bytes = zip();
        let length = bytes.len() as u64;
        let members = central_directory(&bytes, length).unwrap();
        assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["a.txt", "d/b.txt"]);
        for member in &members {
            assert_eq!(member_text(member, &bytes, 0).unwrap(), member.name.repeat(50));
        }
        let Err(ZipError::NeedsFrom(start)) = central_directory(&bytes[bytes.len() - 30..], length) else { panic!() };
        let tail = &bytes[usize::try_from(start).unwrap()..];
        assert_eq!(central_directory(tail, length).unwrap(), members);
        assert!(matches!(member_text(&members[0], tail, start), Err(ZipError::NeedsFrom(_))));
    }

    #[test]
    fn no_damage_panics() {
        let bytes = zip();
        for cut in 0..bytes.len() {
            let _ = central_directory(&bytes[cut..], bytes.len() as u64);
            let _ = central_directory(&bytes[..cut], cut as u64);
        }
        for at in 0..bytes.len() {
            for flip in [0xff, 0x80, 1] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                for member in central_directory(&damaged, damaged.len() as u64).unwrap_or_default() {
                    let _ = member_text(&member, &damaged, 0);
                    let _ = member.span();
                }
            }
        }
    }
}
