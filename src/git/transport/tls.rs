//! TLS to a Git server: whom it trusts, and what it says of a certificate that it does not trust.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

use super::http::Stream;
use crate::git::fault::Fault;

/// Trusts the authorities of `ca_file`, or the system's where there is none.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, Fault> {
    let roots = match ca_file {
        Some(file) => bundle(file)?,
        None => system(),
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::Said(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn bundle(file: &Path) -> Result<RootCertStore, Fault> {
    let wrong = |message: String| Fault::File { key: "caFile", file: file.display().to_string(), message };
    let bytes = std::fs::read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| wrong(format!("is no PEM: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(format!("holds a certificate that cannot be read: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong("holds no certificate; it must be PEM, with BEGIN CERTIFICATE".to_owned()));
    }
    Ok(roots)
}

/// What the system trusts; a certificate in it that cannot be read vouches for nobody.
fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Speaks TLS over `stream` with `host`.
pub(super) async fn secure(connector: &TlsConnector, host: &str, stream: Stream) -> Result<Stream, Fault> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Fault::Unreachable { host: host.to_owned(), message: "this is no host name".to_owned() })?;
    match connector.connect(name, stream).await {
        Ok(secured) => Ok(Box::new(secured)),
        Err(error) => Err(refused(host, &error)),
    }
}

fn refused(host: &str, error: &io::Error) -> Fault {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let Some(Error::InvalidCertificate(wrong)) = cause else {
        return Fault::Unreachable { host: host.to_owned(), message: format!("TLS fails: {error}") };
    };
    let message = match wrong {
        // The signature is wrong where another authority has the name of a known one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its issuer is not known; name the bundle of the authority that issued it as `caFile`".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it, or set this machine's clock".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was issued for another name; use that name in the url".to_owned()
        }
        other => other.to_string(),
    };
    Fault::Certificate { host: host.to_owned(), message }
}
