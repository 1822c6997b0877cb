//! Renderings on disk, for the next start: only those in which every value may be shown to anybody.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::drift::model::{
    Candidate, Declared, Desired, FieldPath, ObjectKey, Packed, Position, Redaction, Redactor, hex,
};
use crate::render::Rendered;

/// Changes with the form of the files.
const FORM: &str = "driftd rendering 1";
const ENDING: &str = "rendering";
/// What all files together may take; the oldest go first.
const ROOM: u64 = 256 << 20;

/// A folder of renderings; each file is that of one digest of everything that it depends on.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    folder: PathBuf,
    /// Stands in front of each name: what was kept under other rules, or by another version, is none of ours.
    prefix: String,
    redaction: Arc<Redaction>,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
enum KeptError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is not what was written")]
    Corrupt,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct Body {
    hooks: usize,
    objects: Vec<Object>,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct Object {
    file: String,
    line: u32,
    content: Value,
}

impl Kept {
    /// What lies in `folder`; `redaction` tells what may not lie there.
    pub(super) fn new(folder: &Path, redaction: Redaction) -> Self {
        let rules = format!("{FORM} {} {:?}", env!("CARGO_PKG_VERSION"), redaction.rules());
        let prefix = digest(rules.as_bytes())[..16].to_owned();
        Self { folder: folder.to_owned(), prefix, redaction: Arc::new(redaction) }
    }

    /// What was rendered before under `key`. A file that cannot be used is told and is as good as none.
    pub(super) fn load(&self, key: &str, redactor: &Redactor) -> Option<Rendered> {
        let path = self.path(key);
        match read(&path, redactor) {
            Ok(rendered) => Some(rendered),
            Err(KeptError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %path.display(), "a kept rendering is ignored and rendered again: {error}");
                None
            }
        }
    }

    /// Keeps what `environment` was rendered to, unless some value of it may not be shown or it is incomplete.
    pub(super) fn keep(&self, key: &str, (name, namespace): (&str, &str), rendered: &Rendered) {
        let free = |object: &Packed| object.is_its_content() && self.is_free(name, namespace, &object.unpack());
        if !rendered.gaps.is_empty() || !rendered.objects.iter().all(free) {
            return;
        }
        if let Err(error) = self.write(&self.path(key), rendered).and_then(|()| self.make_room(ROOM)) {
            let folder = self.folder.display();
            tracing::warn!(
                "a rendering cannot be kept in {folder}: {error}; let `renderCache` name a folder that driftd may write"
            );
        }
    }

    /// Whether nothing of an object is secret, by its names or by a rule. Its namespace may not be told yet.
    fn is_free(&self, environment: &str, namespace: &str, object: &Desired) -> bool {
        let placed = ObjectKey { namespace: Some(namespace.to_owned()), ..object.key.clone() };
        [&object.key, &placed].into_iter().all(|key| {
            let candidate = Candidate::new(environment, key, &object.content);
            *self.redaction.show(&candidate, &FieldPath::root(), &object.content) == object.content
        })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}-{}.{ENDING}", self.prefix, digest(key.as_bytes())))
    }

    fn write(&self, path: &Path, rendered: &Rendered) -> io::Result<()> {
        let object = |object: &Packed| Object {
            file: object.source.file.to_string(),
            line: object.source.line,
            content: object.unpack().content,
        };
        let body = Body { hooks: rendered.hooks, objects: rendered.objects.iter().map(object).collect() };
        let text = serde_json::to_vec(&body)?;
        // What would not be read back as it was is not kept.
        if serde_json::from_slice::<Body>(&text)? != body {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = tempfile::Builder::new().prefix(".partial-").tempfile_in(&self.folder)?;
        file.write_all(format!("{FORM} {}\n", digest(&text)).as_bytes())?;
        file.write_all(&text)?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes what is ours no longer, and the oldest until the others take no more than `room`.
    fn make_room(&self, room: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            let Some((prefix, _)) = name.to_str().and_then(own_name) else { continue };
            let metadata = entry.metadata()?;
            if prefix == self.prefix {
                files.push((metadata.modified()?, metadata.len(), entry));
            } else {
                fs::remove_file(entry)?;
            }
        }
        files.sort();
        let mut taken: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if taken <= room {
                break;
            }
            fs::remove_file(path)?;
            taken -= size;
        }
        Ok(())
    }
}

/// The two digests of a name that [`Kept::path`] has made.
fn own_name(name: &str) -> Option<(&str, &str)> {
    let (prefix, key) = name.strip_suffix(ENDING)?.strip_suffix('.')?.split_once('-')?;
    let is_digest = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_digest(prefix, 16) && is_digest(key, 64)).then_some((prefix, key))
}

