//! `--format`, as every command that writes a report takes it.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use scanner::export::Format;

/// Accepts the forms' words and lists them in the help.
pub fn parser() -> impl TypedValueParser<Value = Format> {
    let words = Format::ALL.map(|format| PossibleValue::new(format.as_str()));
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Format>())
}
