//! The real binary as a running daemon: its address from its log, its end by a signal; and a client of plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

use crate::fixture::{Ended, assert_no_canary, eventually};

/// A daemon that listens. It is ended, and its temporary folder removed, when dropped.
pub(super) struct Running {
    child: Child,
    temporary: TempDir,
    address: SocketAddr,
    stdout: Captured,
    stderr: Captured,
}

impl Running {
    /// Starts `command` and waits until its log tells the address.
    ///
    /// # Panics
    /// If it ends before; the message has its log.
    pub(super) fn start(command: &mut Command) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        command.env("TMPDIR", temporary.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let stdout = Captured::of(child.stdout.take().expect("standard output is piped"));
        let stderr = Captured::of(child.stderr.take().expect("standard error is piped"));
        // Made before the address is known, so that a panic on the way there ends the process.
        let mut running = Self { child, temporary, address: SocketAddr::from(([0, 0, 0, 0], 0)), stdout, stderr };
        running.address = eventually("driftd listens", || {
            let ended = running.child.try_wait().expect("its state can be asked");
            assert!(ended.is_none(), "driftd ended: {ended:?}\n{}", running.stderr.so_far());
            let log = running.stderr.so_far();
            log.lines().find_map(|line| line.split_once("listening address=")?.1.trim().parse().ok())
        });
        running
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it puts temporary files.
    pub(super) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    pub(super) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub(super) fn stdout(&self) -> String {
        self.stdout.so_far()
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
        let process_id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &process_id]).status().expect("kill can be run");
        assert!(sent.success());
        let status = eventually("driftd ends", || self.child.try_wait().expect("its state can be asked"));
        Ended { code: status.code(), stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors mean that it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
        if !thread::panicking() {
            self.stdout.whole();
            self.stderr.whole();
        }
    }
}

/// The output of a running process, read as it comes.
struct Captured {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(output: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&text);
        let reader = thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut text = into.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        let text = self.so_far();
        assert_no_canary("the output of the daemon", text.as_bytes());
        text
    }
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
