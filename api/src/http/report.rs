//! A report in the form that the caller asks for.

use axum::http::{HeaderMap, header};
use scanner::{Report, export};

use super::error::ApiError;

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The JSON report.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// For a person.
    Text,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For a comment.
    Markdown,
    /// For a spreadsheet.
    Csv,
    /// GitHub's workflow commands.
    Github,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 7] =
        [Self::Json, Self::JsonLines, Self::Text, Self::Sarif, Self::Markdown, Self::Csv, Self::Github];

    /// The word of `?format=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Text => "text",
            Self::Sarif => "sarif",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Github => "github",
        }
    }

    /// What `Content-Type` says.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Text | Self::Github => "text/plain; charset=utf-8",
            Self::Sarif => "application/sarif+json",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    fn answers(self, range: &str) -> bool {
        let own = self.media_type().split(';').next().unwrap_or_default();
        range == own || range == "*/*" || range.strip_suffix("/*").is_some_and(|family| own.starts_with(family))
    }
}

/// Chooses by `?format=`, else by `Accept` in the caller's order of preference (RFC 9110, section 12.5.1), else JSON.
///
/// # Errors
/// [`ApiError::NotAcceptable`], naming what there is.
pub fn choose(format: Option<&str>, headers: &HeaderMap) -> Result<Format, ApiError> {
    let none =
        || ApiError::NotAcceptable("a report comes as json, jsonl, text, sarif, markdown, csv or github".to_owned());
    if let Some(word) = format {
        return Format::ALL.into_iter().find(|format| format.as_str() == word).ok_or_else(none);
    }
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(Format::Json);
    };
    let mut ranges: Vec<(f32, &str)> =
        accept.split(',').map(preference).filter(|(quality, _)| *quality > 0.0).collect();
    // stable, so that equals stay in the caller's order
    ranges.sort_by(|left, right| right.0.total_cmp(&left.0));
    let answer = |(_, range): &(f32, &str)| Format::ALL.into_iter().find(|format| format.answers(range));
    ranges.iter().find_map(answer).ok_or_else(none)
}

fn preference(range: &str) -> (f32, &str) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
    (quality.unwrap_or(0.0), name)
}

/// The report as bytes.
///
/// # Errors
/// [`ApiError::Internal`].
pub fn render(format: Format, report: &Report) -> Result<Vec<u8>, ApiError> {
    let wrong = |error: serde_json::Error| ApiError::Internal(error.to_string());
    Ok(match format {
        Format::Json => serde_json::to_vec(report).map_err(wrong)?,
        Format::JsonLines => export::json::lines(report).map_err(wrong)?.into_bytes(),
        Format::Text => export::text::render(report).into_bytes(),
        Format::Sarif => serde_json::to_vec(&export::sarif::render(report)).map_err(wrong)?,
        Format::Markdown => export::markdown::render(report).into_bytes(),
        Format::Csv => export::markdown::csv(report).into_bytes(),
        Format::Github => export::markdown::annotations(report).into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_preference_decides() {
        let cases = [
            (None, None, Ok(Format::Json)),
            (Some("text"), Some("application/json"), Ok(Format::Text)),
            (Some("pdf"), None, Err(())),
            (None, Some("application/sarif+json"), Ok(Format::Sarif)),
            (None, Some("*/*"), Ok(Format::Json)),
            (None, Some("text/plain"), Ok(Format::Text)),
            (None, Some("text/*;q=0.5, application/json;q=0.4"), Ok(Format::Text)),
            (None, Some("text/plain;q=0, application/*"), Ok(Format::Json)),
            (None, Some("image/png, */*;q=0.1"), Ok(Format::Json)),
            (None, Some("image/png"), Err(())),
            (None, Some("text/html"), Err(())),
        ];
        for (format, accept, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, axum::http::HeaderValue::from_static(accept));
            }
            assert_eq!(choose(format, &headers).map_err(|_| ()), expected, "{format:?} {accept:?}");
        }
    }
}
