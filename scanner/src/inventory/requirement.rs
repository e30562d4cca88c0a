//! One dependency specifier: PEP 508 with pip's leniencies (`name (>=1)`, `./path`, bare URLs with `#egg=`).
//!
//! Specification: <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>, and pip's
//! `req/constructors.py` for what stands beside it. Written here and not with `pep508_rs`, whose marker parser recurses with
//! the depth of its input and refuses the whole requirement for one odd marker: a name and a pin have to survive that.

use advisories::{PackageName, Version};

use super::origin;
use super::package::{Package, Source};

/// A requirement in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Whom it asks for.
    pub name: PackageName,
    /// Which of that package's extras.
    pub extras: Vec<String>,
    /// Version specifiers as written, without parentheses.
    pub specifier: Option<String>,
    /// The exact version: from `==`, `===`, or the file name of an archive's URL.
    pub version: Option<Version>,
    /// Where it is taken from.
    pub source: Source,
    /// The marker as written.
    pub marker: Option<String>,
}

impl Requirement {
    /// Reads one requirement.
    ///
    /// # Errors
    /// What was expected and what was there, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (head, marker) = split_marker(text);
        let (name, rest) = split_name(head);
        if name.is_empty() || origin::looks_like_location(head) {
            return Self::from_location(head, marker);
        }
        let parsed = PackageName::new(name).map_err(|error| error.to_string())?;
        let (extras, rest) = split_extras(rest)?;
        let rest = rest.trim();
        let mut requirement =
            Self { name: parsed, extras, specifier: None, version: None, source: Source::DEFAULT_INDEX, marker };
        if let Some(url) = rest.strip_prefix('@') {
            let place = origin::read(url.trim());
            requirement.version = place.version;
            requirement.source = place.source;
        } else if !rest.is_empty() {
            let specifier = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest).trim();
            check_specifier(specifier)?;
            requirement.version = pinned(specifier);
            requirement.specifier = Some(specifier.to_owned()).filter(|text| !text.is_empty());
        }
        Ok(requirement)
    }

    /// The package that a text which is no requirement asks for all the same: its version is a variable or a template's.
    #[must_use]
    pub fn without_version(text: &str) -> Option<Self> {
        let (head, marker) = split_marker(text.trim());
        let at = head.find(['=', '<', '>', '!', '~']).filter(|&at| head[at..].contains(['$', '{', '`']))?;
        Self::parse(&head[..at]).ok().map(|found| Self { marker, ..found })
    }

    /// A bare URL, version-control address or path: the name is in its fragment or in its file name.
    fn from_location(head: &str, marker: Option<String>) -> Result<Self, String> {
        if head.is_empty() {
            return Err("expected a requirement, found nothing before the marker".to_owned());
        }
        let place = origin::read(head);
        match place.name {
            Some(name) => Ok(Self {
                name,
                extras: place.extras,
                specifier: None,
                version: place.version,
                source: place.source,
                marker,
            }),
            None => Err(format!(
                "expected a package name: `{}` does not tell it",
                shortened(&origin::without_credentials(head))
            )),
        }
    }

    /// The package it asks for, as something the project itself wants.
    #[must_use]
    pub fn into_package(self) -> Package {
        Package {
            version: self.version,
            specifier: self.specifier,
            requested_extras: self.extras,
            marker: self.marker,
            direct: true,
            ..Package::new(self.name, self.source)
        }
    }
}

