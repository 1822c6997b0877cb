//! One kind in one scope, followed for ever: the task that asks, waits and reads for the state that decides.

mod event;
mod lines;
mod state;

use std::sync::Arc;
use std::time::Duration;

use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::super::Wanted;
use super::client::{ApiError, Connection, Refusal};
use super::{Cluster, page, page_url};
use crate::drift::model::{Gap, GapReason};
use lines::{Line, Lines};
use state::{Input, Next, Request, Watch};

pub use state::{Restart, Told};

/// A server sends a bookmark every minute where nothing changes. Rule: `defaultBookmarkFrequency` in
/// `k8s.io/apiserver/pkg/storage/cacher`.
const SILENCE: Duration = Duration::from_secs(100);
/// How long the objects of a list may pause.
const PAUSE_OF_A_LIST: Duration = Duration::from_secs(30);
/// How long a page of a list may take.
const PAUSE_OF_A_PAGE: Duration = Duration::from_mins(1);
/// The server ends an answer after this long, up to twice as long, so that many watches do not begin anew at once. Rule:
/// `minWatchTimeout` of client-go's reflector.
const LASTS_SECONDS: f64 = 300.0;

/// Where a watch tells what it sees, each time with its scope.
pub type Listener = mpsc::Sender<(Arc<Wanted>, Told)>;

impl Cluster {
    /// Follows a scope and tells every change, through every failure, until `listener` is closed or it is dropped.
    pub(in super::super) async fn watch(&self, scope: Arc<Wanted>, listener: Listener) {
        let mut watch = Watch::new();
        loop {
            let Some(next) = self.answer(&mut watch, &scope, &listener).await else { return };
            if let Next::Restart(why) = next {
                self.tally.restarted(why);
                tracing::debug!(cluster = self.name, %scope, why = why.as_str(), "the watch begins anew");
                sleep(watch.pause(chance())).await;
            }
        }
    }

    /// Asks once and takes in the whole answer; `None` when nobody listens any more.
    async fn answer(&self, watch: &mut Watch, scope: &Arc<Wanted>, listener: &Listener) -> Option<Next> {
        let request = watch.request();
        // Lists wait for each other, changes do not.
        let turn = match request {
            Request::Changes { .. } => None,
            Request::Stream | Request::Page { .. } => self.turns.acquire().await.ok(),
        };
        let asked = Instant::now();
        let mut answer = match self.ask(request, scope).await {
            Ok(Answer::Stream(lines)) => lines,
            Ok(Answer::Page(page)) => return tell(watch.take(page), scope, listener).await,
            Err(input) => return tell(watch.take(input), scope, listener).await,
        };
        let mut turn = turn;
        let mut next = tell(watch.take(Input::Opened), scope, listener).await?;
        while next == Next::Read {
            let patience = if turn.is_some() { PAUSE_OF_A_LIST } else { SILENCE };
            let input = match timeout(patience, answer.next()).await {
                Err(_) => Input::Silent(self.cut_short(scope, "nothing came any more")),
                Ok(Line::End) => {
                    Input::Ended { lasted: asked.elapsed(), gap: self.cut_short(scope, "the answer ended too early") }
                }
                Ok(Line::TooLong) => Input::Unreadable(self.cut_short(scope, "an object is too large to be read")),
                Ok(Line::Read(line)) => match event::read(line, scope, &self.redactor) {
                    Ok(event) => Input::Event(event),
                    Err(gap) => Input::Unreadable(gap),
                },
            };
            next = tell(watch.take(input), scope, listener).await?;
            if watch.is_following() {
                turn = None;
            }
        }
        Some(next)
    }

    async fn ask(&self, request: Request, scope: &Arc<Wanted>) -> Result<Answer, Input> {
        let connection = match self.watching().await {
            Ok(connection) => connection,
            Err(error) => return Err(self.refused(scope, Refusal::from(error)).await),
        };
        if let Request::Page { next } = request {
            return self.page(&connection, scope, &next).await.map(Answer::Page);
        }
        match timeout(PAUSE_OF_A_LIST, connection.stream(&watch_url(scope, &request, chance()))).await {
            Err(_) => Err(Input::Silent(self.cut_short(scope, "the server does not answer"))),
            Ok(Err(refusal)) => Err(self.refused(scope, refusal).await),
            Ok(Ok(body)) => Ok(Answer::Stream(Lines::of(body))),
        }
    }

