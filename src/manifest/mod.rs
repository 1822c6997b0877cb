//! Text becomes objects: one file of YAML or JSON as the objects that it holds, Lists opened.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::sync::Arc;

use serde_json::Value;

use crate::drift::model::{Declared, Gap, GapReason, ObjectError, Position, Redactor, Stage, Unsealed};
use crate::yaml::{self, Budget, Lines};

/// Whether a file is read as manifests: by its ending, and not inside a dot folder.
///
/// Dot folders hold what tools keep for themselves (`.github/workflows`), never what is deployed.
#[must_use]
pub fn is_manifest(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("yaml" | "yml" | "json")) && !path.split('/').any(|part| part.starts_with('.'))
}

/// Why one document, or one item of a List, is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {cause}")]
pub struct Problem {
    /// Where it stands.
    pub position: Position,
    /// What is wrong; never holds a value.
    pub cause: Cause,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It is no YAML or JSON.
    #[error(transparent)]
    Syntax(yaml::Error),
    /// It is no Kubernetes object.
    #[error(transparent)]
    Object(ObjectError),
}

impl Problem {
    /// The gap that the document leaves.
    #[must_use]
    pub fn into_gap(self) -> Gap {
        Gap {
            stage: Stage::Parse,
            scope: self.position.to_string(),
            reason: GapReason::Malformed,
            message: self.to_string(),
            source: Some(self.position),
        }
    }
}

/// An object, where it begins, and the lines of its fields.
pub type Placed = (Declared, Position, Lines);

/// Every object of a file: of a stream of documents, of JSON, of `List` objects and their like.
#[must_use]
pub fn objects(file: &Arc<str>, bytes: &[u8], redactor: &Redactor) -> Vec<Result<Placed, Problem>> {
    let seal = |item: Result<Item, Problem>| {
        let (value, position, lines) = item?;
        match Declared::new(value, redactor) {
            Ok(declared) => Ok((declared, position, lines)),
            Err(error) => Err(Problem { position, cause: Cause::Object(error) }),
        }
    };
    items(file, bytes).into_iter().map(seal).collect()
}

/// The objects of a file as they go to the API server, each with its line; what cannot be read is left out.
#[must_use]
pub fn unsealed(file: &Arc<str>, bytes: &[u8]) -> Vec<(u32, Unsealed)> {
    items(file, bytes).into_iter().flatten().map(|(value, position, _)| (position.line, Unsealed::new(value))).collect()
}

/// What should be an object, where it begins, and the lines of its fields.
type Item = (Value, Position, Lines);

fn items(file: &Arc<str>, bytes: &[u8]) -> Vec<Result<Item, Problem>> {
    let mut found = Vec::new();
    for document in yaml::documents(bytes, &Budget::default()) {
        match document {
            Ok(document) => {
                let position = Position { file: Arc::clone(file), line: document.line };
                open((document.value, position, document.lines), &mut found);
            }
            Err(error) => {
                let position = Position { file: Arc::clone(file), line: error.line };
                found.push(Err(Problem { position, cause: Cause::Syntax(error) }));
            }
        }
    }
    found
}

fn open((mut value, position, lines): Item, found: &mut Vec<Result<Item, Problem>>) {
    let Some(items) = list_items(&mut value) else {
        found.push(Ok((value, position, lines)));
        return;
    };
    for (index, item) in items.into_iter().enumerate() {
        let lines = lines.subtree(&format!("/items/{index}"));
        let position = Position { file: Arc::clone(&position.file), line: lines.nearest("") };
        open((item, position, lines), found);
    }
}

/// The items of a `List`, of a `ConfigMapList` and the like.
fn list_items(value: &mut Value) -> Option<Vec<Value>> {
    let map = value.as_object_mut()?;
    let is_list = map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match map.get_mut("items") {
        Some(Value::Array(items)) if is_list => Some(std::mem::take(items)),
        Some(Value::Null) if is_list => Some(Vec::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<(String, u32), String>> {
        objects(&"a.yaml".into(), text.as_bytes(), &Redactor::new(&[0; 32]))
            .into_iter()
            .map(|object| match object {
                Ok((declared, position, _)) => Ok((declared.key.name, position.line)),
                Err(problem) => Err(problem.to_string()),
            })
            .collect()
    }

    #[test]
    fn lists_are_opened_and_every_object_knows_its_line() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: b}}]}\n---\n# two\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n";
        assert_eq!(read(text), [Ok(("a".into(), 4)), Ok(("b".into(), 7)), Ok(("c".into(), 10))]);
    }

    #[test]
    fn a_malformed_document_blanks_itself_only() {
        let text = "a: [\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n---\nkind: Pod\n";
        let read = read(text);
        assert!(read[0].as_ref().unwrap_err().starts_with("a.yaml:"), "{read:?}");
        assert_eq!(read[1], Ok(("c".into(), 3)));
        assert_eq!(read[2].as_ref().unwrap_err(), "a.yaml:7: is no Kubernetes object: apiVersion is missing");
    }
}
