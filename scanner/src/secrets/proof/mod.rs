//! What a credential's format proves offline, without asking anybody.

pub(crate) mod checksum;
mod cloud;
mod encoded;
pub(crate) mod structure;

pub(crate) use encoded::is_of_public_client;
use serde::Deserialize;

use crate::secrets::generic;

/// A proof that a rule may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Six base 62 digits of CRC32 at the end: GitHub's tokens, and npm's after them.
    Crc32,
    /// The account number that an AWS access key id carries.
    AwsKeyId,
    /// 40 characters of base64 that are neither a hash nor a path.
    AwsSecret,
    /// Three parts, header and claims are JSON.
    Jwt,
    /// PEM armour around base64 of a DER sequence, or of an OpenSSH key; encrypted or not.
    Pem,
    /// PuTTY's key file with its private part.
    Putty,
    /// Base64 of whole bytes.
    Base64,
    /// Base64 of exactly 64 bytes: Azure's account keys.
    Base64Of64Bytes,
    /// A PyPI macaroon: base64 of a body that names its index.
    PypiMacaroon,
    /// Slack's token parts.
    Slack,
    /// A numeric bot id, a colon, 35 characters.
    TelegramBot,
    /// A Discord bot token: base64 of a numeric id, a time, a signature.
    DiscordBot,
    /// Age's bech32 identity.
    Bech32,
    /// A URL that holds a password.
    UrlPassword,
    /// JSON in base64, such as Grafana's and Docker's tokens.
    Base64Json,
    /// The name of a key or an account, which opens nothing without its other part.
    Id,
    /// No format, but letters and digits that no person would write.
    Random,
    /// The same, and more letters than hexadecimal digits have: a commit's or a file's hash has no others.
    Alphanumeric,
}

/// What a proof says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The format holds beyond chance.
    Confirmed(String),
    /// Nothing for or against.
    Open,
    /// The format is broken: the provider cannot have issued this.
    Refuted(String),
    /// Well formed and no credential at all (an encrypted key's public part, a documentation sample): not reported.
    Harmless,
}

impl Verdict {
    fn confirmed(reason: impl Into<String>) -> Self {
        Self::Confirmed(reason.into())
    }

    fn refuted(reason: impl Into<String>) -> Self {
        Self::Refuted(reason.into())
    }
}

impl Proof {
    /// Reads a key in armour: many lines, longer than other secrets, told by its frame.
    pub(crate) fn of_armour(self) -> bool {
        matches!(self, Self::Pem | Self::Putty)
    }

    /// Judges a secret. Reasons never quote it.
    #[must_use]
    pub fn judge(self, secret: &str) -> Verdict {
        match self {
            Self::Crc32 if checksum::crc_holds(secret) => Verdict::confirmed("its CRC32 checksum is right"),
            Self::Crc32 => Verdict::refuted("its CRC32 checksum is wrong: altered, made up, or of another issue"),
            Self::AwsKeyId => cloud::aws_key_id(secret),
            Self::AwsSecret => cloud::aws_secret(secret),
            Self::Jwt => encoded::jwt(secret),
            Self::Pem => encoded::pem(secret),
            Self::Putty => Verdict::confirmed("a key file with its private lines"),
            Self::Base64 => encoded::base64_of(secret, None),
            Self::Base64Of64Bytes => encoded::base64_of(secret, Some(64)),
            Self::Base64Json => encoded::base64_json(secret),
            Self::PypiMacaroon => encoded::pypi_macaroon(secret),
            Self::Slack => structure::slack(secret),
            Self::TelegramBot => structure::telegram_bot(secret),
            Self::DiscordBot => structure::discord_bot(secret),
            Self::Bech32 => structure::bech32(secret),
            Self::Id => Verdict::refuted("names a key or an account, and opens nothing alone"),
            Self::Random if generic::is_random(secret.as_bytes()) => Verdict::Open,
            Self::Alphanumeric
                if generic::is_random(secret.as_bytes()) && !secret.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                Verdict::Open
            }
            Self::Random | Self::Alphanumeric => Verdict::Harmless,
            Self::UrlPassword => structure::url_password(secret),
        }
    }
}

#[cfg(test)]
mod tests;
