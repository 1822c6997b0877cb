//! What drifted, when, by whom and for how long: `/api/v1/history`.

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

use super::Desk;
use super::{error, json_response};
use crate::config;
use crate::report::history;
use crate::store::{Question, StoreError};

/// The record; with `?environment=NAME` that of one environment, with `?since=7d` what stood within the last week.
pub(super) async fn answer(State(Desk { board, store }): State<Desk>, RawQuery(query): RawQuery) -> Response {
    let question = match question(query.as_deref().unwrap_or_default(), Timestamp::now()) {
        Ok(question) => question,
        Err(message) => return error(StatusCode::BAD_REQUEST, &message),
    };
    let asked = question.clone();
    let read = move || {
        let entries = store.entries(&asked)?;
        let mut body = Vec::new();
        history::json(&entries, &mut body).map_err(|error| StoreError::Died(error.to_string()))?;
        Ok::<_, StoreError>((entries.is_empty(), body))
    };
    // Reading a file is work: it stays off the threads that answer requests.
    let (is_empty, body) = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(read)) => read,
        Ok(Err(why)) => return error(StatusCode::SERVICE_UNAVAILABLE, &why.to_string()),
        Err(_) => return error(StatusCode::INTERNAL_SERVER_ERROR, "the history cannot be read"),
    };
    let notice = board.latest();
    let names: Vec<_> = notice.environments.iter().map(|environment| environment.identity.name.as_str()).collect();
    match &question.environment {
        // One that is configured no more may still be on record.
        Some(name) if is_empty && !names.contains(&name.as_str()) => {
            let message = format!("there is no environment `{name}`; known are: {}", names.join(", "));
            json_response(StatusCode::NOT_FOUND, &json!({"error": message, "environments": names}))
        }
        _ => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
    }
}

fn question(query: &str, now: Timestamp) -> Result<Question, String> {
    let mut question = Question::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_twice = match key.as_ref() {
            "environment" => question.environment.replace(value.into_owned()).is_some(),
            "since" => question.since.replace(since(&value, now)?).is_some(),
            other => return Err(format!("unknown parameter `{other}`; known are `environment` and `since`")),
        };
        if is_twice {
            return Err(format!("`{key}` may be given once"));
        }
    }
    Ok(question)
}

fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    config::moment(text, now).ok_or_else(|| format!("`since` is no span of time: `{text}`; write `7d`, `12h`, `1h30m`"))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_question_is_read_and_a_wrong_one_is_told_what_is_wrong() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let asked = question("environment=prod%2Beu&since=7d", now).unwrap();
        assert_eq!(asked.environment.as_deref(), Some("prod+eu"));
        assert_eq!(asked.since, Some(now - SignedDuration::from_hours(7 * 24)));
        assert_eq!(question("", now), Ok(Question::default()));
        for (query, part) in [
            ("env=prod", "unknown parameter `env`"),
            ("since=week", "`since` is no span of time: `week`"),
            ("since=999999999d", "`since` is no span"),
            ("since=1d&since=2d", "`since` may be given once"),
            ("environment=a&environment=b", "`environment` may be given once"),
        ] {
            let message = question(query, now).unwrap_err();
            assert!(message.starts_with(part), "{query}: {message}");
        }
    }
}
