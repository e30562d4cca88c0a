//! Encoded pieces inside a text: base64, hexadecimal, percent and backslash escapes, string literals broken over lines.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::container::{Container, sniff};
use super::rows::{LONGEST, stretches};
use super::splice::spliced;

/// A decoded piece.
pub(super) struct Fragment {
    /// Where it stands in the text.
    pub offset: usize,
    /// Where what it was decoded from ends.
    pub end: usize,
    pub bytes: Vec<u8>,
    pub how: &'static str,
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Shorter runs are words.
const SHORTEST_BASE64: usize = 16;
const SHORTEST_HEX: usize = 24;

/// Adds the decoded pieces of one kind.
type Decoder = fn(&[u8], &mut Vec<Fragment>);

/// All decoded pieces of a text, in order of kind. No piece reaches over one of the `borders` (offsets, ascending).
pub(super) fn fragments(text: &[u8], borders: &[usize]) -> Vec<Fragment> {
    let mut found: Vec<Fragment> = Vec::new();
    // most texts are the rows around a change, and have none of the signs that the others begin with
    let has_signs = memchr::memchr3(b'%', b'\\', b'+', text).is_some();
    let decoders: &[Decoder] = match has_signs {
        true => &[encoded_runs, percent_escapes, backslash_escapes, broken_literals, spliced],
        false => &[encoded_runs, broken_literals],
    };
    for decode in decoders {
        for stretch in stretches(text, borders) {
            let before = found.len();
            decode(&text[stretch.clone()], &mut found);
            for fragment in &mut found[before..] {
                fragment.offset += stretch.start;
                fragment.end += stretch.start;
            }
        }
    }
    found
}

const RUN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/' | b'-' | b'_');
        byte += 1;
    }
    table
};

/// Runs of the base64 alphabet that decode to text, or to something that is a container.
fn encoded_runs(text: &[u8], found: &mut Vec<Fragment>) {
    let mut at = 0;
    // lines up to here were put together, and were nothing: each is looked at alone, for else every line of them would be the begin of another try
    let mut tried = 0;
    long_runs(text, |run| {
        // what a fragment took with it is no run of its own
        let run = run.start.max(at)..run.end;
        if run.start + SHORTEST_BASE64 <= run.end
            && let Some(fragment) = decoded(text, run.clone(), &mut tried)
        {
            at = fragment.end.max(run.end);
            found.push(fragment);
        }
    });
}

/// Calls `run` with each run of the alphabet that is long enough. Millions of lines are asked, so that 64 bytes are asked at a time.
fn long_runs(text: &[u8], mut run: impl FnMut(Range<usize>)) {
    let (blocks, rest) = text.as_chunks::<64>();
    let mut last = [0; 64];
    last[..rest.len()].copy_from_slice(rest);
    // bytes of a run that the block before ends in
    let mut before = 0;
    for (nth, block) in blocks.iter().chain([&last]).enumerate() {
        let (start, mask) = (64 * nth, alphabet(block));
        if mask == u64::MAX {
            before += 64;
            continue;
        }
        let (first, tail) = (mask.trailing_ones() as usize, mask.leading_ones());
        if before + first >= SHORTEST_BASE64 {
            run(start - before..start + first);
        }
        // those that neither go on from the block before nor into the next
        let mut inside = mask & !((1 << first) - 1) & (u64::MAX >> tail);
        // where each bit has fifteen more above it
        let begins = |mask: u64| [1, 2, 4, 8].iter().fold(mask, |mask, by| mask & mask >> by);
        while begins(inside) != 0 {
            let from = begins(inside).trailing_zeros();
            let length = (inside >> from).trailing_ones();
            run(start + from as usize..start + (from + length) as usize);
            inside &= u64::MAX << (from + length);
        }
        before = tail as usize;
    }
}

/// Which of 64 bytes are of the alphabet; the lowest bit is the first. Without a branch or a table, so that it becomes vector instructions.
fn alphabet(block: &[u8; 64]) -> u64 {
    let mut classes = [0; 64];
    for (class, byte) in classes.iter_mut().zip(block) {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        let sign = (*byte == b'+') | (*byte == b'/') | (*byte == b'-') | (*byte == b'_');
        *class = u8::from(letter | digit | sign);
    }
    // eight bytes that are 0 or 1 become eight bits
    let bits = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    classes.as_chunks::<8>().0.iter().rev().fold(0, |mask, eight| mask << 8 | bits(eight))
}

