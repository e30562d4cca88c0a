//! Weighs a candidate: a sum of weights, each with its reason; the sum decides whether it is told and how surely.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::candidate::{Candidate, Join, is_long_line};
use super::expression::{
    in_braces, is_begun_call, is_begun_hole, is_code, is_member_of_the_name, is_part_of_call, is_script, is_tag,
    is_variable,
};
use super::harmless::is_harmless;
use super::hashed::{is_hash_record, is_salted, of_password_file};
use super::vocabulary::STOP;
use super::weak::{default_word, is_own_name, spells_password};
use super::{Sort, chain, words};
use crate::finding::Confidence;
use crate::secrets::shape::{self, Classes};
use crate::secrets::text::{Syntax, Text};
use crate::secrets::{place, proof};

struct Scale {
    sum: f64,
    reasons: Vec<String>,
}

impl Scale {
    fn add(&mut self, weight: f64, reason: &str) {
        self.sum += weight;
        if !reason.is_empty() {
            self.reasons.push(format!("{reason} ({weight:+.1})"));
        }
    }

    fn add_if(&mut self, condition: bool, weight: f64, reason: &str) {
        if condition {
            self.add(weight, reason);
        }
    }
}

/// Reported from here on.
const TOLD: f64 = 0.0;
/// As good as certain from here on.
const CERTAIN: f64 = 2.0;
/// The same in a program, where names promise more than they hold: of what was told between the two, one of four was right.
const CERTAIN_IN_PROGRAM: f64 = 3.0;

pub(super) fn judge(text: &Text<'_>, candidate: &Candidate) -> Option<(Confidence, Vec<String>)> {
    let value = &text.bytes[candidate.value.clone()];
    let classes = Classes::of(value);
    if hopeless(text, candidate, value, &classes) {
        return weak(text, candidate);
    }
    let mut scale = Scale { sum: 0.0, reasons: Vec::new() };
    match candidate.sort {
        Sort::Password | Sort::ConnectionString => password(&mut scale, text, candidate, value, &classes),
        Sort::UrlPassword => url_password(&mut scale, text, candidate, value, &classes),
        Sort::CommandLine => {
            scale.add(0.9, "a password on a command line");
            human(&mut scale, value, &classes);
        }
        Sort::Secret => {
            scale.add(0.3, "the name promises a secret");
            scale.add_if(is_key_id(text, candidate), -1.5, "could be the id beside a secret key");
            random(&mut scale, value, &classes);
        }
        Sort::Authorization => match basic_login(text, candidate) {
            Some((user, password)) => {
                scale.add(0.9, "the password of a basic authorization");
                human(&mut scale, &password, &Classes::of(&password));
                scale.add_if(user == password, -2.0, "the user's name again");
            }
            None => {
                scale.add(0.6, "behind an authorization scheme");
                random(&mut scale, value, &classes);
            }
        },
        Sort::Key => {
            scale.add(-1.0, "the name promises a key of some kind");
            scale.add_if(value.len() < 20, -1.0, "short for a key");
            let bare = text.bytes[candidate.name.clone()].eq_ignore_ascii_case(b"key");
            scale.add_if(bare, -1.0, "the name says nothing of whose");
            scale.add_if(is_uuid(value), -3.0, "a UUID");
            scale.add_if(bare && is_key_of_cache(value), -3.0, "words with a hash behind them");
            random(&mut scale, value, &classes);
        }
        Sort::UrlToken => {
            scale.add(-0.8, "the user part of a URL");
            scale.add_if(value.len() < 20, -1.5, "short for a token");
            let host = &text.bytes[candidate.value.end..candidate.name.end.max(candidate.value.end)];
            scale.add_if(memchr::memmem::find(host, b"sentry").is_some(), -3.0, "a Sentry DSN, which is public");
            let named = text.bytes[candidate.name.clone()].starts_with(b"pb://");
            scale.add_if(named, -3.0, "the name of a Foolscap service, which is public");
            random(&mut scale, value, &classes);
        }
    }
    scale.add_if(candidate.join == Join::Prose, -0.7, "in running text");
    let named = matches!(candidate.sort, Sort::Password | Sort::ConnectionString | Sort::Secret | Sort::Key);
    scale.add_if(named && text.syntax == Syntax::Translation, -4.0, "in a message catalogue");
    let hidden = candidate.sort != Sort::CommandLine && in_hidden_field(text.bytes, candidate.name.start);
    scale.add_if(hidden, -1.2, "in a hidden field of a form");
    let program = matches!(text.syntax, Syntax::Code | Syntax::Markup | Syntax::Json | Syntax::Unknown);
    scale.add_if(program && is_long_line(text.bytes, candidate.name.start), -1.2, "in a minified line");
    scale.add_if(text.path.is_some_and(place::is_compiled), -2.5, "in a compiled program");
    if scale.sum < TOLD {
        return weak(text, candidate);
    }
    let by_name = matches!(candidate.sort, Sort::Password | Sort::Key);
    let certain = if by_name && !of_settings(text) { CERTAIN_IN_PROGRAM } else { CERTAIN };
    let mut confidence = if scale.sum >= certain { Confidence::High } else { Confidence::Medium };
    let shown = || place::is_shown(text.bytes, candidate.name.start).then_some("stands in an example");
    if let Some(reason) = text.path.and_then(place::lesser_path).or_else(shown) {
        confidence = place::lower(confidence);
        scale.reasons.push(reason.to_owned());
    }
    Some((confidence, scale.reasons))
}

