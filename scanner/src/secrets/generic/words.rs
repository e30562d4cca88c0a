//! How much a run of letters is like words: a model of letter triples, counted when it is first asked, over the list of common words beside
//! this file, and that list as a dictionary. Random letters cost about 8.5 bits each under it, words 3 to 5.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Words that stand in English and program text, one a line, sorted.
const LIST: &str = include_str!("words.txt");

const LETTERS: usize = 26;
/// The place before a word's first letter.
const START: usize = LETTERS;
const SHORTEST_WORD: usize = 3;
const LONGEST_WORD: usize = 14;

/// In how many of the common words each group of four letters stands.
static GROUPS: LazyLock<HashMap<[u8; 4], u32>> = LazyLock::new(|| {
    let mut groups = HashMap::new();
    for group in LIST.as_bytes().windows(4).filter_map(<[u8]>::first_chunk) {
        *groups.entry(*group).or_default() += 1;
    }
    groups
});

/// In how many of the common words these letters stand; only groups of four are known.
pub(crate) fn common_words_with(group: &[u8]) -> u32 {
    let Ok(group) = <[u8; 4]>::try_from(group) else { return 0 };
    GROUPS.get(&group.map(|byte| byte.to_ascii_lowercase())).copied().unwrap_or(0)
}

struct Model {
    /// Bits of a letter behind two others, `[first][second][third]`.
    bits: Vec<f32>,
    words: HashSet<&'static [u8]>,
}

static MODEL: LazyLock<Model> = LazyLock::new(|| count(LIST));

fn slot(first: usize, second: usize, third: usize) -> usize {
    (first * (LETTERS + 1) + second) * LETTERS + third
}

/// Counts pairs and triples; a triple that was seen seldom leans on its pair, and a pair on the letter (Witten-Bell in its simplest form).
fn count(list: &'static str) -> Model {
    let words: HashSet<&[u8]> = list.lines().map(str::as_bytes).collect();
    let mut one = [1.0f32; LETTERS];
    let mut two = vec![0.0f32; (LETTERS + 1) * LETTERS];
    let mut three = vec![0.0f32; (LETTERS + 1) * (LETTERS + 1) * LETTERS];
    for word in &words {
        let (mut before, mut last) = (START, START);
        for letter in word.iter().filter(|letter| letter.is_ascii_lowercase()) {
            let letter = usize::from(letter - b'a');
            one[letter] += 1.0;
            two[last * LETTERS + letter] += 1.0;
            three[slot(before, last, letter)] += 1.0;
            (before, last) = (last, letter);
        }
    }
    let all: f32 = one.iter().sum();
    let mut bits = vec![0.0; three.len()];
    for second in 0..=LETTERS {
        let pairs: f32 = two[second * LETTERS..(second + 1) * LETTERS].iter().sum();
        for first in 0..=LETTERS {
            let triples: f32 = (0..LETTERS).map(|third| three[slot(first, second, third)]).sum();
            for third in 0..LETTERS {
                let by_pair = (two[second * LETTERS + third] + 3.0 * one[third] / all) / (pairs + 3.0);
                let by_triple = (three[slot(first, second, third)] + 4.0 * by_pair) / (triples + 4.0);
                bits[slot(first, second, third)] = -by_triple.log2();
            }
        }
    }
    Model { bits, words }
}

/// Runs of letters, lower case.
fn runs(value: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    value.split(|byte| !byte.is_ascii_alphabetic()).filter(|run| !run.is_empty()).map(<[u8]>::to_ascii_lowercase)
}

/// Bits a letter costs on average; `None` where there are fewer than four letters in runs of two or more.
pub(super) fn surprise(value: &[u8]) -> Option<f64> {
    let (mut sum, mut letters) = (0.0f64, 0u32);
    for run in runs(value).filter(|run| run.len() >= 2) {
        let (mut before, mut last) = (START, START);
        for letter in run {
            let letter = usize::from(letter - b'a');
            sum += f64::from(MODEL.bits[slot(before, last, letter)]);
            letters += 1;
            (before, last) = (last, letter);
        }
    }
    (letters >= 4).then(|| sum / f64::from(letters))
}

/// The share of the letters that the dictionary's words can cover without overlap.
pub(super) fn covered(value: &[u8]) -> f64 {
    let (mut by_words, mut letters) = (0, 0);
    for run in runs(value) {
        let mut best = vec![0usize; run.len() + 1];
        for end in 1..=run.len() {
            best[end] = best[end - 1];
            for length in SHORTEST_WORD..=LONGEST_WORD.min(end) {
                if best[end - length] + length > best[end] && MODEL.words.contains(&run[end - length..end]) {
                    best[end] = best[end - length] + length;
                }
            }
        }
        by_words += best[run.len()];
        letters += run.len();
    }
    if letters == 0 { 0.0 } else { by_words as f64 / letters as f64 }
}

/// Letters of words, or such as could be one.
pub(super) fn is_wordy(value: &[u8]) -> bool {
    surprise(value).is_some_and(|bits| bits < 4.4) || covered(value) >= 0.75
}

/// The length of what `is_app_password` knows.
pub(super) const APP_PASSWORD: usize = 19;

/// Four groups of four small letters that make no words, as Google shows the passwords it makes for one application.
pub(super) fn is_app_password(value: &[u8]) -> bool {
    let grouped = value.iter().enumerate().all(|(at, byte)| match at % 5 {
        4 => *byte == b' ',
        _ => byte.is_ascii_lowercase(),
    });
    value.len() == APP_PASSWORD && grouped && !is_wordy(value)
}

/// Letters that nobody would say.
pub(super) fn is_rare(value: &[u8]) -> bool {
    surprise(value).is_some_and(|bits| bits >= 5.3) && covered(value) < 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::example;

    #[test]
    fn words_and_noise() {
        let known = ["authentication_backend", "myPassword", "database-user", "kubernetes", "Passwort", "accesstoken"];
        for word in known {
            assert!(is_wordy(word.as_bytes()) && !is_rare(word.as_bytes()), "{word} {:?}", surprise(word.as_bytes()));
        }
        let rare = (0..400).filter(|seed| is_rare(example::fill("{lower:8}", &seed.to_string()).as_bytes())).count();
        let wordy = (0..400).filter(|seed| is_wordy(example::fill("{lower:8}", &seed.to_string()).as_bytes())).count();
        assert!(rare > 370 && wordy < 8, "{rare} {wordy}");
        assert!(is_app_password(b"qzrw xkvj hgpt wqdn") && !is_app_password(b"this will show that"));
        assert_eq!(surprise(b"a1b2c3"), None);
        assert!(covered(b"hunter2") > 0.99 && covered(b"") < 0.01);
    }
}
