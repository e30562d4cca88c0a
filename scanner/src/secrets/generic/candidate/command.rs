//! Passwords on command lines.

use std::ops::Range;

use super::cursor::{Cursor, contains, line_start};
use super::{Candidate, Join, Sort, VALUE};

/// A flag, and the commands in which its argument is a password (or `user:password`).
struct Flag {
    flag: u8,
    commands: &'static [&'static [u8]],
    /// The password may stand against the flag: `mysql -psecret`.
    glued: bool,
    /// What parts user and password, where the argument holds both.
    parted: Option<u8>,
}

const FLAGS: &[Flag] = &[
    Flag { flag: b'p', commands: &[b"mysql", b"mariadb", b"sshpass", b"mongo"], glued: true, parted: None },
    Flag {
        flag: b'p',
        commands: &[
            b"login",
            b"twine upload",
            b"svn ",
            b"rabbitmqadmin",
            b"influx",
            b"cqlsh",
            b"psexec",
            b"winexe",
            b"ipmitool",
            b"vncpasswd",
            b"clickhouse",
            b"vault ",
            b"ncftp",
            b"rdesktop",
        ],
        glued: false,
        parted: None,
    },
    Flag { flag: b'P', commands: &[b"sqlcmd", b"bcp ", b"isql", b"ipmitool"], glued: true, parted: None },
    Flag { flag: b'P', commands: &[b"zip "], glued: false, parted: None },
    Flag { flag: b'p', commands: &[b"7z ", b"7za "], glued: true, parted: None },
    Flag { flag: b'a', commands: &[b"redis-cli"], glued: false, parted: None },
    Flag { flag: b'a', commands: &[b"http ", b"https ", b"httpie"], glued: false, parted: Some(b':') },
    Flag {
        flag: b'w',
        commands: &[b"ldapsearch", b"ldapmodify", b"ldapadd", b"ldapdelete", b"ldapwhoami"],
        glued: false,
        parted: None,
    },
    Flag { flag: b'u', commands: &[b"curl", b"http "], glued: true, parted: Some(b':') },
    Flag { flag: b'u', commands: &[b"lftp"], glued: false, parted: Some(b',') },
    Flag {
        flag: b'U',
        commands: &[b"smbclient", b"rpcclient", b"net rpc", b"winexe"],
        glued: false,
        parted: Some(b'%'),
    },
    Flag { flag: b'A', commands: &[b"snmp"], glued: false, parted: None },
    Flag { flag: b'U', commands: &[b"curl"], glued: false, parted: Some(b':') },
    Flag { flag: b'k', commands: &[b"openssl "], glued: false, parted: None },
];

/// `docker login -u me -p secret`, `mysql -psecret`, `curl -u me:secret`, `redis-cli -a secret`. The cue is ` -p`, ` -u`, ` -a`, ` -w`, ` -k`.
pub(super) fn flag(bytes: &[u8], end: usize) -> Option<Candidate> {
    let line = line_start(bytes, end - 3);
    let letter = bytes[end - 1];
    let glued = bytes.get(end).is_some_and(|byte| !byte.is_ascii_whitespace());
    let head = &bytes[line..end - 2];
    let fits = |flag: &&Flag| {
        flag.flag == letter && (!glued || flag.glued) && flag.commands.iter().any(|command| contains(head, command))
    };
    let flag = FLAGS.iter().find(fits)?;
    let mut whole = argument(bytes, end)?;
    // a comma ends an argument elsewhere
    if flag.parted == Some(b',') && bytes.get(whole.end) == Some(&b',') {
        whole.end = argument(bytes, whole.end + 1)?.end;
    }
    let value = parted(bytes, whole, flag.parted)?;
    Some(Candidate { sort: Sort::CommandLine, name: line..end, value, join: Join::Position })
}

/// `curl --user me:secret`, `--proxy-user=me:secret`.
pub(super) fn user_option(bytes: &[u8], end: usize) -> Option<Candidate> {
    let line = line_start(bytes, end);
    // `read:jira-user` is no option
    let option = bytes[line..end].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    if bytes[end - option.count()] != b'-' {
        return None;
    }
    let from = end + usize::from(bytes.get(end) == Some(&b'='));
    if from == end && bytes.get(end) != Some(&b' ') {
        return None;
    }
    let whole = argument(bytes, from).filter(|whole| !bytes[whole.clone()].starts_with(b"${"))?;
    let value = parted(bytes, whole.clone(), Some(b':'))?;
    // `docker run --user 1000:1000`: a user and a group
    let user = &bytes[whole.start..value.start - 1];
    let group = user == &bytes[value.clone()] || bytes[value.clone()].iter().all(u8::is_ascii_digit);
    (!group).then_some(Candidate { sort: Sort::CommandLine, name: line..end, value, join: Join::Position })
}