/// A word that opens a service of development is told, and never fails anything. Tests and manuals have nothing else.
fn weak(text: &Text<'_>, candidate: &Candidate) -> Option<(Confidence, Vec<String>)> {
    let reason = default_word(text, candidate)?;
    text.path.and_then(place::lesser_path).is_none().then(|| (Confidence::Low, vec![reason.to_owned()]))
}

/// Whether a text says how something is set up. A file of a kind that is not known, which its ending says, is none; what has no path
/// may be anything.
pub(super) fn of_settings(text: &Text<'_>) -> bool {
    match text.syntax {
        Syntax::Config | Syntax::Yaml | Syntax::Json | Syntax::Dockerfile | Syntax::Shell => true,
        Syntax::Unknown => text.path.is_none_or(|path| {
            let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
            let programs = ["bin", "sbin", "libexec", "script", "scripts", "library", "tools"];
            if programs.contains(&folders.rsplit('/').next().unwrap_or(folders)) {
                return false;
            }
            // what a store calls by its hash may be anything, too
            let hash = name.len() >= 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            name.trim_start_matches('.').rsplit_once('.').is_none() && !hash
        }),
        _ => false,
    }
}

/// What no weight can save: empty, a reference, a placeholder, an expression, a word for people.
fn hopeless(text: &Text<'_>, candidate: &Candidate, value: &[u8], classes: &Classes) -> bool {
    let shortest = match candidate.sort {
        Sort::Password | Sort::ConnectionString | Sort::UrlPassword | Sort::CommandLine => 4,
        _ => 8,
    };
    let lower = value.to_ascii_lowercase();
    let name = text.bytes[candidate.name.clone()].to_ascii_lowercase();
    let bare = lower.trim_ascii_end();
    let bare = &bare[..bare.len() - bare.iter().rev().take_while(|byte| b"!?[]*.".contains(byte)).count()];
    let is_stop = is_stop_word(bare) || ends_alike(&name, &lower) && candidate.sort != Sort::UrlPassword;
    let spaces = value.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    let prose = spaces > 0
        && !(candidate.sort == Sort::Password && words::is_app_password(value))
        && (candidate.join != Join::Quoted
            || !(candidate.sort == Sort::Password && spaces <= 3 && classes.digit > 0 && classes.symbol > 0));
    value.len() < shortest
        || value.len() > if shortest == 4 { 128 } else { 380 }
        || value.iter().any(|byte| *byte < 0x20)
        || is_stop
        || prose
        || text.syntax == Syntax::Lockfile && candidate.sort != Sort::UrlPassword
        || classes.other > spaces + value.len() / 4
        || shape::is_reference(value)
        || shape::is_placeholder(value)
        || shape::is_sequence(value)
        || value.starts_with(b"-----")
        || candidate.join != Join::Quoted && is_begun_hole(text.bytes, &candidate.value)
        || is_encoded_sentence(value)
        || is_hash_record(value)
        || of_password_file(value)
        || is_salted(value)
        || candidate.sort == Sort::Secret && is_search_only(&text.bytes[..candidate.name.start])
        || is_harmless(value)
        || chain::is_public(value, &text.bytes[candidate.name.clone()])
        || candidate.sort == Sort::Authorization
            && basic_login(text, candidate).is_some_and(|(_, password)| is_invented(&password))
        || is_code(value)
        || value.starts_with(b"pk_live_")
        || value.starts_with(b"pk_test_")
        || value.starts_with(b"pk.eyJ")
        || proof::is_of_public_client(value)
        || is_member_of_the_name(&lower, &name)
        || is_fingerprint(value, &name)
        || is_tag(value) && matches!(candidate.join, Join::Bare | Join::Inner)
        || candidate.join != Join::Quoted
            && (is_script(value) || in_braces(text.bytes, &candidate.value) || is_part_of_call(value))
        || candidate.join != Join::Quoted && text.syntax == Syntax::Shell && is_variable(value)
        || matches!(candidate.join, Join::Bare | Join::Inner | Join::Prose) && is_begun_call(value)
}

