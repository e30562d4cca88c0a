//! The rows of a SQLite file, read as its format says and never opened as a database: one line `column = value` for each text, so that a
//! value that runs over several pages is whole and a column's name says what it holds. <https://www.sqlite.org/fileformat2.html>

use std::collections::{BTreeSet, HashMap};

/// What was read, and what could not be.
#[derive(Default)]
pub(super) struct Rows {
    /// Short values, each behind its column's name.
    pub text: Vec<u8>,
    /// What people wrote: long values.
    pub prose: Vec<u8>,
    pub damage: Option<String>,
}

const LEAF_TABLE: u8 = 13;
const INTERIOR_TABLE: u8 = 5;
/// Values beyond are cut; a secret is shorter.
const LONGEST_VALUE: usize = 1 << 20;
const SHORTEST_VALUE: usize = 4;
/// A longer text is no setting.
const LONGEST_SETTING: usize = 256;

struct File<'a> {
    bytes: &'a [u8],
    page: usize,
    usable: usize,
    /// 1 for UTF-8, 2 and 3 for UTF-16.
    encoding: u32,
}

/// One value of a record.
enum Value {
    Text(Vec<u8>),
    Number(i64),
    Other,
}

/// All text values of all tables. Pages that no table reaches (deleted rows) are read too, without names.
pub(super) fn rows(bytes: &[u8]) -> Rows {
    let mut rows = Rows::default();
    let Some(file) = File::open(bytes) else {
        rows.damage = Some("a SQLite file whose header is damaged; only its raw bytes were looked at".to_owned());
        rows.text = super::container::printable_runs(bytes);
        return rows;
    };
    let mut seen = BTreeSet::new();
    let mut tables: HashMap<usize, Vec<String>> = HashMap::new();
    for record in file.table(1, &mut seen, &mut rows) {
        if let [Value::Text(kind), _, _, Value::Number(root), Value::Text(sql), ..] = record.as_slice()
            && kind == b"table"
            // a virtual table has none
            && let Some(root) = usize::try_from(*root).ok().filter(|root| *root > 0)
        {
            tables.insert(root, columns(&String::from_utf8_lossy(sql)));
        }
        put(&mut rows, &record, &[]);
    }
    let mut roots: Vec<_> = tables.into_iter().collect();
    roots.sort();
    for (root, names) in roots {
        for record in file.table(root, &mut seen, &mut rows) {
            put(&mut rows, &record, &names);
        }
    }
    for page in (1..=file.bytes.len() / file.page).filter(|page| !seen.contains(page)) {
        let raw = file.page(page).unwrap_or_default();
        rows.prose.extend(super::container::printable_runs(raw));
    }
    rows
}

fn put(rows: &mut Rows, record: &[Value], names: &[String]) {
    for (position, value) in record.iter().enumerate() {
        let Value::Text(text) = value else { continue };
        if text.len() < SHORTEST_VALUE {
            continue;
        }
        // the index of a full-text search is no text
        if text.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
            || std::str::from_utf8(text).is_err()
        {
            rows.prose.extend(super::container::printable_runs(text));
            continue;
        }
        if text.len() > LONGEST_SETTING || text.contains(&b'\n') {
            rows.prose.extend_from_slice(text);
            rows.prose.push(b'\n');
            continue;
        }
        let out = &mut rows.text;
        if let Some(name) = names.get(position) {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b" = ");
        }
        out.extend_from_slice(text);
        out.push(b'\n');
    }
}

