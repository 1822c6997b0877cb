//! What the daemon serves: metrics, health, the report as JSON, and one page, all of it read-only; and what forges tell
//! it.

mod accept;
mod access;
mod history;
mod page;
mod server;
mod users;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

pub use access::{Access, AccessError, Door};
pub use server::{Limits, serve};
pub use webhook::Webhooks;

use crate::board::{Board, Notice};
use crate::metrics;
use crate::report::{EnvironmentReport, Listing, Report, json, promotion};
use crate::store::Store;

/// None of the routes that read wants a body.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Where answers come from.
#[derive(Clone)]
struct Desk {
    board: Arc<Board>,
    store: Arc<Store>,
}

impl FromRef<Desk> for Arc<Board> {
    fn from_ref(desk: &Desk) -> Self {
        Self::clone(&desk.board)
    }
}

/// What can be read, by its path.
fn routes() -> Vec<(&'static str, MethodRouter<Desk>)> {
    vec![
        ("/", get(index)),
        ("/metrics", get(scrape)),
        ("/livez", get(async || "ok\n")),
        ("/readyz", get(ready)),
        ("/version", get(async || version())),
        ("/api/v1/report", get(report)),
        ("/api/v1/promotions", get(promotions)),
        ("/api/v1/history", get(history::answer)),
    ]
}

/// The path of everything that can be read.
#[must_use]
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

/// Every route, over what stands on `board` and what is on record, for whom `door` lets in.
pub fn router(board: Arc<Board>, store: Arc<Store>, webhooks: Webhooks, door: &Door) -> Router {
    let webhooks = webhook::router(webhooks, &board);
    let readable = routes().into_iter().fold(Router::new(), |router, (path, route)| router.route(path, route));
    readable
        .fallback(async || error(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .with_state(Desk { board, store })
        .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
        .merge(webhooks)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        // Layers that follow see a request before those that stand above: nothing answers before the filter.
        .layer(from_fn_with_state(door.clone(), access::filter))
        .layer(map_response(async |response: Response| harden(response)))
}

async fn index(State(board): State<Arc<Board>>) -> Html<String> {
    Html(page::render(&board.latest(), Timestamp::now()))
}

async fn scrape(State(board): State<Arc<Board>>, headers: axum::http::HeaderMap) -> Response {
    let format = accept::format(&headers);
    let headers = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
    (headers, board.latest().metrics(format)).into_response()
}

/// Ready once every environment's first scan has ended, well or not.
async fn ready(State(board): State<Arc<Board>>) -> Response {
    let notice = board.latest();
    if notice.is_ready() {
        return "ok\n".into_response();
    }
    let waiting: Vec<_> = notice
        .environments
        .iter()
        .filter(|environment| !environment.is_scanned())
        .map(|environment| environment.identity.name.as_str())
        .collect();
    let body = format!("not scanned yet: {}\n", waiting.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

fn version() -> Response {
    json_response(
        StatusCode::OK,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "revision": metrics::REVISION,
            "rustc": metrics::RUSTC,
        }),
    )
}

/// The report; with `?environment=NAME` that on one environment.
async fn report(State(board): State<Arc<Board>>, RawQuery(query): RawQuery) -> Response {
    let notice = board.latest();
    let report = match environment_asked_for(query.as_deref().unwrap_or_default()) {
        Err(message) => return error(StatusCode::BAD_REQUEST, &message),
        Ok(None) => notice.report.clone(),
        Ok(Some(name)) => match known(&notice, &name) {
            Err(body) => return json_response(StatusCode::NOT_FOUND, &body),
            Ok(environment) => environment.and_then(|report| Report::new(vec![report.clone()])).map(Arc::new),
        },
    };
    let Some(report) = report else {
        return error(StatusCode::SERVICE_UNAVAILABLE, "the first scan has not ended yet; ask again in a moment");
    };
    let mut body = Vec::new();
    match json::write(&report, Listing::OutOfSync, &mut body) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "the report cannot be written as JSON"),
    }
}

/// How the environments stand to those that they are promoted from.
async fn promotions(State(board): State<Arc<Board>>) -> Response {
    let mut body = Vec::new();
    match promotion::json(&board.latest().promotions, &mut body) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "the promotions cannot be written as JSON"),
    }
}

fn environment_asked_for(query: &str) -> Result<Option<String>, String> {
    let uri = format!("/?{query}").parse().map_err(|_| "the query cannot be read".to_owned())?;
    let axum::extract::Query(parameters) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|_| "the query cannot be read".to_owned())?;
    match parameters.as_slice() {
        [] => Ok(None),
        [(key, name)] if key == "environment" => Ok(Some(name.clone())),
        [(key, _), ..] if key != "environment" => Err(format!("unknown parameter `{key}`; known is `environment`")),
        _ => Err("`environment` may be given once; leave it out for all environments".to_owned()),
    }
}

/// The report on the environment `name`, absent before its first scan; an error where there is no such environment.
fn known<'a>(notice: &'a Notice, name: &str) -> Result<Option<&'a EnvironmentReport>, Value> {
    let names: Vec<_> = notice.environments.iter().map(|environment| environment.identity.name.as_str()).collect();
    if names.contains(&name) {
        return Ok(notice.environment(name));
    }
    let message = format!("there is no environment `{name}`; known are: {}", names.join(", "));
    Err(json!({"error": message, "environments": names}))
}

fn error(status: StatusCode, message: &str) -> Response {
    json_response(status, &json!({ "error": message }))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body.to_string())).into_response()
}

/// Headers that every answer has: nothing is guessed, framed, remembered or loaded from elsewhere.
fn harden(mut response: Response) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, page::content_security_policy()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    response
}