fn read(path: &Path, redactor: &Redactor) -> Result<Rendered, KeptError> {
    let bytes = fs::read(path)?;
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(KeptError::Corrupt)?;
    let text = &bytes[end + 1..];
    if bytes[..end] != *format!("{FORM} {}", digest(text)).as_bytes() {
        return Err(KeptError::Corrupt);
    }
    let body: Body = serde_json::from_slice(text).map_err(|_| KeptError::Corrupt)?;
    let object = |Object { file, line, content }| {
        let declared = Declared::new(content, redactor).map_err(|_| KeptError::Corrupt)?;
        Ok(Desired::rendered(declared, Position { file: file.into(), line }).pack())
    };
    let objects = body.objects.into_iter().map(object).collect::<Result<_, KeptError>>()?;
    // What is used stays the longest; where that cannot be noted, nothing is lost.
    File::options().append(true).open(path)?.set_modified(SystemTime::now()).ok();
    Ok(Rendered { objects, gaps: Vec::new(), hooks: body.hooks })
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{Glob, ObjectMatch, RedactRule};

    fn redactor() -> Redactor {
        Redactor::new(&[3; 32])
    }

    fn kept(folder: &Path, rules: Vec<RedactRule>) -> Kept {
        Kept::new(folder, Redaction::new(redactor(), rules))
    }

    fn rendered(contents: &[Value]) -> Rendered {
        let object = |content: &Value| {
            let declared = Declared::new(content.clone(), &redactor()).unwrap();
            Desired::rendered(declared, Position { file: "app/templates/x.yaml".into(), line: 1 }).pack()
        };
        Rendered { objects: contents.iter().map(object).collect(), gaps: Vec::new(), hooks: 2 }
    }

    fn map(name: &str, data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    #[test]
    fn what_was_kept_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let before = rendered(&[map("a", &json!({"colour": "blue", "ratio": "0.1"})), map("b", &json!({}))]);
        kept(folder.path(), Vec::new()).keep("key", ("prod", "trino"), &before);
        let kept = kept(folder.path(), Vec::new());
        let after = kept.load("key", &redactor()).unwrap();
        let whole = |rendered: &Rendered| {
            let object = |object: &Packed| (object.key.clone(), object.unpack().content, object.source.clone());
            (rendered.hooks, rendered.objects.iter().map(object).collect::<Vec<_>>())
        };
        assert_eq!(whole(&after), whole(&before));
        assert!(kept.load("another key", &redactor()).is_none());
    }

    #[test]
    fn nothing_secret_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let rule = RedactRule {
            objects: ObjectMatch { namespace: Some(Glob::new("trino")), ..ObjectMatch::default() },
            paths: vec!["data.catalog".parse().unwrap()],
        };
        let kept = kept(folder.path(), vec![rule]);
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "x"}});
        let encrypted = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"},
            "data": {"p": "ENC[x]"}, "sops": {"mac": "ENC[m]"}});
        for content in [
            secret,
            encrypted,
            map("by-its-name", &json!({"password": "x"})),
            map("in-a-text", &json!({"app.properties": "db.password=x\n"})),
            map("by-a-rule", &json!({"catalog": "x"})),
        ] {
            kept.keep("key", ("prod", "trino"), &rendered(&[map("plain", &json!({"a": "b"})), content.clone()]));
            assert_eq!(count(folder.path()), 0, "{}", content["metadata"]["name"]);
        }
    }

    #[test]
    fn what_is_corrupt_or_foreign_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path(), Vec::new());
        kept.keep("key", ("prod", "trino"), &rendered(&[map("a", &json!({"colour": "blue"}))]));
        let path = kept.path("key");
        let whole = fs::read(&path).unwrap();
        let turned = String::from_utf8(whole.clone()).unwrap().replace("blue", "pink").into_bytes();
        for bytes in [&whole[..whole.len() - 1], b"", b"{}\n", &turned, &[0xff; 4000]] {
            fs::write(&path, bytes).unwrap();
            assert!(kept.load("key", &redactor()).is_none());
        }
        fs::write(&path, &whole).unwrap();
        assert!(kept.load("key", &redactor()).is_some());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(kept.load("key", &redactor()).is_none());
    }

    #[test]
    fn the_oldest_make_room_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path(), Vec::new());
        fs::write(folder.path().join("notes.txt"), "x").unwrap();
        let earlier = Kept { prefix: "0123456789abcdef".to_owned(), ..kept.clone() };
        earlier.keep("key", ("prod", "trino"), &rendered(&[map("a", &json!({}))]));
        for (age, key) in [(3, "a"), (2, "b"), (1, "c")] {
            kept.keep(key, ("prod", "trino"), &rendered(&[map(key, &json!({}))]));
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            File::options().append(true).open(kept.path(key)).unwrap().set_modified(then).unwrap();
        }
        assert!(!earlier.path("key").exists(), "what another version kept has gone");
        assert!(kept.load("a", &redactor()).is_some(), "used, and so the newest");
        let size = kept.path("a").metadata().unwrap().len();
        kept.make_room(2 * size).unwrap();
        let there = ["a", "b", "c"].map(|key| kept.path(key).exists());
        assert_eq!(there, [true, false, true]);
        assert!(folder.path().join("notes.txt").exists());
    }
}