/// What the run decodes to, with the lines below that go on with it.
fn decoded(text: &[u8], run: Range<usize>, tried: &mut usize) -> Option<Fragment> {
    if !is_promising(&text[run.clone()]) {
        return None;
    }
    let offset = run.start;
    if offset >= *tried
        && let Some((all, end)) = wrapped(text, &run)
    {
        if let Some((bytes, how)) = decode_run(&all) {
            return Some(Fragment { offset, end, bytes, how });
        }
        *tried = end;
    }
    let (bytes, how) = decode_run(&text[run.clone()])?;
    Some(Fragment { offset, end: run.end, bytes, how })
}

/// A run that fills a line, and those of the lines below as far as it is broken over them, with where the last of them ends.
fn wrapped(text: &[u8], run: &Range<usize>) -> Option<(Vec<u8>, usize)> {
    let fills = matches!(text[run.end..], [b'\n', ..] | [b'\r', b'\n', ..]);
    let indent = text[..run.start].iter().rev().take(DEEPEST).take_while(|byte| b" \t".contains(byte)).count();
    let start = run.start - indent;
    if !fills || start > 0 && text[start - 1] != b'\n' {
        return None;
    }
    let mut rest = &text[start..];
    let mut all = text[run.clone()].to_vec();
    let mut end = run.end;
    loop {
        let newline = memchr::memchr(b'\n', rest)?;
        let (line, behind) = (&rest[..newline], &rest[newline + 1..]);
        let next = &behind[..memchr::memchr(b'\n', behind).unwrap_or(behind.len())];
        if !goes_on(line, next) {
            return (end > run.end).then_some((all, end));
        }
        end = text.len() - behind.len() + next.trim_ascii_end().len();
        all.extend_from_slice(without_padding(next.trim_ascii()));
        if next.trim_ascii().len() < line.trim_ascii().len() || next.len() == behind.len() {
            return Some((all, end));
        }
        rest = behind;
    }
}

/// Deeper, no line is indented.
const DEEPEST: usize = 256;

/// Shorter lines are not those of something that was broken to a width: PEM has 64, MIME 76, `xxd -p` 60.
const WRAPPED: usize = 60;

/// Whether the next line goes on with what fills this one.
fn goes_on(line: &[u8], next: &[u8]) -> bool {
    let (full, more) = (line.trim_ascii(), next.trim_ascii());
    let indent = |line: &[u8]| line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    full.len() >= WRAPPED
        && !more.is_empty()
        && more.len() <= full.len()
        && indent(line) == indent(next)
        && full.iter().chain(without_padding(more)).all(|byte| RUN[usize::from(*byte)])
}

fn without_padding(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"==").or_else(|| line.strip_suffix(b"=")).unwrap_or(line)
}

/// Whether a run may be hexadecimal, or begins like base64 of something. The beginning decides: words, random letters and hashes fail here.
fn is_promising(run: &[u8]) -> bool {
    if is_hexadecimal(run) {
        return true;
    }
    let Some(first) = run.first_chunk() else { return false };
    let beginning = beginning(first);
    let wide = || beginning.starts_with(b"\xff\xfe") || beginning.iter().skip(1).step_by(2).all(|byte| *byte == 0);
    beginning.iter().all(|byte| is_text(*byte))
        || sniff(&beginning) == Container::Gzip
        || beginning.starts_with(b"PK\x03\x04")
        || wide()
}

fn is_hexadecimal(run: &[u8]) -> bool {
    run.len() >= SHORTEST_HEX && run.len().is_multiple_of(2) && run.iter().all(u8::is_ascii_hexdigit)
}

