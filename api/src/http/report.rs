//! A report in the form that the caller asks for.

use axum::http::{HeaderMap, header};
use scanner::Report;
use scanner::export::{self, Format};

use super::error::ApiError;

/// What a range of several forms means first.
const PREFERRED: [Format; 9] = [
    Format::Json,
    Format::JsonLines,
    Format::Text,
    Format::Sarif,
    Format::CycloneDx,
    Format::Spdx,
    Format::OpenVex,
    Format::Markdown,
    Format::Csv,
];

/// Whether a media range (RFC 9110, section 12.5.1, without parameters) takes a form.
fn answers(format: Format, range: &str) -> bool {
    let own = format.media_type().split(';').next().unwrap_or_default();
    range == own || range == "*/*" || range.strip_suffix("/*").is_some_and(|family| own.starts_with(family))
}

/// Chooses by `?format=`, else by `Accept` in the caller's order of preference (RFC 9110, section 12.5.1), else JSON.
///
/// # Errors
/// [`ApiError::NotAcceptable`], naming what there is.
pub fn choose(format: Option<&str>, headers: &HeaderMap) -> Result<Format, ApiError> {
    let none = |reason: String| ApiError::NotAcceptable(reason);
    if let Some(word) = format {
        return word.parse::<Format>().map_err(|error| none(format!("format {error}")));
    }
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(Format::Json);
    };
    let mut ranges: Vec<(f32, &str)> =
        accept.split(',').map(preference).filter(|(quality, _)| *quality > 0.0).collect();
    // stable, so that equals stay in the caller's order
    ranges.sort_by(|left, right| right.0.total_cmp(&left.0));
    let answer = |(_, range): &(f32, &str)| PREFERRED.into_iter().find(|format| answers(*format, range));
    ranges.iter().find_map(answer).ok_or_else(|| none("a report comes in none of the media types accepted".to_owned()))
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
    let rendered = export::render(report, format).map_err(|error| ApiError::Internal(error.to_string()))?;
    // no terminal reads this
    Ok(anstream::adapter::strip_str(&rendered).to_string().into_bytes())
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
