//! What a program says when it fails, as far as it can be shown: it may quote any value, that of a Secret too.
//!
//! Shown are the words in which the official programs speak, names of files with their lines, and paths of values
//! (`.Values.auth.password`). Every other word becomes `…`: a value that is no such word cannot pass.

use std::collections::HashSet;
use std::path::Path;

use super::sources::Part;

/// Lines that are shown.
const LINES: usize = 6;
/// Characters of one line that are looked at.
const LINE: usize = 2000;
/// What stands for words that are not shown.
const HIDDEN: &str = "…";

/// Words of the messages of helm, kustomize and Go's template, YAML and HTTP packages.
const WORDS: &str = "\
a accumulate accumulating accumulation add address adding after all already allowed an and anchor annotation \
annotations another any api apiversion apiversions are argument arguments array as at attempt bad base bases be \
because before below boolean build builtin but by call called calling can cannot certificate chart charts circular \
cluster command component components configmap configmaps conflict connect connection containing converting correct \
could crd crds create currently cycle daemon data declared decode decoding definition definitions denied dependencies \
dependency deprecated deployment detected did directory disabled do does document download duplicate each either \
empty end enable enabled entry env equal err error errors evaluating exceeded exec executable executing exist exists \
expected expecting expression failed failing failure fetch field fields file files find flag for forbidden format \
found from function functions generate generator generators get got group has have helm hook host http https id if \
illegal import in include index install installation instead int integer interface internal into invalid io is it \
item json key keys kind kube kubernetes kustomization kustomizations kustomize label labels least length less limit \
line list load loading local lock lookup looks make malformed manifest manifests many map mapping match matches \
maximum memory merge merging message metadata method minimum missing more multiple must name names namespace need \
needs network nil no node not null number object objects of older on one only open openapi operation option or origin \
out output overlay parse parsing patch patches path permission plugin pointer print pull read recursion reference \
refers refused registry release remote remove render rendering replacement replacements repo repository required \
requires resolve resource resources restrictor root run running schema secret secrets security see selector sequence \
server service set should simple size source spec start status statefulset strategic string stripping such suffix \
supported syntax tag target targets template templates than that the then there these this timeout to token too \
transformer transformers type types unable undefined unexpected unique unknown unmarshal unmarshaling unsupported \
unterminated update usage use used using validate validating validation value values variable version versions want \
was were when where which while with without wrong yaml you your";

/// A message in one line, with everything hidden that could be a value.
pub(super) fn shown(complaint: &[u8], root: &Path, part: &Part) -> String {
    let text = String::from_utf8_lossy(complaint).replace(&format!("{}/", root.display()), "");
    let text = text.replace(&*root.display().to_string(), ".");
    let filter = Filter::new(part);
    let lines: Vec<String> = text
        .lines()
        .map(|line| filter.line(&line.chars().take(LINE).collect::<String>()))
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .take(LINES)
        .collect();
    if lines.is_empty() {
        return "it says nothing that can be shown; run it yourself to see why".to_owned();
    }
    format!("{} ({HIDDEN} hides what may be a value)", lines.join(" / "))
}

struct Filter<'p> {
    words: HashSet<&'static str>,
    /// Every file and folder of the part, and what helm makes of their names.
    names: HashSet<&'p str>,
}

impl<'p> Filter<'p> {
    fn new(part: &'p Part) -> Self {
        let mut names = HashSet::new();
        for file in &part.files {
            let path: &str = &file.path;
            let starts = path.match_indices('/').map(|(at, _)| at + 1).chain([0]);
            for tail in starts.map(|start| &path[start..]) {
                names.insert(tail);
                names.extend(tail.match_indices('/').map(|(end, _)| &tail[..end]));
            }
        }
        Self { words: WORDS.split_ascii_whitespace().collect(), names }
    }

