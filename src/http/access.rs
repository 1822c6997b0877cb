//! Who may come in, and over what: TLS and passwords as the `web.config` file says, read again when it changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::error;
use super::users::Users;
use crate::config::{Clients, ConfigError, Tls, Versions, WebConfig};

/// How often the files are looked at.
const BEAT: Duration = Duration::from_secs(1);

/// Answered without credentials, so that health depends on nothing: they tell no more than `ok`, or the names of
/// environments that were not scanned yet.
const PROBES: [&str; 2] = ["/livez", "/readyz"];
/// What is below proves itself by a signature of its own.
const SIGNED: &str = "/webhook/";

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The `web.config` file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that it names cannot be used.
    #[error("{file}: {message}", file = file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// What is wrong with it; holds nothing of it.
        message: String,
    },
    /// The files of certificates do not fit each other.
    #[error("{file}: the certificate cannot be used: {message}", file = file.display())]
    Certificate {
        /// That of the certificate.
        file: PathBuf,
        /// What TLS says.
        message: String,
    },
}

/// Who may come in, and over what, at one moment.
#[derive(Debug, Default)]
pub struct Access {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) users: Users,
}

/// The door of the server; clones are the same door.
#[derive(Debug, Clone)]
pub struct Door(watch::Sender<Arc<Access>>);

impl Access {
    /// As the file at `path` says; everybody over plain HTTP where there is none.
    ///
    /// # Errors
    /// The file or one that it names cannot be used.
    pub fn load(path: Option<&Path>) -> Result<Self, AccessError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let WebConfig { tls, users } = WebConfig::load(path)?;
        Ok(Self { tls: tls.as_ref().map(server_config).transpose()?.map(Arc::new), users: Users::new(users) })
    }
}

impl Door {
    /// Lets in whom `access` says.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self(watch::Sender::new(Arc::new(access)))
    }

    /// From now on lets in whom `access` says; connections that are open stay.
    pub fn change(&self, access: Access) {
        self.0.send_replace(Arc::new(access));
    }

    pub(super) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.0.borrow())
    }

    /// Reads the file at `path`, and those that it names, again and again; what is wrong leaves everything as it was.
    /// Never returns.
    pub async fn attend(self, path: PathBuf) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut acted = fingerprint(&path);
        let mut candidate = None;
        loop {
            beat.tick().await;
            let now = fingerprint(&path);
            // What is half written, or a certificate without its new key, is given a moment.
            let stood = candidate.replace(now) == Some(now);
            if now == acted || !stood {
                continue;
            }
            acted = now;
            match Access::load(Some(&path)) {
                Ok(access) => {
                    self.change(access);
                    tracing::info!(file = %path.display(), "certificates and users are read again");
                }
                Err(error) => {
                    tracing::error!(%error, "certificates and users stay as they were: the files cannot be used");
                }
            }
        }
    }
}

/// The one filter before every route: whoever has no credentials sees the probes alone.
pub(super) async fn filter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let free = PROBES.contains(&path) || path.starts_with(SIGNED);
    if free || door.access().users.admit(request.headers()).await {
        return next.run(request).await;
    }
    let refusal = error(StatusCode::UNAUTHORIZED, "credentials are missing or wrong");
    ([(header::WWW_AUTHENTICATE, "Basic realm=\"driftd\", charset=\"UTF-8\"")], refusal).into_response()
}

/// What the files hold, as a digest; a file that cannot be read counts as such.
fn fingerprint(path: &Path) -> [u8; 32] {
    let named = WebConfig::load(path).ok().and_then(|config| config.tls);
    let named = named.map(|Tls { cert_file, key_file, clients, .. }| {
        let authorities = match clients {
            Clients::Unasked => None,
            Clients::Optional(file) | Clients::Required(file) => Some(file),
        };
        [Some(cert_file), Some(key_file), authorities]
    });
    let mut digest = Sha256::new();
    for file in [path.to_owned()].into_iter().chain(named.into_iter().flatten().flatten()) {
        let content = fs::read(&file).map_err(|error| error.kind());
        digest.update(Sha256::digest(content.unwrap_or_else(|kind: io::ErrorKind| kind.to_string().into_bytes())));
    }
    digest.finalize().into()
}

fn server_config(tls: &Tls) -> Result<ServerConfig, AccessError> {
    let refused = |message: String| AccessError::Certificate { file: tls.cert_file.clone(), message };
    let provider = Arc::new(ring::default_provider());
    let versions: &[&SupportedProtocolVersion] = match tls.versions {
        Versions::All => &[&TLS12, &TLS13],
        Versions::Only12 => &[&TLS12],
        Versions::Only13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| refused(error.to_string()))?;
    let builder = match verifier(&tls.clients, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key_file)?)
        .map_err(|_| wrong(&tls.key_file, "holds no key; it must be PEM, with BEGIN PRIVATE KEY"))?;
    let mut config = builder
        .with_single_cert(certificates(&tls.cert_file)?, key)
        .map_err(|error| refused(format!("{error}; does `key_file` belong to it?")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Who verifies the certificates of clients.
fn verifier(
    clients: &Clients,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, AccessError> {
    let (Clients::Optional(file) | Clients::Required(file)) = clients else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| wrong(file, &error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if matches!(clients, Clients::Optional(_)) { builder.allow_unauthenticated() } else { builder };
    Ok(Some(builder.build().map_err(|error| wrong(file, &error.to_string()))?))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(wrong(file, "holds no certificate; it must be PEM, with BEGIN CERTIFICATE")),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, AccessError> {
    fs::read(file).map_err(|error| wrong(file, &format!("cannot be read: {error}")))
}

fn wrong(file: &Path, message: &str) -> AccessError {
    AccessError::File { file: file.to_owned(), message: message.to_owned() }
}
