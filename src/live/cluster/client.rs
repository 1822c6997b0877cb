//! Requests to one API server, and why they fail.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::{Client, Config};

use super::tally::{self, Tally};
use crate::drift::model::{DRY_RUN_MANAGER, GapReason};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may pause.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(super) struct ApiError {
    pub reason: GapReason,
    /// Of the API server; empty where it is not known.
    pub address: String,
    pub message: String,
    /// A list's continue token is too old (410): begin again.
    pub expired: bool,
}

/// Why a watch or a page was not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Absent where nobody answered.
    pub status: Option<u16>,
    /// The server wishes to be left alone for so long.
    pub retry_after: Option<Duration>,
    pub error: ApiError,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { status: None, retry_after: None, error }
    }
}

/// A client with the address it speaks to.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    address: String,
    tally: Arc<Tally>,
}

impl Connection {
    /// Reads the configuration of the client by the usual rules; makes no request yet.
    pub async fn open(
        (kubeconfig, context): (Option<&Path>, Option<&str>),
        tally: &Arc<Tally>,
    ) -> Result<Self, ApiError> {
        Self::with(configuration(kubeconfig, context).await?, Some(READ_TIMEOUT), tally)
    }

    /// The same for answers that go on for minutes: whoever reads one has to know when it has paused for too long.
    pub async fn patient(
        (kubeconfig, context): (Option<&Path>, Option<&str>),
        tally: &Arc<Tally>,
    ) -> Result<Self, ApiError> {
        Self::with(configuration(kubeconfig, context).await?, None, tally)
    }

    fn with(mut config: Config, read_timeout: Option<Duration>, tally: &Arc<Tally>) -> Result<Self, ApiError> {
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = read_timeout;
        // A failed request is told at once and made again at the next scan.
        config.default_retry = false;
        let address = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| ApiError {
            reason: GapReason::Failed,
            address: address.clone(),
            message: root_cause(&error),
            expired: false,
        })?;
        Ok(Self { client, address, tally: Arc::clone(tally) })
    }

    /// The text of the answer to a GET.
    pub async fn get(&self, url: &str) -> Result<String, ApiError> {
        self.get_as(url, "application/json").await
    }

    /// The text of the answer to a GET, in the form that `accept` names.
    pub async fn get_as(&self, url: &str, accept: &str) -> Result<String, ApiError> {
        let request =
            http::Request::get(url).header(http::header::ACCEPT, accept).body(Vec::new()).map_err(|error| {
                ApiError {
                    reason: GapReason::Failed,
                    address: self.address.clone(),
                    message: error.to_string(),
                    expired: false,
                }
            })?;
        self.answer(request).await.map_err(|error| self.failed(&error))
    }

    /// The text of the answer to a server-side apply that the server only tries: nothing is written, and whoever
    /// calls this cannot make it otherwise.
    pub async fn try_apply(&self, path: &str, body: Vec<u8>) -> kube::Result<String> {
        let query = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1)
            .append_pair("dryRun", "All")
            .append_pair("force", "true")
            .append_pair("fieldManager", DRY_RUN_MANAGER)
            .finish();
        let apply = "application/apply-patch+yaml";
        let request = http::Request::patch(query).header(http::header::CONTENT_TYPE, apply).body(body);
        self.answer(request.map_err(kube::Error::HttpError)?).await
    }

    /// The client's own reading of an answer logs what a refusal says, which may quote the object: it is read here.
    async fn answer(&self, request: http::Request<Vec<u8>>) -> kube::Result<String> {
        let (head, body) = self.send(request).await?.into_parts();
        let text = String::from_utf8(body.collect_bytes().await?.into()).map_err(kube::Error::FromUtf8)?;
        if head.status.is_success() {
            return Ok(text);
        }
        let code = head.status.as_u16();
        Err(refusal(code, &text))
    }

    /// Sends a request and counts it.
    async fn send(&self, request: http::Request<Vec<u8>>) -> kube::Result<http::Response<Body>> {
        let verb = tally::verb(request.method(), request.uri());
        let answer = self.client.send(request.map(Body::from)).await;
        self.tally.asked(verb, answer.as_ref().ok().map(|answer| answer.status().as_u16()));
        answer
    }

    /// The answer to a GET as it arrives.
    pub async fn stream(&self, url: &str) -> Result<Body, Refusal> {
        let request = http::Request::get(url).header(http::header::ACCEPT, "application/json").body(Vec::new());
        let sent = match request {
            Ok(request) => self.send(request).await,
            Err(error) => Err(kube::Error::HttpError(error)),
        };
        let (head, body) = sent.map_err(|error| self.failed(&error))?.into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        let text = body.collect_bytes().await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let error = self.failed(&refusal(head.status.as_u16(), &text.unwrap_or_default()));
        let seconds = head.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Err(Refusal { status: Some(head.status.as_u16()), retry_after: seconds.map(Duration::from_secs), error })
    }

    /// The server answered with something that `what` cannot be read from; its text may hold secrets.
    pub fn unreadable(&self, what: &str) -> ApiError {
        ApiError {
            reason: GapReason::Failed,
            address: self.address.clone(),
            message: format!("the answer is not {what}"),
            expired: false,
        }
    }

    fn failed(&self, error: &kube::Error) -> ApiError {
        let (reason, message, expired) = match error {
            kube::Error::Api(status) => {
                let reason = match status.code {
                    401 => GapReason::Unauthorized,
                    403 => GapReason::Forbidden,
                    404 => GapReason::NotServed,
                    _ => GapReason::Failed,
                };
                (reason, told(status), status.code == 410)
            }
            kube::Error::HyperError(_) | kube::Error::Service(_) => (GapReason::Unreachable, root_cause(error), false),
            kube::Error::Auth(_) => (GapReason::Unauthorized, root_cause(error), false),
            other => (GapReason::Failed, root_cause(other), false),
        };
        ApiError { reason, address: self.address.clone(), message, expired }
    }
}

