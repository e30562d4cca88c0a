//! What a value looks like: how random, how much like words, how much like a placeholder.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::secrets::sample;

/// Shannon entropy in bits per byte.
#[must_use]
pub fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// Which kinds of bytes a value has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classes {
    /// a-z
    pub lower: usize,
    /// A-Z
    pub upper: usize,
    /// 0-9
    pub digit: usize,
    /// Printable ASCII that is none of these.
    pub symbol: usize,
    /// Spaces, control characters, bytes beyond ASCII.
    pub other: usize,
    /// Changes between letter and digit, or from lower to upper case.
    pub turns: usize,
}

impl Classes {
    /// Counts.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        let mut classes = Self::default();
        let mut last = 0u8;
        for byte in value {
            match byte {
                b'a'..=b'z' => classes.lower += 1,
                b'A'..=b'Z' => classes.upper += 1,
                b'0'..=b'9' => classes.digit += 1,
                b'!'..=b'~' => classes.symbol += 1,
                _ => classes.other += 1,
            }
            let letter_digit = last.is_ascii_alphabetic() && byte.is_ascii_digit()
                || last.is_ascii_digit() && byte.is_ascii_alphabetic();
            if letter_digit || last.is_ascii_lowercase() && byte.is_ascii_uppercase() {
                classes.turns += 1;
            }
            last = *byte;
        }
        classes
    }

    /// How many of lower, upper, digit and symbol occur.
    #[must_use]
    pub fn kinds(&self) -> usize {
        [self.lower, self.upper, self.digit, self.symbol].iter().filter(|count| **count > 0).count()
    }
}

/// Pairs of letters that are common in English words and in identifiers; everything else is rare. Rows are the first letter.
const COMMON_PAIRS: &str = "ab ac ad ae ag ai ak al am an ap ar as at au av aw ay ba be bi bj bl bo br bs bu by ca cc ce ch ci ck cl co cr ct cu cy da db \
    dd de di dl do dr ds du dy ea ec ed ee ef eg ei el em en ep eq er es et eu ev ew ex ey fa fe ff fi fl fo fr ft fu ga ge gh gi gl gn go gr gu \
    ha he hi ho hr ht hu hy ia ib ic id ie if ig ik il im in io ip ir is it iv iz jo js ke ki kn ks ky la ld le lf li lk ll lo ls lt lu lv ly ma mb me mi \
    mm mo mp ms mu my na nc nd ne nf ng ni nk nn no ns nt nu ny oa ob oc od of og oi ok ol om on oo op or os ot ou ov ow oy pa pe ph pi pl po pp pr ps \
    pt pu qu ra rc rd re rf rg ri rk rl rm rn ro rr rs rt ru rv ry sa sc se sh si sk sl sm so sp sq sr ss st su sw sy ta tc te tf th ti tl to tr ts tt \
    tu tw ty ua ub uc ud ue ug ui ul um un up ur us ut va ve vi vo wa we wh wi wo wn wr xa xc xe xi xp xt ya ye yo yp ys ze zi zo";

static PAIRS: LazyLock<[bool; 26 * 26]> = LazyLock::new(|| {
    let mut table = [false; 26 * 26];
    for pair in COMMON_PAIRS.split_whitespace() {
        if let [first, second] = pair.as_bytes() {
            table[usize::from(first - b'a') * 26 + usize::from(second - b'a')] = true;
        }
    }
    table
});

/// Share of letter pairs that are rare in words: about 0.55 in random letters, under 0.1 in words. `None` under three pairs.
#[must_use]
pub fn pair_rarity(value: &[u8]) -> Option<f64> {
    let (mut pairs, mut rare) = (0u32, 0u32);
    for window in value.windows(2) {
        if let [first, second] = window
            && first.is_ascii_alphabetic()
            && second.is_ascii_alphabetic()
        {
            pairs += 1;
            let index =
                usize::from(first.to_ascii_lowercase() - b'a') * 26 + usize::from(second.to_ascii_lowercase() - b'a');
            rare += u32::from(!PAIRS[index]);
        }
    }
    (pairs >= 3).then(|| f64::from(rare) / f64::from(pairs))
}

/// A run like `abcdef`, `123456`, `xxxxxx` that makes most of the value.
#[must_use]
pub fn is_sequence(value: &[u8]) -> bool {
    if value.len() < 6 {
        return false;
    }
    let regular = value.windows(2).filter(|pair| pair[0] == pair[1] || pair[0].wrapping_add(1) == pair[1]).count();
    let distinct = {
        value.iter().fold([0u64; 4], |mut set, byte| {
            set[usize::from(byte >> 6)] |= 1 << (byte & 63);
            set
        })
    };
    let distinct: u32 = distinct.iter().map(|word| word.count_ones()).sum();
    regular * 10 >= (value.len() - 1) * 7 || distinct <= 2 || (value.len() >= 20 && distinct <= 4)
}

