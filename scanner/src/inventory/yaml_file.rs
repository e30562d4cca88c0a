//! YAML and JSON (which is YAML) with the place of every value, read up to the first fault.
//!
//! The parser is driven event by event, so depth costs no stack; an alias shares its anchor's value and is never unfolded.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::text::SourceText;
use crate::diagnostic::{Diagnostic, Stage};

/// Nested deeper than this, a file is no manifest.
const MAX_DEPTH: usize = 64;

/// What stands at a place.
#[derive(Debug)]
pub enum Content {
    /// A text, and whether it was written without quotes.
    Scalar(String, bool),
    /// Items in order.
    Sequence(Vec<Rc<Node>>),
    /// Entries in order.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// A value with its place.
#[derive(Debug)]
pub struct Node {
    /// The value.
    pub content: Content,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

impl Node {
    /// The text of a scalar; `None` for null and for what is no scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text, plain) if !(*plain && matches!(text.as_str(), "" | "~" | "null")) => Some(text),
            _ => None,
        }
    }

    /// The value at a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value.as_ref())
    }

    /// The items of a sequence; nothing for anything else.
    #[must_use]
    pub fn items(&self) -> &[Rc<Node>] {
        match &self.content {
            Content::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; nothing for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Rc<Node>, Rc<Node>)] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The text at a key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }
}

/// A collection that is still open.
struct Open {
    anchor: usize,
    line: u32,
    column: u32,
    children: Vec<Rc<Node>>,
    is_mapping: bool,
}

impl Open {
    fn close(self) -> Node {
        let content = if self.is_mapping {
            let mut entries = Vec::with_capacity(self.children.len() / 2);
            let mut children = self.children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            Content::Mapping(entries)
        } else {
            Content::Sequence(self.children)
        };
        Node { content, line: self.line, column: self.column }
    }
}

/// The documents of a file, as far as it is YAML; a fault is a gap with its place.
pub fn parse(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Vec<Rc<Node>> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, Rc<Node>> = HashMap::new();
    let mut gap = |line: usize, column: usize, reason: String| {
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        let found = Diagnostic::gap(Stage::Inventory, file.path.clone(), reason);
        diagnostics.push(found.at(number(line), number(column + 1)));
    };
    for event in Parser::new_from_str(&file.text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                gap(error.marker().line(), error.marker().col(), format!("not YAML: {}", error.info()));
                break;
            }
        };
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(span.start.col() + 1).unwrap_or(u32::MAX);
        let (anchor, node) = match event {
            Event::SequenceStart(anchor, _) => {
                open.push(Open { anchor, line, column, children: Vec::new(), is_mapping: false });
                (0, None)
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, line, column, children: Vec::new(), is_mapping: true });
                (0, None)
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(collection) => (collection.anchor, Some(Rc::new(collection.close()))),
                None => (0, None),
            },
            Event::Scalar(text, style, anchor, _) => {
                let content = Content::Scalar(text.into_owned(), style == ScalarStyle::Plain);
                (anchor, Some(Rc::new(Node { content, line, column })))
            }
            Event::Alias(anchor) => (0, anchors.get(&anchor).cloned()),
            _ => (0, None),
        };
        if open.len() > MAX_DEPTH {
            gap(span.start.line(), span.start.col(), format!("nested deeper than {MAX_DEPTH} levels"));
            break;
        }
        if let Some(node) = node {
            if anchor > 0 {
                anchors.insert(anchor, Rc::clone(&node));
            }
            match open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => documents.push(node),
            }
        }
    }
    // what was read before a fault is closed as it stands
    while let Some(collection) = open.pop() {
        let node = Rc::new(collection.close());
        match open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => documents.push(node),
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<Rc<Node>>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        (parse(&SourceText::new("f.yml", text.to_owned()), &mut diagnostics), diagnostics)
    }

    #[test]
    fn values_aliases_and_lines() {
        let (documents, faults) = parsed("a: &x [1, two]\nb: *x\nc: ~\n");
        assert!(faults.is_empty());
        assert_eq!(documents[0].get("b").unwrap().items()[1].text(), Some("two"));
        assert_eq!(documents[0].get("c").unwrap().text(), None);
        assert_eq!(documents[0].get("c").unwrap().line, 3);
        let (documents, faults) = parsed("{\n\t\"a\": {\"b\": \"c\"}\n}");
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(documents[0].get("a").unwrap().field("b"), Some("c"));
    }

    #[test]
    fn a_fault_keeps_what_stands_before_it_and_depth_is_bounded() {
        let (documents, faults) = parsed("a: 1\nb: [1, 2\nc: 3\n");
        assert_eq!(documents[0].field("a"), Some("1"));
        assert_eq!(faults.len(), 1);
        let (_, faults) = parsed(&"[".repeat(100_000));
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}
