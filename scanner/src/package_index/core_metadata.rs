//! Core metadata (`METADATA`, `PKG-INFO`, or the `.metadata` file of PEP 658): whom a distribution needs and what it provides.

use std::str::FromStr;

use advisories::PackageName;
use pep508_rs::{ExtraName, Requirement, VerbatimUrl};

/// The fields that are of use here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoreMetadata {
    /// Its own name, as written.
    pub name: String,
    /// Its own version, as written.
    pub version: String,
    /// Whom it needs, in the order of the file.
    pub requires: Vec<Requires>,
    /// Its extras, normalised.
    pub extras: Vec<String>,
    /// Import names that it says to provide (PEP 794), with those it shares with others.
    pub import_names: Vec<String>,
}

/// One `Requires-Dist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requires {
    /// Whom.
    pub name: PackageName,
    /// The extras under which; empty when it is needed in every installation (on some platform).
    pub extras: Vec<String>,
    /// The requirement as written.
    pub text: String,
}

impl CoreMetadata {
    /// Reads the header. A requirement that breaks PEP 508 (there are some on every index) is left out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut requires = Vec::new();
        for (name, value) in fields(text) {
            match name.to_ascii_lowercase().as_str() {
                "name" => read.name = value,
                "version" => read.version = value,
                "provides-extra" => {
                    read.extras.extend(ExtraName::from_str(&value).map(|extra| extra.to_string()));
                }
                "requires-dist" => requires.push(value),
                "import-name" | "import-namespace" => {
                    let module = value.split(';').next().unwrap_or_default().trim();
                    read.import_names.extend((!module.is_empty()).then(|| module.to_owned()));
                }
                _ => {}
            }
        }
        read.requires = requires.into_iter().filter_map(|text| requirement(text, &read.extras)).collect();
        read
    }
}

/// The header of a metadata text, which ends where the description begins.
#[must_use]
pub(super) fn header(text: &str) -> &str {
    let end = text.find("\n\n").into_iter().chain(text.find("\r\n\r\n")).min();
    &text[..end.unwrap_or(text.len())]
}

/// Name and value of each field; a line that begins with white space continues the one before.
fn fields(text: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in header(text).lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim(), value.trim().to_owned()));
        }
    }
    fields
}

fn requirement(text: String, provided: &[String]) -> Option<Requires> {
    let requirement = Requirement::<VerbatimUrl>::from_str(&text).ok()?;
    let name = PackageName::new(requirement.name.as_ref()).ok()?;
    let marker = text.split_once(';').map_or("", |(_, marker)| marker).to_lowercase().replace('_', "-");
    let under = |extra: &&String| {
        let plain = extra.replace(['_', '.'], "-");
        let quoted = [format!("\"{plain}\""), format!("'{plain}'")];
        quoted.iter().any(|quoted| marker.contains(quoted) || marker.replace('.', "-").contains(quoted))
    };
    let extras: Vec<String> = match marker.contains("extra") {
        true => provided.iter().filter(under).cloned().collect(),
        false => Vec::new(),
    };
    // an extra that the header does not list is an extra all the same
    let extras = if marker.contains("extra") && extras.is_empty() { vec![String::new()] } else { extras };
    Some(Requires { name, extras, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_their_corners() {
        let text = "Metadata-Version: 2.5\nName: Thing\nVersion: 1.0\nProvides-Extra: fast_json\nProvides-Extra: all\n\
            Requires-Dist: requests (>=2)\nRequires-Dist: extra-streamlit; python_version < \"3.9\"\n\
            Requires-Dist: orjson>=3; extra == \"fast_json\" or extra == 'all'\nRequires-Dist: hidden; extra == 'nowhere'\n\
            Requires-Dist: not a requirement at all\nImport-Name: thing\nImport-Namespace: shared ; private\n\
            Summary: one\n  two\n\nRequires-Dist: in-the-description\n";
        let read = CoreMetadata::read(text);
        assert_eq!((read.name.as_str(), read.version.as_str()), ("Thing", "1.0"));
        assert_eq!(read.extras, ["fast-json", "all"]);
        assert_eq!(read.import_names, ["thing", "shared"]);
        let requires: Vec<(&str, Vec<&str>)> = read
            .requires
            .iter()
            .map(|one| (one.name.as_str(), one.extras.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            requires,
            [
                ("requests", vec![]),
                ("extra-streamlit", vec![]),
                ("orjson", vec!["fast-json", "all"]),
                ("hidden", vec![""])
            ]
        );
        assert_eq!(CoreMetadata::read(""), CoreMetadata::default());
    }
}