fn parted(bytes: &[u8], value: Range<usize>, sign: Option<u8>) -> Option<Range<usize>> {
    let Some(sign) = sign else { return Some(value) };
    let at = memchr::memchr(sign, &bytes[value.clone()])?;
    Some(value.start + at + 1..value.end)
}

fn argument(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(bytes, from, VALUE);
    cursor.skip(b" ");
    if let Some(quote) = cursor.peek().filter(|byte| b"\"'".contains(byte)) {
        cursor.at += 1;
        return cursor.string(quote, false);
    }
    let value = cursor.until(|byte| byte.is_ascii_whitespace() || b"\"'`;|,)".contains(&byte));
    (!value.is_empty()).then_some(value)
}

/// `sqlplus scott/tiger@db`.
pub(super) fn sqlplus(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let rest = &bytes[end..bytes.len().min(end + 120)];
    let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    let slash = memchr::memchr(b'/', line)?;
    let user = line[..slash].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let from = end + slash + 1;
    let value = Cursor::new(bytes, from, 64).until(|byte| byte.is_ascii_whitespace() || b"@\"';|".contains(&byte));
    (user > 0 && !value.is_empty()).then_some(Candidate {
        sort: Sort::CommandLine,
        name: start..from,
        value,
        join: Join::Position,
    })
}

/// `htpasswd -bc file user secret`. The cue is `htpasswd -`.
pub(super) fn htpasswd(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, end, VALUE);
    let word = |cursor: &Cursor<'_>| cursor.until(|byte| byte.is_ascii_whitespace() || b"|;&".contains(&byte));
    let options = word(&cursor);
    let (mut to_output, mut batch) = (false, false);
    let mut option = options;
    loop {
        to_output |= bytes[option.clone()].contains(&b'n');
        batch |= bytes[option.clone()].contains(&b'b');
        cursor.at = option.end;
        // `-b -c` is `-bc`
        if !cursor.word(b" -") {
            break;
        }
        option = word(&cursor);
    }
    if !batch {
        return None;
    }
    for _ in 0..if to_output { 1 } else { 2 } {
        cursor.skip(b" ");
        cursor.at = word(&cursor).end;
    }
    let value = argument(bytes, cursor.at).filter(|_| cursor.peek() == Some(b' '))?;
    Some(Candidate { sort: Sort::CommandLine, name: start..end, value, join: Join::Position })
}

/// `wpa_passphrase network secret`, `rabbitmqctl add_user me secret`. The cue is the command with its blank.
pub(super) fn second_argument(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let first = argument(bytes, end)?;
    let from = first.end + usize::from(bytes.get(first.end).is_some_and(|byte| b"\"'".contains(byte)));
    let blank = bytes.get(from) == Some(&b' ');
    let value = argument(bytes, from).filter(|value| blank && !bytes[from..value.start].contains(&b'\n'))?;
    Some(Candidate { sort: Sort::CommandLine, name: start..end, value, join: Join::Position })
}

/// `net use z: \\\\host\\share secret /user:me`. The cue is `net use `.
pub(super) fn net_use(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, end, VALUE);
    let mut share = false;
    for _ in 0..5 {
        cursor.skip(b" ");
        let value = argument(bytes, cursor.at).filter(|_| !cursor.rest().starts_with(b"\n"))?;
        let word = &bytes[value.clone()];
        let passed = word.starts_with(b"/") || word == b"*" || word.ends_with(b":");
        if share && !passed {
            return Some(Candidate { sort: Sort::CommandLine, name: start..end, value, join: Join::Position });
        }
        share |= word.starts_with(b"\\\\");
        cursor.at = value.end;
        cursor.one_of(b"\"'");
    }
    None
}

