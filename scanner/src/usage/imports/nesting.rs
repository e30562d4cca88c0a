//! How deep a text nests, told without a parser.

/// Brackets or prefix operators nested deeper than this are no program that somebody wrote.
pub(super) const DEEPEST_NESTING: usize = 2_000;

/// What a byte does to the brackets and the logical line that it stands in.
const OTHER: u8 = 0;
const OPENS: u8 = 1;
const CLOSES: u8 = 2;
const ENDS_LINE: u8 = 3;
const EFFECTS: [u8; 256] = {
    let mut effects = [OTHER; 256];
    effects[b'(' as usize] = OPENS;
    effects[b'[' as usize] = OPENS;
    effects[b'{' as usize] = OPENS;
    effects[b')' as usize] = CLOSES;
    effects[b']' as usize] = CLOSES;
    effects[b'}' as usize] = CLOSES;
    effects[b'\n' as usize] = ENDS_LINE;
    effects
};

/// What bounds how deep a text nests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The bytes of the longest logical line; no level of a tree is shorter than a byte of one.
    pub(super) longest: usize,
    /// Brackets that are open at once.
    brackets: usize,
}

impl Bounds {
    /// True when [`nested_too_deep`] has to look: where it finds something, this is true.
    pub(super) fn may_be_too_deep(self, text: &str) -> bool {
        // a word and what stands behind it are three bytes at least (`**2`); operators and indentation are told by a stretch of them
        self.longest > DEEPEST_NESTING
            && (self.longest > 3 * DEEPEST_NESTING || self.brackets > DEEPEST_NESTING || has_long_stretch(text))
    }
}

/// True when some stretch of operators and white space is as long as half of what nests too deep.
fn has_long_stretch(text: &str) -> bool {
    const STEP: usize = DEEPEST_NESTING / 4;
    let is_of_stretch = |byte: &u8| matches!(byte, b'-' | b'+' | b'~' | b'*' | b' ' | b'\t' | b'\n' | b'\\');
    text.as_bytes().chunks_exact(STEP).any(|chunk| chunk.iter().all(is_of_stretch))
}

/// Reads the bounds of a text.
pub(super) fn bounds(text: &str) -> Bounds {
    let (mut open, mut longest, mut start, mut brackets) = (0usize, 0usize, 0usize, 0usize);
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        match EFFECTS[byte as usize] {
            OPENS => {
                open += 1;
                brackets = brackets.max(open);
            }
            CLOSES => open = open.saturating_sub(1),
            ENDS_LINE if open == 0 => {
                longest = longest.max(at - start);
                start = at;
            }
            _ => {}
        }
    }
    Bounds { longest: longest.max(text.len() - start), brackets }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deep_is_looked_at() {
        let texts = [
            "(".repeat(2_001),
            format!("x = {}1", "-".repeat(2_001)),
            format!("x = {}1", "- ".repeat(2_001)),
            format!("x = {}1", "not ".repeat(2_001)),
            format!("x = 2{}", "**2".repeat(2_001)),
            format!("{}x", " ".repeat(2_001)),
            format!("import a\n{}[", "[\n".repeat(2_001)),
        ];
        for text in &texts {
            assert!(nested_too_deep(text).is_some() && bounds(text).may_be_too_deep(text), "{}", &text[..20]);
        }
        let flat =
            [format!("x = [{}]", "1, ".repeat(1_500)), format!("x = '{}'", "a".repeat(3_000)), "x = 1\n".repeat(3_000)];
        for text in &flat {
            assert!(nested_too_deep(text).is_none() && !bounds(text).may_be_too_deep(text), "{}", &text[..20]);
        }
    }

    #[test]
    fn the_longest_logical_line_reaches_over_brackets() {
        for (text, longest) in [("", 0), ("ab\ncd", 3), ("f(\n1)\nx", 5), ("(((", 3), ("))\na", 2)] {
            assert_eq!(bounds(text).longest, longest, "{text:?}");
        }
    }
}
