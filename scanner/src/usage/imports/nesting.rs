//! How deep a text nests, told without a parser.

/// Brackets or prefix operators nested deeper than this are no program that somebody wrote.
pub(super) const DEEPEST_NESTING: usize = 2_000;

/// An upper bound of how deep the syntax tree can be: no level is shorter than two bytes of one logical line.
pub(super) fn parsed_depth(text: &str) -> usize {
    let mut open = 0usize;
    let mut longest = 0usize;
    let mut current = 0usize;
    for &byte in text.as_bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'\n' if open == 0 => {
                longest = longest.max(current);
                current = 0;
            }
            _ => {}
        }
        current += 1;
    }
    longest.max(current) / 2
}

/// The line at which brackets, prefix operators or blocks are nested too deep for any tree.
pub(super) fn nested_too_deep(text: &str) -> Option<u32> {
    let (mut line, mut open, mut run, mut words, mut indent, mut at_start) =
        (1u32, 0usize, 0usize, 0usize, 0usize, true);
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        match byte {
            b'-' | b'+' | b'~' | b'*' => run += 1,
            b' ' | b'\t' | b'\n' | b'\\' => {}
            _ => run = 0,
        }
        if byte == b'\n' {
            line += 1;
            indent = 0;
            at_start = true;
            if open == 0 {
                words = 0;
            }
        } else if at_start && (byte == b' ' || byte == b'\t') {
            indent += 1;
        } else {
            at_start = false;
            if matches!(byte, b'n' | b'l' | b'e' | b'a' | b'y' | b'*')
                && [&b"not "[..], b"lambda", b"else ", b"await ", b"yield ", b"**"]
                    .iter()
                    .any(|word| bytes[at..].starts_with(word))
            {
                words += 1;
            }
        }
        if open > DEEPEST_NESTING || run > DEEPEST_NESTING || words > DEEPEST_NESTING || indent > DEEPEST_NESTING {
            return Some(line);
        }
    }
    None
}