/// What a refusal says, as far as it can hold nothing of any object: who may do what, and what is served, the server
/// says before it reads one. A conversion webhook may quote the object that it refuses, so it is told by its kind.
fn told(status: &Status) -> String {
    if matches!(status.code, 401 | 403 | 404 | 410) && !status.message.is_empty() {
        return status.message.clone();
    }
    let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || "-./=, ".contains(letter);
    let converter = status.message.strip_prefix("conversion webhook for ").and_then(|rest| rest.split_once(" failed"));
    match converter.filter(|(kind, _)| kind.chars().all(is_of_a_name)) {
        Some((kind, _)) => format!("the conversion webhook for {kind} fails; its own log says why"),
        None => format!("the API server answers with status {}; its own log says why", status.code),
    }
}

/// What is no Status of the API server's, such as the page of a proxy, may say anything.
fn refusal(code: u16, text: &str) -> kube::Error {
    let status = serde_json::from_str(text).unwrap_or_else(|_| Status::failure("", "").with_code(code));
    kube::Error::Api(Box::new(Status { code, ..status }))
}

async fn configuration(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Config, ApiError> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let failed =
        |what: String| ApiError { reason: GapReason::NotFound, address: String::new(), message: what, expired: false };
    match (kubeconfig, context) {
        (Some(path), _) => {
            let named = |error: &dyn std::error::Error| failed(format!("kubeconfig {}: {error}", path.display()));
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| named(&error))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| named(&error))
        }
        (None, Some(_)) => {
            Config::from_kubeconfig(&options).await.map_err(|error| failed(format!("kubeconfig: {error}")))
        }
        (None, None) => Config::infer().await.map_err(|_| {
            failed("no kubeconfig was found and driftd does not run in a cluster; name one under clusters".to_owned())
        }),
    }
}

/// The innermost cause: the outer ones repeat the names of layers.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> String {
        told(&Status::failure(message, "Reason").with_code(code))
    }

    #[test]
    fn a_refusal_that_may_quote_an_object_is_told_in_other_words() {
        let forbidden = "secrets is forbidden: User \"driftd\" cannot list resource \"secrets\"";
        assert_eq!(refused(403, forbidden), forbidden);
        assert_eq!(
            refused(500, "conversion webhook for example.org/v2, Kind=Widget failed: spec: invalid value \"hunter2\""),
            "the conversion webhook for example.org/v2, Kind=Widget fails; its own log says why"
        );
        for message in ["unable to decode \"hunter2\"", "conversion webhook for \"hunter2\" failed: x", ""] {
            assert_eq!(refused(500, message), "the API server answers with status 500; its own log says why");
        }
        assert_eq!(refused(403, ""), "the API server answers with status 403; its own log says why");
    }
}
