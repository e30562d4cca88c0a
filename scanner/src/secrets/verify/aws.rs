//! AWS's signature version 4 of STS's GetCallerIdentity, the one call that every key may make and that changes nothing.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Question;

const REGION: &str = "us-east-1";
const SERVICE: &str = "sts";

/// Adds date and signature. `None` where the origin has no host.
pub(super) fn sign_sts(question: &mut Question, id: &str, secret: &str, now: Timestamp) -> Option<()> {
    let url = url::Url::parse(&question.origin).ok()?;
    let host = match (url.host_str()?, url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let content = "application/x-www-form-urlencoded; charset=utf-8";
    let signed = "content-type;host;x-amz-date";
    let canonical = format!(
        "{}\n/\n\ncontent-type:{content}\nhost:{host}\nx-amz-date:{time}\n\n{signed}\n{}",
        question.method,
        hex::encode(Sha256::digest(question.body.as_bytes()))
    );
    let scope = format!("{date}/{REGION}/{SERVICE}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
    let mut key = Zeroizing::new(format!("AWS4{secret}").into_bytes());
    for part in [date, REGION, SERVICE, "aws4_request"] {
        key = Zeroizing::new(mac(&key, part.as_bytes())?);
    }
    let signature = hex::encode(mac(&key, to_sign.as_bytes())?);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}");
    question.headers.push(("Content-Type".to_owned(), Zeroizing::new(content.to_owned())));
    question.headers.push(("X-Amz-Date".to_owned(), Zeroizing::new(time)));
    question.headers.push(("Authorization".to_owned(), Zeroizing::new(authorization)));
    Some(())
}

fn mac(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac.finalize().into_bytes().to_vec())
}
