//! A shell text as commands of words, as far as reading needs it.
//!
//! Specification: POSIX 2.2 (quoting) and 2.10 (grammar).

/// A word of a command and the 1-based line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub line: u32,
}

/// Splits a shell text into commands: at line ends that are not continued, and at `;`, `&`, `|` and parentheses.
pub(super) fn commands(shell: &str, first_line: u32) -> Vec<Vec<Word>> {
    let (mut commands, mut words): (Vec<Vec<Word>>, Vec<Word>) = (Vec::new(), Vec::new());
    let (mut word, mut line, mut began, mut quote, mut is_word) = (String::new(), first_line, first_line, None, false);
    let mut characters = shell.chars().peekable();
    while let Some(character) = characters.next() {
        let at = line;
        line += u32::from(character == '\n');
        if quote.is_none() && (character.is_whitespace() || ";&|()".contains(character)) {
            if is_word {
                words.push(Word { text: std::mem::take(&mut word), line: began });
                is_word = false;
            }
            if !character.is_whitespace() || character == '\n' {
                commands.push(std::mem::take(&mut words));
            }
            continue;
        }
        if character == '#' && quote.is_none() && !is_word {
            while characters.next_if(|&next| next != '\n').is_some() {}
            continue;
        }
        if character == '\\' && quote != Some('\'') {
            characters.next_if_eq(&'\r');
            match characters.next() {
                Some('\n') => line += 1,
                Some(next) => {
                    (began, is_word) = (if is_word { began } else { at }, true);
                    word.push(next);
                }
                None => {}
            }
            continue;
        }
        (began, is_word) = (if is_word { began } else { at }, true);
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            _ => word.push(character),
        }
    }
    if is_word {
        words.push(Word { text: word, line: began });
    }
    commands.push(words);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_lines() {
        let cases = [
            ("a 'b c' \"d\\\"e\"", "a|b c|d\"e"),
            ("a;b&&c|d", "a/b//c/d"),
            ("a \\\n b # c\nd", "a|b/d"),
            ("a '' b", "a||b"),
            ("a 'not closed", "a|not closed"),
        ];
        for (text, expected) in cases {
            let found: Vec<String> = commands(text, 1)
                .iter()
                .map(|words| words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join("|"))
                .collect();
            assert_eq!(found.join("/").trim_end_matches('/'), expected, "{text}");
        }
        assert_eq!(commands("a\nb \\\nc", 5).concat().iter().map(|word| word.line).collect::<Vec<_>>(), [5, 6, 7]);
    }
}
