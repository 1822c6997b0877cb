//! What systemd is told: ready, reloading, stopping, alive; see `sd_notify(3)`.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{MissedTickBehavior, interval};

use crate::board::{Board, Notice};

/// How often the start is told to take longer, where systemd asks for no sign of life.
const BEAT: Duration = Duration::from_secs(10);
/// How long a start may take from each such word on.
const EXTENSION: Duration = Duration::from_mins(1);

/// The socket that systemd listens on; nothing where it did not start this process as `Type=notify`.
#[derive(Debug, Default)]
pub(super) struct Systemd {
    socket: Option<UnixDatagram>,
    /// Without a sign of life for this long the process is killed.
    watchdog: Option<Duration>,
}

impl Systemd {
    /// By the variables `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub(super) fn from_environment() -> Self {
        let Some(address) = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else {
            return Self::default();
        };
        let variable = |name| env::var(name).ok()?.parse::<u64>().ok();
        let meant = variable("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = variable("WATCHDOG_USEC").filter(|_| meant).map(Duration::from_micros);
        match connect(&address) {
            Ok(socket) => Self { socket: Some(socket), watchdog },
            Err(error) => {
                tracing::warn!(%error, socket = %address.display(), "systemd cannot be told anything");
                Self::default()
            }
        }
    }

    /// Whether anybody is told anything.
    pub(super) const fn is_listening(&self) -> bool {
        self.socket.is_some()
    }

    /// Tells when the first scans have ended, and from then on that the daemon is alive. Never returns.
    pub(super) async fn attend(self: Arc<Self>, board: Arc<Board>) {
        let mut notices = board.subscribe();
        let mut beat = interval(self.watchdog.map_or(BEAT, |limit| limit / 2).max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !notices.borrow_and_update().is_ready() {
            tokio::select! {
                changed = notices.changed() => if changed.is_err() { return },
                _ = beat.tick() => self.tell(&waiting(&notices.borrow().clone())),
            }
        }
        self.ready();
        loop {
            beat.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    /// The first scans have ended, or a reload has.
    pub(super) fn ready(&self) {
        self.tell("READY=1\nSTATUS=every environment was scanned");
    }

    /// The configuration is read again, until [`Self::ready`].
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// Open requests may finish; nothing else is done any more.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=open requests may finish");
    }

    fn tell(&self, words: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(words.as_bytes())
        {
            tracing::debug!(%error, "systemd was not told");
        }
    }
}

fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes() {
        // The abstract namespace.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // Nobody who does not listen holds the daemon.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The start takes longer, and why.
fn waiting(notice: &Notice) -> String {
    let environments = &notice.environments;
    let scanned = environments.iter().filter(|environment| environment.is_scanned()).count();
    let mut words = format!("WATCHDOG=1\nEXTEND_TIMEOUT_USEC={}", EXTENSION.as_micros());
    // Writing to a text cannot fail.
    let _ = write!(words, "\nSTATUS=scanned {scanned} of {} environments", environments.len());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_socket_are_spoken_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("driftd-test-{}", process::id());
        let sockets = [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap(),
                format!("@{name}").into(),
            ),
        ];
        for (listening, address) in sockets {
            Systemd { socket: Some(connect(&address).unwrap()), watchdog: None }.stopping();
            let mut heard = [0; 64];
            let length = listening.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"STOPPING=1\nSTATUS=open requests may finish");
        }
        assert!(connect(OsStr::new("/nothing/here")).is_err());
        Systemd::default().stopping();
    }
}
