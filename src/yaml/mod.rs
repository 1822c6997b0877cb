//! YAML as Kubernetes reads it, with the place of every key and value.
//!
//! The rules are those of `sigs.k8s.io/yaml` (go-yaml v2, a YAML 1.1 reader) behind the document
//! reader of `k8s.io/apimachinery/pkg/util/yaml`; `tests/yaml` holds what those libraries say
//! about each rule. The differences, all on input that manifests should not hold, stand in that
//! folder as `differs-*.yaml`, each with its reason in `tests/it/yaml.rs`. In short:
//!
//! - limits are those of [`Budget`], not go-yaml's alias ratio and 10,000 levels;
//! - a separator line with content behind it blanks the document that it opens;
//! - thousands of lines in quotes that are indented less than their key may be refused;
//! - UTF-16, and JSON that is not UTF-8, are refused;
//! - a few oddities of YAML 1.1 are refused, and a few liberties of YAML 1.2 are read.

mod block;
mod build;
mod compact;
mod error;
mod events;
mod json;
mod lines;
mod number;
mod scalar;
mod stream;

pub use compact::CompactLines;
pub use error::{Error, ErrorKind};
pub use lines::{Lines, Position};
pub use stream::documents;

/// One document of a stream.
#[derive(Clone, PartialEq)]
pub struct Document {
    /// The content. Integers fit `i64`; every other number is a finite `f64`.
    pub value: serde_json::Value,
    /// Where each key and value stands.
    pub lines: Lines,
    /// The 1-based line of the file where the content begins.
    pub line: u32,
}

/// Limits that keep hostile input from taking time, memory or stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of one stream, and bytes of text in one document once aliases are expanded.
    pub bytes: usize,
    /// Levels of nesting, aliases expanded. Reading takes stack in proportion: keep it below 1000.
    pub depth: usize,
    /// Keys and values of one document once aliases and merges are expanded.
    pub nodes: usize,
}

impl Default for Budget {
    /// Several times what Kubernetes can store: etcd refuses requests above 1.5 MiB.
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 200, nodes: 1_000_000 }
    }
}
