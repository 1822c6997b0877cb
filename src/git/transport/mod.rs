//! How libgit2 reaches a server: by streams of driftd's own, which keep time limits and can be stopped.

mod http;
mod proxy;
mod ssh;
mod tls;

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use git2::Remote;
use git2::transport::{Transport, register};

use super::session::Session;
use crate::config::Address;

/// The URL that libgit2 sees in place of every address.
pub(super) const URL: &str = "driftd://server/";
const SCHEME: &str = "driftd";

thread_local! {
    /// The fetch that this thread is at: libgit2 passes nothing to a transport but the URL.
    static SESSION: RefCell<Option<Arc<Session>>> = const { RefCell::new(None) };
}

/// Runs `work`, in which remotes with the URL [`URL`] are reached as `session` says.
pub(super) fn with<T>(session: &Arc<Session>, work: impl FnOnce() -> T) -> Result<T, git2::Error> {
    registered()?;
    SESSION.with(|current| current.replace(Some(Arc::clone(session))));
    let done = work();
    SESSION.with(RefCell::take);
    Ok(done)
}

/// Registers the transport once.
fn registered() -> Result<(), git2::Error> {
    static REGISTERED: OnceLock<Result<(), String>> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        #[expect(unsafe_code, reason = "libgit2 keeps its transports in a list without a lock")]
        // SAFETY: no transport is made before this is done: only `with` leads to remotes, and it waits for this.
        let registered = unsafe { register(SCHEME, transport) };
        registered.map_err(|error| error.message().to_owned())
    });
    registered.as_ref().map(|&()| ()).map_err(|message| git2::Error::from_str(message))
}

fn transport(remote: &Remote<'_>) -> Result<Transport, git2::Error> {
    let session = SESSION.with(|current| current.borrow().clone());
    let session = session.ok_or_else(|| git2::Error::from_str("no fetch is under way"))?;
    match &session.repository.address {
        Address::Http { .. } => Transport::smart(remote, true, http::Http::new(session)),
        Address::Ssh { .. } => Transport::smart(remote, false, ssh::Ssh::new(session)),
        Address::Local(_) => Err(git2::Error::from_str("a repository of this machine is read in its place")),
    }
}
