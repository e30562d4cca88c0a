//! What an index says, as one short text.

use std::collections::BTreeSet;

use super::image::Section;
use super::{AdvisoryIndex, Head};

impl AdvisoryIndex {
    /// Names what the index says and nothing else: not when it was made, nor from where. Two indexes of equal digest answer every question
    /// alike, whichever process made them.
    #[must_use]
    pub fn content_digest(&self) -> &str {
        self.image.digest.get_or_init(|| self.digest_of_content())
    }

    fn digest_of_content(&self) -> String {
        let mut hash = blake3::Hasher::new();
        let mut text = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        // canonical ids rest on which records were seen first, and not on when that was
        let times: BTreeSet<i64> = self.heads().map(Head::first_seen).collect();
        let times: Vec<i64> = times.into_iter().collect();
        for head in self.heads() {
            let ((length, body), rank) = (head.digest(), times.partition_point(|time| *time < head.first_seen()));
            text(head.id());
            text(&format!("{rank} {length} {body}"));
        }
        text(&format!("{} {}", self.about.has_kev, self.about.has_epss));
        let image = &*self.image;
        for at in 0..image.count(Section::Kev, 8) {
            let item = image.item(Section::Kev, 8, at);
            text(image.text(item.u32(0)));
            text(image.text(item.u32(4)));
        }
        for at in 0..image.count(Section::Epss, 12) {
            let item = image.item(Section::Epss, 12, at);
            text(image.text(item.u32(0)));
            text(&item.u64(4).to_string());
        }
        hash.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::advisory::Advisory;
    use crate::index::Ingredients;
    use crate::signals::Signals;

    fn record(id: &str, summary: &str) -> Advisory {
        let record = serde_json::json!({"id": id, "modified": "2026-01-01T00:00:00Z", "summary": summary,
            "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}, "versions": ["2.0"]}]});
        crate::osv::read_value(record).unwrap().advisory
    }

    #[test]
    fn content_counts_and_neither_time_nor_place() {
        let one = [("PYSEC-1", "a")];
        let two = [("PYSEC-1", "a"), ("PYSEC-2", "b")];
        let digest = |records: &[(&str, &str)], kev: Option<&str>, source: &str, built: &str| {
            let records = records.iter().map(|(id, summary)| record(id, summary)).collect();
            let kev = kev.map(|cve| [(cve.to_owned(), "2026-01-01".to_owned())].into());
            let signals = Signals { kev, epss: None };
            Ingredients { records, signals, source, built, ..Ingredients::default() }
                .build()
                .content_digest()
                .to_owned()
        };
        let (then, later) = ("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
        let base = digest(&two, None, "here", then);
        for (records, kev, source, built, same) in [
            (&two[..], None, "here", later, true),
            (&two[..], None, "there", then, true),
            (&one[..], None, "here", then, false),
            (&[("PYSEC-1", "a"), ("PYSEC-2", "c")][..], None, "here", then, false),
            (&two[..], Some("PYSEC-1"), "here", then, false),
        ] {
            assert_eq!(digest(records, kev, source, built) == base, same, "{records:?} {kev:?} {source} {built}");
        }
    }

    #[test]
    fn what_was_seen_first_counts_by_its_order() {
        let of = |first: &str, second: &str| {
            let build =
                |records, built, previous| Ingredients { records, built, previous, ..Ingredients::default() }.build();
            let before = build(vec![record("PYSEC-1", "a")], first, None);
            let both = vec![record("PYSEC-1", "a"), record("PYSEC-2", "b")];
            build(both, second, Some(&before)).content_digest().to_owned()
        };
        let apart = of("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
        assert_eq!(apart, of("2026-02-02T00:00:00Z", "2026-02-07T00:00:00Z"));
        assert_ne!(apart, of("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"), "seen at one time");
    }
}
