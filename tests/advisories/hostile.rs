//! Damaged records, from a fixed seed: none panics, and what is read of them holds.

use std::path::Path;

use serde_json::Value;

use crate::invariants::advisory;

/// What damage puts in: pieces that a reader of JSON, versions and vectors may stumble over.
const PIECES: [&str; 16] = [
    "null",
    "[]",
    "{}",
    "-1",
    "1e999",
    "\"\\u0000\"",
    "\"0\"",
    "\"1!0.dev0+x\"",
    "\"2.6.0-NA\"",
    "\"CVSS:3.1/AV:N\"",
    "\"introduced\":\"0\"",
    "\"fixed\":[]",
    "\"limit\":\"*\"",
    "\"ecosystem\":\"PyPI\"",
    "\u{fffd}",
    "99999999999999999999",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let end = (at + self.below(24)).min(bytes.len());
            match self.below(4) {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
                2 => drop(bytes.splice(at..end, PIECES[self.below(PIECES.len())].bytes())),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
    }

    /// Another value in the place of one somewhere in the record: it stays JSON, and is no record any more.
    fn replace(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(5) > 0 => {
                let at = self.below(fields.len());
                if let Some(inner) = fields.values_mut().nth(at) {
                    self.replace(inner);
                }
            }
            Value::Array(items) if !items.is_empty() && self.below(5) > 0 => {
                let at = self.below(items.len());
                self.replace(&mut items[at]);
            }
            other => *other = serde_json::from_str(PIECES[self.below(PIECES.len())]).unwrap_or(Value::Bool(true)),
        }
    }
}

#[test]
fn no_damage_breaks_the_reader() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/advisories/records.json");
    let records: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!records.is_empty());
    let mut random = Random(0x5EC2_E7A2);
    for record in &records {
        advisory(record.to_string().as_bytes());
        for _ in 0..60 {
            let mut bytes = record.to_string().into_bytes();
            random.damage(&mut bytes);
            advisory(&bytes);
            let mut other = record.clone();
            random.replace(&mut other);
            advisory(other.to_string().as_bytes());
        }
    }
}