/// `SN_id_it_passphrase` is called `id-it-passphrase`: the name ends like the value, however their words are joined.
fn ends_alike(name: &[u8], value: &[u8]) -> bool {
    let mut letters = name.iter().rev().filter(|byte| !b"-_. ".contains(byte));
    value.iter().rev().filter(|byte| !b"-_. ".contains(byte)).all(|byte| letters.next() == Some(byte))
}

/// `access_key: "8W56…"`: what services that speak S3 call the id of a key.
fn is_key_id(text: &Text<'_>, candidate: &Candidate) -> bool {
    let name = text.bytes[candidate.name.clone()].to_ascii_lowercase();
    let value = &text.bytes[candidate.value.clone()];
    [&b"access_key"[..], b"accesskey", b"access-key"].iter().any(|end| name.ends_with(end))
        && memchr::memmem::find(&name, b"secret").is_none()
        && (16..=20).contains(&value.len())
        && value.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn is_stop_word(lower: &[u8]) -> bool {
    std::str::from_utf8(lower).is_ok_and(|word| STOP.has(word))
}

/// `<input type="hidden" name="…`: what a page gives to the browser to hand back.
fn in_hidden_field(bytes: &[u8], name: usize) -> bool {
    let head = &bytes[name.saturating_sub(120)..name];
    memchr::memmem::rfind(head, b"<input")
        .is_some_and(|at| memchr::memmem::find(&head[at..], b"hidden").is_some() && !head[at..].contains(&b'>'))
}

/// `0x` and the digits of a public key's fingerprint, or the digits alone where the name is about signing.
fn is_fingerprint(value: &[u8], name: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    let has = |word: &[u8]| memchr::memmem::find(name, word).is_some();
    let upper = digits.iter().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte));
    upper
        && matches!(digits.len(), 8 | 16 | 40)
        && (digits.len() < value.len()
            || [&b"sign"[..], b"gpg", b"pgp", b"keyring", b"recv-key", b"repo", b"apt"].iter().any(|word| has(word)))
}

