//! A name and its value with nothing but a blank or a word between.

use std::ops::Range;

use super::cursor::{Cursor, contains, line_start};
use super::join::is_comment;
use super::{Candidate, Join, Sort, VALUE};
use crate::secrets::generic::is_random;
use crate::secrets::text::{Syntax, Text};

/// Words after which a name and a quoted value follow with nothing between: `#define PASSWORD "…"`, `(setq password "…")`, `git config x.token "…"`.
const BEFORE_SPACED: &[&[u8]] =
    &[b"define", b"setq", b"def", b"set", b"const", b":", b"config", b"-define(", b"with", b"setx", b"user", b"header"];

/// Words of statements in which a literal follows a name: `ALTER USER x PASSWORD '…'`.
const SQL: &[&[u8]] =
    &[b"user ", b"role ", b"login ", b"with", b"set ", b"alter ", b"create ", b"grant ", b"encrypted"];

/// `--password value`, `ENV PASSWORD value`, `password value` in .netrc, `PASSWORD 'value'` in SQL, `password is value` in prose.
pub(super) fn spaced(
    text: &Text<'_>,
    from: usize,
    cursor: &Cursor<'_>,
    tight: bool,
    quoted: bool,
) -> Option<(Range<usize>, Join)> {
    let mut cursor = Cursor { ..*cursor };
    let bytes = text.bytes;
    if tight || quoted {
        return None;
    }
    let head = bytes[line_start(bytes, from)..from].trim_ascii();
    // `nmcli dev wifi connect office password value`
    let option = bytes[from..].starts_with(b"-") || head.starts_with(b"nmcli ");
    // Dockerfiles, and the shells that descend from csh
    let dockerfile = [&b"env"[..], b"arg", b"setenv"].iter().any(|word| head.eq_ignore_ascii_case(word));
    let name = bytes[from..cursor.at].trim_ascii();
    let word =
        [&b"password"[..], b"secret", b"requirepass", b"masterauth", b"passwd", b"_authtoken", b"_password", b"rootpw"];
    let entry = &head[head.iter().take_while(|byte| b"\"'`".contains(byte)).count()..];
    let netrc = name == b"password"
        && (entry.starts_with(b"login ") || contains(head, b"machine ") && contains(head, b" login "))
        || matches!(text.syntax, Syntax::Config | Syntax::Unknown)
            && head.is_empty()
            && word.iter().any(|word| name.eq_ignore_ascii_case(word));
    // a user's line in the database of users
    if head.ends_with(b"getent") {
        return None;
    }
    if let Some(value) = of_router(text, head, name, cursor.at) {
        return Some((value, Join::Bare));
    }
    // the verb, as in "pass 'wait' to it"
    if name == b"pass" && !(option || dockerfile || head.is_empty()) {
        return None;
    }
    let mut said = Cursor { ..cursor };
    if let Some(found) = stated(text, name, head, &cursor, option) {
        return Some(found);
    }
    let tells = said.word(b"is ") || said.word(b"was ") || of_whom(&mut said);
    if tells && (matches!(text.syntax, Syntax::Prose | Syntax::Unknown) || is_comment(bytes, from)) {
        cursor = said;
        cursor.word(b"now ");
        cursor.skip(b" :");
        let value = match cursor.literal() {
            Some(value) => value,
            None => cursor.until(|byte| byte.is_ascii_whitespace() || b",;\"'`".contains(&byte)),
        };
        let length = value.len() - usize::from(bytes[value.clone()].ends_with(b"."));
        return (length > 0).then(|| (value.start..value.start + length, Join::Prose));
    }
    let told = || {
        let lower = head.to_ascii_lowercase();
        head.is_empty() && !matches!(text.syntax, Syntax::Prose)
            // an attribute of an Elixir module
            || head == b"@"
            // `username "bob" password "value"`
            || head.ends_with(b"\"") && contains(&lower, b"user")
            || BEFORE_SPACED.iter().any(|word| lower.ends_with(word))
            || contains(&lower, b" set ")
            || contains(&lower, b"git config ")
    };
    if let Some(quote) =
        cursor.peek().filter(|quote| *quote == b'\'' || *quote == b'"' && (option || dockerfile || told()))
    {
        cursor.at += 1;
        let lower = head.to_ascii_lowercase();
        let stated = option || dockerfile || told() || SQL.iter().any(|word| contains(&lower, word));
        let join = if stated { Join::Quoted } else { Join::Prose };
        return cursor.string(quote, false).map(|range| (range, join));
    }
    if name.eq_ignore_ascii_case(b"identified by") && cursor.peek() != Some(b'\'') {
        // a sentence says the same
        let lower = head.to_ascii_lowercase();
        let sql = [&b"user"[..], b"role", b"grant", b"connect to"].iter().any(|word| contains(&lower, word));
        if cursor.peek() == Some(b'"') {
            return cursor.literal().filter(|_| sql).map(|range| (range, Join::Prose));
        }
        let sql = sql || head.is_empty();
        let value = cursor.until(|byte| byte.is_ascii_whitespace() || byte == b';');
        let text = &bytes[value.clone()];
        let word = text.contains(&b'\'') || text.last().is_some_and(|last| b".,\")".contains(last));
        return (sql && !word && !value.is_empty()).then_some((value, Join::Position));
    }
    let set = text.syntax != Syntax::Code && [&b" set "[..], b"git config "].iter().any(|command| sets(head, command));
    if !(option || dockerfile || netrc || set) {
        return None;
    }
    if let Some(value) = cursor.literal() {
        return Some((value, Join::Quoted));
    }
    let value = cursor.until(|byte| byte.is_ascii_whitespace() || b"\"'`;|,".contains(&byte));
    // `set a password (e.g. …`
    let aside = set && bytes[value.clone()].starts_with(b"(");
    (!value.is_empty() && !aside).then_some((value, if option || set { Join::Position } else { Join::Bare }))
}

