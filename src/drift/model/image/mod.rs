//! Image references as Docker reads them, and what differs between two.

mod version;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{FieldPath, Shown};

/// The registry of references that name none.
const DOCKER_HUB: &str = "docker.io";
/// What Docker Hub was called once.
const DOCKER_HUB_OF_OLD: &str = "index.docker.io";
/// Where Docker Hub keeps repositories that are named by one word.
const OFFICIAL: &str = "library/";
/// The tag of references that have neither tag nor digest.
const LATEST: &str = "latest";
/// The digits of a digest that people are shown.
const DIGEST_DIGITS: usize = 12;

/// A reference with everything filled in that it leaves to its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageReference {
    /// `docker.io`, `quay.io`, `registry.example.org:5000`; empty where a field holds another part alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registry: String,
    /// The repository inside the registry: `library/nginx`; empty where a field holds another part alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `latest` where the reference has neither tag nor digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// `sha256:…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl ImageReference {
    /// Reads a reference; `None` for a text that no container runtime takes for one.
    ///
    /// Rule: `github.com/distribution/reference`, `normalize.go`, `splitDockerDomain` and `TagNameOnly`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash is that of a port.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[last..].find(':') {
            Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
            None => (rest, None),
        };
        let (registry, name) = split_registry(repository);
        let valid = is_registry(registry)
            && name.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        let official = registry == DOCKER_HUB && !name.contains('/');
        valid.then(|| Self {
            registry: registry.to_owned(),
            name: if official { format!("{OFFICIAL}{name}") } else { name.to_owned() },
            tag: tag.or(digest.is_none().then_some(LATEST)).map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// Whether `live` is this image as admission rewrites it to a configured mirror: registry → host of its mirror.
    #[must_use]
    pub fn is_mirrored_as(&self, live: &Self, mirrors: &BTreeMap<String, String>) -> bool {
        let name = |own: &str| own == live.name || own.strip_prefix(OFFICIAL) == Some(&live.name);
        mirrors.get(&self.registry).is_some_and(|mirror| *mirror == live.registry)
            && name(&self.name)
            && (&self.tag, &self.digest) == (&live.tag, &live.digest)
    }

    /// Whether two texts name the same image, in whatever notation or at a configured mirror.
    #[must_use]
    pub fn same(desired: &str, live: &str, mirrors: &BTreeMap<String, String>) -> bool {
        desired == live
            || match (Self::parse(desired), Self::parse(live)) {
                (Some(desired), Some(live)) => desired == live || desired.is_mirrored_as(&live, mirrors),
                _ => false,
            }
    }

    fn part(&self, part: ImagePart) -> Option<&str> {
        match part {
            ImagePart::Registry => Some(&self.registry),
            ImagePart::Name => Some(&self.name),
            ImagePart::Tag => self.tag.as_deref(),
            ImagePart::Digest => self.digest.as_deref(),
        }
    }
}

fn split_registry(repository: &str) -> (&str, &str) {
    let is_host = |host: &str| {
        host.contains(['.', ':']) || host == "localhost" || host.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    match repository.split_once('/') {
        Some((DOCKER_HUB_OF_OLD, name)) => (DOCKER_HUB, name),
        Some((host, name)) if is_host(host) => (host, name),
        _ => (DOCKER_HUB, repository),
    }
}

fn is_registry(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn is_component(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| word(byte) || b"._-".contains(&byte))
        && text.bytes().next().is_some_and(word)
        && text.bytes().last().is_some_and(word)
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        !algorithm.is_empty() && digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A part of an image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImagePart {
    /// Where it is pulled from.
    Registry,
    /// The repository inside the registry.
    Name,
    /// The tag.
    Tag,
    /// The digest.
    Digest,
}

impl ImagePart {
    const ALL: [Self; 4] = [Self::Registry, Self::Name, Self::Tag, Self::Digest];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Name => "name",
            Self::Tag => "tag",
            Self::Digest => "digest",
        }
    }
}

/// Which way a version went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Age {
    /// What lives comes before what Git declares.
    Older,
    /// What lives comes after what Git declares.
    Newer,
}

/// What differs between two image references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageChange {
    /// The parts that differ; none where only the notation does.
    pub differs: Vec<ImagePart>,
    /// Whether what lives is older or newer; absent where the tags of the same repository are no versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Age>,
    /// Git's.
    pub desired: ImageReference,
    /// The cluster's.
    pub live: ImageReference,
}

impl ImageChange {
    /// Compares what is shown at `path`; `None` where a side is no image reference or not to be shown.
    ///
    /// Custom resources may hold a part in a field of its own: `image.tag`, `image.repository`.
    #[must_use]
    pub fn between(path: &FieldPath, desired: &Shown, live: &Shown) -> Option<Self> {
        let mut names = path.names().rev();
        let (field, parent) = (names.next()?, names.next());
        let part = if parent == Some("image") { field } else { "image" };
        Some(Self::of(read(part, desired)?, read(part, live)?))
    }

    fn of(desired: ImageReference, live: ImageReference) -> Self {
        let differs: Vec<ImagePart> =
            ImagePart::ALL.into_iter().filter(|part| desired.part(*part) != live.part(*part)).collect();
        let tags = desired.tag.as_deref().zip(live.tag.as_deref()).filter(|_| desired.name == live.name);
        let age = tags.and_then(|(desired, live)| version::age(desired, live));
        Self { differs, age, desired, live }
    }
}

fn read(part: &str, value: &Value) -> Option<ImageReference> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let empty = ImageReference::default();
    match part {
        "tag" => is_tag(&text).then_some(ImageReference { tag: Some(text), ..empty }),
        "digest" => is_digest(&text).then_some(ImageReference { digest: Some(text), ..empty }),
        "registry" => is_registry(&text).then_some(ImageReference { registry: text, ..empty }),
        // The tag stands in a field beside it.
        "repository" | "name" => ImageReference::parse(&text).map(|image| ImageReference { tag: None, ..image }),
        _ => ImageReference::parse(&text),
    }
}

/// `tag 476 → 470, older`.
impl fmt::Display for ImageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differs.is_empty() {
            return f.write_str("the same image in another notation");
        }
        for (position, part) in self.differs.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            let side = |image: &ImageReference| shortened(image.part(*part)).unwrap_or_else(|| "(none)".to_owned());
            write!(f, "{comma}{} {} → {}", part.as_str(), side(&self.desired), side(&self.live))?;
        }
        match self.age {
            Some(Age::Older) => f.write_str(", older"),
            Some(Age::Newer) => f.write_str(", newer"),
            None => Ok(()),
        }
    }
}

/// A digest by its first digits, every other part whole.
fn shortened(part: Option<&str>) -> Option<String> {
    let part = part.filter(|part| !part.is_empty())?;
    Some(match part.split_once(':') {
        Some((algorithm, digits)) if is_digest(part) => {
            format!("{algorithm}:{}", digits.get(..DIGEST_DIGITS).unwrap_or(digits))
        }
        _ => part.to_owned(),
    })
}

#[cfg(test)]
mod tests;