/// Splits off the marker: at the first `;`, and in a URL (where `;` may stand) at the first one after a blank.
fn split_marker(text: &str) -> (&str, Option<String>) {
    let is_url = text.contains("://") || text.contains(" @ ");
    let at = if is_url {
        memchr::memmem::find(text.as_bytes(), b" ;")
            .map(|at| at + 1)
            .or_else(|| memchr::memmem::find(text.as_bytes(), b"; "))
    } else {
        text.find(';')
    };
    match at {
        Some(at) => {
            let marker = text[at + 1..].trim();
            (text[..at].trim_end(), Some(marker.to_owned()).filter(|marker| !marker.is_empty()))
        }
        None => (text, None),
    }
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn split_extras(rest: &str) -> Result<(Vec<String>, &str), String> {
    let Some(inner) = rest.trim_start().strip_prefix('[') else {
        return Ok((Vec::new(), rest));
    };
    let Some((list, rest)) = inner.split_once(']') else {
        return Err("expected `]` after the extras".to_owned());
    };
    let mut extras = Vec::new();
    for extra in list.split(',').map(str::trim).filter(|extra| !extra.is_empty()) {
        let name =
            PackageName::new(extra).map_err(|_| format!("expected an extra's name, found `{}`", shortened(extra)))?;
        extras.push(name.as_str().to_owned());
    }
    Ok((extras, rest))
}

/// Each clause has to begin with an operator and go on with something that is a version as far as its characters tell.
fn check_specifier(specifier: &str) -> Result<(), String> {
    let clauses = specifier.split(',').map(str::trim).filter(|clause| !clause.is_empty());
    for clause in clauses {
        let operator = clause.len() - clause.trim_start_matches(['=', '<', '>', '!', '~']).len();
        let value = clause[operator..].trim();
        let known = ["==", "===", "!=", "<=", ">=", "<", ">", "~="].contains(&&clause[..operator]);
        if value.contains(['$', '{', '}', '`']) {
            return Err(format!(
                "expected a version, found `{}`, which only an environment or a template tells",
                shortened(value)
            ));
        }
        if !known || value.is_empty() || value.contains(char::is_whitespace) {
            return Err(format!("expected version specifiers (`==1.0`, `>=1,<2`), found `{}`", shortened(clause)));
        }
    }
    Ok(())
}

/// The version that specifiers fix: `==X` without wildcard, or `===X`.
#[must_use]
pub fn pinned(specifier: &str) -> Option<Version> {
    specifier.split(',').map(str::trim).find_map(|clause| {
        let value = clause.strip_prefix("===").or_else(|| clause.strip_prefix("=="))?.trim();
        (!value.is_empty() && !value.ends_with(".*")).then(|| Version::new(value))
    })
}

/// The beginning of a text, for a message.
#[must_use]
pub fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_in_their_parts() {
        // (requirement, name, extras, version, specifier, marker, source word)
        let cases = [
            ("requests", "requests", "", None, None, None, "index"), // PEP 508
            ("Django==4.2.1", "django", "", Some("4.2.1"), Some("==4.2.1"), None, "index"),
            ("foo (>=1, <2)", "foo", "", None, Some(">=1, <2"), None, "index"), // PEP 508 examples
            ("foo===2004d", "foo", "", Some("2004d"), Some("===2004d"), None, "index"), // PEP 440, arbitrary equality
            ("foo == 1.*", "foo", "", None, Some("== 1.*"), None, "index"),     // scanner notes: no wildcard
            ("foo>=1,==1.5", "foo", "", Some("1.5"), Some(">=1,==1.5"), None, "index"),
            ("a[b,C_d]>1;python_version<'3'", "a", "b,c-d", None, Some(">1"), Some("python_version<'3'"), "index"),
            ("pip @ https://h.example.org/pip-1.3.1-py2.py3-none-any.whl", "pip", "", Some("1.3.1"), None, None, "url"),
            (
                "n@https://h.example.org/n-2.0.tar.gz#sha256=ab ; os_name=='nt'",
                "n",
                "",
                Some("2.0"),
                None,
                Some("os_name=='nt'"),
                "url",
            ),
            (
                "https://h.example.org/a/zope.interface-5.0-py3-none-any.whl",
                "zope-interface",
                "",
                Some("5.0"),
                None,
                None,
                "url",
            ),
            ("git+https://h.example.org/a/b.git@v1#egg=Bee[x]&subdirectory=s", "bee", "x", None, None, None, "git"),
            ("bee @ git+ssh://git@h.example.org/a/b.git@v1", "bee", "", None, None, None, "git"),
            ("./dist/foo-1.0-py3-none-any.whl", "foo", "", Some("1.0"), None, None, "path"), // pip: archives by path
        ];
        for (text, name, extras, version, specifier, marker, source) in cases {
            let found = Requirement::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.name.as_str(), name, "{text}");
            assert_eq!(found.extras.join(","), extras, "{text}");
            assert_eq!(found.version.as_ref().map(Version::as_str), version, "{text}");
            assert_eq!(found.specifier.as_deref(), specifier, "{text}");
            assert_eq!(found.marker.as_deref(), marker, "{text}");
            let word = match found.source {
                Source::Index { .. } => "index",
                Source::Git { .. } => "git",
                Source::Url { .. } => "url",
                Source::Path { .. } => "path",
                Source::Editable { .. } => "editable",
            };
            assert_eq!(word, source, "{text}");
        }
    }

    #[test]
    fn what_is_no_requirement() {
        for text in ["", "==1.0", "a b", "a==", "a=1", "a[b==1", "-a", "a>>1", "; x=='y'", "https://h.example.org/x"] {
            assert!(Requirement::parse(text).is_err(), "{text:?}");
        }
    }
}