/// Most of it is one byte.
#[must_use]
pub fn is_monotonous(value: &[u8]) -> bool {
    let mut counts = [0usize; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    counts.iter().any(|count| count * 2 >= value.len())
}

/// Holds `12345678`, `abcdefgh` or a longer run: nothing that a machine drew.
#[must_use]
pub fn counts_up(value: &[u8]) -> bool {
    let mut run = 1;
    value.windows(2).any(|pair| {
        let next = pair[0].wrapping_add(1) == pair[1] || pair == b"90";
        run = if next { run + 1 } else { 1 };
        run >= 8
    })
}

const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "your_",
    "your-",
    "yourpass",
    "yourpwd",
    "yoursecret",
    "yourtoken",
    "yourapi",
    "yourkey",
    "your password",
    "your token",
    "your key",
    "xxxx",
    "****",
    "***...",
    "....",
    "dummy",
    "redacted",
    "<your",
    "insert",
    "replace",
    "fill_me",
    "foobar",
    "lorem",
    "not_a_real",
    "notreal",
    "not-a-real",
    "mysecret",
    "my-secret",
    "my_secret",
    "mytoken",
    "my_token",
    "my-token",
    "my_password",
    "mypassword",
    "my-password",
    "my_api",
    "my-api",
    "myapikey",
    "todo",
    "@todo",
    "fixme",
    "-here",
    "_here",
    "goes here",
    "sample",
    "secret_key_here",
    "snip",
    "masked",
    "hidden",
    "omitted",
    "removed",
    "deadbeef",
    "undefined",
    "[filtered]",
    "dont_use",
    "none_set",
    "keyboard cat",
];

static PLACEHOLDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PLACEHOLDERS).ok());

/// Says "put your own here" in one of the usual ways. Words are looked for in short values, or in any value with separators: random text of 80
/// characters may contain `todo`.
#[must_use]
pub fn is_placeholder(value: &[u8]) -> bool {
    let Some(words) = PLACEHOLDER.as_ref() else { return false };
    words.find_iter(value).any(|found| {
        let length = found.end() - found.start();
        length >= 6
            || length * 12 >= value.len() && !value[found.start()].is_ascii_alphanumeric()
            || length * 3 >= value.len()
    }) || sample::is_documented(value)
}

/// A reference that is filled in elsewhere: `${X}`, `{{ x }}`, `<%= x %>`, `%(x)s`, `$VAR`, `#{x}`, `!vault`, `ENC[…]`. Brackets count where
/// they close and hold a name or an expression: a password may have them too.
#[must_use]
pub fn is_reference(value: &[u8]) -> bool {
    let has = |needle: &[u8]| memchr::memmem::find(value, needle).is_some();
    let variable = value.len() > 1
        && matches!(value[0], b'$' | b'%' | b'@')
        && value[1..].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'%' | b'.' | b'-'))
        && (value[1..].iter().all(|byte| !byte.is_ascii_lowercase())
            || value[1..].iter().all(|byte| !byte.is_ascii_uppercase()))
        && (pair_rarity(value).is_none_or(|rarity| rarity < 0.3)
            || value[1..].iter().all(|byte| !byte.is_ascii_digit()));
    HOLES.iter().any(|(open, close)| has_hole(value, open, close))
        || is_cut_template(value)
        // a recipe of make writes its shell's dollar signs twice
        || [&b"$$("[..], b"$${"].iter().any(|head| value.starts_with(head))
        || is_expansion(value)
        || begins_with_variable(value)
        || ELSEWHERE.iter().any(|head| value.starts_with(head))
        || has(b"process.env")
        || has(b"os.environ")
        || has(b"getenv")
        || variable
        || value.len() > 4
            && [&b"__"[..], b"@@", b"%%", b"##", b"$", b"XXX"]
                .iter()
                .any(|mark| value.starts_with(mark) && value.ends_with(mark))
        || has_format(value)
        || has(b"{}")
        || has(b"{0}")
}

/// `%s`, but not in `Orbit%stone5159`, where it goes on as a word and random digits follow.
fn has_format(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    memchr::memmem::find_iter(value, b"%s")
        .any(|at| digits < 2 || !value.get(at + 2).is_some_and(u8::is_ascii_lowercase))
}

/// `v2-${{`, `flag-${sha256(format(`, `{config[`: a template that a blank or a quote cut off.
fn is_cut_template(value: &[u8]) -> bool {
    [&b"{{"[..], b"${", b"$(", b"{"].iter().any(|open| {
        let Some(from) = memchr::memmem::rfind(value, open) else { return false };
        let inner = value[from + open.len()..].trim_ascii_start();
        let begins = inner.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let called = begins && inner.iter().all(is_of_expression) && matches!(inner.last(), Some(b'(' | b'['));
        called || inner.is_empty() && open.len() > 1 && from > 0
    })
}

/// `${name%%@*}`, `${name/a/b}`: a shell's own edits of a variable.
fn is_expansion(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}"));
    inner.is_some_and(|inner| {
        let name = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let part = inner.get(name) == Some(&b':') && inner.get(name + 1).is_some_and(u8::is_ascii_digit);
        name > 0 && (part || inner.get(name).is_some_and(|sign| b"%#/^,@[".contains(sign)))
    })
}

