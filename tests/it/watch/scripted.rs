//! A server that answers watches as the script says: what the real one will not do on demand.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use driftd::drift::model::GapReason;
use driftd::live::Restart;
use serde_json::json;
use tempfile::TempDir;

use super::CONFIG_MAPS;
use super::follower::Follower;
use crate::fixture::eventually;

/// One answer: status line and headers, the body, and whether the connection stays open after it.
enum Answer {
    Ends(&'static str, String),
    Stays(String),
}

struct Server {
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Gives one answer after the other, each on a connection of its own, and the last again and again.
    fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "scripted",
            "clusters": [{"name": "scripted", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "scripted", "context": {"cluster": "scripted", "user": "nobody"}}],
        });
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let record = Arc::clone(&asked);
        thread::spawn(move || {
            let mut open = Vec::new();
            for (turn, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                // A client that has gone does not wait for its answer.
                open.extend(answer(stream, &answers[turn.min(answers.len() - 1)], &record).ok());
            }
        });
        Self { folder, asked }
    }

    fn follower(&self) -> Follower {
        Follower::new(&self.folder.path().join("kubeconfig"), CONFIG_MAPS, Some("a"))
    }

    /// What was asked, without what changes from run to run.
    fn asked(&self) -> Vec<String> {
        let requests = self.asked.lock().unwrap().clone();
        let shown = |request: String| {
            let query = request.split(['?', ' ']).find(|part| part.contains('=')).unwrap_or_default().to_owned();
            let pairs = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("timeoutSeconds"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        requests.into_iter().map(shown).collect()
    }
}

fn answer(stream: TcpStream, answer: &Answer, asked: &Mutex<Vec<String>>) -> std::io::Result<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    asked.lock().unwrap().push(first);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut stream = stream;
    match answer {
        Answer::Ends(head, body) => {
            write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            stream.shutdown(std::net::Shutdown::Write)?;
        }
        Answer::Stays(body) => {
            write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len())?;
        }
    }
    Ok(stream)
}

fn object(name: &str, version: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "a", "resourceVersion": version},
    })
}

fn added(name: &str, version: &str) -> String {
    json!({"type": "ADDED", "object": object(name, version)}).to_string() + "\n"
}

fn complete(version: &str) -> String {
    let annotations = json!({"k8s.io/initial-events-end": "true"});
    let metadata = json!({"resourceVersion": version, "annotations": annotations});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    json!({"type": "BOOKMARK", "object": object}).to_string() + "\n"
}

fn error(code: u16) -> String {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "too old"});
    json!({"type": "ERROR", "object": status}).to_string() + "\n"
}

fn list(names: &[&str], next: &str, version: &str) -> Answer {
    let items: Vec<_> = names.iter().map(|name| object(name, "3")).collect();
    let body =
        json!({"kind": "ConfigMapList", "metadata": {"continue": next, "resourceVersion": version}, "items": items});
    Answer::Ends("200 OK", body.to_string())
}

const STREAM: &str = "watch=true allowWatchBookmarks=true sendInitialEvents=true resourceVersionMatch=NotOlderThan";

fn changes(since: &str) -> String {
    format!("watch=true allowWatchBookmarks=true resourceVersion={since}")
}

#[test]
fn a_server_that_streams_no_lists_is_listed_by_pages_and_followed_from_there() {
    let server = Server::start(vec![
        Answer::Ends("422 Unprocessable Entity", String::new()),
        list(&["one"], "more", "40"),
        list(&["two"], "", "40"),
        Answer::Stays(added("three", "41")),
    ]);
    let follower = server.follower();
    let known = follower.until("the change is seen", |known| known.objects.len() == 3);
    assert_eq!((known.lists, known.changes, known.losses), (1, 1, 0));
    assert_eq!(server.asked(), [STREAM.into(), "limit=500".into(), "limit=500 continue=more".into(), changes("40")]);
}

#[test]
fn a_throttled_watch_waits_and_goes_on() {
    let server = Server::start(vec![
        Answer::Ends("429 Too Many Requests\r\nRetry-After: 1", "slow down".into()),
        Answer::Stays(added("one", "7") + &complete("40")),
    ]);
    let known = server.follower().until("the list is complete", |known| known.lists == 1);
    assert_eq!((known.objects.len(), known.losses), (1, 1));
    assert_eq!(server.asked(), [STREAM, STREAM]);
}

#[test]
fn an_error_in_the_midst_of_an_answer_is_no_event() {
    let server = Server::start(vec![
        Answer::Stays(added("one", "7") + &complete("40") + &error(410)),
        Answer::Stays(added("two", "41") + &complete("50") + &error(500)),
        Answer::Stays(added("three", "51")),
    ]);
    let follower = server.follower();
    let known = follower.until("the third answer is seen", |known| known.changes == 1);
    assert_eq!((known.names(), known.lists), (vec!["a/three", "a/two"], 2));
    assert_eq!(server.asked(), [STREAM.into(), STREAM.into(), changes("50")]);
    assert_eq!((follower.restarts(Restart::Expired), follower.restarts(Restart::Refused)), (1, 1));
}

#[test]
fn what_cannot_be_read_is_told_and_everything_is_asked_for_again() {
    let nameless = json!({"type": "ADDED", "object": {"metadata": {"resourceVersion": "41"}}}).to_string() + "\n";
    for broken in ["{\"type\": \"ADDED\", \"obj\n", "{\"type\": \"RENAMED\", \"object\": {}}\n", nameless.as_str()] {
        let server = Server::start(vec![
            Answer::Stays(added("one", "7") + &complete("40") + broken),
            Answer::Stays(added("two", "42") + &complete("50")),
        ]);
        let follower = server.follower();
        let known = follower.until("the second list is complete", |known| known.lists == 2);
        assert_eq!((known.names(), known.losses), (vec!["a/two"], 1), "{broken}");
        assert_eq!(server.asked(), [STREAM, STREAM]);
    }
}

#[test]
fn an_event_that_is_cut_in_the_middle_is_asked_for_again() {
    let whole = added("two", "41");
    let server = Server::start(vec![
        Answer::Ends("200 OK", added("one", "7") + &complete("40") + &whole[..whole.len() / 2]),
        Answer::Stays(whole),
    ]);
    let known = server.follower().until("the event is seen whole", |known| known.objects.len() == 2);
    assert_eq!((known.lists, known.losses), (1, 0));
    assert_eq!(server.asked(), [STREAM.into(), changes("40")]);
}

#[test]
fn refused_credentials_and_the_page_of_a_proxy_are_told_and_tried_again() {
    let server = Server::start(vec![
        Answer::Ends("401 Unauthorized", String::new()),
        Answer::Ends("502 Bad Gateway", "<html>".into()),
        Answer::Stays(complete("40")),
    ]);
    let follower = server.follower();
    eventually("both are told", || (follower.known().losses == 2).then_some(()));
    assert_eq!(follower.known().lost.map(|lost| lost.0), Some(GapReason::Failed));
    follower.until("the list is complete", |known| known.lists == 1);
}
