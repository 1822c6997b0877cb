//! What a cluster was asked and how often its watches began anew, counted since the start.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::{Method, Uri};

use super::watch::Restart;

/// Requests by verb (`get`, `list`, `watch`, `patch`) and status code, which is absent where nobody answered.
pub type Requests = BTreeMap<(&'static str, Option<u16>), u64>;

/// The counts of one cluster.
#[derive(Debug, Default)]
pub struct Tally {
    requests: Mutex<Requests>,
    restarts: Mutex<BTreeMap<Restart, u64>>,
}

impl Tally {
    /// Counts a request that was answered with a status, or not at all.
    pub(super) fn asked(&self, verb: &'static str, status: Option<u16>) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((verb, status)).or_default() += 1;
    }

    /// Counts a watch that began anew.
    pub(super) fn restarted(&self, why: Restart) {
        *self.restarts.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_default() += 1;
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often watches began anew so far, by the reason.
    #[must_use]
    pub fn restarts(&self) -> BTreeMap<Restart, u64> {
        self.restarts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The verb as RBAC and the audit log name it.
pub(super) fn verb(method: &Method, uri: &Uri) -> &'static str {
    let asks_for = |key: &str| uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with(key)));
    match *method {
        Method::PATCH => "patch",
        _ if asks_for("watch=") => "watch",
        _ if asks_for("limit=") => "list",
        _ => "get",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_those_of_rbac() {
        let of = |uri| verb(&Method::GET, &Uri::from_static(uri));
        assert_eq!(of("/api/v1/namespaces/a/pods?&watch=true&limit=1"), "watch");
        assert_eq!(of("/api/v1/namespaces/a/pods?&limit=500"), "list");
        assert_eq!(of("/version"), "get");
        assert_eq!(verb(&Method::PATCH, &Uri::from_static("/api/v1/namespaces/a/pods/p?dryRun=All")), "patch");
    }
}
