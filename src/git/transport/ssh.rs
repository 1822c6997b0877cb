//! Git's smart protocol over ssh, spoken by OpenSSH's own program: its rules for keys, agents and known hosts hold.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::config::Address;
use crate::git::askpass;
use crate::git::fault::Fault;
use crate::git::session::Session;

/// How much of what ssh and the server say is kept.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// The server of one session.
pub(super) struct Ssh {
    session: Arc<Session>,
}

impl Ssh {
    pub(super) const fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

impl SmartSubtransport for Ssh {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        if service != Service::UploadPackLs {
            return Err(git2::Error::from_str("nothing is ever pushed"));
        }
        let started =
            start(&self.session).map_err(|fault| git2::Error::from_str(&self.session.stop(fault).to_string()));
        Ok(Box::new(started?))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// A running ssh; ended when dropped.
struct Process {
    session: Arc<Session>,
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    messages: Arc<Mutex<Vec<u8>>>,
    reader: tokio::task::JoinHandle<()>,
}

fn start(session: &Arc<Session>) -> Result<Process, Fault> {
    let mut command = command(session)?;
    session.within(|| {
        let mut child = command.spawn().map_err(|error| Fault::NoSsh(error.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(Fault::Said("ssh was started without its pipes".to_owned()));
        };
        let messages = Arc::new(Mutex::new(Vec::new()));
        let reader = tokio::spawn(keep(errors, Arc::clone(&messages)));
        Ok(Process { session: Arc::clone(session), child, input, output, messages, reader })
    })
}

/// Keeps the beginning of what ssh says.
async fn keep(mut errors: ChildStderr, messages: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = errors.read(&mut buffer).await {
        let mut messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LONGEST_MESSAGE.saturating_sub(messages.len());
        messages.extend_from_slice(&buffer[..read.min(room)]);
    }
}

fn command(session: &Session) -> Result<Command, Fault> {
    let credentials = &session.repository.credentials;
    let Address::Ssh { user, host, port, path } = &session.repository.address else {
        return Err(Fault::Said("this is no ssh address".to_owned()));
    };
    let mut command = Command::new("ssh");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
    let option = |name: &str, value: &str| [OsString::from("-o"), OsString::from(format!("{name}={value}"))];
    command.args(["-a", "-x", "-T"]);
    let seconds = session.repository.idle_timeout.as_secs().max(1).to_string();
    for (name, value) in [
        ("StrictHostKeyChecking", "yes"),
        ("UpdateHostKeys", "no"),
        ("ClearAllForwardings", "yes"),
        ("PermitLocalCommand", "no"),
        ("PreferredAuthentications", "publickey"),
        ("ConnectTimeout", &seconds),
        ("LogLevel", "ERROR"),
    ] {
        command.args(option(name, value));
    }
    if let Some(file) = session.known_hosts() {
        let file = readable("knownHostsFile", file)?;
        command.args(option("UserKnownHostsFile", &quoted(file))).args(option("GlobalKnownHostsFile", "/dev/null"));
    }
    if let Some(file) = &credentials.ssh_key_file {
        command.args(option("IdentitiesOnly", "yes")).args(option("IdentityAgent", "none"));
        command.args(option("IdentityFile", &quoted(readable("sshKeyFile", file)?)));
    }
    match &credentials.ssh_passphrase_file {
        Some(file) => {
            askpass::answers(command.as_std_mut(), readable("sshPassphraseFile", file)?)
                .map_err(|error| Fault::Said(format!("the passphrase cannot be given to ssh: {error}")))?;
            command.args(option("NumberOfPasswordPrompts", "1"));
        }
        None => {
            command.args(option("BatchMode", "yes")).env("SSH_ASKPASS_REQUIRE", "never");
        }
    }
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    // The server's shell reads the path.
    command.args(["--", host, &format!("git-upload-pack '{}'", path.replace('\'', r"'\''"))]);
    Ok(command)
}

/// The file, if it can be read; ssh itself would say less.
fn readable<'f>(key: &'static str, file: &'f Path) -> Result<&'f Path, Fault> {
    match std::fs::File::open(file) {
        Ok(_) => Ok(file),
        Err(error) => {
            Err(Fault::File { key, file: file.display().to_string(), message: format!("cannot be read: {error}") })
        }
    }
}

/// A path as ssh's configuration takes it: in quotes, `%` doubled.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

impl Write for Process {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.session);
        let written = session.wait("it takes the request", async {
            self.input.write_all(bytes).await.map_err(|error| Fault::Said(error.to_string()))
        });
        match written {
            Ok(()) => Ok(bytes.len()),
            Err(Fault::Said(_)) => Err(session.stop(self.ended())),
            Err(fault) => Err(session.stop(fault)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Process {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.session);
        let read = session.wait("it answers", async {
            self.output.read(buffer).await.map_err(|error| Fault::Said(error.to_string()))
        });
        match read {
            // libgit2 never reads beyond what the protocol announces.
            Ok(0) => Err(session.stop(self.ended())),
            Ok(read) => {
                session.advertised(&buffer[..read]);
                Ok(read)
            }
            Err(fault) => Err(session.stop(fault)),
        }
    }
}

impl Process {
    /// Why ssh has ended.
    fn ended(&mut self) -> Fault {
        let ended = self.session.wait("ssh ends", async {
            // Whatever it has said is wanted; how it ended is not.
            let _ = (&mut self.reader).await;
            let _ = self.child.wait().await;
            Ok(())
        });
        if let Err(fault) = ended {
            return fault;
        }
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        explain(&self.session, &String::from_utf8_lossy(&messages))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; it is waited for so that no dead process stays.
        let _ = self.child.start_kill();
        let _ = self.session.wait("ssh ends", async {
            let _ = self.child.wait().await;
            Ok(())
        });
    }
}

/// What the words of ssh and of the server mean.
fn explain(session: &Session, messages: &str) -> Fault {
    let has = |words: &[&str]| words.iter().any(|word| messages.contains(word));
    let last = messages.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
    let Address::Ssh { host, port, .. } = &session.repository.address else {
        return Fault::Said(session.secrets.clean(last));
    };
    let port = port.map(|port| format!("-p {port} ")).unwrap_or_default();
    let (host, name) = (format!("{port}{host}"), host.clone());
    let known =
        session.known_hosts().map_or_else(|| "~/.ssh/known_hosts".to_owned(), |file| file.display().to_string());
    let credentials = &session.repository.credentials;
    if has(&["UNPROTECTED PRIVATE KEY FILE"]) {
        let file = credentials.ssh_key_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let message = "may be read by others, which ssh refuses; make its mode 0400".to_owned();
        return Fault::File { key: "sshKeyFile", file, message };
    }
    if has(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        return Fault::ChangedHost { host, file: known };
    }
    if has(&["Host key verification failed", "host key is known for"]) {
        let key = messages.lines().find_map(|line| line.strip_prefix("No ")?.split_once(" host key is known"));
        return Fault::UnknownHost { host, key: key.map(|(key, _)| session.secrets.clean(key)), file: known };
    }
    if has(&["Permission denied (", "Too many authentication failures", "incorrect passphrase", "Load key "]) {
        let hint = match (&credentials.ssh_key_file, &credentials.ssh_passphrase_file) {
            (Some(_), Some(_)) => {
                "check that `sshPassphraseFile` opens `sshKeyFile`, and that the server knows its public half"
            }
            (Some(_), None) => {
                "check that the server knows the public half of `sshKeyFile`; a key with a passphrase needs `sshPassphraseFile`"
            }
            (None, _) => "no key of the agent (SSH_AUTH_SOCK) or of ~/.ssh is taken; name one as `sshKeyFile`",
        };
        return Fault::Unauthorized { hint: hint.to_owned() };
    }
    let unreachable = [
        "ssh: connect to host",
        "ssh: Could not resolve",
        "Connection closed",
        "Connection reset",
        "Connection timed out",
    ];
    if has(&unreachable) {
        return Fault::Unreachable { host: name, message: session.secrets.clean(last) };
    }
    if has(&["does not appear to be a git repository", "epository not found", "could not be found"]) {
        return Fault::NotFound;
    }
    Fault::Said(format!("ssh ends early: {}", session.secrets.clean(last)))
}
