//! Comments beside a secret that say it is known: ours with a reason, and the neighbours' three.

/// The reason an inline comment gives for ignoring a hit of `rule` on `line`; `None` when there is no such comment.
///
/// Ours is `secretarybird: ignore[rule] reason`; without a rule of that name, or without a reason, it hides nothing.
pub(super) fn reason(line: &[u8], before: &[u8], rule: &str) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    if let Some((_, rest)) = line.split_once("secretarybird: ignore[")
        && let Some((named, why)) = rest.split_once(']')
        && named.split(',').any(|one| one.trim() == rule)
    {
        let why = why.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        // The comment may stand before the secret on the same line: only its words are a reason, not what follows a quote.
        let why: String =
            why.chars().take_while(|letter| !matches!(letter, '"' | '\'' | '=' | '`')).take(200).collect();
        return (!why.trim().is_empty()).then(|| why.trim().to_owned());
    }
    if let Some(mark) = ["gitleaks:allow", "trufflehog:ignore"].into_iter().find(|mark| line.contains(mark)) {
        return Some(mark.to_owned());
    }
    if contains_ignoring_case(&line, "pragma: allowlist secret")
        || contains_ignoring_case(&line, "pragma: whitelist secret")
    {
        return Some("pragma: allowlist secret".to_owned());
    }
    contains_ignoring_case(&String::from_utf8_lossy(before), "pragma: allowlist nextline secret")
        .then(|| "pragma: allowlist nextline secret".to_owned())
}

fn contains_ignoring_case(line: &str, words: &str) -> bool {
    line.to_ascii_lowercase().contains(words)
}

/// Comments further away on a long line (minified code, data) are not read.
const COMMENT_REACH: usize = 1000;

/// The line before, and the line that holds the range (to the end of its last line), each as far as a comment reaches.
pub(super) fn lines(bytes: &[u8], from: usize, to: usize) -> (&[u8], &[u8]) {
    let low = from.saturating_sub(COMMENT_REACH);
    let start = memchr::memrchr(b'\n', &bytes[low..from]).map_or(low, |newline| low + newline + 1);
    let high = bytes.len().min(to + COMMENT_REACH);
    let end = memchr::memchr(b'\n', &bytes[to..high]).map_or(high, |newline| to + newline);
    let before_end = start.saturating_sub(1);
    let low = before_end.saturating_sub(COMMENT_REACH);
    let before = memchr::memrchr(b'\n', &bytes[low..before_end]).map_or(low, |newline| low + newline + 1);
    (&bytes[before..before_end], &bytes[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments() {
        // Sources: design contract; gitleaks README "gitleaks:allow"; detect-secrets README "Inline Allowlisting".
        let cases: &[(&str, &str, Option<&str>)] = &[
            ("x = 1  # secretarybird: ignore[generic] a sample", "", Some("a sample")),
            ("x = 1  # secretarybird: ignore[other, generic] a sample", "", Some("a sample")),
            ("x = 1  # secretarybird: ignore[other] a sample", "", None),
            ("x = 1  # secretarybird: ignore[generic]", "", None),
            ("x = 1  # secretarybird: ignore", "", None),
            ("/* secretarybird: ignore[generic] old */", "", Some("old")),
            ("x = 1  # gitleaks:allow", "", Some("gitleaks:allow")),
            ("x = 1  # trufflehog:ignore", "", Some("trufflehog:ignore")),
            ("x = 1  # Pragma: allowlist secret", "", Some("pragma: allowlist secret")),
            ("x = 1", "# pragma: allowlist nextline secret", Some("pragma: allowlist nextline secret")),
            ("x = 1", "# pragma: allowlist secret", None),
            ("x = 1", "y = 2 # gitleaks:allow", None),
        ];
        for (line, before, expected) in cases {
            assert_eq!(reason(line.as_bytes(), before.as_bytes(), "generic").as_deref(), *expected, "{line}");
        }
    }
}
