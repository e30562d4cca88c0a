//! Credentials that providers print in their own documentation, or that every emulator has. Kept as the beginnings of their SHA-256, so that
//! this file itself holds none.

use sha2::{Digest as _, Sha256};

const SAMPLES: &[&str] = &[
    // Azure's storage emulator
    "0011cc25eb4320717494d270",
    // Azure's Cosmos emulator
    "aa6547439583c3a275d4542a",
    // Stripe's documentation
    "2cafc0970149a84f3b9e62ea",
    // Stripe's documentation, older
    "f2d6ca16515033e5dce14eba",
    // GitHub's documentation
    "3543c50b0cb9cea8e55eb1f5",
    // Slack's documentation
    "f5375a46365089a84f4f822b",
    // SendGrid's documentation
    "02091175c1ae3023fb1e92ff",
    // Telegram's documentation
    "0b5dd075ccdd03c42f4edda8",
    // Telegram's documentation, older
    "731fa294d036e54f19df879b",
    // RFC 7617's user
    "cf4d418ed3de92d71f767db5",
    // RFC 6749's client
    "ca7459e2b26776de081b9a07",
    // Mailgun's documentation
    "9c846fdf0fa8955c377d0301",
    // AWS's documentation
    "78314b11be2e581549ac1c4f",
    // Google Maps' documentation
    "ac9265e56c79b234607ec72c",
    // RFC 5849's clients and tokens
    "293257ab6495ebb11cf9e4ae",
    "cb87c87e4a138d9a72259d2a",
    "4c20e6f5cc11b93731e74cbe",
    "6aa14267d94944e6b6483c81",
    "5586407997f5e8492fa0d6d3",
    "bb9b1163338b2a51495834ad",
    "649e1f5c769e718ba10d1a70",
    "80f8b7c904d4a43f3b7036db",
    "2ff8b0fb93aca981c78f1e94",
    "c20fbc2b96183894fb461879",
    "b87dad10a32a2d81aa2e36e3",
    "128e8e99b7b9ff47335bfb2e",
    "04e3524cafd2504357057bb3",
    "ef70a6b4b42a061262d7437c",
    "764acfc9bee70965d469115f",
    // RFC 6749's clients, codes and tokens
    "53f5da0aaa93d64cd5772c55",
    "6c96130f130ab0d6d158397e",
    "00cf4c781dc37003f7c7dd7d",
    "a35b81a7d7927b70ec99270d",
    "e9974c507d2a802143f614c8",
    "2c31d647d56670580effa322",
    "584b27d64ebc1b3341f7fc9a",
    "a71b359a87afde133e6d9731",
    // RFC 6750's, 7009's, 7591's and 7662's tokens
    "b8e148545b13c78bc74da2f1",
    "3e6099e82cea8b701718e015",
    "ea9bdfd02c0c412c8cc36ba6",
    "90fd21a668f4b1211fbcb4f6",
    "92212b05a8b8f6bbc5543769",
    "5d461d812fae8b3f4ae2c445",
    "c97b628dec75065584b11efd",
    // OpenID Connect's codes, tokens and hashes
    "ad71fb4165536675d80a8bbf",
    "9e309cccd311ea64d04133da",
    "efb42650fb633dfcd6b45d80",
    "cfd1f073c22435b598741a13",
    "993b5d0d8c2d9f4578b29455",
    "79498a1f00674029303fa402",
    "250fa1faa0607318a9fe83ac",
    // RFC 6455's and RFC 6238's keys, and the one that every library of one-time passwords shows
    "15cef4b629cc2d07a4563df9",
    "507e2ce3c522082b61100d56",
    "549c9390539efcfa01d2744e",
    "8be5d113c0871ce1a122d68a",
    // Twitter's documentation
    "8e0628300c16fe3834b3b87d",
    "819994820a8ec7d6193be7f6",
    "00b3dc640c9c99fcdbdab6f6",
    "5aac38e542b76b97b3518c02",
    // Giphy's key for everybody
    "e1bb72ff7816ebe8b386d913",
    // reCAPTCHA's keys for tests
    "f5e95c9954635b65acab57e6",
    "03b970ed8171d73b58bbc9a5",
    // CoinMarketCap's sandbox
    "b48f77ee9a006b06e18a6415",
    // Databricks' documentation
    "32c2dc15c5120958c0fa1e6f",
    // RFC 8032's private keys
    "099da475a54aacbacabde231",
    "80cd0406a778128b9b92931b",
    "dfdcf400fd38f3bc807fd3ea",
    // NIST's keys of AES (SP 800-38A and FIPS 197)
    "2ef2503d964e9668092e6878",
    "c12ce25303a023aa13176144",
    "837e8e636d452b6133d5a5c5",
    "d65df89f702eec58ca3c7bf2",
    "6c86c6aac5fb24bcf5d9939c",
    // the first accounts of Hardhat, Anvil and Ganache
    "bc1a50966c9e6486bc4ebf88",
    "60a09e4357868c1e9b801052",
    "8335c55334821eefd4334369",
    "095101cf732c298a0ce0320b",
    "b26ab6529d20ebebb4192256",
    "bb4978fbe7638de8e6ee13d9",
    "578592185588730b9d10b87e",
    "424742fc6538f5e7e01d32ce",
    // BIP 32's vectors
    "2243ae4c730144699810edff",
    "fa146b83df550394a57ed8f0",
    "93e28cee01d34e885f66db5f",
    // RFC 7515's symmetric key
    "8b1b17a9740c068accab5c3d",
];

/// Whether the value is one of them.
pub(super) fn is_documented(value: &[u8]) -> bool {
    // all known ones are of these lengths
    if !(7..=111).contains(&value.len()) {
        return false;
    }
    let hash = hex::encode(Sha256::digest(value));
    SAMPLES.iter().any(|known| hash.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_known() {
        let sample = ["sk_test_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
        assert!(is_documented(sample.as_bytes()));
        assert!(!is_documented(format!("{sample}x").as_bytes()));
        for parts in [
            ["kd94hf93", "k423kf44"],
            ["pfkkdhi9", "sl3r4s00"],
            ["gX1fB", "at3bV"],
            ["2YotnFZFEjr1", "zCsicMWpAA"],
            ["mF_9.B5f-", "4.1JqM"],
            ["SlAV32", "hkKG"],
            ["JBSWY3DP", "EHPK3PXP"],
            ["6LeIxAcTAAAAAGG-", "vFI1TnRWxMZNFuojJ4WifJWe"],
            ["dapi1234567890ab1cde", "2f3ab456c7d89efa"],
            ["2b7e151628aed2a6", "abf7158809cf4f3c"],
            ["9d61b19deffd5a60ba844af492ec2cc4", "4449c5697b326919703bac031cae7f60"],
        ] {
            assert!(is_documented(parts.concat().as_bytes()), "{parts:?}");
        }
    }
}
