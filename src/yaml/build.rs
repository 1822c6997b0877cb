//! From nodes to a value: aliases, merges, keys and scalars as `sigs.k8s.io/yaml` resolves them.

use serde_json::Value;

use super::error::{Allowance, Error, ErrorKind};
use super::events::{Content, Node};
use super::lines::{Builder, Children, Entries, Placed, Position};
use super::number;
use super::scalar::{self, Scalar, Tag};
use super::{Budget, Document};

/// The document whose root is the last node; none if it is null or there is no node.
pub(super) fn document(nodes: &[Node<'_>], budget: &Budget) -> Result<Option<Document>, Error> {
    let Some(root) = nodes.last() else {
        return Ok(None);
    };
    let mut resolver = Resolver { nodes, allowance: Allowance::new(budget), lines: Builder::default() };
    let placed = resolver.value(nodes.len() - 1, 0)?;
    if placed.0.is_null() {
        return Ok(None);
    }
    Ok(Some(resolver.lines.document(root.position, placed)))
}

struct Resolver<'n, 'a> {
    nodes: &'n [Node<'a>],
    allowance: Allowance,
    lines: Builder,
}

impl<'n, 'a> Resolver<'n, 'a> {
    fn value(&mut self, id: usize, depth: usize) -> Result<Placed, Error> {
        let node = self.target(id);
        match &node.content {
            Content::Sequence(items) => {
                self.take(node, depth, 0)?;
                let mut placed = Vec::with_capacity(items.len());
                for item in items {
                    placed.push((self.nodes[*item].position, self.value(*item, depth + 1)?));
                }
                Ok(self.lines.sequence(placed))
            }
            Content::Mapping(_) => {
                let mut entries = Entries::new();
                self.fill(&mut entries, node, depth)?;
                Ok(self.lines.mapping(entries))
            }
            _ => Ok((self.scalar_value(node, depth)?, Children::default())),
        }
    }

    /// Adds the entries of a mapping. As in go-yaml, a later key replaces an earlier one, and a
    /// merge counts where it stands: it replaces keys above it.
    fn fill(&mut self, entries: &mut Entries, mapping: &'n Node<'a>, depth: usize) -> Result<(), Error> {
        let Content::Mapping(children) = &mapping.content else {
            return Err(at(ErrorKind::Merge, mapping.position));
        };
        self.take(mapping, depth, 0)?;
        for pair in children.chunks_exact(2) {
            let (key, value) = (&self.nodes[pair[0]], pair[1]);
            if is_merge(key) {
                self.merge(entries, value, depth + 1)?;
            } else {
                let name = self.key(pair[0])?;
                let placed = self.value(value, depth + 1)?;
                entries.push((name, (key.position, placed)));
            }
        }
        Ok(())
    }

    fn merge(&mut self, entries: &mut Entries, id: usize, depth: usize) -> Result<(), Error> {
        let Content::Sequence(items) = &self.nodes[id].content else {
            return self.fill(entries, self.target(id), depth);
        };
        for item in items.iter().rev() {
            self.fill(entries, self.target(*item), depth)?;
        }
        Ok(())
    }

    fn key(&mut self, id: usize) -> Result<String, Error> {
        let node = self.target(id);
        let scalar = self.scalar(node, 0)?;
        scalar.into_key().ok_or_else(|| at(ErrorKind::Key, self.nodes[id].position))
    }

    fn scalar_value(&mut self, node: &'n Node<'a>, depth: usize) -> Result<Value, Error> {
        match self.scalar(node, depth)? {
            Scalar::Null => Ok(Value::Null),
            Scalar::Bool(value) => Ok(Value::Bool(value)),
            Scalar::Text(text) => Ok(Value::String(text)),
            Scalar::Number(number) => match number::to_json(number) {
                Some(number) => Ok(Value::Number(number)),
                None => Err(at(ErrorKind::NotFinite, node.position)),
            },
        }
    }

    /// A collection is no scalar: it can only stand here as a key.
    fn scalar(&mut self, node: &'n Node<'a>, depth: usize) -> Result<Scalar, Error> {
        let Content::Scalar { text, plain, tag } = &node.content else {
            return Err(at(ErrorKind::Key, node.position));
        };
        self.take(node, depth, text.len())?;
        match tag {
            Some(tag) => scalar::tagged(*tag, text).map_err(|kind| at(kind, node.position)),
            None if *plain => Ok(scalar::plain(text)),
            None => Ok(Scalar::Text(text.clone().into_owned())),
        }
    }

    /// An anchored node is never an alias itself, so one step is enough.
    fn target(&self, id: usize) -> &'n Node<'a> {
        match self.nodes[id].content {
            Content::Alias(target) => &self.nodes[target],
            _ => &self.nodes[id],
        }
    }

    fn take(&mut self, node: &Node<'_>, depth: usize, bytes: usize) -> Result<(), Error> {
        self.allowance.take(depth, bytes).map_err(|kind| at(kind, node.position))
    }
}

fn is_merge(key: &Node<'_>) -> bool {
    matches!(
        &key.content,
        Content::Scalar { text, plain, tag } if text == "<<" && (*plain && tag.is_none() || *tag == Some(Tag::Merge))
    )
}

fn at(kind: ErrorKind, position: Position) -> Error {
    kind.at(position.line, position.column)
}
