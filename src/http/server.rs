//! Accepts connections within bounds, and lets open requests finish before it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// So many connections at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

/// For the head of a request, and for an idle connection: below every usual scrape interval, so that a connection
/// is not closed in the very moment in which a scraper uses it again.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a client may make the server hold for the head of one request.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// A connection takes no further request after this, so that no client holds one for ever.
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(5);

/// For the open request of a connection that is to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `router` on `listener` until `shutdown`, then lets open requests finish for a few seconds.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let (stop, _) = watch::channel(());
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, permit)) = accepted else { continue };
        let (router, stopping) = (router.clone(), stop.subscribe());
        connections.spawn(async move {
            drive(stream, router, stopping).await;
            drop(permit);
        });
    }
    drop(listener);
    // Nobody may be left to hear it.
    let _ = stop.send(());
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Out of file descriptors, most likely: a pause lets others go.
            sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// Answers the requests of one connection until it ends, grows old, or the server stops.
async fn drive(stream: TcpStream, router: Router, mut stopping: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = sleep(MAX_CONNECTION_AGE) => {}
        _ = stopping.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(DRAIN_TIMEOUT, connection).await {
        note(ended);
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
