//! A version as bytes whose order is PEP 440's order, so that ranges are compared with `memcmp` and stored as they are.
//!
//! The empty key is below everything: OSV's `introduced: "0"`. Versions that PEP 440 rejects come next, in the order of
//! their text, then all others.

use pep440_rs::{LocalSegment, PrereleaseKind};

use crate::Version;

const LEGACY: u8 = 1;
const PEP440: u8 = 2;

/// The key of `version` with its local part (`+cu118`), if it has one.
#[must_use]
pub fn full(version: &Version) -> Vec<u8> {
    let Some(parsed) = version.pep440() else {
        let mut key = vec![LEGACY];
        key.extend_from_slice(version.as_str().as_bytes());
        return key;
    };
    let mut key = public_part(parsed);
    if !parsed.local().is_empty() {
        key.push(1);
        for segment in parsed.local() {
            match segment {
                LocalSegment::String(text) => {
                    key.push(1);
                    key.extend_from_slice(text.as_bytes());
                    key.push(0);
                }
                LocalSegment::Number(number) => {
                    key.push(2);
                    push_integer(&mut key, *number);
                }
            }
        }
        key.push(0);
    }
    key
}

/// The key of `version` without its local part.
#[must_use]
pub fn public(version: &Version) -> Vec<u8> {
    version.pep440().map_or_else(|| full(version), public_part)
}

fn public_part(version: &pep440_rs::Version) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.push(PEP440);
    push_integer(&mut key, version.epoch());
    let release = version.release();
    let significant = release.iter().rposition(|&segment| segment != 0).map_or(0, |last| last + 1);
    for &segment in &release[..significant] {
        // one more than the digits' count, so that a further segment sorts above the end of the release
        let at = key.len();
        push_integer(&mut key, segment);
        key[at] += 1;
    }
    key.push(0);
    match version.pre() {
        // `1.0.dev1` sorts below `1.0a1`
        None if version.post().is_none() && version.dev().is_some() => key.push(0),
        None => key.push(4),
        Some(pre) => {
            key.push(match pre.kind {
                PrereleaseKind::Alpha => 1,
                PrereleaseKind::Beta => 2,
                PrereleaseKind::Rc => 3,
            });
            push_integer(&mut key, pre.number);
        }
    }
    match version.post() {
        None => key.push(0),
        Some(post) => {
            key.push(1);
            push_integer(&mut key, post);
        }
    }
    match version.dev() {
        Some(dev) => {
            key.push(0);
            push_integer(&mut key, dev);
        }
        None => key.push(1),
    }
    key
}

/// A count of bytes, then the bytes, the highest first.
pub(crate) fn push_integer(key: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let skip = (number.leading_zeros() / 8) as usize;
    key.push((8 - skip) as u8);
    key.extend_from_slice(&bytes[skip..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version() -> impl Strategy<Value = String> {
        let release = prop::collection::vec(prop_oneof![0u64..3, 254u64..258, Just(u64::MAX - 1)], 1..4)
            .prop_map(|parts| parts.iter().map(u64::to_string).collect::<Vec<_>>().join("."));
        let pre = prop_oneof![Just(String::new()), "(a|b|rc)[0-2]"];
        let post = prop_oneof![Just(String::new()), "\\.post[0-2]"];
        let dev = prop_oneof![Just(String::new()), "\\.dev[0-2]"];
        let local = prop_oneof![Just(String::new()), "\\+(a|ab|1|10|cu118)(\\.(1|a))?"];
        let epoch = prop_oneof![4 => Just(String::new()), 1 => "[0-2]!"];
        let modern =
            (epoch, release, pre, post, dev, local).prop_map(|(e, r, p, o, d, l)| format!("{e}{r}{p}{o}{d}{l}"));
        prop_oneof![9 => modern, 1 => "[0-9]\\.[a-z]{3,4}-x"]
    }

    proptest! {
        #[test]
        fn key_order_is_version_order(left in version(), right in version()) {
            let (left, right) = (Version::new(&left), Version::new(&right));
            prop_assert_eq!(full(&left).cmp(&full(&right)), left.cmp(&right), "{:?} {:?}", left, right);
        }
    }

    #[test]
    fn local_parts_come_off() {
        assert_eq!(public(&Version::new("2.0.1+cu118")), full(&Version::new("2.0.1.0")));
        assert_eq!(public(&Version::new("2.6.0-NA")), full(&Version::new("2.6.0-NA")));
    }
}