/// Values behind a few more words: `set password to "value"`, `SET PASSWORD FOR 'bob' = 'value'`, `… for token value`, and in a column of their
/// own. The cursor stands where the value would.
fn stated(
    text: &Text<'_>,
    name: &[u8],
    head: &[u8],
    cursor: &Cursor<'_>,
    option: bool,
) -> Option<(Range<usize>, Join)> {
    let mut said = Cursor { ..*cursor };
    // AppleScript
    if head == b"set" && said.word(b"to \"") {
        return said.string(b'"', false).map(|range| (range, Join::Quoted));
    }
    if name.eq_ignore_ascii_case(b"password") && head.eq_ignore_ascii_case(b"set") && said.word(b"for ") {
        let sign = memchr::memmem::find(said.rest(), b"= '").filter(|at| *at < 80)?;
        said.at += sign + 2;
        return said.literal().map(|range| (range, Join::Quoted));
    }
    if !matches!(text.syntax, Syntax::Prose | Syntax::Unknown) || option {
        return None;
    }
    if text.bytes[..cursor.at].ends_with(b"\t") {
        let value = cursor.until(|byte| byte.is_ascii_whitespace());
        let ends = matches!(text.bytes.get(value.end), None | Some(b'\r' | b'\n'));
        let letters = text.bytes[value.clone()].iter().any(u8::is_ascii_alphabetic);
        return (head.is_empty() && ends && letters).then_some((value, Join::Prose));
    }
    // a word that a machine made, in a line of a log
    let value = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"_-.+/=".contains(&byte)));
    let token = name.eq_ignore_ascii_case(b"token") || name.eq_ignore_ascii_case(b"secret");
    let made = value.len() >= 20 && is_random(&text.bytes[value.clone()]);
    (token && !head.is_empty() && made).then_some((value, Join::Prose))
}

/// `enable secret value`, `username bob password 0 value`, as routers and switches are set up. A number says how the value is hidden: 0 not
/// at all, 7 so that anybody may read it, any other by a hash.
fn of_router(text: &Text<'_>, head: &[u8], name: &[u8], at: usize) -> Option<Range<usize>> {
    let user = head.strip_prefix(b"username ").is_some_and(|user| !user.contains(&b'.') && user.len() <= 40);
    let named = matches!(name, b"secret" | b"password") && (head == b"enable" || user);
    if !named || !matches!(text.syntax, Syntax::Config | Syntax::Unknown | Syntax::Prose) {
        return None;
    }
    let mut cursor = Cursor::new(text.bytes, at, VALUE);
    let kind = cursor.until(|byte| !byte.is_ascii_digit());
    if kind.len() == 1 && text.bytes.get(kind.end) == Some(&b' ') {
        if !matches!(text.bytes[kind.start], b'0' | b'7') {
            return None;
        }
        cursor.at = kind.end + 1;
    }
    let value = cursor.until(|byte| byte.is_ascii_whitespace());
    let ends = matches!(text.bytes.get(value.end), None | Some(b'\r' | b'\n'));
    (ends && !value.is_empty()).then_some(value)
}

/// `credentials: bob / value`, ``login: `bob` / `value` ``. What is behind the name begins with its colon, or behind it.
pub(super) fn user_and_password(bytes: &[u8], from: usize, to: usize) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, to, VALUE);
    let colon = cursor.take(b':') || bytes[..to].ends_with(b": ");
    cursor.skip(b" *`\"'");
    let user = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte)));
    cursor.at = user.end;
    cursor.skip(b"`\"'");
    if !colon || user.is_empty() || !cursor.word(b" / ") {
        return None;
    }
    cursor.skip(b"`\"'");
    let value = cursor.until(|byte| byte.is_ascii_whitespace() || b"`\"'),;<".contains(&byte));
    // with a third it is a list
    let rest = &bytes[value.end..bytes.len().min(value.end + 8)];
    let listed = rest.starts_with(b" / ") || rest.starts_with(b"` / ");
    let name = from..to;
    (!listed && !value.is_empty()).then_some(Candidate { sort: Sort::Password, name, value, join: Join::Prose })
}

/// `for bob: `, `for the user bob is `: whose it is, up to where it is told.
fn of_whom(cursor: &mut Cursor<'_>) -> bool {
    if !cursor.word(b"for ") {
        return false;
    }
    for _ in 0..3 {
        let word = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"_-.@\"'`".contains(&byte)));
        if word.is_empty() {
            return false;
        }
        cursor.at = word.end;
        if cursor.word(b": ") || cursor.word(b" is ") || cursor.word(b" = ") {
            return true;
        }
        cursor.skip(b" ");
    }
    false
}

/// Behind the command there are options and a part of the name, and no sentence.
fn sets(head: &[u8], command: &[u8]) -> bool {
    let head = [b" ", head, b" "].concat();
    let Some(at) = memchr::memmem::rfind(&head, command) else { return false };
    let between = &head[at + command.len()..];
    between.len() <= 60 && between.iter().all(|byte| !b",;()'\"".contains(byte)) && !contains(between, b". ")
}