    fn line(&self, line: &str) -> String {
        let mut out: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let shown = self.word(word);
            if shown != HIDDEN || out.last().is_none_or(|last| last != HIDDEN) {
                out.push(shown);
            }
        }
        out.join(" ")
    }

    /// A word with the marks around it; inside it only what is known.
    fn word(&self, word: &str) -> String {
        let marks = |c: char| !c.is_alphanumeric() && c != '.' && c != '/' && c != '_';
        let core = word.trim_matches(marks).trim_end_matches('.');
        if core.is_empty() {
            return if word.len() <= 3 { word.to_owned() } else { HIDDEN.to_owned() };
        }
        let shown = if self.is_known(core) { core.to_owned() } else { self.place(core) };
        if shown == HIDDEN {
            return shown;
        }
        let (before, after) = word.split_once(core).unwrap_or_default();
        if before.len() + after.len() > 8 { HIDDEN.to_owned() } else { format!("{before}{shown}{after}") }
    }

    fn is_known(&self, word: &str) -> bool {
        self.words.contains(word.to_ascii_lowercase().as_str()) || self.is_file(word) || is_value_path(word)
    }

    /// A file of the part, also as helm names it: behind the name of its chart.
    fn is_file(&self, word: &str) -> bool {
        let inside = word.split_once('/').map_or(word, |(_, inside)| inside);
        let path = word.contains('/') || word.contains('.');
        path && (self.names.contains(word.trim_start_matches("./")) || self.names.contains(inside))
    }

    /// `templates/secret.yaml:5:12`, `line 8:`, `.Values.a|quote`: parts between marks, each known or a short number.
    fn place(&self, word: &str) -> String {
        let mut parts = word.split(':');
        let first = parts.next().unwrap_or_default();
        let short = |part: &str| part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
        // A number alone may be a value; behind a file it is a line.
        let behind_file = self.is_file(first) && parts.clone().all(short);
        if behind_file { word.to_owned() } else { HIDDEN.to_owned() }
    }
}

/// `.Values.auth.password`: names, as the template writes them.
fn is_value_path(word: &str) -> bool {
    let named = [".Values.", ".Chart.", ".Release.", ".Capabilities.", "$.Values."];
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._$".contains(c);
    named.iter().any(|start| word.starts_with(start)) && word.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Renderer;
    use crate::git::SourceFile;

    fn show(text: &str) -> String {
        let file = |path: &str| SourceFile { path: path.into(), bytes: Vec::new() };
        let part = Part {
            of: std::sync::Arc::new(crate::config::Environment::sample()),
            path: "charts/trino".into(),
            renderer: Renderer::Helm,
            files: vec![file("charts/trino/templates/secret.yaml"), file("charts/trino/Chart.yaml")],
            unread: Vec::new(),
            refused: Vec::new(),
        };
        shown(text.as_bytes(), Path::new("/tmp/x/tree"), &part)
    }

    #[test]
    fn files_lines_and_paths_of_values_are_shown() {
        let text = "Error: template: trino/templates/secret.yaml:5:12: executing \"trino/templates/secret.yaml\" at <.Values.auth.password>: nil pointer evaluating interface {}.password\n";
        let shown = show(text);
        assert!(shown.contains("trino/templates/secret.yaml:5:12: executing"), "{shown}");
        assert!(shown.contains("at <.Values.auth.password>: nil pointer evaluating interface"), "{shown}");
        let shown = show("Error: accumulating resources: '/tmp/x/tree/charts/trino/Chart.yaml' must be a file");
        assert!(shown.contains("'charts/trino/Chart.yaml' must be a file"), "{shown}");
    }

    #[test]
    fn nothing_that_could_be_a_value_is_shown() {
        for value in [
            "hunter2",
            "aHVudGVyMg==",
            "Tr0ub4dor&3",
            "correct-horse",
            "7315",
            "s3cr3t/path",
            "p@ss",
            "xoxb-1-2",
            "BEGIN",
            "secret.txt",
            "templates/hunter",
            ".hunter.two",
            "a:hunter2",
            "line:7315",
            "name=hunter2",
        ] {
            for text in [
                format!("Error: unable to parse SM or JSON patch from [{value}]"),
                format!("map[password:{value} user:x]"),
                format!("yaml: invalid value \"{value}\""),
                value.to_owned(),
                format!("templates/secret.yaml:{value}: bad"),
            ] {
                let shown = show(&text);
                let digits_behind_a_file = value == "7315" && text.starts_with("templates");
                assert!(digits_behind_a_file || !shown.contains(value), "{text}: {shown}");
            }
        }
    }
}