    async fn page(&self, connection: &Connection, scope: &Arc<Wanted>, next: &str) -> Result<Input, Input> {
        let text = async { Ok(text_of(connection.stream(&page_url(scope, "", next)).await?).await) };
        let text = match timeout(PAUSE_OF_A_PAGE, text).await {
            Err(_) => return Err(Input::Silent(self.cut_short(scope, "the server does not answer"))),
            Ok(Err(refusal)) => return Err(self.refused(scope, refusal).await),
            Ok(Ok(text)) => text,
        };
        let (of, redactor) = (Arc::clone(scope), self.redactor.clone());
        let read =
            tokio::task::spawn_blocking(move || page::read(&text, &of, &redactor, &|live| live)).await.ok().flatten();
        let (mut listing, page) = read.ok_or_else(|| Input::Unreadable(self.cut_short(scope, "no list came")))?;
        match listing.gaps.pop() {
            Some(gap) => Err(Input::Unreadable(gap)),
            None => Ok(Input::Page {
                objects: listing.into_objects(),
                next: page.next,
                resource_version: page.resource_version,
            }),
        }
    }

    /// A refusal as the state takes it; after refused credentials the connection is made anew.
    async fn refused(&self, scope: &Wanted, refusal: Refusal) -> Input {
        let Refusal { status, retry_after, error } = refusal;
        if error.reason == GapReason::Unauthorized || status.is_none() {
            *self.watching.lock().await = None;
        }
        Input::Refused { status, retry_after, gap: self.watch_gap(scope, &error) }
    }

    fn watch_gap(&self, scope: &Wanted, error: &ApiError) -> Gap {
        if error.reason == GapReason::Unreachable {
            return self.unreachable(error);
        }
        let message = match error.reason {
            GapReason::Forbidden => format!(
                "may not watch {scope}: grant the verbs list and watch on {} in the API group \"{}\" ({})",
                scope.served.plural, scope.type_key.group, error.message
            ),
            _ => format!("cannot watch {scope}: {}", error.message),
        };
        event::gap(scope, error.reason, message)
    }

    fn cut_short(&self, scope: &Wanted, what: &str) -> Gap {
        event::gap(scope, GapReason::Failed, format!("cannot watch {scope} on cluster {}: {what}", self.name))
    }

    /// The connection of the watches: an answer may take minutes, so it has no time limit of its own.
    async fn watching(&self) -> Result<Connection, ApiError> {
        let mut watching = self.watching.lock().await;
        if let Some(connection) = &*watching {
            return Ok(connection.clone());
        }
        let made = Connection::patient(self.access(), &self.tally).await?;
        *watching = Some(made.clone());
        Ok(made)
    }
}

enum Answer {
    Stream(Lines),
    Page(Input),
}

/// Passes on what was told; `None` when nobody listens any more.
async fn tell((told, next): (Vec<Told>, Next), scope: &Arc<Wanted>, listener: &Listener) -> Option<Next> {
    for told in told {
        listener.send((Arc::clone(scope), told)).await.ok()?;
    }
    Some(next)
}

/// What of an answer arrives; one that is cut short is no list any more.
async fn text_of(body: Body) -> String {
    let bytes = body.collect_bytes().await.unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn watch_url(scope: &Wanted, request: &Request, chance: f64) -> String {
    let mut query = form_urlencoded::Serializer::new(format!("{}?", super::collection(scope)));
    query.append_pair("watch", "true").append_pair("allowWatchBookmarks", "true");
    query.append_pair("timeoutSeconds", &format!("{:.0}", LASTS_SECONDS * (1.0 + chance)));
    match request {
        Request::Changes { since } => query.append_pair("resourceVersion", since),
        Request::Stream | Request::Page { .. } => {
            query.append_pair("sendInitialEvents", "true").append_pair("resourceVersionMatch", "NotOlderThan")
        }
    };
    query.finish()
}

/// A number between 0 and 1 that keeps many watches apart.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
