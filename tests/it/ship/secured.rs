//! TLS and passwords on the real daemon, scraped by a real Prometheus as `docs/security.md` says.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::process::Running;
use super::prometheus::Prometheus;
use super::workspace::Workspace;
use super::{documents, items, path, read};
use crate::fixture::{Authority, assert_no_canary, canary, command, driftd, eventually, program};

const SETTINGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {colour: blue}
";
const NAME: &str = "127.0.0.1";

/// The files that say who may come in.
struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new() };
        files.issue();
        files.admit(canary("scrape"));
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a new certificate in place, and tells it.
    fn issue(&self) -> CertificateDer<'static> {
        let (certificate, key) = self.authority.issue(NAME);
        fs::write(self.path("tls.key"), key).unwrap();
        fs::write(self.path("tls.crt"), &certificate).unwrap();
        CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()
    }

    /// Lets in the user `prometheus` by `password`.
    fn admit(&self, password: &str) {
        self.admit_with(password, "");
    }

    fn admit_with(&self, password: &str, more: &str) {
        let hash = bcrypt::hash(password, 4).unwrap();
        let tls = format!("tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n{more}");
        fs::write(self.path("web.yaml"), format!("{tls}basic_auth_users:\n  prometheus: {hash}\n")).unwrap();
    }

    fn configure(&self, workspace: &Workspace) {
        let text = fs::read_to_string(workspace.config()).unwrap();
        let web = self.path("web.yaml");
        let http = format!("\"http\":{{\"webConfigFile\":\"{}\",", web.display());
        fs::write(workspace.config(), text.replace("\"http\":{", &http)).unwrap();
    }

    fn trusting(&self) -> ClientConfig {
        self.client(None)
    }

    /// A client that trusts the authority and shows `own`, a certificate and its key.
    fn client(&self, own: Option<(String, String)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority.bundle()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }
}

/// What the server showed and answered; nothing where the connection fails.
struct Answer {
    certificate: CertificateDer<'static>,
    text: String,
}

fn ask(address: SocketAddr, client: ClientConfig, path: &str, password: Option<&str>) -> Option<Answer> {
    let name = ServerName::try_from(NAME).unwrap();
    let connection = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let credentials = password.map_or_else(String::new, |password| {
        format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("prometheus:{password}")))
    });
    write!(stream, "GET {path} HTTP/1.0\r\n{credentials}\r\n").ok()?;
    let mut text = String::new();
    // Whoever closes the connection without a word of TLS has said everything before.
    let _ = stream.read_to_string(&mut text);
    assert_no_canary("an answer over TLS", text.as_bytes());
    let certificate = stream.conn.peer_certificates()?.first()?.clone().into_owned();
    (!text.is_empty()).then_some(Answer { certificate, text })
}

fn status(answer: Option<Answer>) -> Option<u16> {
    answer?.text.split(' ').nth(1)?.parse().ok()
}

fn start(workspace: &Workspace) -> Running {
    // Everything is logged, and what is logged is looked through for the passwords.
    let config = workspace.config();
    Running::start(&mut command(&["--log-level", "trace", "run", "--config", config.to_str().unwrap()]))
}

#[test]
fn a_prometheus_scrapes_over_tls_with_a_password_as_the_docs_say() {
    let (files, workspace) = (Files::new(), Workspace::in_sync(SETTINGS));
    files.configure(&workspace);
    let daemon = start(&workspace);
    fs::write(files.path("password"), canary("scrape")).unwrap();
    let docs = read("docs/security.md");
    let snippet = docs.split("```yaml").find(|block| block.contains("scrape_configs:")).expect("the docs have it");
    let config = snippet
        .split("```")
        .next()
        .unwrap()
        .replace("/etc/prometheus/driftd-ca.crt", files.authority.bundle().to_str().unwrap())
        .replace("/etc/prometheus/driftd-password", files.path("password").to_str().unwrap())
        .replace("driftd.example.org:9847", &daemon.address().to_string())
        .replace("scrape_interval: 30s", "scrape_interval: 1s");
    let prometheus = Prometheus::start(&config);
    eventually("Prometheus has scraped it", || {
        let up: Vec<Value> = prometheus.query("up{job=\"driftd\"} == 1");
        (up.len() == 1 && !prometheus.query("driftd_build_info").is_empty()).then_some(())
    });
    // Nobody gets in otherwise.
    let address = daemon.address();
    assert_eq!(status(ask(address, files.trusting(), "/metrics", None)), Some(401));
    assert_eq!(status(ask(address, files.trusting(), "/metrics", Some("wrong"))), Some(401));
    assert_eq!(status(ask(address, files.trusting(), "/livez", None)), Some(200));
    let stranger = Files::new();
    assert!(ask(address, stranger.trusting(), "/livez", None).is_none(), "its authority is not trusted");
    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1"), "plain HTTP is not spoken");
}