/// `createUser me SHA "secret" AES`, in the configuration of Net-SNMP's agent. The cue is `createuser `.
pub(super) fn snmp_user(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, end, VALUE);
    let word = |cursor: &Cursor<'_>| cursor.until(|byte| byte.is_ascii_whitespace());
    cursor.at = word(&cursor).end;
    cursor.skip(b" ");
    let hash = word(&cursor);
    if !["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
        .iter()
        .any(|known| bytes[hash.clone()] == *known.as_bytes())
    {
        return None;
    }
    let value = argument(bytes, hash.end).filter(|value| !bytes[hash.end..value.start].contains(&b'\n'))?;
    Some(Candidate { sort: Sort::CommandLine, name: start..end, value, join: Join::Position })
}

/// `expect "assword:"` and `send "secret\r"` below it. The cue is `send "` or `send -- "`.
pub(super) fn sent(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let head = bytes[start.saturating_sub(ASKED_BEFORE)..start].to_ascii_lowercase();
    let asked =
        [&b"assword"[..], b"assphrase", b"asswd"].iter().filter_map(|word| memchr::memmem::rfind(&head, word)).max()?;
    // what is asked last is what is answered
    if memchr::memmem::find(&head[asked..], b"expect").is_some()
        || memchr::memmem::find(&head[asked..], b"send").is_some()
    {
        return None;
    }
    let value = Cursor::new(bytes, end, VALUE).string(b'"', false)?;
    let line = [&b"\\r"[..], b"\\n"].iter().find_map(|mark| bytes[value.clone()].strip_suffix(*mark))?;
    let value = value.start..value.start + line.len();
    let filled = bytes[value.clone()].iter().any(|byte| b"$[".contains(byte));
    (!filled && !value.is_empty()).then_some(Candidate {
        sort: Sort::CommandLine,
        name: start..end,
        value,
        join: Join::Position,
    })
}

/// `chpasswd:` with `list: |` and `user:value` below it, for cloud-init. The cue is `chpasswd`.
pub(super) fn cloud_users(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, end, VALUE);
    if !cursor.take(b':') {
        return None;
    }
    let list = memchr::memmem::find(cursor.rest(), b"list: |").filter(|at| *at < 80)?;
    cursor.at += list + 7;
    cursor.skip(b"-+ \r\n");
    let user = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
    cursor.at = user.end;
    if user.is_empty() || !cursor.take(b':') {
        return None;
    }
    let value = cursor.until(|byte| byte.is_ascii_whitespace());
    // what is made when the machine starts
    let random = matches!(&bytes[value.clone()], b"R" | b"RANDOM");
    let name = start..end;
    (!random && !value.is_empty()).then_some(Candidate { sort: Sort::Password, name, value, join: Join::Bare })
}

/// How far before what is sent a password was asked for.
const ASKED_BEFORE: usize = 160;

/// `vault login secret`. The cue is `vault login `.
pub(super) fn vault_login(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let value = argument(bytes, end).filter(|value| value.len() >= 20 && bytes[value.start] != b'-')?;
    let is_token = bytes[value.clone()].iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    is_token.then_some(Candidate { sort: Sort::Secret, name: start..end, value, join: Join::Position })
}

/// `echo "user:secret" | chpasswd`, `echo secret | passwd --stdin`, `… | docker login --password-stdin`, `… | sudo -S`: the cue stands behind the value.
pub(super) fn piped(bytes: &[u8], start: usize) -> Option<Candidate> {
    let line = line_start(bytes, start);
    let head = &bytes[line..start];
    let bar = memchr::memrchr(b'|', head)?;
    let echo = memchr::memmem::rfind(&head[..bar], b"echo ")
        .map(|at| at + 5)
        .or_else(|| memchr::memmem::rfind(&head[..bar], b"printf ").map(|at| at + 7))?;
    let mut cursor = Cursor { bytes, at: line + echo, stop: line + bar };
    for option in [&b"-n "[..], b"-e ", b"%s "] {
        cursor.skip(b" ");
        cursor.word(option);
    }
    let value = match cursor.literal() {
        Some(value) => value,
        None => cursor.until(|byte| byte.is_ascii_whitespace()),
    };
    let users = memchr::memmem::find(&bytes[start..bytes.len().min(start + 10)], b"chpasswd").is_some();
    let value = parted(bytes, value, users.then_some(b':'))?;
    (!value.is_empty()).then_some(Candidate {
        sort: Sort::CommandLine,
        name: line..line + echo,
        value,
        join: Join::Position,
    })
}
