//! Columns, colours and numbers of the text report.

use anstyle::{AnsiColor, Color};

/// The widest line written, in columns.
pub const WIDTH: usize = 80;

/// What a piece of text means; the colour follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Strong,
    Heading,
    Critical,
    High,
    Medium,
    Low,
    Good,
}

impl Style {
    fn ansi(self) -> anstyle::Style {
        let style = anstyle::Style::new();
        let colour = |colour: AnsiColor| style.fg_color(Some(Color::Ansi(colour)));
        match self {
            Self::Plain => style,
            Self::Strong => style.bold(),
            Self::Heading => style.bold().underline(),
            Self::Critical => colour(AnsiColor::Red).bold(),
            Self::High => colour(AnsiColor::Red),
            Self::Medium => colour(AnsiColor::Yellow),
            Self::Low => style.dimmed(),
            Self::Good => colour(AnsiColor::Green),
        }
    }
}

/// The text in its style.
pub fn painted(text: &str, style: Style) -> String {
    let ansi = style.ansi();
    if style == Style::Plain { text.to_owned() } else { format!("{ansi}{text}{ansi:#}") }
}

/// Appends the text as lines of at most [`WIDTH`] columns; the first begins with `lead`, the others are indented as far.
/// A word that is longer than a line (a path, a URL) stands alone and whole.
pub fn wrapped(out: &mut String, lead: &str, text: &str, style: Style) {
    let indent = lead.chars().count();
    let mut line = String::new();
    let mut columns = 0;
    let mut first = true;
    let mut flush = |line: &mut String, out: &mut String| {
        let lead = if first { lead.to_owned() } else { " ".repeat(indent) };
        first = false;
        out.push_str(&lead);
        out.push_str(&painted(line, style));
        out.push('\n');
        line.clear();
    };
    for word in text.split_whitespace() {
        let word = without_controls(word);
        let width = word.chars().count();
        if columns > 0 && indent + columns + 1 + width > WIDTH {
            flush(&mut line, out);
            columns = 0;
        }
        if columns > 0 {
            line.push(' ');
            columns += 1;
        }
        line.push_str(&word);
        columns += width;
    }
    if columns > 0 {
        flush(&mut line, out);
    }
}

/// The text without control characters, which a repository could use to steer the reader's terminal.
pub fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `1 file`, `2 files`, `3 advisories`.
pub fn plural(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

/// `512 B`, `1.5 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", count / 1_000_000_000, count % 1_000_000_000 / 100_000_000),
    }
}