/// The names of the columns of a `CREATE TABLE`.
fn columns(sql: &str) -> Vec<String> {
    let Some((_, body)) = sql.split_once('(') else { return Vec::new() };
    let (mut names, mut depth, mut start) = (Vec::new(), 0usize, 0usize);
    let mut take = |part: &str| {
        let name = part.trim_start().split(|letter: char| letter.is_whitespace()).next().unwrap_or_default();
        names.push(name.trim_matches(|letter| matches!(letter, '"' | '`' | '[' | ']' | '\'')).to_owned());
    };
    for (at, letter) in body.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => {
                take(&body[start..at]);
                return names;
            }
            ')' => depth -= 1,
            ',' if depth == 0 => {
                take(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let page = match u16::from_be_bytes(bytes.get(16..18)?.try_into().ok()?) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return None,
        };
        let usable = page.checked_sub(usize::from(*bytes.get(20)?)).filter(|usable| *usable >= 480)?;
        let encoding = u32::from_be_bytes(bytes.get(56..60)?.try_into().ok()?);
        Some(Self { bytes, page, usable, encoding })
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.page)?;
        self.bytes.get(start..start.checked_add(self.page)?)
    }

    /// The records of a table's tree, each page once.
    fn table(&self, root: usize, seen: &mut BTreeSet<usize>, rows: &mut Rows) -> Vec<Vec<Value>> {
        let mut records = Vec::new();
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            if !seen.insert(number) {
                continue;
            }
            let Some(page) = self.page(number) else {
                rows.damage = Some("a SQLite file that is cut off; what lies behind was not looked at".to_owned());
                continue;
            };
            let header = if number == 1 { 100 } else { 0 };
            let number_at =
                |at: usize| page.get(at..at + 2).map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
            let (kind, cells) = (page[header], number_at(header + 3).unwrap_or(0));
            let first = header + if kind == INTERIOR_TABLE { 12 } else { 8 };
            let cells = (0..cells).map_while(|cell| number_at(first + 2 * cell));
            match kind {
                LEAF_TABLE => records.extend(cells.filter_map(|cell| self.record(page, cell, seen))),
                INTERIOR_TABLE => {
                    let child = |at: usize| {
                        page.get(at..at + 4)
                            .map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]) as usize)
                    };
                    waiting.extend(child(header + 8));
                    waiting.extend(cells.filter_map(child));
                }
                _ => {}
            }
        }
        records
    }

    /// A leaf's cell: payload size, row id, payload, and the rest of it on other pages.
    fn record(&self, page: &[u8], at: usize, seen: &mut BTreeSet<usize>) -> Option<Vec<Value>> {
        let (size, at) = varint(page, at)?;
        let (_, at) = varint(page, at)?;
        let size = usize::try_from(size).ok().filter(|size| *size <= self.bytes.len())?;
        let most = self.usable - 35;
        if size <= most {
            return self.values(page.get(at..at + size)?);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let here = least + (size - least) % (self.usable - 4);
        let here = if here <= most { here } else { least };
        let mut payload = page.get(at..at + here)?.to_vec();
        let mut next = u32::from_be_bytes(page.get(at + here..at + here + 4)?.try_into().ok()?) as usize;
        while next != 0 && payload.len() < size && seen.insert(next) {
            let Some(page) = self.page(next) else { break };
            let length = (size - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(&page[4..4 + length]);
            next = u32::from_be_bytes([page[0], page[1], page[2], page[3]]) as usize;
        }
        self.values(&payload)
    }

    fn values(&self, payload: &[u8]) -> Option<Vec<Value>> {
        let (header, mut at) = varint(payload, 0)?;
        let mut body = usize::try_from(header).ok().filter(|header| *header <= payload.len())?;
        let header = body;
        let mut values = Vec::new();
        while at < header {
            let (kind, next) = varint(payload, at)?;
            at = next;
            let length = match kind {
                0 | 8..=11 => 0,
                1..=4 => kind as usize,
                5 => 6,
                6 | 7 => 8,
                _ => usize::try_from((kind - 12) / 2).ok()?,
            };
            let bytes = payload.get(body..payload.len().min(body.saturating_add(length.min(LONGEST_VALUE))))?;
            values.push(match kind {
                1..=6 => Value::Number(bytes.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte))),
                8 | 9 => Value::Number(i64::from(kind == 9)),
                12.. if kind % 2 == 1 && self.encoding >= 2 => {
                    Value::Text(super::container::utf16(bytes, self.encoding == 2))
                }
                // a blob may hold text as well
                12.. if kind % 2 == 1 || bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => {
                    Value::Text(bytes.to_vec())
                }
                _ => Value::Other,
            });
            body = body.saturating_add(length);
        }
        Some(values)
    }
}

/// Seven bits a byte, the high bit says that more follow; the ninth byte has eight.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (position, byte) in bytes.get(at..)?.iter().take(9).enumerate() {
        if position == 8 {
            return Some((value << 8 | u64::from(*byte), at + 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + position + 1));
        }
    }
    None
}
