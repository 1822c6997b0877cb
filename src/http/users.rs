//! Passwords of users, known by their bcrypt hashes alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::Semaphore;

/// The users that are let in; where there are none, everybody is.
#[derive(Debug)]
pub(super) struct Users {
    hashes: Arc<BTreeMap<String, String>>,
    /// What was right before, as digests under a key of this process: a hash takes too long for every scrape.
    proven: Mutex<BTreeSet<[u8; 32]>>,
    key: Option<[u8; 32]>,
    /// One hash at a time: whoever guesses takes one processor at most.
    turn: Semaphore,
}

impl Default for Users {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl Users {
    /// Users with the bcrypt hashes of their passwords.
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Self {
        let mut key = [0; 32];
        // Without a key nothing is remembered, and every request takes its time.
        let key = getrandom::fill(&mut key).is_ok().then_some(key);
        Self { hashes: Arc::new(hashes), proven: Mutex::default(), key, turn: Semaphore::new(1) }
    }

    /// Whether the credentials of a request are those of a user.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        if self.hashes.is_empty() {
            return true;
        }
        let Some((name, password)) = credentials(headers) else { return false };
        let digest = self.digest(&name, &password);
        if digest.is_some_and(|digest| self.proven().contains(&digest)) {
            return true;
        }
        let admitted = self.verify(name, password).await;
        if admitted && let Some(digest) = digest {
            self.proven().insert(digest);
        }
        admitted
    }

    /// A name that nobody has takes as long as a wrong password.
    async fn verify(&self, name: String, password: Vec<u8>) -> bool {
        let Ok(_turn) = self.turn.acquire().await else { return false };
        let hashes = Arc::clone(&self.hashes);
        let work = move || {
            let (hash, known) = match hashes.get(&name) {
                Some(hash) => (hash, true),
                None => (hashes.values().next()?, false),
            };
            Some(bcrypt::verify(&password, hash).unwrap_or(false) && known)
        };
        tokio::task::spawn_blocking(work).await.ok().flatten().unwrap_or(false)
    }

    fn digest(&self, name: &str, password: &[u8]) -> Option<[u8; 32]> {
        let mut digest = Hmac::<Sha256>::new_from_slice(&self.key?).ok()?;
        digest.update(name.as_bytes());
        digest.update(&[0]);
        digest.update(password);
        Some(digest.finalize().into_bytes().into())
    }

    fn proven(&self) -> std::sync::MutexGuard<'_, BTreeSet<[u8; 32]>> {
        // An insertion is whole or has not happened.
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Name and password of a request (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok()).flatten()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((String::from_utf8(decoded[..colon].to_vec()).ok()?, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    fn basic(text: &str) -> HeaderMap {
        headers(&format!("Basic {}", STANDARD.encode(text)))
    }

    #[tokio::test]
    async fn only_the_right_password_of_the_right_user_is_let_in() {
        let hash = bcrypt::hash("sword:fish", 4).unwrap();
        let users = Users::new(BTreeMap::from([("prometheus".to_owned(), hash)]));
        for _ in 0..2 {
            assert!(users.admit(&basic("prometheus:sword:fish")).await);
            for wrong in ["prometheus:swordfish", "prometheus:", "nobody:sword:fish", ":sword:fish", "prometheus"] {
                assert!(!users.admit(&basic(wrong)).await, "{wrong}");
            }
        }
        assert_eq!(users.proven().len(), 1, "only what is right is remembered");
        for wrong in ["Bearer c3dvcmRmaXNo", "Basic !", "Basic", ""] {
            assert!(!users.admit(&headers(wrong)).await, "{wrong}");
        }
        assert!(!users.admit(&HeaderMap::new()).await);
    }

    #[tokio::test]
    async fn where_there_are_no_users_everybody_is_let_in() {
        assert!(Users::default().admit(&HeaderMap::new()).await);
    }
}
