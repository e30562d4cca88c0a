//! How deep a text nests: the parser takes more stack with each level, and so does whoever drops its tree.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Brackets and prefix operators nested deeper than this are no program that somebody wrote. A parser's stack for it is some dozens of
/// megabytes. Blocks are no deeper than their indentation lets them be in a text that is parsed at all.
pub(super) const DEEPEST_NESTING: usize = 10_000;

/// True when a text nests deeper than [`DEEPEST_NESTING`].
pub(super) fn is_too_deep(text: &str) -> bool {
    if most_openings(text.as_bytes()) <= DEEPEST_NESTING {
        return false;
    }
    let (mut lexer, mut nesting) = (lexer::lex(text, Mode::Module), Nesting::default());
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            token => nesting.take(token),
        }
        if nesting.deepest() > DEEPEST_NESTING {
            return true;
        }
    }
}

/// The most levels that the tree of a text may have which is not too deep.
pub(super) fn most_levels(text: &str) -> usize {
    // a level of a chain (`a.b.b`, `a()()`, `a+a`) takes two bytes
    DEEPEST_NESTING.min(text.len()) + text.len() / 2
}

/// No fewer than the levels that [`Nesting`] counts at any place. Nearly all texts are told by this, which reads many bytes at once.
fn most_openings(bytes: &[u8]) -> usize {
    // a string that counts need not stand behind a brace once
    let marks = 1 + count(bytes, mark);
    // no word that opens a level is shorter than three letters and a space
    let most_words = bytes.len() / 4;
    if marks + most_words <= DEEPEST_NESTING { marks + most_words } else { marks + count(bytes, word) }
}

/// The sum over all bytes, each with the two behind it.
#[inline(always)]
fn count(bytes: &[u8], of: impl Fn(u8, u8, u8) -> u8) -> usize {
    const AT_ONCE: usize = 64;
    let (mut count, mut rest) = (0, bytes);
    while let Some((chunk, _)) = rest.split_first_chunk::<{ AT_ONCE + 2 }>() {
        // so few that a byte can count them
        let mut here = 0u8;
        for at in 0..AT_ONCE {
            here += of(chunk[at], chunk[at + 1], chunk[at + 2]);
        }
        count += usize::from(here);
        rest = &rest[AT_ONCE..];
    }
    let byte = |at: usize| rest.get(at).copied().unwrap_or(0);
    count + (0..rest.len()).map(|at| usize::from(of(byte(at), byte(at + 1), byte(at + 2)))).sum::<usize>()
}

/// How many levels a byte may open. Without a branch, as the next, so that it becomes vector instructions.
#[inline(always)]
fn mark(byte: u8, _: u8, _: u8) -> u8 {
    // `(` to `+`, without `)`
    let other = (byte & 0xfc == b'(') & (byte != b')') | (byte == b'-') | (byte == b'~');
    // a brace may open a string that counts as well
    u8::from(other | (byte == b'[')) + 2 * u8::from(byte == b'{')
}

/// Whether a word that opens a level may begin there.
#[inline(always)]
fn word(byte: u8, second: u8, third: u8) -> u8 {
    let begins = |word: &[u8; 3]| (byte == word[0]) & (second == word[1]) & (third == word[2]);
    u8::from(begins(b"not") | begins(b"els") | begins(b"lam") | begins(b"awa") | begins(b"yie"))
}

/// What is open at one place of a text.
#[derive(Default)]
struct Nesting {
    /// Of each open bracket, what closes it and the prefixes that it stands behind.
    brackets: Vec<(TokenKind, usize)>,
    /// The sum of those.
    outer: usize,
    /// Prefixes whose operand has not ended.
    prefixes: usize,
    /// The last token ends an operand.
    behind_operand: bool,
}

impl Nesting {
    fn deepest(&self) -> usize {
        self.brackets.len() + self.outer + self.prefixes
    }

    fn open(&mut self, closing: TokenKind) {
        self.outer += self.prefixes;
        self.brackets.push((closing, std::mem::take(&mut self.prefixes)));
    }

    fn take(&mut self, token: TokenKind) {
        use TokenKind as T;
        match token {
            T::Lpar => self.open(T::Rpar),
            T::Lsqb => self.open(T::Rsqb),
            T::Lbrace => self.open(T::Rbrace),
            T::FStringStart => self.open(T::FStringEnd),
            T::TStringStart => self.open(T::TStringEnd),
            // one that closes another kind of bracket may be passed over by the parser
            _ if self.brackets.last().is_some_and(|(closing, _)| *closing == token) => {
                self.prefixes = self.brackets.pop().map_or(0, |(_, prefixes)| prefixes);
                self.outer -= self.prefixes;
            }
            T::Comma | T::Semi => self.prefixes = 0,
            T::Newline => *self = Self::default(),
            T::Not | T::Plus | T::Minus | T::Tilde | T::Star if self.behind_operand => {}
            T::Not | T::Plus | T::Minus | T::Tilde | T::Star => self.prefixes += 1,
            T::DoubleStar | T::Else | T::Lambda | T::Await | T::Yield => self.prefixes += 1,
            _ => {}
        }
        self.behind_operand = match token {
            T::Name | T::Int | T::Float | T::Complex | T::String | T::True | T::False | T::None | T::Ellipsis => true,
            T::Rpar | T::Rsqb | T::Rbrace | T::FStringEnd | T::TStringEnd => true,
            // names, nearly everywhere
            T::Case | T::Lazy | T::Match | T::Type => true,
            T::NonLogicalNewline | T::Comment => self.behind_operand,
            _ => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_too_deep() {
        // (the beginning, what is repeated, whether each is one level more)
        let cases = [
            ("x = ", "(", true),
            ("x = ", "f(')',", true),
            ("x = ", "(#)\n", true),
            ("x = ", "(]", true),
            ("x = ", "-", true),
            ("x = ", "- ", true),
            ("x = ", "not\\\n", true),
            ("x = 2", "**2", true),
            ("x = ", "a if b else ", true),
            ("x = ", "lambda: ", true),
            ("x = ", "[not ", true),
            ("x = f'", "{f\"{", true),
            ("x = [", "1, ", false),
            ("x = [", "-1, ", false),
            ("x = [", "(1, 2), ", false),
            ("x = [", "not a, ", false),
            ("x = [", "lambda: a, ", false),
            ("x = a", " - a", false),
            ("x = a", " not in a", false),
            ("x = a", ".b", false),
            ("", "x = 1 if a else 2\n", false),
            ("", "if a:\n  b\nelse:\n  c\n", false),
            ("", "# ((((\n", false),
            ("", "x = '(((('\n", false),
        ];
        for (begin, repeated, deep) in cases {
            let many = format!("{begin}{}", repeated.repeat(DEEPEST_NESTING + 1));
            assert_eq!(is_too_deep(&many), deep, "{begin}{repeated}");
            let few = format!("{begin}{}", repeated.repeat(DEEPEST_NESTING / 4));
            assert!(!is_too_deep(&few), "{begin}{repeated}, a few times");
        }
    }
}
