//! ssh: keys, passphrases, the agent, and hosts that are not known or not who they were.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{CANARY, Checked, Scene};
use crate::fixture::{SshServer, Supervisor, eventually, program, run};

/// The keys of a repository behind `server`, which the file `known_hosts` knows.
fn keys(scene: &Scene, server: &SshServer, more: &str) -> String {
    scene.file("known_hosts", &server.known_host());
    format!("url: \"{}\", credentials: {{knownHostsFile: known_hosts{more}}}", server.url(scene.repository.path()))
}

fn with_key(key: &Path) -> String {
    format!(", sshKeyFile: \"{}\"", key.display())
}

#[test]
fn a_repository_behind_ssh_is_read_with_a_key() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let checked = scene.check(&keys(&scene, &server, &with_key(&server.key())));
    checked.is_in_sync();
    assert!(server.log().contains("Accepted publickey for git"), "{}", server.log());
    let rsa = server.new_key("rsa", "rsa", "");
    server.authorize(&rsa);
    scene.check(&keys(&scene, &server, &with_key(&rsa))).is_in_sync();
}

#[test]
fn a_key_with_a_passphrase_is_opened() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let key = server.new_key("locked", "ed25519", CANARY);
    server.authorize(&key);
    scene.file("passphrase", &format!("{CANARY}\n"));
    let with_passphrase = format!("{}, sshPassphraseFile: passphrase", with_key(&key));
    scene.check(&keys(&scene, &server, &with_passphrase)).is_in_sync();
    scene.file("passphrase", &format!("wrong-{CANARY}\n"));
    scene
        .check(&keys(&scene, &server, &with_passphrase))
        .fails("unauthorized", &["check that `sshPassphraseFile` opens"]);
    scene.check(&keys(&scene, &server, &with_key(&key))).fails("unauthorized", &["needs `sshPassphraseFile`"]);
}

#[test]
fn the_agent_lends_its_keys() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let mut supervisor = Supervisor::launch();
    let socket = supervisor.folder().join("agent");
    let flags = ["-D".to_owned(), "-a".to_owned(), socket.display().to_string()];
    supervisor.start("ssh-agent", &program("ssh-agent"), &flags);
    eventually("the agent listens", || socket.exists().then_some(()));
    let added = run(Command::new(program("ssh-add")).arg(server.key()).env("SSH_AUTH_SOCK", &socket), "");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let config = scene.configure(&keys(&scene, &server, ""), &[("prod", "branch: main")]);
    Checked::of(scene.command(&config).env("SSH_AUTH_SOCK", &socket)).is_in_sync();
    Checked::of(&mut scene.command(&config)).fails("unauthorized", &["SSH_AUTH_SOCK", "`sshKeyFile`"]);
}

#[test]
fn a_host_that_is_not_known_is_told_with_what_to_add() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let keys = keys(&scene, &server, &with_key(&server.key()));
    scene.file("known_hosts", "");
    let scan = format!("ssh-keyscan -p {} 127.0.0.1", server.port());
    scene.check(&keys).fails("failed", &["is not known", &scan, "/known_hosts"]);
    fs::remove_file(scene.folder.path().join("known_hosts")).unwrap();
    scene.check(&keys).fails("failed", &["knownHostsFile", "/known_hosts cannot be read"]);
}

#[test]
fn a_host_that_shows_another_key_is_refused() {
    let (scene, mut server) = (Scene::new(), SshServer::start());
    let keys = keys(&scene, &server, &with_key(&server.key()));
    scene.check(&keys).is_in_sync();
    server.change_host_key();
    scene.check(&keys).fails("failed", &["shows another key than", "/known_hosts says", "ssh-keyscan"]);
}

#[test]
fn a_hashed_line_of_known_hosts_counts() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let keys = keys(&scene, &server, &with_key(&server.key()));
    let file = scene.folder.path().join("known_hosts");
    assert!(run(Command::new(program("ssh-keygen")).arg("-H").arg("-f").arg(&file), "").status.success());
    assert!(!fs::read_to_string(&file).unwrap().contains("127.0.0.1"));
    scene.check(&keys).is_in_sync();
}

#[test]
fn a_key_that_the_server_does_not_know_is_told() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let other = server.new_key("other", "ed25519", "");
    scene.check(&keys(&scene, &server, &with_key(&other))).fails("unauthorized", &["public half of `sshKeyFile`"]);
}

#[test]
fn a_key_that_others_may_read_is_told() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let open = server.new_key("open", "ed25519", "");
    server.authorize(&open);
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    scene.check(&keys(&scene, &server, &with_key(&open))).fails("failed", &["sshKeyFile", "may be read by others"]);
}

#[test]
fn a_repository_that_is_not_there_is_told() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let keys = keys(&scene, &server, &with_key(&server.key()));
    let wrong = keys.replace(scene.repository.path().to_str().unwrap(), "/nowhere.git");
    scene.check(&wrong).fails("not-found", &["no such repository"]);
}

#[test]
fn paths_with_blanks_quotes_and_umlauts_reach_the_server_as_they_are() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let keys = keys(&scene, &server, &with_key(&server.key()));
    let odd = scene.repository.path().join("it's a ü $(touch x).git");
    let clone = run(Command::new("git").args(["clone", "-q", "--bare"]).arg(scene.repository.path()).arg(&odd), "");
    assert!(clone.status.success(), "{}", String::from_utf8_lossy(&clone.stderr));
    let path = scene.repository.path().to_str().unwrap();
    scene.check(&keys.replace(path, odd.to_str().unwrap())).is_in_sync();
}

#[test]
fn a_server_that_is_not_there_or_hangs_is_told() {
    let scene = Scene::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    scene.check(&format!("url: \"ssh://git@127.0.0.1:{port}/p\"")).fails("unreachable", &["cannot reach 127.0.0.1"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let keys = format!("url: \"ssh://git@127.0.0.1:{port}/p\", idleTimeout: 300ms");
    scene.check(&keys).fails("unreachable", &["silent for 0.3s"]);
}

#[test]
fn a_machine_without_ssh_is_told() {
    let (scene, server) = (Scene::new(), SshServer::start());
    let config = scene.configure(&keys(&scene, &server, ""), &[("prod", "branch: main")]);
    Checked::of(scene.command(&config).env("PATH", scene.folder.path())).fails("failed", &["OpenSSH's program `ssh`"]);
}
