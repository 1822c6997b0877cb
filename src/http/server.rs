//! Accepts connections within bounds, and lets open requests finish before it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::access::Door;

/// What a client may make the server hold for the head of one request.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// What clients may take of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many connections at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// For the handshake of TLS, for the head of a request, and for an idle connection.
    pub head: Duration,
    /// A connection takes no further request after this, so that no client holds one for ever.
    pub age: Duration,
    /// For the open request of a connection that is to end.
    pub drain: Duration,
}

impl Default for Limits {
    /// The time for a head is below every usual scrape interval, so that a connection is not closed in the very moment
    /// in which a scraper uses it again.
    fn default() -> Self {
        Self {
            connections: 256,
            head: Duration::from_secs(10),
            age: Duration::from_mins(5),
            drain: Duration::from_secs(5),
        }
    }
}

/// Serves `router` on `listener` through `door` until `shutdown`, then lets open requests finish for a few seconds.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    door: Door,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, _) = watch::channel(());
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, permit)) = accepted else { continue };
        let (router, tls, stopping) = (router.clone(), door.access().tls.clone(), stop.subscribe());
        connections.spawn(async move {
            match tls {
                None => drive(stream, router, limits, stopping).await,
                Some(config) => match timeout(limits.head, TlsAcceptor::from(config).accept(stream)).await {
                    Ok(Ok(secured)) => drive(secured, router, limits, stopping).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
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
async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<()>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = sleep(limits.age) => {}
        _ = stopping.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(limits.drain, connection).await {
        note(ended);
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
