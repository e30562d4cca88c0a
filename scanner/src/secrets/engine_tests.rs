//! Every rule on its own examples, and the look-alikes on all rules.

use super::*;
use crate::secrets::example;

fn scan(rules: &RuleSet, path: Option<&str>, text: &str) -> Vec<(String, String, Confidence)> {
    let engine = Engine::new(rules);
    let mut hits = Vec::new();
    engine.scan(&Text::new(text.as_bytes(), path), &mut hits);
    hits.iter()
        .map(|hit| (rules.get(hit.rule).unwrap().id.clone(), text[hit.secret.clone()].to_owned(), hit.confidence))
        .collect()
}

#[test]
fn every_expression_compiles() {
    let rules = RuleSet::builtin().unwrap();
    for rule in rules.rules() {
        rule.pattern.compile().unwrap_or_else(|error| panic!("{}: {error}", rule.id));
    }
}

#[test]
fn every_rule_holds_its_examples() {
    let rules = RuleSet::builtin().unwrap();
    let failures = crate::secrets::rule_check::check(&rules, |_| true);
    assert!(
        failures.is_empty(),
        "{} of the examples fail:\n{}",
        failures.len(),
        failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn overlapping_hits_leave_the_provider() {
    let rules = RuleSet::builtin().unwrap();
    let text = example::fill("github_token = \"{github:ghp_}\"", "overlap");
    let found = scan(&rules, Some("a.py"), &text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].2), ("github-pat", Confidence::High));
    let lesser = scan(&rules, Some("tests/a.py"), &text);
    assert_eq!(lesser[0].2, Confidence::Medium, "a test lowers, and does not hide");
    let wrong = scan(&rules, Some("a.py"), &example::fill("x = \"ghp_{alnum:36}\"", "overlap"));
    assert_eq!(wrong[0].2, Confidence::Low, "a wrong checksum");
}

#[test]
fn nothing_prints_plaintext() {
    let secret = example::fill("{github:ghp_}", "debug");
    let rules = RuleSet::builtin().unwrap();
    let text = Text::new(secret.as_bytes(), None);
    let mut hits = Vec::new();
    Engine::new(&rules).scan(&text, &mut hits);
    let printed = format!("{text:?} {hits:?}");
    assert!(hits.len() == 1 && !printed.contains(&secret[4..20]), "{printed}");
}

