//! `# via` comments of pip-tools and uv: who asked for a pin.
//!
//! Specification: pip-tools' `writer.py` (`# via a, b` on the line before 6.0, a block of `#   -r base.in` and names since), which uv writes too.

use advisories::PackageName;

/// What the comments of one pin tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Via {
    /// The project asks for it itself: through `-r file`, or `name (pyproject.toml)`.
    pub direct: bool,
    /// Packages that ask for it.
    pub parents: Vec<PackageName>,
    /// Any `via` was there at all.
    pub known: bool,
}

impl Via {
    /// Takes in the next comment that belongs to the pin.
    pub fn add(&mut self, comment: &str) {
        let comment = comment.trim();
        let list = match comment.strip_prefix("via").filter(|rest| rest.is_empty() || rest.starts_with([' ', ':'])) {
            Some(rest) => {
                self.known = true;
                rest.trim_start_matches(':')
            }
            None if self.known => comment,
            None => return,
        };
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            self.add_item(item);
        }
    }

    fn add_item(&mut self, item: &str) {
        if item.starts_with("-c ") {
            return;
        }
        if item.starts_with("-r ") || item.ends_with(')') || item.contains("://") {
            self.direct = true;
            return;
        }
        let name = item.split('[').next().unwrap_or_default().trim();
        match PackageName::new(name) {
            Ok(parent) if !name.ends_with(".in") && !name.ends_with(".txt") => self.parents.push(parent),
            // the end of the block: any other comment
            _ => self.known = self.direct || !self.parents.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_it_had() {
        let cases: [(&[&str], bool, &str, bool); 7] = [
            (&["via django-allauth, requests"], false, "django-allauth,requests", true), // pip-tools 5
            (&["via -r base.in"], true, "", true),                                       // pip-tools 5.5
            (&["via", "  -r base.in", "  django"], true, "django", true),                // pip-tools 6
            (&["via -c constraints.txt"], false, "", true),
            (&["via", "  app (pyproject.toml)"], true, "", true), // uv pip compile
            (&["via uvicorn[standard]"], false, "uvicorn", true),
            (&["https://example.org/x"], false, "", false),
        ];
        for (comments, direct, parents, known) in cases {
            let mut via = Via::default();
            comments.iter().for_each(|comment| via.add(comment));
            let names: Vec<&str> = via.parents.iter().map(PackageName::as_str).collect();
            assert_eq!((via.direct, names.join(",").as_str(), via.known), (direct, parents, known), "{comments:?}");
        }
    }
}
