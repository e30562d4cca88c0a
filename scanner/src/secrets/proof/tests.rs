//! Each proof on what it must confirm, leave open and refute.

use super::*;
use crate::secrets::example::fill;

#[test]
fn checksums() {
    assert!(matches!(Proof::Crc32.judge(&fill("{github:ghp_}", "a")), Verdict::Confirmed(_)));
    assert!(matches!(Proof::Crc32.judge(&fill("{npm}", "a")), Verdict::Confirmed(_)));
    assert!(matches!(Proof::Crc32.judge(&fill("ghp_{alnum:36}", "a")), Verdict::Refuted(_)));
    assert!(matches!(Proof::Crc32.judge("ghp_short"), Verdict::Refuted(_)));
    // BIP 173's own valid and invalid strings
    for valid in ["A12UEL5L", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"] {
        assert!(matches!(Proof::Bech32.judge(valid), Verdict::Confirmed(_)), "{valid}");
    }
    assert!(matches!(Proof::Bech32.judge("A12UEL5M"), Verdict::Refuted(_)));
}

#[test]
fn aws_account() {
    // published with its account number 029608264753 in the write-up that found the structure
    let id = ["ASIA", "QNZGKIQY56JQ7WML"].concat();
    assert_eq!(
        Proof::AwsKeyId.judge(&id),
        Verdict::Confirmed("names the AWS account ending in 4753".into()),
        "{:?}",
        Proof::AwsKeyId.judge(&id)
    );
    assert_eq!(Proof::AwsKeyId.judge(&["AKIA", "IOSFODNN7EXAMPLE"].concat()), Verdict::Harmless);
    assert!(matches!(Proof::AwsKeyId.judge(&["AKIA", "1111111111111111"].concat()), Verdict::Refuted(_)));
}

#[test]
fn tokens_that_can_be_opened() {
    assert!(matches!(Proof::Jwt.judge(&fill("{jwt}", "a")), Verdict::Confirmed(_)));
    assert!(matches!(Proof::Jwt.judge(&fill("eyJ{alnum:30}.eyJ{alnum:30}.{alnum:40}", "a")), Verdict::Refuted(_)));
    assert!(matches!(Proof::Pem.judge(&fill("{pem:RSA PRIVATE KEY}", "a")), Verdict::Confirmed(_)));
    assert_eq!(
        Proof::Pem.judge("-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"),
        Verdict::Harmless
    );
    assert!(matches!(Proof::Base64Of64Bytes.judge(&fill("{b64:86}==", "a")), Verdict::Confirmed(_)));
    assert!(matches!(Proof::Base64Of64Bytes.judge(&fill("{b64:40}", "a")), Verdict::Refuted(_)));
    assert!(matches!(Proof::Slack.judge(&fill("xoxb-{digit:12}-{digit:12}-{alnum:24}", "a")), Verdict::Confirmed(_)));
    assert!(matches!(
        Proof::DiscordBot.judge(&fill("{b64of:123456789012345678}.{alnum:6}.{alnum:27}", "a")),
        Verdict::Confirmed(_)
    ));
}