/// What looks like a secret and is none: nothing may be found, by any rule.
#[test]
fn look_alikes_stay_silent() {
    let cases = [
        ("a.py", "sha1 = \"{hex:40}\""),
        ("a.py", "MD5 = \"{hex:32}\""),
        ("a.py", "datadog_image = \"sha256:{hex:64}\""),
        ("a.py", "heroku_app_id = \"{uuid}\""),
        ("a.py", "assert commit == \"{hex:40}\""),
        ("go.sum", "github.com/DataDog/x v1.0.0 h1:{b64:43}="),
        ("package-lock.json", "\"integrity\": \"sha512-{b64:86}==\""),
        ("yarn.lock", "twilio@^4: resolved \"https://x/twilio-4.tgz#{hex:40}\""),
        ("uv.lock", "{ url = \"https://files/openai.whl\", hash = \"sha256:{hex:64}\" }"),
        ("cert.pem", "{pem:CERTIFICATE}"),
        ("key.pub", "{pem:PUBLIC KEY}"),
        ("id_rsa.pub", "ssh-rsa {b64:370} user@host"),
        ("key.asc", "{pem:PGP PUBLIC KEY BLOCK}"),
        ("a.css", "src: url(data:font/woff2;base64,{b64:400})"),
        ("a.min.js", "var a={key:\"a\",token:t.token,password:function(){return n(17)},secret:void 0}"),
        ("README.md", "export GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("README.md", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"),
        ("README.md", "Authorization: Bearer YOUR_TOKEN_HERE"),
        ("README.md", "STRIPE_KEY=pk_live_{alnum:24}"),
        ("a.py", "salt = \"{hex:32}\"; nonce = \"{b64:24}\""),
        ("a.yml", "server: 10.12.14.16:8080"),
        ("a.yml", "token: ${{ secrets.GITHUB_TOKEN }}"),
        ("a.yml", "password: !Ref DbPassword"),
        ("a.tf", "password = random_password.db.result"),
        ("a.ts", "const token: Token = await this.tokens.create(user);"),
        ("a.html", "<label for=\"password\">Password</label><input type=\"password\" name=\"password\">"),
        ("a.py", "linear_regression_key = \"weights\""),
        ("a.py", "csrf_token = \"{alnum:64}\""),
        ("a.py", "GITHUB_CLIENT_ID = \"Iv1.{hex:16}\""),
    ];
    let rules = RuleSet::builtin().unwrap();
    let mut alarms = Vec::new();
    for (path, template) in cases {
        for seed in ["a", "b", "c"] {
            let text = example::fill(template, seed);
            alarms.extend(
                scan(&rules, Some(path), &text).into_iter().map(|(rule, ..)| format!("{rule} in {path}: {template}")),
            );
        }
    }
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

#[test]
fn an_organisations_own_rules() {
    let file = |rule: &str| {
        format!(
            "[[provider]]\nname = \"Corp\"\nremedy = \"tell security\"\n[[provider.rule]]\nname = \"token\"\nseverity = \"high\"\n{rule}"
        )
    };
    let good = file(
        "id = \"corp-token\"\nliterals = [\"corp_\"]\nregex = 'corp_[0-9a-f]{32}'\npositive = [\"corp_{hex:32}\"]\nnegative = [\"corp_{hex:8}\"]",
    );
    let mut rules = RuleSet::builtin().unwrap();
    let before = rules.digest();
    rules.extend_from_toml("corp.toml", &good).unwrap();
    assert_ne!(before, rules.digest(), "the digest tells that blobs must be looked at again");
    assert_eq!(crate::secrets::rule_check::check(&rules, |rule| rule.family == "corp.toml"), []);
    let cases = [
        (good.clone(), "exists already"),
        (file("id = \"a\"\nliterals = [\"corp_\"]\nregex = '('\npositive = [\"x\"]"), "rule a: regex"),
        (file("id = \"a\"\nregex = 'x'\npositive = [\"x\"]"), "needs literals or keywords"),
        (file("id = \"a\"\nliterals = [\"ab\"]\nregex = 'ab'\npositive = [\"x\"]"), "three bytes"),
        (file("id = \"a\"\nliterals = [\"abc\"]\nregex = 'abc'\n"), "positive example"),
        (file("id = \"A b\"\nliterals = [\"abc\"]\nregex = 'abc'\npositive = [\"x\"]"), "a-z, 0-9 and hyphens"),
        (file("id = \"a\"\nsurprise = 1"), "unknown field"),
    ];
    for (text, reason) in cases {
        let error = rules.extend_from_toml("corp.toml", &text).unwrap_err().to_string();
        assert!(error.contains(reason) && error.starts_with("corp.toml"), "{error}");
    }
    let wrong =
        file("id = \"wrong\"\nliterals = [\"wrong_\"]\nregex = 'wrong_[0-9]{8}'\npositive = [\"wrong_{hex:4}\"]");
    rules.extend_from_toml("wrong.toml", &wrong).unwrap();
    assert_eq!(crate::secrets::rule_check::check(&rules, |rule| rule.family == "wrong.toml").len(), 1);
}

/// Dense anchors and long lines cost a bounded window each, and nothing panics on any bytes.
#[test]
fn hostile_bytes_end() {
    let rules = RuleSet::builtin().unwrap();
    for piece in [
        "password=",
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJ",
        "://a:b@",
        "\"token\": \"",
        "AKIA",
        "\u{0}\u{ff}key",
        " -p -u ",
    ] {
        let text = piece.repeat(20_000 / piece.len());
        let _ = scan(&rules, None, &text);
        let _ = scan(&rules, Some("a.env"), &text);
    }
}

/// Whatever stands beside a name, at the beginning and the end of a text, too: a panic would stop the scan of a whole repository.
#[test]
fn no_order_of_names_and_signs_stops_a_scan() {
    const PIECES: &[&str] = &[
        "password",
        "auth",
        "USERPWD",
        "login(",
        "login: ",
        "credentials",
        "api_key",
        "hmac.new(",
        "psk=",
        "x_pat=",
        "Bearer ",
        "Basic ",
        "://",
        " -p",
        "curl -u ",
        " for ",
        " is ",
        " / ",
        "\"",
        "'",
        "`",
        "\\",
        ":",
        "=",
        ",",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "$",
        "@",
        "?",
        "\n",
        " ",
        "\"\"\"",
        "...",
        "Zq8kkTq77x",
        "YTpaOA==",
        "é",
    ];
    let rules = RuleSet::builtin().unwrap();
    let engine = Engine::new(&rules);
    let mut random = blake3::Hasher::new().update(b"pieces").finalize_xof();
    for _ in 0..40_000 {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        let pieces = bytes[1..].iter().take(1 + usize::from(bytes[0]) % 9);
        let text: String = pieces.map(|byte| PIECES[usize::from(*byte) % PIECES.len()]).collect();
        for path in [None, Some("a.py"), Some(".env"), Some("a.md"), Some("a.sh"), Some("a.xml")] {
            engine.scan(&Text::new(text.as_bytes(), path), &mut Vec::new());
        }
    }
}