/// `$REGISTRY_TOKEN` with something behind it, `$S3_ROOT_PWD`, `$PORT:8000`: shells end the name at the first sign that names do not have.
fn begins_with_variable(value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b"$") else { return false };
    let length = |digits: bool| {
        rest.iter()
            .take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_' || digits && byte.is_ascii_digit())
            .count()
    };
    let joined = |length: usize| length >= 4 && rest[1..length - 1].contains(&b'_');
    let all = length(true);
    let ends = rest.get(all).is_none_or(|next| !next.is_ascii_alphanumeric());
    let parted = all >= 2 && rest[0].is_ascii_uppercase() && matches!(rest.get(all), Some(b':' | b'/'));
    joined(length(false)) || joined(all) && ends || parted
}

/// Opening and closing brackets of what is filled in.
const HOLES: &[(&[u8], &[u8])] = &[
    (b"${", b"}"),
    (b"{{{", b"}}}"),
    (b"$(", b")"),
    (b"{{", b"}}"),
    (b"<%", b"%>"),
    (b"%(", b")"),
    (b"#{", b"}"),
    (b"{%", b"%}"),
    (b"$[", b"]"),
    (b"<", b">"),
    (b"&lt;", b"&gt;"),
    (b"{", b"}"),
    (b"[[", b"]]"),
    (b"%{", b"}"),
    (b"@{", b"}"),
];

/// Beginnings that say where the value really is, or that it is encrypted.
const ELSEWHERE: &[&[u8]] = &[
    b"ENC[",
    b"ENC(",
    b"vault:",
    b"!vault",
    b"$ANSIBLE_VAULT",
    b"@Microsoft.KeyVault",
    b"op://",
    b"ssm:",
    b"arn:aws",
    b"secretsmanager",
    b"env:",
    b"env(",
    b"%env(",
    b"env.",
    b"AQICAH",
    b"{cipher}",
    b"file:",
    b"gcp:secretmanager",
    b"sops:",
    b"ref+",
    b"ref:",
    b"secret://",
    b"keyring:",
    b"lookup(",
    b"data.",
    b"var.",
    b"local.",
    b"module.",
    b"{{",
    b"Fn::",
    b"!Ref",
    b"!Sub",
    b"!GetAtt",
    b"resolve:",
];

fn has_hole(value: &[u8], open: &[u8], close: &[u8]) -> bool {
    let Some(from) = memchr::memmem::find(value, open) else { return false };
    let inner = &value[from + open.len()..];
    // a template that the line or the bound cut off
    let Some(length) = memchr::memmem::find(inner, close) else {
        return from == 0 && inner.iter().all(is_of_expression) && open.len() > 1;
    };
    let name = &inner[..length];
    name.len() < 80
        && name.iter().all(is_of_expression)
        && (name.is_empty() && open.len() == 1 || name.iter().any(u8::is_ascii_alphabetic))
}

fn is_of_expression(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.: ()'\"[]!,/|?=~$".contains(byte) || *byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness() {
        assert!(entropy(b"aaaa").abs() < 1e-9);
        assert!((entropy(b"abcd") - 2.0).abs() < 1e-9);
        assert!(pair_rarity(b"authentication_backend").unwrap() < 0.15);
        assert!(pair_rarity(b"xqzjvkwpfgbdhmrt").unwrap() > 0.5);
        assert_eq!(pair_rarity(b"12ab"), None);
    }

    #[test]
    fn runs() {
        for (value, up, one) in [
            ("sk-lf-1234567890", true, false),
            ("0x1234567x", false, false),
            ("k9abcdefghz2", true, false),
            ("+680 ddddddd", false, true),
            ("4c9d0e1f7a2b", false, false),
        ] {
            assert_eq!((counts_up(value.as_bytes()), is_monotonous(value.as_bytes())), (up, one), "{value}");
        }
    }

    #[test]
    fn placeholders_and_references() {
        for value in ["changeme", "your_api_key", "xxxxxxxx", "AKIAIOSFODNN7EXAMPLE", "<your-token>", "my-secret-token"]
        {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["hunter2!", "Xk3_todayQ9rmz81LqPw", "correct horse"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
        for value in [
            "${DB_PASSWORD}",
            "{{ vault.password }}",
            "$TOKEN",
            "%(password)s",
            "<password>",
            "&lt;yourWord&gt;",
            "$PYPI_API_TOKENdist/x-1.0",
            "{password}",
            "${tmp%%@*}",
            "${url#*:}",
            "${PWD:0:${#PWD}-6}",
            "arn:aws:secretsmanager:x",
        ] {
            assert!(is_reference(value.as_bytes()), "{value}");
        }
        for value in ["hunter2!", "p@ss{w0rd", "$ecr3tP4ss!", "a<b"] {
            assert!(!is_reference(value.as_bytes()), "{value}");
        }
        for (value, expected) in
            [("abcdefgh", true), ("12345678", true), ("zzzzzzzz", true), ("1a2b3c9z", false), ("hunter2", false)]
        {
            assert_eq!(is_sequence(value.as_bytes()), expected, "{value}");
        }
    }
}