#[test]
fn certificates_and_passwords_rotate_without_a_restart_and_bad_ones_change_nothing() {
    let (files, workspace) = (Files::new(), Workspace::in_sync(SETTINGS));
    files.configure(&workspace);
    let daemon = start(&workspace);
    let address = daemon.address();
    let asked = |password| ask(address, files.trusting(), "/version", Some(password));
    assert_eq!(status(asked(canary("scrape"))), Some(200));

    let newer = files.issue();
    eventually("the new certificate is shown", || {
        (asked(canary("scrape")).is_some_and(|answer| answer.certificate == newer)).then_some(())
    });
    files.admit(canary("next scrape"));
    eventually("the new password is known", || (status(asked(canary("next scrape"))) == Some(200)).then_some(()));
    assert_eq!(status(asked(canary("scrape"))), Some(401));

    fs::write(files.path("tls.crt"), "half a certificate").unwrap();
    eventually("the bad file is told", || daemon.stderr().contains("holds no certificate").then_some(()));
    let answer = asked(canary("next scrape")).unwrap();
    assert!(answer.certificate == newer && answer.text.contains(" 200 "));
}

#[test]
fn where_clients_need_a_certificate_none_else_is_heard() {
    let (files, workspace) = (Files::new(), Workspace::in_sync(SETTINGS));
    let bundle = files.authority.bundle();
    let wanted = format!("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {}\n", bundle.display());
    files.admit_with(canary("scrape"), &wanted);
    files.configure(&workspace);
    let daemon = start(&workspace);
    let address = daemon.address();
    assert!(ask(address, files.trusting(), "/livez", None).is_none());
    let stranger = Authority::new().issue("prometheus");
    assert!(ask(address, files.client(Some(stranger)), "/livez", None).is_none());
    let known = files.authority.issue("prometheus");
    assert_eq!(status(ask(address, files.client(Some(known)), "/version", Some(canary("scrape")))), Some(200));
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_starts() {
    let (files, workspace) = (Files::new(), Workspace::in_sync(SETTINGS));
    files.configure(&workspace);
    let config = workspace.config();
    let validate = || driftd(&["config", "validate", "--config", config.to_str().unwrap()]);
    assert_eq!(validate().code, Some(0));
    let refused = |part: &str, path: &Path| {
        for ended in [validate(), driftd(&["run", "--config", config.to_str().unwrap()])] {
            assert_eq!(ended.code, Some(2), "{}", ended.stderr);
            let file = path.display().to_string();
            assert!(ended.stderr.contains(part) && ended.stderr.contains(&file), "{part}: {}", ended.stderr);
        }
    };
    let (_, other) = files.authority.issue(NAME);
    fs::write(files.path("tls.key"), other).unwrap();
    refused("does `key_file` belong to it?", &files.path("tls.crt"));
    fs::remove_file(files.path("tls.key")).unwrap();
    refused("cannot be read", &files.path("tls.key"));
    fs::write(files.path("web.yaml"), "basic_auth_users:\n  prometheus: swordfish\n").unwrap();
    refused("basic_auth_users.prometheus: is no bcrypt hash", &files.path("web.yaml"));
}

#[test]
fn the_component_of_the_deployment_mounts_what_the_docs_name() {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(path("deploy")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    let base = folder.path().join("deploy");
    let kustomization = read("deploy/kustomization.yaml") + "components: [secured]\n";
    fs::write(base.join("kustomization.yaml"), kustomization).unwrap();
    let built = Command::new(program("kustomize")).arg("build").arg(base).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let manifests = documents(&String::from_utf8(built.stdout).unwrap());
    let of_kind = |kind: &str| manifests.iter().find(|manifest| manifest["kind"] == kind).unwrap();
    let pod = &of_kind("Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["scheme"], "HTTPS");
    }
    let mount = items(&container["volumeMounts"]).iter().find(|mount| mount["name"] == "web").unwrap();
    let docs = read("docs/security.md");
    assert!(docs.contains(&format!("webConfigFile: {}/web.yaml", mount["mountPath"].as_str().unwrap())));
    assert!(items(&pod["volumes"]).iter().any(|volume| volume["name"] == "web"));
    assert!(items(&container["volumeMounts"]).iter().any(|mount| mount["name"] == "config"), "the others stay");
    assert_eq!(of_kind("ServiceMonitor")["spec"]["endpoints"][0]["scheme"], "https");
}
