//! From text to nodes: one document's syntax, with the place of each node.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind as Syntax, Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::Budget;
use super::error::{Allowance, Error, ErrorKind};
use super::lines::Position;
use super::scalar::Tag;

/// A node of a document; others are named by their index.
pub(super) struct Node<'a> {
    pub(super) position: Position,
    pub(super) content: Content<'a>,
}

pub(super) enum Content<'a> {
    Scalar {
        text: Cow<'a, str>,
        /// Neither quoted nor a block.
        plain: bool,
        tag: Option<Tag>,
    },
    Sequence(Vec<usize>),
    /// Keys and values in turn.
    Mapping(Vec<usize>),
    Alias(usize),
}

/// The nodes of the first document of `text`, the root last; none if there is no document.
/// `first_line` is where the text begins in its file. Kubernetes reads no further either: what
/// stands behind `...` is ignored.
pub(super) fn nodes<'a>(text: &'a str, first_line: u32, budget: &Budget) -> Result<Vec<Node<'a>>, Error> {
    let mut options = granit_parser::options! {
        flow_nesting_limit: budget.depth,
        block_nesting_limit: budget.depth,
    };
    options.set_emit_comments(false);
    let mut reader = Reader {
        text,
        first_line,
        allowance: Allowance::new(budget),
        depth: budget.depth,
        nodes: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| reader.syntax(&error))?;
        if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            break;
        }
        reader.event(event, &span)?;
    }
    Ok(reader.nodes)
}

/// Whether a line of a quoted scalar is indented less than the parser demands, though go-yaml
/// accepts it.
pub(super) fn is_shallow_continuation(error: &Error) -> bool {
    matches!(&error.kind, ErrorKind::Yaml(rule) if rule == SHALLOW)
}

const SHALLOW: &str = "a line of a quoted value is not indented";

const GLUED: &str = "a blank must follow a colon between brackets; quote a text that ends with one";

struct Reader<'a> {
    text: &'a str,
    first_line: u32,
    allowance: Allowance,
    depth: usize,
    nodes: Vec<Node<'a>>,
    open: Vec<Collection>,
    /// Complete nodes, by the parser's number of their anchor.
    anchors: HashMap<usize, usize>,
}

/// A collection whose end is still to come.
struct Collection {
    position: Position,
    anchor: usize,
    children: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn event(&mut self, event: Event<'a>, span: &Span) -> Result<(), Error> {
        let position = self.place(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && self.is_glued(span) {
                    return Err(fail(ErrorKind::Yaml(GLUED.to_owned()), position));
                }
                let text = if plain && text == "~" && self.is_absent(span) { Cow::Borrowed("") } else { text };
                let tag = tag.map(|tag| tag_of(&tag));
                self.add(position, anchor, Content::Scalar { text, plain, tag })
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                // The parser knows the anchor, so its node is still open.
                let target = target.ok_or_else(|| fail(ErrorKind::RecursiveAnchor, position))?;
                self.add(position, 0, Content::Alias(target))
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => self.begin(position, anchor),
            Event::SequenceEnd => self.end(Content::Sequence),
            Event::MappingEnd => self.end(Content::Mapping),
            _ => Ok(()),
        }
    }

    /// The parser writes `~` for a value that is not there; at most a tag or an anchor is.
    fn is_absent(&self, span: &Span) -> bool {
        let source = span.slice(self.text).unwrap_or_default();
        source.split_whitespace().next_back() != Some("~")
    }

    /// Whether an absent value's colon touches both its unquoted key and a comma or bracket, as in
    /// `[a:, b]`: the parser takes `a` for a key, go-yaml `a:` for a text.
    fn is_glued(&self, span: &Span) -> bool {
        let (before, rest) = self.text.split_at_checked(span.start.byte_offset().unwrap_or(0)).unwrap_or_default();
        let behind = rest.strip_prefix(':').is_some_and(|rest| rest.starts_with([',', '[', ']', '{', '}']));
        span.is_empty() && behind && !before.ends_with(['"', '\'', ' ', '\t', '\n'])
    }

    fn begin(&mut self, position: Position, anchor: usize) -> Result<(), Error> {
        if self.open.len() >= self.depth {
            return Err(fail(ErrorKind::TooDeep(self.depth), position));
        }
        self.open.push(Collection { position, anchor, children: Vec::new() });
        Ok(())
    }

    fn end(&mut self, content: fn(Vec<usize>) -> Content<'a>) -> Result<(), Error> {
        let Some(collection) = self.open.pop() else {
            return Ok(());
        };
        self.add(collection.position, collection.anchor, content(collection.children))
    }

    fn add(&mut self, position: Position, anchor: usize, content: Content<'a>) -> Result<(), Error> {
        self.allowance.take(0, 0).map_err(|kind| fail(kind, position))?;
        let id = self.nodes.len();
        self.nodes.push(Node { position, content });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        if let Some(parent) = self.open.last_mut() {
            parent.children.push(id);
        }
        Ok(())
    }

    fn place(&self, marker: &Marker) -> Position {
        let bounded = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Position {
            line: self.first_line.saturating_add(bounded(marker.line().saturating_sub(1))),
            column: bounded(marker.col() + 1),
        }
    }

    fn syntax(&self, error: &ScanError) -> Error {
        let kind = match error.kind() {
            Syntax::UnknownAnchor => ErrorKind::UnknownAnchor,
            Syntax::RecursionLimitExceeded => ErrorKind::TooDeep(self.depth),
            Syntax::InvalidQuotedScalarIndent | Syntax::TabInIndentation => ErrorKind::Yaml(SHALLOW.to_owned()),
            Syntax::UnexpectedCharacter { .. } => {
                ErrorKind::Yaml("a plain value cannot begin with `%`, `@` or a backquote; quote it".to_owned())
            }
            other => ErrorKind::Yaml(other.to_string()),
        };
        fail(kind, self.place(error.marker()))
    }
}

fn fail(kind: ErrorKind, position: Position) -> Error {
    kind.at(position.line, position.column)
}

fn tag_of(tag: &granit_parser::Tag) -> Tag {
    tag.suffix_in_namespace("tag:yaml.org,2002:").map_or(Tag::Other, |name| Tag::named(&name))
}
