//! One fetch: its credentials, its patience, and why it failed.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::GitError;
use super::fault::Fault;
use super::secret::Secrets;
use crate::config::{Address, Repository};

/// Whether somebody still waits for the result: who asks keeps the sender, and dropping that stops the fetch.
pub(super) type Asked = watch::Receiver<()>;

/// One fetch from one server.
pub(super) struct Session {
    /// Where it fetches from, and how.
    pub repository: Arc<Repository>,
    /// What the server is shown.
    pub secrets: Secrets,
    runtime: Option<Runtime>,
    deadline: Instant,
    asked: Asked,
    fault: Mutex<Option<Fault>>,
    /// What the server said of its references, as it came.
    advertisement: Mutex<Vec<u8>>,
}

impl Session {
    /// Reads the credentials and starts the clock.
    ///
    /// # Errors
    /// A file of the credentials cannot be read, or the system is out of resources.
    pub fn new(repository: &Arc<Repository>, asked: Asked) -> Result<Self, GitError> {
        let failed = |fault| GitError::Fetch { address: repository.address.to_string(), fault };
        let secrets = Secrets::read(&repository.credentials).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(Fault::Said(error.to_string())))?;
        Ok(Self {
            repository: Arc::clone(repository),
            secrets,
            runtime: Some(runtime),
            deadline: Instant::now() + repository.fetch_timeout,
            asked,
            fault: Mutex::new(None),
            advertisement: Mutex::new(Vec::new()),
        })
    }

    /// Waits for `future`, but no longer than the server may stay silent, the fetch may take and somebody wants it.
    pub fn wait<T>(&self, action: &'static str, future: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let Some(runtime) = &self.runtime else { return Err(Fault::Cancelled) };
        let mut asked = self.asked.clone();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = async { while asked.changed().await.is_ok() {} } => Err(Fault::Cancelled),
                () = tokio::time::sleep_until(self.deadline.into()) => Err(self.too_long()),
                done = future => done,
                () = tokio::time::sleep(self.repository.idle_timeout) => {
                    Err(Fault::Silent { action, limit: self.repository.idle_timeout })
                }
            }
        })
    }

    /// Whether the fetch may go on.
    pub fn check(&self) -> Result<(), Fault> {
        if self.asked.has_changed().is_err() {
            return Err(Fault::Cancelled);
        }
        if Instant::now() >= self.deadline { Err(self.too_long()) } else { Ok(()) }
    }

    /// Waits a moment, for what announces itself nowhere.
    pub fn pause(&self) -> Result<(), Fault> {
        self.wait("another driftd uses the mirror", async {
            tokio::time::sleep(Duration::from_millis(20).min(self.repository.idle_timeout / 2)).await;
            Ok(())
        })
    }

    fn too_long(&self) -> Fault {
        Fault::TooLong { limit: self.repository.fetch_timeout }
    }

    /// Keeps the first fault, which libgit2 would lose, and makes the error that stops libgit2.
    pub fn stop(&self, fault: Fault) -> io::Error {
        let text = fault.to_string();
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        io::Error::other(text.replace('\0', ""))
    }

    /// Why the fetch failed: the fault that was kept, else what libgit2 says.
    pub fn failed(&self, source: &git2::Error) -> GitError {
        let kept = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.fails(kept.unwrap_or_else(|| Fault::Said(self.secrets.clean(source.message()))))
    }

    /// The error that `fault` makes of this fetch.
    pub fn fails(&self, fault: Fault) -> GitError {
        GitError::Fetch { address: self.repository.address.to_string(), fault }
    }

    /// Keeps what the server says of its references.
    pub fn advertised(&self, bytes: &[u8]) {
        self.advertisement.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }

    /// What the server has said of its references so far.
    pub fn advertisement(&self) -> Vec<u8> {
        self.advertisement.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `work` where tasks and child processes can be started.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.as_ref().map(Runtime::enter);
        work()
    }

    /// The address where it is an https or http one.
    pub fn url(&self) -> &str {
        match &self.repository.address {
            Address::Http { url } => url,
            Address::Ssh { .. } | Address::Local(_) => "",
        }
    }

    /// The files of ssh.
    pub fn known_hosts(&self) -> Option<&Path> {
        self.repository.credentials.known_hosts_file.as_deref()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A lookup of a name may still be under way; nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
