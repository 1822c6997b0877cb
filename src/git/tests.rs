//! A repository made in a temporary folder and read back.

use git2::{IndexEntry, IndexTime, Repository, Signature};

use super::read::read;
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

const LINK: u32 = 0o120_000;

/// The paths that were read, and the reasons why others were not.
fn read_all(files: &[(&str, &str, u32)]) -> (Vec<String>, Vec<String>) {
    let tree = read_paths(&repository("prod", files), &[""]).unwrap();
    let read = tree.files.iter().map(|file| format!("{}={}", file.path, String::from_utf8_lossy(&file.bytes)));
    (read.collect(), tree.unread.iter().map(|unread| unread.why.clone()).collect())
}

#[test]
fn links_are_followed_inside_the_repository() {
    let files = [
        ("base/a.yaml", "a", FILE),
        ("base/deep/b.yaml", "b", FILE),
        ("prod/a.yaml", "../base/a.yaml", LINK),
        ("prod/deep", "../base/deep", LINK),
        ("prod/twice.yaml", "deep/../deep/./b.yaml", LINK),
    ];
    let folder = repository("prod", &files);
    let tree = read_paths(&folder, &["prod"]).unwrap();
    let read: Vec<_> = tree.files.iter().map(|file| (&*file.path, file.bytes.as_slice())).collect();
    assert_eq!(tree.unread, []);
    assert_eq!(read[..2], [("prod/a.yaml", &b"a"[..]), ("prod/deep/b.yaml", b"b")]);
    // `deep` is a link to another folder, so `..` behind it is that folder's own, as on a file system.
    assert_eq!(read[2..], [("prod/twice.yaml", &b"b"[..])]);
    let through = read_paths(&folder, &["prod/deep"]).unwrap();
    assert_eq!(&*through.files[0].path, "prod/deep/b.yaml");
}

#[test]
fn links_that_lead_outside_are_refused() {
    for target in ["/etc/passwd", "../../etc/passwd", "x/../../../etc/passwd", "..", "outer"] {
        let files = [("x/a", "", FILE), ("l.yaml", target, LINK), ("outer", "../elsewhere", LINK)];
        let (_, refused) = read_all(&files);
        let own: Vec<_> = refused.iter().filter(|why| why.starts_with("l.yaml ")).collect();
        assert_eq!(own.len(), 1, "{target}: {refused:?}");
        assert!(own[0].contains("leads out of the repository"), "{target}: {refused:?}");
    }
    let error = read_paths(&repository("prod", &[("out", "../x", LINK)]), &["out"]).unwrap_err();
    assert!(error.to_string().contains("leads out of the repository"), "{error}");
}

#[test]
fn links_that_lead_back_are_refused() {
    let (read, refused) =
        read_all(&[("a", "b", LINK), ("b", "a", LINK), ("c/d", "../c", LINK), ("c/e", "x", FILE), ("r", ".", LINK)]);
    assert_eq!(read, ["c/e=x"]);
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused.iter().all(|why| why.contains("leads back to itself")), "{refused:?}");
}

#[test]
fn a_few_links_cannot_make_a_tree_without_end() {
    let mut files = vec![("d0/f.yaml".to_owned(), String::new(), FILE)];
    for level in 1..40 {
        for name in ["a", "b"] {
            files.push((format!("d{level}/{name}"), format!("../d{}", level - 1), LINK));
        }
    }
    let files: Vec<_> = files.iter().map(|(path, text, mode)| (path.as_str(), text.as_str(), *mode)).collect();
    let tree = read_paths(&repository("prod", &files), &["d39"]).unwrap();
    assert!(tree.files.len() < 20_000);
    assert!(tree.unread.iter().any(|unread| unread.why.contains("too many files")));
}

#[test]
fn a_dangling_link_and_a_submodule_are_named() {
    let files = [("l.yaml", "nowhere.yaml", LINK)];
    let (_, refused) = read_all(&files);
    assert_eq!(refused, ["l.yaml is a symbolic link to what is not in this commit; correct or remove it"]);
}

#[test]
fn an_lfs_pointer_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let (read, refused) = read_all(&[("big file.yaml", pointer, FILE), ("ü.yaml", "version: 1", FILE)]);
    assert_eq!(read, ["ü.yaml=version: 1"]);
    assert!(refused[0].starts_with("big file.yaml is a Git LFS pointer: ") && refused.len() == 1, "{refused:?}");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let folder = repository("prod", &[("a.yaml", "a", FILE)]);
    let repository = Repository::open(folder.path()).unwrap();
    let blob = repository.blob(b"evil").unwrap();
    let odb = repository.odb().unwrap();
    let mut raw = Vec::new();
    for name in ["..", ".GIT", "a/b"] {
        raw.extend_from_slice(format!("100644 {name}\0").as_bytes());
        raw.extend_from_slice(blob.as_bytes());
    }
    let tree = odb.write(git2::ObjectType::Tree, &raw).unwrap();
    let author = Signature::now("a", "a@example.org").unwrap();
    let tree = repository.find_tree(tree).unwrap();
    repository.commit(Some("refs/heads/evil"), &author, &author, "x", &tree, &[]).unwrap();
    let tree = read(folder.path(), "evil", &[String::new()]).unwrap();
    assert_eq!(tree.files, []);
    assert_eq!(tree.unread.len(), 3, "{:?}", tree.unread);
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
