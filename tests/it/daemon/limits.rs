//! What a client may take of the server, each limit met by a real connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use driftd::board::Board;
use driftd::http::{self, Access, Door, Limits, Webhooks};
use driftd::store::Store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::client::request;

/// Short enough to wait for.
const SOON: Duration = Duration::from_millis(50);

/// A server of `router` within `limits`; it ends with the test's runtime.
async fn serve(router: Router, limits: Limits) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door::new(Access::default());
    (address, tokio::spawn(http::serve(listener, router, door, limits, std::future::pending())))
}

fn own() -> Router {
    let store = Arc::new(Store::new(None, Duration::from_hours(1)));
    http::router(Arc::new(Board::new(Vec::new())), store, Webhooks::default(), &Door::new(Access::default()))
}

/// What comes until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset has ended as well.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn further_connections_wait_until_one_is_free() {
    let (now, most, release) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (started, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let handler = {
        let (now, most, release) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&release));
        async move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            started.send(()).unwrap();
            release.acquire().await.unwrap().forget();
            now.fetch_sub(1, Ordering::SeqCst);
            "done"
        }
    };
    let (address, _server) =
        serve(Router::new().route("/", get(handler)), Limits { connections: 2, ..Limits::default() }).await;
    let clients: Vec<_> =
        (0..6).map(|_| tokio::spawn(async move { request(address, "GET", "/", &[]).await })).collect();
    for _ in 0..6 {
        at_work.recv().await.unwrap();
        if now.load(Ordering::SeqCst) == 2 {
            release.add_permits(1);
        }
    }
    release.add_permits(6);
    for client in clients {
        assert_eq!(client.await.unwrap().text(), "done");
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let (address, _server) = serve(own(), Limits { head: SOON, ..Limits::default() }).await;
    for beginning in ["", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        assert!(!rest(stream).await.contains("200 OK"), "{beginning:?}");
    }
    assert_eq!(request(address, "GET", "/livez", &[]).await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (address, _server) = serve(own(), Limits::default()).await;
    let large = format!("X-Large: {}", "a".repeat(200 * 1024));
    assert_eq!(request(address, "GET", "/livez", &[&large]).await.status, 431);
    assert_eq!(request(address, "GET", "/livez", &["X-One: 1"; 80]).await.status, 431);
    assert_eq!(request(address, "GET", "/livez", &[&large[..60 * 1024]]).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let (address, _server) = serve(own(), Limits::default()).await;
    for path in http::paths() {
        // The body never comes: the answer does not wait for it.
        let refused = request(address, "GET", path, &["Content-Length: 1000000"]).await;
        assert_eq!(refused.status, 413, "{path}");
    }
}

#[tokio::test]
async fn who_does_not_read_the_answer_holds_no_connection_for_ever() {
    let large = Router::new().route("/", get(async || "a".repeat(64 << 20))).route("/small", get(async || "small"));
    let limits = Limits { connections: 1, age: SOON, drain: SOON, ..Limits::default() };
    let (address, _server) = serve(large, limits).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    assert_eq!(request(address, "GET", "/small", &[]).await.text(), "small");
}
