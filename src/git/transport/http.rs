//! Git's smart protocol over https: one request for the references, one for each step of a fetch.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::proxy::{self, Encryption, Via};
use super::tls;
use crate::git::fault::Fault;
use crate::git::session::Session;

/// How often the address of a repository may lead elsewhere.
const REDIRECTIONS: usize = 5;
/// Forges know by its beginning that Git asks.
const AGENT: &str = concat!("git/2.0 (driftd ", env!("CARGO_PKG_VERSION"), ")");
const REFERENCES: &str = "/info/refs?service=git-upload-pack";

/// A connection of any kind.
pub(super) type Stream = Box<dyn Both>;
pub(super) trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// The server of one session.
#[derive(Clone)]
pub(super) struct Http {
    session: Arc<Session>,
    /// Where redirections have led.
    base: Arc<Mutex<String>>,
    connector: Arc<OnceLock<Result<TlsConnector, Fault>>>,
}

impl Http {
    pub(super) fn new(session: Arc<Session>) -> Self {
        let base = Arc::new(Mutex::new(session.url().to_owned()));
        Self { session, base, connector: Arc::new(OnceLock::new()) }
    }
}

impl SmartSubtransport for Http {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let step = match service {
            Service::UploadPackLs => Step::References,
            Service::UploadPack => Step::Pack(Vec::new()),
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("nothing is ever pushed"));
            }
        };
        Ok(Box::new(Exchange { server: self.clone(), step, answer: None }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct Exchange {
    server: Http,
    step: Step,
    answer: Option<Answer>,
}

enum Step {
    References,
    /// With what is sent.
    Pack(Vec<u8>),
}

struct Answer {
    body: Incoming,
    chunk: Bytes,
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Step::Pack(body) = &mut self.step {
            body.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.server.session);
        let read = self.receive(buffer).map_err(|fault| session.stop(fault))?;
        if matches!(self.step, Step::References) {
            session.advertised(&buffer[..read]);
        }
        Ok(read)
    }
}

impl Exchange {
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let session = &self.server.session;
        let answer = match &mut self.answer {
            Some(answer) => answer,
            none => none.insert(Answer { body: self.server.ask(&self.step)?, chunk: Bytes::new() }),
        };
        while answer.chunk.is_empty() {
            let frame = session.wait("it sends the objects", async {
                answer.body.frame().await.transpose().map_err(|error| broken(&error))
            })?;
            match frame {
                // Trailers say nothing to Git.
                Some(frame) => answer.chunk = frame.into_data().unwrap_or_default(),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(answer.chunk.len());
        buffer[..length].copy_from_slice(&answer.chunk.split_to(length));
        Ok(length)
    }
}

impl Http {
    /// The body of the answer to a step, behind as many redirections as Git follows: the first step may be redirected.
    fn ask(&self, step: &Step) -> Result<Incoming, Fault> {
        for _ in 0..=REDIRECTIONS {
            let base = self.base.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let response = self.session.wait("it answers", self.exchange(&base, step))?;
            let status = response.status();
            match status {
                StatusCode::OK => return checked(response, step),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
                    if matches!(step, Step::References) =>
                {
                    let next = redirected(&base, &response)?;
                    *self.base.lock().unwrap_or_else(PoisonError::into_inner) = next;
                }
                _ => return Err(self.refused(status)),
            }
        }
        Err(Fault::NotGit { answer: "the server redirects again and again".to_owned() })
    }

    fn refused(&self, status: StatusCode) -> Fault {
        match status {
            StatusCode::UNAUTHORIZED if self.session.secrets.authorization.is_none() => Fault::Unauthorized {
                hint: "it wants some; name `usernameFile` and `passwordFile`, or `tokenFile`".to_owned(),
            },
            StatusCode::UNAUTHORIZED => Fault::Unauthorized {
                hint: "check the files of `credentials`; they are read at every fetch".to_owned(),
            },
            StatusCode::FORBIDDEN => Fault::Forbidden,
            StatusCode::NOT_FOUND | StatusCode::GONE => Fault::NotFound,
            _ => Fault::Said(format!("the server answers with status {}", status.as_u16())),
        }
    }

    async fn exchange(&self, base: &str, step: &Step) -> Result<Response<Incoming>, Fault> {
        let target = Target::of(base)?;
        let stream = self.connect(&target).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        // It ends with the connection, which ends with the answer's body.
        tokio::spawn(connection);
        sender.send_request(self.request(base, &target, step)?).await.map_err(|error| broken(&error))
    }

    fn request(&self, base: &str, target: &Target, step: &Step) -> Result<Request<Full<Bytes>>, Fault> {
        let (method, end, accept, body) = match step {
            Step::References => (Method::GET, REFERENCES, "*/*", Bytes::new()),
            Step::Pack(body) => {
                (Method::POST, "/git-upload-pack", "application/x-git-upload-pack-result", Bytes::from(body.clone()))
            }
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{end}", target.path))
            .header(HOST, &target.authority)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, accept);
        if matches!(step, Step::Pack(_)) {
            request = request.header(CONTENT_TYPE, "application/x-git-upload-pack-request");
        }
        // Another server gets nothing that is meant for this one.
        if let Some(authorization) = &self.session.secrets.authorization
            && is_same_server(base, self.session.url())
        {
            let mut value = HeaderValue::from_str(authorization).map_err(|error| Fault::Said(error.to_string()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::new(body)).map_err(|error| Fault::Said(error.to_string()))
    }

    async fn connect(&self, target: &Target) -> Result<Stream, Fault> {
        let repository = &self.session.repository;
        let via = proxy::choose(&repository.proxy, &target.host, target.port, |name| std::env::var(name).ok())?;
        let stream = match &via {
            Some(via) => self.through(via, target).await?,
            None => open(&target.host, target.port).await?,
        };
        match target.encryption {
            Encryption::Plain => Ok(stream),
            Encryption::Tls => tls::secure(&self.connector()?, &target.host, stream).await,
        }
    }

    async fn through(&self, via: &Via, target: &Target) -> Result<Stream, Fault> {
        let mut stream = open(&via.host, via.port).await?;
        if via.encryption == Encryption::Tls {
            stream = tls::secure(&self.connector()?, &via.host, stream).await?;
        }
        proxy::tunnel(via, stream, &target.host, target.port).await
    }

    fn connector(&self) -> Result<TlsConnector, Fault> {
        self.connector.get_or_init(|| tls::connector(self.session.repository.ca_file.as_deref())).clone()
    }
}

/// Where a request goes.
struct Target {
    encryption: Encryption,
    /// Without brackets.
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Target {
    fn of(url: &str) -> Result<Self, Fault> {
        let wrong = || Fault::NotGit { answer: "the server redirects to what is no URL".to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let encryption = if uri.scheme_str() == Some("https") { Encryption::Tls } else { Encryption::Plain };
        let default = if encryption == Encryption::Tls { 443 } else { 80 };
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(default);
        let authority = uri.authority().ok_or_else(wrong)?.to_string();
        Ok(Self { encryption, host, port, authority, path: uri.path().to_owned() })
    }
}

async fn open(host: &str, port: u16) -> Result<Stream, Fault> {
    match TcpStream::connect((host, port)).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(Fault::Unreachable { host: format!("{host}:{port}"), message: error.to_string() }),
    }
}

/// What the connection died of.
fn broken(error: &hyper::Error) -> Fault {
    Fault::Said(format!("the connection breaks: {error}"))
}

/// The body, where it is of the kind that Git's servers give: anything else is a login page, or files on a web server.
fn checked(response: Response<Incoming>, step: &Step) -> Result<Incoming, Fault> {
    let wanted = match step {
        Step::References => "application/x-git-upload-pack-advertisement",
        Step::Pack(_) => "application/x-git-upload-pack-result",
    };
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing known");
    if kind == wanted {
        return Ok(response.into_body());
    }
    let kind: String = kind.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(Fault::NotGit { answer: format!("the server answers with {kind}") })
}

/// Where the repository is said to be now.
fn redirected(base: &str, response: &Response<Incoming>) -> Result<String, Fault> {
    let wrong = |what: &str| Fault::NotGit { answer: format!("the server redirects to {what}") };
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| wrong("nowhere"))?;
    let absolute = if location.starts_with('/') { format!("{}{location}", server(base)) } else { location.to_owned() };
    let next = absolute.strip_suffix(REFERENCES).ok_or_else(|| wrong("something else, such as a login page"))?;
    if !(next.starts_with("https://") || base.starts_with("http://") && next.starts_with("http://")) {
        return Err(wrong("an address without encryption"));
    }
    if server(next).contains('@') {
        return Err(wrong("an address with a user"));
    }
    Ok(next.to_owned())
}

/// Scheme, host and port of a URL.
fn server(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |slash| &url[..start + slash])
}

fn is_same_server(one: &str, other: &str) -> bool {
    server(one).eq_ignore_ascii_case(server(other))
}
