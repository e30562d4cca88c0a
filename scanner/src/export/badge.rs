//! A badge for a README: an SVG with the number of findings that count, in the form that shields made customary.

use advisories::Severity;

use crate::report::Report;

/// The badge. Incomplete reports say so, in grey: nothing found is not the same as not looked.
#[must_use]
pub fn render(report: &Report) -> String {
    let counted = || report.findings.iter().filter(|finding| finding.ignored.is_none());
    let worst = counted().map(|finding| finding.severity).max();
    let (text, colour) = match (report.complete, counted().count(), worst) {
        (false, 0, _) => ("incomplete".to_owned(), "#7f7f7f"),
        (true, 0, _) => ("clean".to_owned(), "#2c7a3f"),
        (_, count, Some(Severity::Critical | Severity::High)) => (format!("{count} findings"), "#b3261e"),
        (_, count, Some(Severity::Medium | Severity::Unknown)) => (format!("{count} findings"), "#b35900"),
        (_, count, _) => (format!("{count} findings"), "#7a6a00"),
    };
    svg("secretarybird", &text, colour)
}

/// Two boxes of text. A character of the font at this size is at most seven pixels wide.
fn svg(label: &str, text: &str, colour: &str) -> String {
    let width = |text: &str| text.chars().count() * 7 + 10;
    let (left, right) = (width(label), width(text));
    let (total, middle, behind) = (left + right, left / 2, left + right / 2);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"20\" role=\"img\" aria-label=\"{label}: {text}\">\
         <title>{label}: {text}</title>\
         <rect width=\"{left}\" height=\"20\" fill=\"#444\"/><rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\
         <text x=\"{middle}\" y=\"14\">{label}</text><text x=\"{behind}\" y=\"14\">{text}</text></g></svg>\n"
    )
}
