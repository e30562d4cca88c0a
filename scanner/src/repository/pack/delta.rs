//! Delta instructions: copy a range of the base, or insert new bytes.

use super::file::PackError;

const BROKEN: PackError = PackError::Object("its delta is damaged");

/// Applies `delta` to `base`.
pub(super) fn apply(base: &[u8], delta: &[u8], limit: u64) -> Result<Vec<u8>, PackError> {
    let mut at = 0;
    if size(delta, &mut at)? != base.len() as u64 {
        return Err(BROKEN);
    }
    let result = size(delta, &mut at)?;
    if result > limit {
        return Err(PackError::TooLarge { size: result, limit });
    }
    let mut out = Vec::with_capacity(result as usize);
    while let Some(&instruction) = delta.get(at) {
        at += 1;
        let piece = match instruction {
            0 => return Err(BROKEN),
            copy if copy & 0x80 != 0 => {
                let mut number = |bits: std::ops::Range<u8>| {
                    let mut value = 0usize;
                    for (place, bit) in bits.enumerate() {
                        if copy & 1 << bit != 0 {
                            value |= usize::from(*delta.get(at).ok_or(BROKEN)?) << (8 * place);
                            at += 1;
                        }
                    }
                    Ok(value)
                };
                let offset = number(0..4)?;
                let length = match number(4..7)? {
                    0 => 0x1_0000,
                    length => length,
                };
                base.get(offset..offset + length).ok_or(BROKEN)?
            }
            insert => {
                let piece = delta.get(at..at + usize::from(insert)).ok_or(BROKEN)?;
                at += usize::from(insert);
                piece
            }
        };
        if (out.len() + piece.len()) as u64 > result {
            return Err(BROKEN);
        }
        out.extend_from_slice(piece);
    }
    if out.len() as u64 == result { Ok(out) } else { Err(BROKEN) }
}

fn size(delta: &[u8], at: &mut usize) -> Result<u64, PackError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *delta.get(*at).ok_or(BROKEN)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BROKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions() {
        // gitformat-pack(5), "Deltified representation"
        let base = b"hello world";
        let delta = [11, 9, 0x91, 0, 5, 4, b'-', b'a', b'-', b'b'];
        assert_eq!(apply(base, &delta, 100).unwrap(), b"hello-a-b");
        assert!(matches!(apply(base, &delta, 8), Err(PackError::TooLarge { .. })));
        let wrong: &[&[u8]] = &[
            &[],
            &[11],
            &[10, 1, 1, b'a'],
            &[11, 1, 0],
            &[11, 1, 2, b'a'],
            &[11, 2, 1, b'a'],
            &[11, 1, 2, b'a', b'b'],
            &[11, 9, 0x91, 9, 5],
            &[0xff; 12],
        ];
        for delta in wrong {
            assert!(apply(base, delta, 100).is_err(), "{delta:?}");
        }
    }
}
