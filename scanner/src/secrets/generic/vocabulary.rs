//! Words of names and values, and what each of them says.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A list of words, looked up by their hash.
pub(super) struct Words(LazyLock<HashSet<&'static str>>);

impl Words {
    pub(super) fn has(&self, word: &str) -> bool {
        self.0.contains(word)
    }
}

macro_rules! words {
    ($($(#[$about:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$about])* pub(super) static $name: Words = Words(LazyLock::new(|| $text.split(' ').collect()));)*
    };
}

words! {
    /// Behind a promise: the name is one of something else.
    OTHER = "file filename path dir directory url uri id ids name names type types len length field fields label prefix \
    suffix hash hashed hasher hashes expire expires expiry expiration policy reset format regex pattern header \
    headers count index placeholder hint title message msg error errors class param params arg min max size date \
    time at by scope scopes endpoint public pub board word words primary foreign sort cache partition hidden \
    validator validators attribute attributes validation strength salt nonce iv checksum digest sha sha1 sha256 md5 commit fingerprint \
    thumbprint algorithm alg encoding generator provider manager mgr help description tooltip button form input page \
    view route link template icon selector css xpath locator event events column table ttl timeout mode status state \
    enabled required change changed confirm confirmation forgot forgotten recovery version method context backend \
    backends handler middleware object group sequence lookup idempotency i18n translation locale arn vault ref \
    reference usage limit limits uses unit kind claim claims audience issuer model models schema module import \
    package plugin test cookie tokenizer csrf xsrf author authors hostkey known ssh-rsa site sitekey trackid \
    namespace color env var variable prompt prompts stdin encryption validity period days lifetime age history complexity strength uuid guid address addresses addr denom contract map maps \
    command cmd characters chars alphabet charset";
    /// Before a promise: the name is one of something else, or of nothing.
    SPOILING = "hash hashed encrypted reset forgot no is has invalid wrong fake num max min total csrf xsrf salt nonce hint mask";
    /// Before a token or a key, though not before a password: it is public, or opens nothing. The synchronizer token is OWASP's name for what
    /// keeps a form from being forged.
    SPOILING_TOKENS = "public cache primary foreign sort next page pagination continuation sealed unk eos bos pad special \
    fingerprint site authenticity verification unique dkim synchronizer antiforgery quote website spreadsheet sheet document";
    /// Words behind which the promise still holds.
    NEUTRAL = "value val string str default prod production dev staging live local new old raw plain text plaintext base64 b64 \
    hex master root admin user current data 1 2 3";
    /// What has keys that are names: `rule_key`, `issueKey`.
    KEYED = "rule issue project row entry item record metric event field property label lang translation message map dict \
    json node tag";
    /// Before `key`: the key opens something.
    BEFORE_KEY = "api secret access private auth encryption encrypt signing sign license licence master service app account shared \
    storage subscription crypt crypto cipher aes hmac jwt session client integration admin deploy write \
    read server";
    /// Words that end in `key` and are about none.
    NOT_KEY = "monkey turkey jockey whiskey hockey hotkey passkey keykey mickey smokey donkey pubkey publickey pubkeys \
    uniquekey sitekey";
    /// Words that end in `pass` and are about no password.
    NOT_PASS = "bypass compass encompass trespass surpass underpass overpass lowpass highpass bandpass multipass onepass twopass";
    /// What no service is set up with: values of types, words that something is to be filled in, or switched.
    NO_DEFAULT = "true false null none nil string text password passwd pass secret token required optional username undefined \
    default empty disabled enabled hidden unknown value file vault auto bearer basic prompt plaintext plain input number \
    integer object array bool boolean self this apikey login email mail credentials credential private public fake mock bogus \
    always never later here some your";
    /// Words that stand where a password would, and are none.
    STOP = "true false null none nil yes no string str text password passwd pass pwd secret token required optional username \
    user undefined default empty disabled enabled hidden unknown value file vault auto bearer basic admin root test \
    testing tests prompt plaintext plain input number integer object array bool boolean any self this key apikey \
    api_key secret_key postgres mysql redis guest login email credentials credential private public sha256 sha512 \
    md5 bcrypt scrypt argon2 foo bar baz qux abc abcd test123 abc123 password123 secret123 pass123 1234 123 12345 \
    123456 1234567890 top-secret topsecret top_secret fake mock bogus pswd psw passw";
}

/// Words that promise a password.
pub(super) const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "passwort",
    "motdepasse",
    "contrasena",
    "contraseña",
    "contrasenya",
    "senha",
    "userpass",
    "dbpass",
    "mypass",
    "rootpass",
    "adminpass",
    "passw",
    "kennwort",
    "wachtwoord",
    "haslo",
    "hasło",
    "heslo",
    "parola",
    "salasana",
    "rootpw",
    "psk",
    "пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
];
/// Words that promise a token or another secret.
pub(super) const SECRETS: &[&str] = &[
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accesskey",
    "authkey",
    "privatekey",
    "apitoken",
    "accesstoken",
    "authtoken",
    "clientsecret",
    "credential",
    "credentials",
    "bearer",
    "pat",
    "authcode",
];