/// `docsearch({ apiKey: "…"`: such a key is made to be in a public page.
fn is_search_only(head: &[u8]) -> bool {
    let near = &head[head.len().saturating_sub(120)..];
    let call = memchr::memmem::rfind(near, b"docsearch(").or_else(|| memchr::memmem::rfind(near, b"algoliasearch("));
    call.is_some_and(|at| !near[at..].contains(&b';'))
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(position, byte)| {
            if matches!(position, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

/// User and password of `Basic …`, decoded.
fn basic_login(text: &Text<'_>, candidate: &Candidate) -> Option<(Vec<u8>, Vec<u8>)> {
    let head = text.bytes[..candidate.value.start].trim_ascii_end();
    let scheme = head.get(head.len().saturating_sub(5)..)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let value = text.bytes[candidate.value.clone()].trim_ascii_end();
    let bare = &value[..value.len() - value.iter().rev().take_while(|byte| **byte == b'=').count()];
    let login = STANDARD_NO_PAD.decode(bare).ok().filter(|login| login.iter().all(|byte| *byte >= 0x20))?;
    let colon = memchr::memchr(b':', &login)?;
    Some((login[..colon].to_vec(), login[colon + 1..].to_vec()))
}

/// A word of no secret, as tests and manuals have it.
fn is_invented(password: &[u8]) -> bool {
    password.len() < 4
        || is_stop_word(&password.to_ascii_lowercase())
        || shape::is_placeholder(password)
        || shape::is_reference(password)
        || shape::is_sequence(password)
}

/// Words joined by `_`, `-`, `.` or camel case: an identifier, not a value.
fn is_identifier(value: &[u8], classes: &Classes) -> bool {
    let plain = value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(byte));
    let joined = value.iter().any(|byte| b"_-.:/".contains(byte)) || classes.lower > 0 && classes.upper > 0;
    // `0002_alter_permission`, `nostr-auth-nip98`: each part is a word, a number, or a word with a short number
    let wordy = |part: &[u8]| {
        let digits = part.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        digits <= 4 && part[..part.len() - digits].iter().all(u8::is_ascii_alphabetic)
    };
    let worded = classes.digit <= 1 || value.split(|byte| b"_-.:/".contains(byte)).all(wordy);
    plain && joined && worded && words::is_wordy(value) && words::covered(value) >= 0.5
}

/// `deps-v3-9f86…`: what a build calls the things it keeps.
fn is_key_of_cache(value: &[u8]) -> bool {
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let head = &value[..value.len() - digits];
    matches!(digits, 32 | 40 | 64) && head.len() >= 3 && matches!(head.last(), Some(b'-' | b'_' | b':'))
}

/// `Rocket-winter3056`: people put such numbers against a word where a password must have digits; names of code part them, or have fewer.
fn ends_in_number(value: &[u8]) -> bool {
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = &value[..value.len() - digits];
    let capital = before.iter().any(u8::is_ascii_uppercase);
    // `ld-size/size32-1-i386`
    (if capital { 3..=6 } else { 4..=6 }).contains(&digits)
        && before.last().is_some_and(u8::is_ascii_alphabetic)
        && !value.contains(&b'/')
}

fn password(scale: &mut Scale, text: &Text<'_>, candidate: &Candidate, value: &[u8], classes: &Classes) {
    scale.add(
        0.9,
        if candidate.sort == Sort::ConnectionString {
            "the password of a connection string"
        } else {
            "the name promises a password"
        },
    );
    human(scale, value, classes);
    let data = text.syntax != Syntax::Json && of_settings(text) && candidate.join != Join::Prose;
    scale.add_if(data, 0.6, "in a file of settings");
    scale.add_if(candidate.join == Join::Prose && classes.digit == 0, -2.0, "a word in running text");
    let foreign = classes.digit == 0
        && std::str::from_utf8(value)
            .is_ok_and(|text| text.chars().any(|letter| !letter.is_ascii() && letter.is_alphabetic()));
    scale.add_if(foreign, -2.5, "a word of another language");
    let lower = value.to_ascii_lowercase();
    let named = text.bytes[candidate.name.clone()].to_ascii_lowercase();
    let again = named
        .split(|byte| !byte.is_ascii_alphabetic())
        .any(|word| word.len() >= 4 && memchr::memmem::find(&lower, word).is_some());
    scale.add_if(again && value.len() < 16, -1.2, "a word of its own name");
    let hashed = matches!(value.len(), 32 | 40) && value.iter().all(u8::is_ascii_hexdigit);
    let in_element = text.bytes[candidate.value.end..].starts_with(b"</");
    scale.add_if(hashed && in_element, -1.2, "could be the hash of one");
    scale.add_if(is_own_name(text, candidate), -1.2, "the name of the user or the database beside it");
}

/// Passwords that people choose: a mixture is what tells them from words.
fn human(scale: &mut Scale, value: &[u8], classes: &Classes) {
    let letters = classes.lower + classes.upper;
    let identifier = is_identifier(value, classes) && !ends_in_number(value);
    let lower = value.to_ascii_lowercase();
    let spelled = spells_password(&lower);
    // of a few letters nobody can say whether they are words; of those that stand for others neither
    let told = !spelled && (value.len() >= 6 || letters < value.len());
    let (wordy, rare) = (words::is_wordy(value), told && words::is_rare(value));
    scale.add_if(letters > 0 && classes.digit > 0, 1.0, "letters and digits");
    scale.add_if(classes.symbol > 0 && letters > 0 && !identifier, 0.8, "letters and symbols");
    scale.add_if(classes.lower > 0 && classes.upper > 0, 0.3, "both cases");
    scale.add_if(value.len() >= 8, 0.3, "eight characters or more");
    scale.add_if(value.len() >= 12 && classes.kinds() >= 3 && !wordy, 0.8, "looks random");
    scale.add_if(classes.digit == value.len(), -0.8, "digits alone");
    scale.add_if(rare, 0.6, "its letters make no words");
    let grouped = words::is_app_password(value);
    scale.add_if(classes.other > 0 && classes.digit == 0 && !grouped, -2.0, "words of another language");
    let word = letters == value.len();
    scale.add_if(word && !rare && !wordy, -0.8, "could be a word");
    scale.add_if(word && wordy, -2.0, "made of words");
    scale.add_if(word && !rare && value.len() < 8, -0.5, "a short word");
    scale.add_if(word && !rare && classes.upper == 1 && value[0].is_ascii_uppercase(), -1.0, "a capitalised word");
    scale.add_if(word && classes.lower == 0, -1.2, "all capitals");
    scale.add_if(identifier, -3.0, "reads like an identifier");
    scale.add_if(
        matches!(value.last(), Some(b':' | b'?' | b'*' | b',')) || value.starts_with(b"*"),
        -2.5,
        "ends like a label",
    );
    let stem = value.len() - value.iter().rev().take_while(|byte| !byte.is_ascii_alphabetic()).count();
    let stem = value[..stem].to_ascii_lowercase();
    let invented = stem.len() + 6 >= value.len() && is_stop_word(&stem);
    scale.add_if(invented, -2.0, "a word for a password with digits or signs behind it");
    let constant = classes.lower == 0 && value.contains(&b'_') && classes.digit <= 2;
    scale.add_if(constant, -2.2, "reads like the name of a constant");
    scale.add_if(is_uuid(value), -2.0, "a UUID");
    scale.add_if(value.len() >= 8 && shape::is_monotonous(value), -2.0, "one sign over and over");
    scale.add_if(grouped, 1.0, "four groups of four letters that make no words");
    scale.add_if(value.contains(&b' ') && !grouped, -1.2, "has spaces");
    let begins = ["test", "pass", "secret", "fake", "dummy"].iter().any(|head| lower.starts_with(head.as_bytes()))
        && value.len() < 14
        && classes.symbol == 0;
    scale.add_if(begins, -1.3, "begins like an invented one");
    scale.add_if(!begins && !invented && spelled, -2.0, "spells a word for a password");
}

/// Tokens that a machine made.
fn random(scale: &mut Scale, value: &[u8], classes: &Classes) {
    let bits = shape::entropy(value);
    let (wordy, rare) = (words::is_wordy(value), words::is_rare(value));
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let charset =
        value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.~:!@#$%^&*()[]{}<>?|,;\\".contains(byte));
    scale.add_if(!charset || value.contains(&b' '), -2.5, "bytes that tokens do not have");
    scale.add_if(classes.digit > 0 && classes.lower + classes.upper > 0, 0.7, "letters and digits");
    scale.add_if(classes.digit == 0, -1.0, "no digit");
    scale.add_if(classes.digit == value.len(), -1.5, "digits alone");
    scale.add_if(value.len() >= 16, 0.6, "sixteen characters or more");
    scale.add_if(value.len() < 12, -0.7, "short");
    scale.add_if(bits < 2.8, -2.0, "low entropy");
    scale.add_if(shape::counts_up(value), -2.0, "a part of it counts up");
    scale.add_if(shape::is_monotonous(value), -2.0, "one sign over and over");
    scale.add_if(bits >= 3.5 || hex && bits >= 3.0 && value.len() >= 16, 0.7, "high entropy");
    scale.add_if(!hex && rare, 0.9, "its letters make no words");
    // words with random digits beside them, or a whole sentence
    let sentence = classes.lower + classes.upper >= 24 && words::covered(value) >= 0.8;
    scale.add_if(!hex && wordy && (classes.turns < 6 || sentence), -1.5, "made of words");
    scale.add_if(classes.lower > 0 && classes.upper > 0 && classes.turns >= 4, 0.5, "cases and digits alternate");
    scale.add_if(classes.symbol > 0 && classes.digit > 0 && classes.kinds() == 4, 0.4, "all kinds of characters");
    scale.add_if(is_identifier(value, classes), -3.0, "reads like an identifier");
    scale.add_if(value.iter().filter(|byte| **byte == b'/').count() > 3, -1.5, "reads like a path");
    let lower = value.to_ascii_lowercase();
    scale.add_if(
        [&b"test"[..], b"fake", b"some", b"mock", b"dummy"].iter().any(|head| lower.starts_with(head)),
        -1.5,
        "begins like an invented one",
    );
}

/// Base64 of words with spaces or hyphens between, of a placeholder, of a word that is no secret.
fn is_encoded_sentence(value: &[u8]) -> bool {
    let bare = &value[..value.len() - value.iter().rev().take_while(|byte| **byte == b'=').count()];
    STANDARD_NO_PAD.decode(bare).is_ok_and(|text| {
        let text = text.trim_ascii_end();
        text.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\n')
            && (text.iter().filter(|byte| b" -_".contains(byte)).count() >= 2 && words::covered(text) >= 0.5
                || shape::is_placeholder(text)
                || is_stop_word(&text.to_ascii_lowercase()))
    })
}

fn url_password(scale: &mut Scale, text: &Text<'_>, candidate: &Candidate, value: &[u8], classes: &Classes) {
    scale.add(0.9, "the password of a URL");
    human(scale, value, classes);
    let url = &text.bytes[candidate.name.clone()];
    let user = text.bytes[..candidate.value.start - 1].rsplit(|byte| b"/".contains(byte)).next().unwrap_or_default();
    let host = &text.bytes[candidate.value.end + 1..candidate.name.end.max(candidate.value.end + 1)];
    scale.add_if(user == value, -2.0, "the user's name again");
    scale.add_if(
        matches!(user, b"user" | b"username" | b"login" | b"foo" | b"me") && classes.symbol == 0,
        -1.0,
        "a user of no name",
    );
    let has = |needle: &[u8]| memchr::memmem::find(host, needle).is_some();
    scale.add_if(
        has(b"example.") || host.starts_with(b"host") || has(b".test") || has(b"domain.com"),
        -1.6,
        "a host of no name",
    );
    scale.add_if(has(b"localhost") || host.starts_with(b"127.") || has(b"${") || has(b"%s"), -0.4, "a local host");
    scale.add_if(
        memchr::memmem::find(url, b"://").is_some_and(|at| at >= 5 && url[at - 1] != b's' && url[..at] != *b"http"),
        0.2,
        "a service's own scheme",
    );
}
