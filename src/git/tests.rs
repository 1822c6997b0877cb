//! A repository made in a temporary folder and read back.

use git2::{IndexEntry, IndexTime, Repository, Signature};

use super::*;

/// A bare repository whose branch holds `files`.
fn repository(branch: &str, files: &[(&str, &str, u32)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    let mut index = git2::Index::new().unwrap();
    for (path, content, mode) in files {
        let id = repository.blob(content.as_bytes()).unwrap();
        let zero = IndexTime::new(0, 0);
        let entry = IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: *mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
    let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
    let author = Signature::now("a", "a@example.org").unwrap();
    repository.commit(Some(&format!("refs/heads/{branch}")), &author, &author, "x", &tree, &[]).unwrap();
    folder
}

fn read_paths(folder: &tempfile::TempDir, paths: &[&str]) -> Result<SourceTree, GitError> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    read(folder.path(), "prod", &paths)
}

const FILE: u32 = 0o100_644;

#[test]
fn files_come_in_the_order_of_paths_then_names() {
    let folder = repository("prod", &[("b/2.yaml", "2", FILE), ("b/1 ü.yaml", "1", FILE), ("a.yaml", "a", FILE)]);
    let tree = read_paths(&folder, &["b/", "a.yaml"]).unwrap();
    let names: Vec<&str> = tree.files.iter().map(|file| &*file.path).collect();
    assert_eq!(names, ["b/1 ü.yaml", "b/2.yaml", "a.yaml"]);
    assert_eq!(tree.revision.len(), 40);
    assert_eq!(read(folder.path(), &tree.revision, &[String::new()]).unwrap().files.len(), 3);
}

#[test]
fn a_symbolic_link_is_named_as_unread() {
    let folder = repository("prod", &[("a.yaml", "a", FILE), ("l.yaml", "a.yaml", 0o120_000)]);
    assert_eq!(read_paths(&folder, &[""]).unwrap().unread, ["l.yaml".into()]);
}

#[test]
fn what_is_missing_is_named() {
    let folder = repository("prod", &[("a.yaml", "a", FILE)]);
    let error = read(folder.path(), "production", &[]).unwrap_err();
    assert!(error.to_string().contains("production") && error.to_string().contains("there are prod"), "{error}");
    let error = read_paths(&folder, &["nowhere"]).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let error = read(&folder.path().join("none"), "prod", &[]).unwrap_err();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
    let empty = tempfile::tempdir().unwrap();
    Repository::init_bare(empty.path()).unwrap();
    assert!(read(empty.path(), "prod", &[]).unwrap_err().to_string().contains("no branches"));
}
