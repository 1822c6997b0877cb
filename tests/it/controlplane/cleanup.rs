//! However a test process ends, its control plane ends with it.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::fixture::{ControlPlane, eventually, runs};

/// Set in the process whose end is tested.
const HOLDER: &str = "DRIFTD_TEST_HOLDS_CONTROL_PLANE";

#[test]
fn nothing_is_left_after_kill() {
    leaves_nothing("nothing_is_left_after_kill", |holder| signal(holder, "KILL"));
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    leaves_nothing("nothing_is_left_after_ctrl_c", |holder| signal(holder, "INT"));
}

#[test]
fn nothing_is_left_after_a_panic() {
    leaves_nothing("nothing_is_left_after_a_panic", |holder| {
        holder.stdin.take().unwrap().write_all(b"panic\n").unwrap();
        assert_eq!(holder.wait().unwrap().code(), Some(101));
    });
}

#[test]
fn nothing_is_left_after_an_ordinary_end() {
    leaves_nothing("nothing_is_left_after_an_ordinary_end", |holder| {
        drop(holder.stdin.take());
        assert!(holder.wait().unwrap().success());
    });
}

/// Runs the test `name` once more, in a process that holds a control plane until `end` ends it.
fn leaves_nothing(name: &str, end: impl FnOnce(&mut Child)) {
    if env::var_os(HOLDER).is_some() {
        return hold();
    }
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("controlplane::cleanup::{name}"), "--nocapture"])
        .env(HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // As a shell does for the command that Ctrl-C is to reach.
        .process_group(0)
        .spawn()
        .unwrap();
    // Kept open: the test runner in the holder still has something to write at the end.
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let held =
        lines.by_ref().map_while(Result::ok).find_map(|line| Held::parse(&line)).expect("a control plane starts");
    assert!(held.folder.is_dir() && held.process_ids.iter().all(|id| runs(*id)));
    assert!(TcpStream::connect(("127.0.0.1", held.port)).is_ok());

    end(&mut holder);
    holder.wait().unwrap();
    eventually("the processes, the port and the folder of the control plane are gone", || {
        let gone = !held.process_ids.iter().any(|id| runs(*id))
            && TcpStream::connect(("127.0.0.1", held.port)).is_err()
            && !held.folder.exists();
        gone.then_some(())
    });
}

/// What the holder tells about its control plane.
struct Held {
    port: u16,
    process_ids: Vec<u32>,
    folder: PathBuf,
}

impl Held {
    fn parse(line: &str) -> Option<Self> {
        let (port, rest) = line.strip_prefix("holds ")?.split_once(' ')?;
        let (process_ids, folder) = rest.split_once(' ')?;
        Some(Self {
            port: port.parse().ok()?,
            process_ids: process_ids.split(',').map(str::parse).collect::<Result<_, _>>().ok()?,
            folder: PathBuf::from(folder),
        })
    }
}

fn hold() {
    let plane = ControlPlane::shared();
    let process_ids: Vec<_> = plane.process_ids().iter().map(u32::to_string).collect();
    // The test runner has written the beginning of a line.
    let told = format!("\nholds {} {} {}\n", plane.port(), process_ids.join(","), plane.folder().display());
    io::stdout().write_all(told.as_bytes()).unwrap();
    let order = io::stdin().lines().next().transpose().unwrap();
    assert!(order.is_none(), "ordered to panic");
}

/// Sends a signal to the process group, as a terminal does.
fn signal(process: &Child, name: &str) {
    let kill = format!("kill -s {name} -- -{}", process.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}
