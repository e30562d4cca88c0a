//! One secret seen in a text and once more in another spelling of the same text.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use crate::finding::Confidence;
use crate::secrets::RuleIndex;
use crate::secrets::layer::Point;
use crate::secrets::looked::Sighting;

/// What was seen in the text itself is the measure: in another spelling of it a secret is no surer, for the lines around it are gone; and a
/// password that a URL holds with percent escapes is not told once more without them. What only looks like a secret (`is_generic`) because it
/// is one in base64 is told as that one alone.
pub(super) fn settle(sightings: &mut Vec<Sighting>, is_generic: impl Fn(RuleIndex) -> bool) {
    let within: HashSet<Point> = sightings.iter().filter(|seen| is_in_base64(seen)).map(|seen| seen.point).collect();
    sightings.retain(|seen| is_in_base64(seen) || !within.contains(&seen.point) || !is_generic(seen.rule));
    if !sightings.iter().any(is_respelled) {
        return;
    }
    let mut known: HashMap<blake3::Hash, Confidence> = HashMap::new();
    let mut unescaped = HashSet::new();
    for seen in sightings.iter().filter(|seen| !is_respelled(seen)) {
        let best = known.entry(blake3::hash(seen.secret.expose())).or_insert(seen.confidence);
        *best = seen.confidence.max(*best);
        if seen.secret.expose().contains(&b'%') {
            unescaped.insert((blake3::hash(&without_percent(seen.secret.expose())), seen.point.line));
        }
    }
    sightings.retain(|seen| {
        !is_respelled(seen) || !unescaped.contains(&(blake3::hash(seen.secret.expose()), seen.point.line))
    });
    for seen in sightings.iter_mut().filter(|seen| is_respelled(seen)) {
        if let Some(best) = known.get(&blake3::hash(seen.secret.expose()))
            && seen.confidence > *best
        {
            seen.confidence = *best;
            seen.evidence.push("is less sure in the text as it stands".to_owned());
        }
    }
}

fn is_respelled(seen: &Sighting) -> bool {
    seen.place.as_ref().is_some_and(|place| place.ends_with("escapes") || place.ends_with("literals"))
}

fn is_in_base64(seen: &Sighting) -> bool {
    seen.place.as_ref().is_some_and(|place| place.ends_with("base64"))
}

fn without_percent(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &tail[2..];
            }
            None => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes() {
        for (value, expected) in [("a%40b", "a@b"), ("a%4", "a%4"), ("%zz", "%zz"), ("%25%41", "%A"), ("", "")] {
            assert_eq!(&**without_percent(value.as_bytes()), expected.as_bytes(), "{value}");
        }
    }
}