fn decode_run(run: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    if is_hexadecimal(run) {
        let bytes = hex::decode(run).ok().filter(|bytes| is_worth_a_look(bytes))?;
        return Some((bytes, "hexadecimal"));
    }
    let base64 = if run.iter().any(|byte| matches!(byte, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    let whole = run.len() - usize::from(run.len() % 4 == 1);
    let bytes = base64.decode(&run[..whole]).ok().filter(|bytes| is_worth_a_look(bytes))?;
    Some((bytes, "base64"))
}

/// The value of each letter of the base64 alphabets, the usual one and that for URLs.
const VALUE: [u8; 256] = {
    let mut table = [0; 256];
    let (mut value, letters) = (0, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    while value < letters.len() {
        table[letters[value] as usize] = value as u8;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// What the first letters of a run decode to. Millions of words are asked; a decoder that checks and allocates costs ten times as much.
fn beginning(run: &[u8; 12]) -> [u8; 9] {
    let mut bytes = [0; 9];
    for (three, four) in bytes.chunks_exact_mut(3).zip(run.chunks_exact(4)) {
        let bits = four.iter().fold(0u32, |bits, letter| bits << 6 | u32::from(VALUE[usize::from(*letter)]));
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    bytes
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_worth_a_look(bytes: &[u8]) -> bool {
    let printable = bytes.iter().filter(|byte| is_text(**byte)).count();
    let is_printed = printable * 100 >= bytes.len() * 97;
    is_printed || !matches!(sniff(bytes), Container::Text | Container::Binary | Container::Media)
}

/// The quoted or blank-separated word around each `%40`.
fn percent_escapes(text: &[u8], found: &mut Vec<Fragment>) {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`');
    let mut at = 0;
    while let Some(hit) = memchr::memchr(b'%', &text[at..]).map(|hit| at + hit) {
        at = hit + 1;
        let is_escape =
            |at: usize| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if !is_escape(hit) {
            continue;
        }
        let low = hit.saturating_sub(LONGEST);
        let start = text[low..hit].iter().rposition(&ends).map_or(low, |before| low + before + 1);
        let high = text.len().min(hit + LONGEST);
        let end = text[hit..high].iter().position(&ends).map_or(high, |after| hit + after);
        let mut bytes = Vec::with_capacity(end - start);
        let mut from = start;
        while from < end {
            match text[from] {
                b'%' if is_escape(from) && from + 3 <= end => {
                    bytes.extend(hex::decode(&text[from + 1..from + 3]).unwrap_or_default());
                    from += 3;
                }
                byte => {
                    bytes.push(byte);
                    from += 1;
                }
            }
        }
        found.push(Fragment { offset: start, end, bytes, how: "percent escapes" });
        at = end.max(at);
    }
}

/// Lines with `\u0041`, `\x41`, `\n`, `\/` or `\"` in them, unescaped. A key in a JSON string becomes the lines that it was.
fn backslash_escapes(text: &[u8], found: &mut Vec<Fragment>) {
    let mut at = 0;
    let mut line = 0..0;
    while let Some(hit) = memchr::memchr(b'\\', &text[at..]).map(|hit| at + hit) {
        if at == 0 || hit > line.end {
            let start = memchr::memrchr(b'\n', &text[at..hit]).map_or(at, |newline| at + newline + 1);
            let end = memchr::memchr(b'\n', &text[hit..]).map_or(text.len(), |newline| hit + newline);
            line = start..end;
        }
        if line.len() > LONGEST {
            // one escape in data: its surroundings are enough
            let low = hit.saturating_sub(512).max(line.start);
            let high = (hit + 4096).min(line.end);
            push_unescaped(&text[low..high], low, found);
            at = high.max(hit + 1);
        } else {
            push_unescaped(&text[line.clone()], line.start, found);
            at = line.end;
        }
    }
}

fn push_unescaped(line: &[u8], offset: usize, found: &mut Vec<Fragment>) {
    let mut bytes = Vec::new();
    // what is copied as it is begins there
    let (mut from, mut at) = (0, 0);
    while let Some(hit) = memchr::memchr(b'\\', &line[at..]).map(|hit| at + hit) {
        let tail = &line[hit + 1..];
        let (decoded, used) = match tail.first() {
            Some(b'n') => (Some('\n'), 2),
            Some(b'/') => (Some('/'), 2),
            Some(b'"') => (Some('"'), 2),
            Some(b'u') => (code_point(tail.get(1..5)), 6),
            Some(b'x') => (code_point(tail.get(1..3)), 4),
            _ => (None, 1),
        };
        at = hit + 1;
        if let Some(letter) = decoded {
            if bytes.is_empty() {
                bytes.reserve(line.len());
            }
            bytes.extend_from_slice(&line[from..hit]);
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            at = hit + used;
            from = at;
        }
    }
    if from > 0 {
        bytes.extend_from_slice(&line[from..]);
        found.push(Fragment { offset, end: offset + line.len(), bytes, how: "escapes" });
    }
}

fn code_point(digits: Option<&[u8]>) -> Option<char> {
    char::from_u32(u32::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok()?)
}

/// `"abc" +\n "def"`, `'abc'\n'def'` and `abc\`-newline: the lines from the first to the last piece, with the joints taken out.
fn broken_literals(text: &[u8], found: &mut Vec<Fragment>) {
    // the last line may go on, or did
    let mut open: Option<Broken<'_>> = None;
    for (start, line) in lines(text) {
        if open.is_none() && !line.last().is_some_and(|last| MAY_JOIN[usize::from(*last)]) {
            continue;
        }
        let (body, goes_on) = joint_after(line);
        if let Some(broken) = &mut open
            && let Some(skip) = joint_before(line)
        {
            broken.add(if goes_on { body } else { line }, skip, start + line.len());
        } else {
            // one line alone is in the text anyhow; the last piece's closing quote was taken off in case another followed
            found.extend(open.take().and_then(|broken| broken.closed(b"\"\n")));
        }
        if goes_on && line.len() < LONGEST {
            open.get_or_insert(Broken { first: body, start, end: start + line.len(), bytes: Vec::new() });
        } else {
            found.extend(open.take().and_then(|broken| broken.closed(b"\n")));
        }
    }
    found.extend(open.and_then(|broken| broken.closed(b"\"\n")));
}

/// A literal broken over lines, so far.
struct Broken<'t> {
    /// What its first line says.
    first: &'t [u8],
    start: usize,
    end: usize,
    /// All of it, when it has a second line.
    bytes: Vec<u8>,
}

impl Broken<'_> {
    fn add(&mut self, line: &[u8], skip: usize, end: usize) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(self.first);
        }
        self.bytes.extend_from_slice(line.get(skip..).unwrap_or_default());
        self.end = end;
    }

    fn closed(mut self, end: &[u8]) -> Option<Fragment> {
        if self.bytes.is_empty() {
            return None;
        }
        self.bytes.extend_from_slice(end);
        Some(Fragment { offset: self.start, end: self.end, bytes: self.bytes, how: "joined literals" })
    }
}

/// Whether a piece may reach from one line into the next: both have escapes, a literal of the one goes on in the other, or base64 does.
pub(super) fn belong_together(line: &[u8], next: &[u8]) -> bool {
    line.ends_with(b"\\")
        || has_escape(line) && has_escape(next)
        || joint_after(line).1 && joint_before(next).is_some()
        || goes_on(line, next)
}

/// Whether the line has an escape that is decoded, or one that begins like it.
fn has_escape(line: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', line).any(|at| line.get(at + 1).is_some_and(|byte| b"n/\"ux".contains(byte)))
}

fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', text).chain([text.len()]).map(move |end| {
        let at = start;
        start = end + 1;
        (at, &text[at..end])
    })
}

/// The last byte of a line that may end in a literal that goes on.
const MAY_JOIN: [bool; 256] = {
    let mut table = [false; 256];
    let (mut at, bytes) = (0, b"\"'`+\\.& \t\r\x0c");
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// Whether the line ends in a literal that may go on, and the line without the closing quote and what follows it.
fn joint_after(line: &[u8]) -> (&[u8], bool) {
    let trimmed = line.trim_ascii_end();
    let trimmed = match trimmed.last() {
        Some(b'+' | b'\\' | b'.' | b'&') => trimmed[..trimmed.len() - 1].trim_ascii_end(),
        _ => trimmed,
    };
    match trimmed.last() {
        Some(b'"' | b'\'' | b'`') => (&trimmed[..trimmed.len() - 1], true),
        _ => (line, false),
    }
}

/// How many bytes of the line stand before the text of a literal that opens it.
fn joint_before(line: &[u8]) -> Option<usize> {
    let blank = line.len() - line.trim_ascii_start().len();
    let mut at = blank;
    if matches!(line.get(at), Some(b'+' | b'.' | b'&')) {
        at += 1;
        at += line[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }
    at += line[at..]
        .iter()
        .take(2)
        .take_while(|byte| matches!(byte, b'f' | b'r' | b'b' | b'u' | b'F' | b'R' | b'B'))
        .count();
    let quote = line.get(at).filter(|quote| b"\"'`".contains(quote))?;
    // `"name": "value"` below another literal is an entry of its own
    let behind = memchr::memchr(*quote, &line[at + 1..]).map(|close| line[at + 2 + close..].trim_ascii_start());
    let is_entry = behind.is_some_and(|behind| matches!(behind.first(), Some(b':' | b'=')));
    (!is_entry).then_some(at + 1)
}

#[cfg(test)]
#[path = "fragment_tests.rs"]
mod tests;
