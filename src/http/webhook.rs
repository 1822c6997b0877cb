//! Word from a forge that a repository has changed: proven by its secret, limited in size and number, and nothing but a
//! hint to fetch that repository.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path as PathOf, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::timeout;

use super::{error, json_response};
use crate::board::Board;
use crate::config::{self, Config, Forge, Repository};

/// What a forge may send; a push of some hundred commits stays far below.
const LARGEST: usize = 1 << 20;
/// How long sending it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many requests at once, and one more for each second after.
const BURST: f64 = 30.0;

/// Who is listened to, and what of; clones share it, and another configuration may be put in its place.
#[derive(Debug, Clone, Default)]
pub struct Webhooks(Arc<RwLock<Settings>>);

#[derive(Debug, Clone, Default)]
struct Settings {
    secrets: config::Webhooks,
    repositories: Vec<Arc<Repository>>,
}

impl Webhooks {
    /// From now on those of `config`.
    pub fn follow(&self, config: &Config) {
        let settings = Settings { secrets: config.webhooks.clone(), repositories: config.repositories.clone() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn settings(&self) -> Settings {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Listening {
    to: Webhooks,
    board: Arc<Board>,
    limit: Mutex<Bucket>,
}

/// `/webhook/FORGE` of every forge that is listened to. The requests prove themselves: no other filter is needed before
/// them.
pub(super) fn router(to: Webhooks, board: &Arc<Board>) -> Router {
    let listening = Listening { to, board: Arc::clone(board), limit: Mutex::new(Bucket::full(Instant::now())) };
    Router::new().route("/webhook/{forge}", post(receive)).with_state(Arc::new(listening))
}

async fn receive(
    State(listening): State<Arc<Listening>>,
    PathOf(forge): PathOf<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let settings = listening.to.settings();
    let configured = settings.secrets.iter().find(|(known, _)| known.as_str() == forge);
    let Some((forge, secret)) = configured.map(|(forge, secret)| (*forge, secret.clone())) else {
        return error(StatusCode::NOT_FOUND, "no such webhook is configured; name it under `http.webhooks`");
    };
    if !listening.limit.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) {
        let refusal = error(StatusCode::TOO_MANY_REQUESTS, "too many requests; the repository is fetched all the same");
        return ([(header::RETRY_AFTER, "1")], refusal).into_response();
    }
    let body = match timeout(PATIENCE, to_bytes(body, LARGEST)).await {
        Err(_) => return error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        Ok(Err(_)) => return error(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB"),
        Ok(Ok(body)) => body,
    };
    let read = tokio::task::spawn_blocking(move || read_secret(&secret).map_err(|error| (secret, error))).await;
    match read {
        Ok(Ok(secret)) if is_proven(forge, &secret, &headers, &body) => listening.heed(forge, &body),
        Ok(Ok(_)) => {
            tracing::warn!(webhook = forge.as_str(), "a request is refused: its signature is not that of the secret");
            error(StatusCode::UNAUTHORIZED, "the signature or token is missing or wrong")
        }
        Ok(Err((file, wrong))) => {
            tracing::error!(webhook = forge.as_str(), file = %file.display(), "the secret cannot be read: {wrong}");
            error(StatusCode::SERVICE_UNAVAILABLE, "the secret of this webhook cannot be read; see the log of driftd")
        }
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "the secret could not be read"),
    }
}

impl Listening {
    /// Passes on which repository a proven request is about.
    fn heed(&self, forge: Forge, body: &Bytes) -> Response {
        let Ok(told) = serde_json::from_slice::<Value>(body) else {
            return error(StatusCode::BAD_REQUEST, "the body is no JSON: choose application/json as its content type");
        };
        let named = names(forge, &told);
        let settings = self.to.settings();
        let is_meant = |repository: &&Arc<Repository>| {
            named.iter().any(|name| *name == repository.name || repository.address.is_meant_by(name))
        };
        let meant: Vec<&str> =
            settings.repositories.iter().filter(is_meant).map(|repository| repository.name.as_str()).collect();
        if meant.is_empty() {
            return error(StatusCode::NOT_FOUND, "no repository of the configuration has an address that is told here");
        }
        for repository in &meant {
            tracing::info!(webhook = forge.as_str(), repository, "is said to have changed");
            self.board.hint(repository);
        }
        json_response(StatusCode::ACCEPTED, &json!({ "repositories": meant }))
    }
}

/// The secret without the line's end; an empty one would prove nothing.
fn read_secret(file: &Path) -> io::Result<Vec<u8>> {
    let mut secret = fs::read(file)?;
    while secret.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        secret.pop();
    }
    if secret.is_empty() { Err(io::Error::other("the file is empty")) } else { Ok(secret) }
}

/// Whether whoever sends `body` knows the secret; takes the same time wherever a wrong proof differs.
fn is_proven(forge: Forge, secret: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = |signature: Option<&str>| {
        let claimed = signature.and_then(|text| unhex(text.strip_prefix("sha256=").unwrap_or(text)));
        claimed.is_some_and(|claimed| mac(secret, body).verify_slice(&claimed).is_ok())
    };
    match forge {
        Forge::GitHub | Forge::Generic => signed(text("x-hub-signature-256")),
        Forge::Gitea => signed(text("x-gitea-signature").or_else(|| text("x-forgejo-signature"))),
        Forge::Bitbucket => signed(text("x-hub-signature")),
        Forge::GitLab => text("x-gitlab-token").is_some_and(|token| is_same(secret, token.as_bytes())),
        Forge::Azure => {
            let basic = text("authorization")
                .and_then(|value| value.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
            let login = basic.and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok());
            login.is_some_and(|login| is_same(secret, &login))
        }
    }
}

fn mac(secret: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let keyed = Hmac::<Sha256>::new_from_slice(secret);
    // HMAC takes keys of every length.
    keyed.unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default())).chain_update(message)
}

/// Compares digests, so that the time tells neither length nor content.
fn is_same(secret: &[u8], claimed: &[u8]) -> bool {
    mac(secret, claimed).verify(&mac(secret, secret).finalize().into_bytes()).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Everything by which a request names its repository.
fn names(forge: Forge, told: &Value) -> Vec<&str> {
    let pointers: &[&str] = match forge {
        Forge::GitHub | Forge::Gitea => &["/repository/clone_url", "/repository/ssh_url", "/repository/html_url"],
        Forge::GitLab => &["/project/git_http_url", "/project/git_ssh_url", "/project/web_url"],
        Forge::Bitbucket => &["/repository/links/html/href"],
        Forge::Azure => &["/resource/repository/remoteUrl", "/resource/repository/sshUrl"],
        Forge::Generic => &["/repository"],
    };
    let mut named: Vec<&str> = pointers.iter().filter_map(|pointer| told.pointer(pointer)?.as_str()).collect();
    // Bitbucket Data Center.
    let links = told.pointer("/repository/links/clone").and_then(Value::as_array);
    named.extend(links.into_iter().flatten().filter_map(|link| link["href"].as_str()));
    named
}

/// Requests that may still come.
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    const fn full(at: Instant) -> Self {
        Self { left: BURST, at }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since).min(BURST);
        self.at = now;
        let granted = self.left >= 1.0;
        if granted {
            self.left -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests;
