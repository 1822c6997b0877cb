//! The table of series in the README is the one that the code makes.

use std::fmt::Write as _;
use std::{env, fs};

use driftd::metrics::FAMILIES;

use super::{path, read};

const BEGIN: &str = "<!-- series -->\n";
const END: &str = "<!-- /series -->\n";

/// Set to anything, the table is written instead of compared.
const WRITE: &str = "DRIFTD_WRITE";

fn table() -> String {
    let mut table = "\n| series | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = family.kind.as_str();
        let help = family.help.replace('|', "\\|");
        writeln!(table, "| `{}` | {kind} | {} | {help} |", family.name, labels.join(", ")).unwrap();
    }
    table + "\n"
}

#[test]
fn the_readme_has_the_series_of_the_code() {
    let readme = read("README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("the README marks where the table begins");
    let (written, after) = rest.split_once(END).expect("the README marks where the table ends");
    let table = table();
    if env::var_os(WRITE).is_some() {
        fs::write(path("README.md"), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert!(written == table, "the table of series is not that of the code; write it anew: just series");
    }
}
