//! What can be wrong with a document, told without the content of any value.

use super::Budget;

/// Why a document cannot be read, and where.
///
/// A manifest may hold a Secret: neither `Display` nor `Debug` shows the content of a scalar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    /// The 1-based line of the file.
    pub line: u32,
    /// The 1-based column, in characters.
    pub column: u32,
    /// The cause; its text is a lower-case fragment.
    pub kind: ErrorKind,
}

/// The cause of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not YAML; the fragment names the rule.
    #[error("invalid YAML: {0}")]
    Yaml(String),
    /// The text is not JSON; the fragment names the rule.
    #[error("invalid JSON: {0}")]
    Json(&'static str),
    /// Content stands behind `---`.
    #[error("only a comment may follow the document separator `---`; begin the document on the next line")]
    Separator,
    /// A byte sequence is not UTF-8.
    #[error("invalid UTF-8; save the file as UTF-8")]
    Encoding,
    /// A character that YAML forbids, such as an escape or NUL.
    #[error("control character U+{0:04X} is not allowed; escape it in double quotes")]
    ControlCharacter(u32),
    /// An alias names an anchor that the document does not define before it. Its name is not told:
    /// an unquoted password may begin with `*`.
    #[error("unknown anchor; if the value begins with `*`, quote it")]
    UnknownAnchor,
    /// An alias stands inside the value that its anchor names.
    #[error("an anchor's value contains itself")]
    RecursiveAnchor,
    /// A key is a mapping, a sequence, null, or an integer beyond `i64`.
    #[error("a key must be a string, a boolean or a number")]
    Key,
    /// The value of `<<` is neither a mapping nor a sequence of mappings.
    #[error("the value of the merge key `<<` must be a mapping or a sequence of mappings")]
    Merge,
    /// The value does not fit its tag.
    #[error("the value does not fit its tag `{0}`")]
    Tag(&'static str),
    /// Infinity, or not-a-number.
    #[error("infinity and not-a-number have no form in JSON; quote the value")]
    NotFinite,
    /// A JSON number beyond `f64`.
    #[error("the number is out of range")]
    NumberRange,
    /// More bytes than [`Budget::bytes`], as written or with aliases expanded.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// More levels than [`Budget::depth`].
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
    /// More nodes than [`Budget::nodes`].
    #[error("more than {0} keys and values, aliases expanded")]
    TooMany(usize),
}

impl ErrorKind {
    pub(super) fn at(self, line: u32, column: u32) -> Error {
        Error { line, column, kind: self }
    }
}

/// What remains of a [`Budget`] for one document.
pub(super) struct Allowance {
    budget: Budget,
    nodes: usize,
    bytes: usize,
}

impl Allowance {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { budget: *budget, nodes: 0, bytes: 0 }
    }

    /// Takes one node that holds `bytes` of text at `depth`.
    pub(super) fn take(&mut self, depth: usize, bytes: usize) -> Result<(), ErrorKind> {
        self.nodes += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if depth > self.budget.depth {
            Err(ErrorKind::TooDeep(self.budget.depth))
        } else if self.nodes > self.budget.nodes {
            Err(ErrorKind::TooMany(self.budget.nodes))
        } else if self.bytes > self.budget.bytes {
            Err(ErrorKind::TooLarge(self.budget.bytes))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::{Budget, Error, ErrorKind};
    use crate::yaml::documents;

    fn error(text: &str, budget: &Budget) -> Error {
        let first = documents(text.as_bytes(), budget).into_iter().find_map(Result::err);
        first.unwrap_or_else(|| panic!("{text:?} is read without error"))
    }

    #[test]
    fn errors_name_their_place() {
        let budget = Budget::default();
        let expected = [
            ("a: 1\n---\nb:\n\tc: 2\n", 4, 2),
            ("a: 1\nb: *x\n", 2, 4),
            ("a: 1\nb: .inf\n", 2, 4),
            ("a: 1\n? [b]\n: 2\n", 2, 3),
            ("a: 1\n---\nb: {x: !!int y}\n", 3, 14),
            ("a: &x\n  b: *x\n", 2, 6),
            ("a: 1\n---\nb: x\u{1}\n", 3, 5),
            ("# x\n--- a: 1\n", 2, 1),
            ("{\n \"a\": 1e999\n}\n", 2, 7),
            ("{\"a\":1}{\"b\":1}\n{\"c\":x}", 2, 6),
        ];
        for (text, line, column) in expected {
            let error = error(text, &budget);
            assert_eq!((error.line, error.column), (line, column), "{text:?}: {error}");
        }
    }

    #[test]
    fn errors_never_show_a_value() {
        let texts = [
            "password: *s3cr3t\n",
            "password: !!int s3cr3t\n",
            "password: !!binary s3cr3t\n",
            "password: 's3cr3t\n",
            "password: \"\\s3cr3t\"\n",
            "password: @s3cr3t\n",
            "password: s3cr3t: x\n",
            "password: {s3cr3t\n",
            "password: [s3cr3t: {]\n",
            "{\"a\":1}{\"b\":2}{\"password\": s3cr3t}\n",
            "? [s3cr3t]\n: 1\n",
            "--- s3cr3t\n",
            "%s3cr3t\n",
            "a: !s3cr3t!x 1\n",
        ];
        for text in texts {
            let error = error(text, &Budget::default());
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
        }
    }

    #[test]
    fn aliases_count_as_what_they_expand_to() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let before = vec![format!("*a{}", i - 1); 10].join(", ");
            writeln!(laughs, "a{i}: &a{i} [{before}]").expect("a string takes all");
        }
        let kind = error(&laughs, &Budget::default()).kind;
        assert_eq!(kind, ErrorKind::TooMany(Budget::default().nodes));
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 20].join(","));
        let kind = error(&long, &Budget::default()).kind;
        assert_eq!(kind, ErrorKind::TooLarge(Budget::default().bytes));
    }

    #[test]
    fn merges_count_as_what_they_expand_to() {
        let mut text = "a0: &a0 {x: 1}\n".to_owned();
        for i in 1..40 {
            writeln!(text, "a{i}: &a{i} {{<<: [*a{0}, *a{0}]}}", i - 1).expect("a string takes all");
        }
        let kind = error(&text, &Budget::default()).kind;
        assert_eq!(kind, ErrorKind::TooMany(Budget::default().nodes));
    }

    #[test]
    fn depth_is_bounded_in_every_style() {
        let budget = Budget { depth: 50, ..Budget::default() };
        let mut block = String::new();
        for i in 0..60 {
            writeln!(block, "{}a:", " ".repeat(i)).expect("a string takes all");
        }
        let mut aliases = "a0: &a0 [x]\n".to_owned();
        for i in 1..60 {
            writeln!(aliases, "a{i}: &a{i} [*a{}]", i - 1).expect("a string takes all");
        }
        let texts = [
            "[".repeat(60),
            "{a: ".repeat(60),
            "- ".repeat(60),
            "? ".repeat(60),
            block,
            aliases,
            "{\"a\":".repeat(60),
            format!("{{\"a\": {}", "[".repeat(60)),
        ];
        for text in texts {
            assert_eq!(error(&text, &budget).kind, ErrorKind::TooDeep(50), "{text:?}");
        }
        let fits = format!("{}x{}", "[".repeat(49), "]".repeat(49));
        assert!(documents(fits.as_bytes(), &budget).iter().all(Result::is_ok));
    }

    #[test]
    fn size_and_nodes_are_bounded() {
        let budget = Budget { bytes: 100, nodes: 10, ..Budget::default() };
        assert_eq!(error(&"a".repeat(101), &budget).kind, ErrorKind::TooLarge(100));
        assert_eq!(error("[1,2,3,4,5,6,7,8,9,10]", &budget).kind, ErrorKind::TooMany(10));
        assert_eq!(error("{\"a\":[1,2,3,4,5,6,7,8,9]}", &budget).kind, ErrorKind::TooMany(10));
    }

    #[test]
    fn a_malformed_document_blanks_itself_only() {
        let text = "a: 1\n---\nb: [\n--- c\nd: 1\n---\ne: 2\n";
        let read = documents(text.as_bytes(), &Budget::default());
        let lines: Vec<_> = read.iter().map(|d| d.as_ref().map(|d| d.line).map_err(|e| e.line)).collect();
        assert_eq!(lines, [Ok(1), Err(3), Err(4), Ok(7)]);
    }
}
