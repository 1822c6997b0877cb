//! The real binary as a running daemon: its address from its log, its end by a signal; and a client of plain HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use crate::fixture::{Driftd, Ended, Started, assert_no_canary, eventually};

/// A daemon that listens. It is ended, and its temporary folder removed, when dropped.
pub(super) struct Running {
    process: Started,
    temporary: TempDir,
    address: SocketAddr,
}

impl Running {
    /// Starts `command` and waits until its log tells the address.
    ///
    /// # Panics
    /// If it ends before; the message has its log.
    pub(super) fn start(command: &mut Driftd) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let mut process = command.env("TMPDIR", temporary.path()).start();
        let address = eventually("driftd listens", || {
            let ended = process.status();
            assert!(ended.is_none(), "driftd ended: {ended:?}\n{}", process.stderr());
            process.stderr().lines().find_map(told_address)
        });
        Self { process, temporary, address }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it puts temporary files.
    pub(super) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    pub(super) fn process_id(&self) -> u32 {
        self.process.process_id()
    }

    /// What it logged so far.
    pub(super) fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// How it ended, `None` while it runs.
    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        self.process.status()
    }

    /// What it wrote to standard output so far.
    pub(super) fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// The body at `path`.
    ///
    /// # Panics
    /// If the answer is not 200.
    #[track_caller]
    pub(super) fn get(&self, path: &str) -> String {
        let (status, body) = get(self.address, path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Waits until the first scans have ended.
    pub(super) fn await_ready(&self) {
        eventually("driftd is ready", || (get(self.address, "/readyz").0 == 200).then_some(()));
    }

    /// Sends the signal `name` and waits for the end.
    pub(super) fn end(&mut self, name: &str) -> Ended {
        self.process.end(name)
    }
}

/// The address in the line of a log, which may be JSON.
fn told_address(line: &str) -> Option<SocketAddr> {
    let (_, after) = line.split_once("listening address=").or_else(|| line.split_once("\"address\":\""))?;
    after.split('"').next()?.trim().parse().ok()
}

/// Status and body of a GET. HTTP/1.0, whose bodies end with the connection.
pub(super) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_no_canary("a page of the daemon", answer.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an answer has a status");
    (status, body.to_owned())
}
