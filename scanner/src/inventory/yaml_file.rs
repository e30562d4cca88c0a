//! YAML and JSON (which is YAML) with the place of every value, read up to the first fault. A key that comes twice in one mapping is a fault,
//! too, for which of its values counts is for each program to say; both are kept.
//!
//! The parser is driven event by event, so depth costs no stack; an alias shares its anchor's value and is never unfolded.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::requirement::shortened;
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
    /// The keys that are there already.
    fn repeated(&self) -> Vec<&Node> {
        if !self.is_mapping {
            return Vec::new();
        }
        let mut known = HashSet::new();
        let keys = self.children.iter().step_by(2).map(Rc::as_ref);
        // several merges stand side by side in real files
        keys.filter(|key| key.text().is_some_and(|text| text != "<<" && !known.insert(text))).collect()
    }

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

/// The items of the list at a key of a file's first document. Something else in its place, and nothing, are gaps.
pub fn list<'n>(
    file: &SourceText,
    documents: &'n [Rc<Node>],
    key: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> &'n [Rc<Node>] {
    let found = documents.first().and_then(|root| root.get(key));
    if !found.is_some_and(|node| matches!(node.content, Content::Sequence(_))) {
        let (line, column) = found.map_or((1, 1), |node| (node.line, node.column));
        diagnostics.push(file.gap(0, format!("expected `{key}`, a list")).at(line, column));
    }
    found.map_or(&[], Node::items)
}

/// The documents of a file, as far as it is YAML; a fault is a gap with its place.
pub fn parse(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Vec<Rc<Node>> {
    let language = if file.text.trim_start().starts_with('{') { "JSON" } else { "YAML" };
    let mut reading = Reading::default();
    reading.read(&file.text);
    if let Some(fault) = reading.broken.take() {
        // the parser looks far ahead between brackets, and a fault there takes what stands before it along
        let (line, column, _) = fault;
        reading = Reading::default();
        reading.read(&file.text[..file.offset(line, column)]);
        if !reading.too_deep {
            reading.faults.insert(0, fault);
        }
    }
    diagnostics.extend(reading.faults.into_iter().map(|(line, column, reason)| {
        let reason = format!("not {language}: {reason}");
        Diagnostic::gap(Stage::Inventory, file.path.clone(), reason).at(line, column)
    }));
    reading.documents
}

/// Where, and what is wrong there.
type Fault = (u32, u32, String);

#[derive(Default)]
struct Reading {
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    faults: Vec<Fault>,
    /// What ended the reading.
    broken: Option<Fault>,
    /// The depth ended it; that is among the faults.
    too_deep: bool,
}

impl Reading {
    fn read(&mut self, text: &str) {
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let (line, column) = place(error.marker());
                    self.broken = Some((line, column, error.info().to_owned()));
                    break;
                }
            };
            let (line, column) = place(&span.start);
            self.take(event, line, column);
            if self.open.len() > MAX_DEPTH {
                self.faults.push((line, column, format!("nested deeper than {MAX_DEPTH} levels")));
                self.too_deep = true;
                break;
            }
        }
        // what was read before a fault is closed as it stands
        while let Some(collection) = self.open.pop() {
            self.add(Rc::new(collection.close()));
        }
    }

    fn take(&mut self, event: Event<'_>, line: u32, column: u32) {
        let (anchor, node) = match event {
            Event::SequenceStart(anchor, _) => {
                return self.open.push(Open { anchor, line, column, children: Vec::new(), is_mapping: false });
            }
            Event::MappingStart(anchor, _) => {
                return self.open.push(Open { anchor, line, column, children: Vec::new(), is_mapping: true });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(collection) = self.open.pop() else { return };
                self.faults.extend(collection.repeated().into_iter().map(|key| {
                    let name = shortened(key.text().unwrap_or_default());
                    (key.line, key.column, format!("the key `{name}` comes twice in one mapping"))
                }));
                (collection.anchor, Rc::new(collection.close()))
            }
            Event::Scalar(text, style, anchor, _) => {
                let content = Content::Scalar(text.into_owned(), style == ScalarStyle::Plain);
                (anchor, Rc::new(Node { content, line, column }))
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => (0, Rc::clone(node)),
                None => return,
            },
            _ => return,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.add(node);
    }

    fn add(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.documents.push(node),
        }
    }
}

fn place(marker: &Marker) -> (u32, u32) {
    let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
    (number(marker.line()), number(marker.col() + 1))
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
        // cut off inside of a text, and of a number of brackets
        let (documents, faults) = parsed("{\"a\": {\"b\": 1},\n \"c\": [1, \"é\", {\"d");
        assert_eq!(documents[0].get("a").and_then(|a| a.field("b")), Some("1"));
        assert_eq!(documents[0].get("c").map(|c| c.items().len()), Some(3));
        assert_eq!(faults.iter().map(|said| (said.line, said.column)).collect::<Vec<_>>(), [(Some(2), Some(17))]);
    }

    #[test]
    fn keys_that_come_twice_are_told_and_both_are_kept() {
        let cases = [
            ("a: 1\nb:\n  c: 2\n  c: 3\n", vec![(4, 3)]),
            ("{\"a\": 1, \"a\": 2, \"a\": 3}", vec![(1, 10), (1, 18)]),
            ("a: 1\nb: {a: 2}\n", vec![]),
            ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", vec![]),
        ];
        for (text, expected) in cases {
            let (documents, faults) = parsed(text);
            let places: Vec<_> = faults.iter().map(|said| (said.line.unwrap(), said.column.unwrap())).collect();
            assert_eq!(places, expected, "{text}");
            assert!(documents[0].entries().len() >= 2);
        }
    }
}
