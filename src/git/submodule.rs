//! Submodules: where `.gitmodules` says they lie, and who may open them.

use std::collections::BTreeMap;

use git2::{Oid, Repository};

/// Opens the submodules of one repository.
pub(super) trait Submodules {
    /// The repository behind `url`, with the commit in it.
    ///
    /// # Errors
    /// Why it cannot be followed, in words.
    fn mount(&self, url: &str, commit: Oid) -> Result<Mounted, String>;
}

/// A submodule that has been opened.
pub(super) struct Mounted {
    pub repository: Repository,
    /// Opens its own submodules.
    pub submodules: Box<dyn Submodules>,
}

/// Follows none.
pub(super) struct None;

impl Submodules for None {
    fn mount(&self, _: &str, _: Oid) -> Result<Mounted, String> {
        Err("submodules are not followed here".to_owned())
    }
}

/// Path → URL of each submodule in the text of a `.gitmodules`, as git-config(5) writes them.
pub(super) fn urls(text: &str) -> BTreeMap<String, String> {
    let mut urls = BTreeMap::new();
    let mut section: (Option<String>, Option<String>) = (Option::None, Option::None);
    let mut close = |section: &mut (Option<String>, Option<String>)| {
        if let (Some(path), Some(url)) = std::mem::take(section) {
            urls.insert(path.trim_matches('/').to_owned(), url);
        }
    };
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            close(&mut section);
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" => section.0 = Some(value),
                "url" => section.1 = Some(value),
                _ => {}
            }
        }
    }
    close(&mut section);
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitmodules_are_read() {
        let text = "[submodule \"a\"]\n\tpath = libs/a\n\turl = ../a.git\n# c\n[submodule \"b c\"]\n\turl=\"https://h/b\"\n\
                    \tpath=\"b c\"\n[submodule \"broken\"]\n\tpath = x\n";
        let urls = urls(text);
        let found: Vec<_> = urls.iter().map(|(path, url)| (path.as_str(), url.as_str())).collect();
        assert_eq!(found, [("b c", "https://h/b"), ("libs/a", "../a.git")]);
    }
}
