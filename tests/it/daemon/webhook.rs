//! What a daemon does when it is told over real HTTP that a repository has changed.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use driftd::config::{Config, Forge};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tempfile::TempDir;

use super::client::{Answer, post, request};
use super::json;
use super::scripted::{Running, at, config, report};

/// The secret of every forge.
const SECRET: &str = "canary of webhooks";

/// Two environments of one repository, which are scanned once and then no more, and the file with the secret.
fn quiet() -> (Config, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let mut config = config(&["prod", "qa"]);
    config.interval = Duration::from_hours(1);
    config.webhooks = Forge::ALL.into_iter().map(|forge| (forge, file.clone())).collect();
    (config, folder)
}

async fn scanned_once(config: &Config) -> Running {
    let mut running = Running::with(config).await;
    for name in ["prod", "qa"] {
        running.end_scan(report(name, vec![], vec![], at(0))).await;
    }
    running
}

fn signature(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body).finalize();
    let mut header = "X-Hub-Signature-256: sha256=".to_owned();
    for byte in mac.into_bytes() {
        write!(header, "{byte:02x}").unwrap();
    }
    header
}

async fn generic(running: &Running, body: &[u8]) -> Answer {
    post(running.address, "/webhook/generic", &[&signature(body)], body).await
}

const ABOUT_PLATFORM: &[u8] = br#"{"repository": "platform"}"#;

#[tokio::test]
async fn a_proven_word_scans_every_environment_of_the_repository_at_once() {
    let (config, _folder) = quiet();
    let mut running = scanned_once(&config).await;
    let answer = generic(&running, ABOUT_PLATFORM).await;
    assert_eq!((answer.status, json(&answer)), (202, json!({"repositories": ["platform"]})));
    for name in ["prod", "qa"] {
        running.end_scan(report(name, vec![], vec![], at(1))).await;
    }
    let body = br#"{"repository": {"clone_url": "file:///nowhere", "ssh_url": "platform.git"}}"#;
    assert_eq!(post(running.address, "/webhook/github", &[&signature(body)], body).await.status, 202);
    running.end_scan(report("prod", vec![], vec![], at(2))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_proven_is_refused_and_changes_nothing() {
    let (config, folder) = quiet();
    let mut running = scanned_once(&config).await;
    let hints = running.board.hints();
    let wrong = signature(b"another body");
    for headers in [&[][..], &["X-Hub-Signature-256: sha256="], &[wrong.as_str()]] {
        let refused = post(running.address, "/webhook/generic", headers, ABOUT_PLATFORM).await;
        assert_eq!(refused.status, 401);
        assert!(!refused.text().contains(SECRET) && !refused.text().contains("platform"));
    }
    let unknown = generic(&running, br#"{"repository": "https://git.example.org/other"}"#).await;
    assert_eq!(unknown.status, 404);
    for malformed in [&b"payload=%7B"[..], b"", b"[1]", b"{\"repository\": 7}"] {
        assert!([400, 404].contains(&generic(&running, malformed).await.status));
    }
    let large = vec![b'x'; 1 << 21];
    assert_eq!(generic(&running, &large).await.status, 413);
    assert_eq!(post(running.address, "/webhook/sourceforge", &[], ABOUT_PLATFORM).await.status, 404);
    assert_eq!(request(running.address, "GET", "/webhook/generic", &[]).await.status, 405);
    fs::write(folder.path().join("secret"), "\n").unwrap();
    assert_eq!(generic(&running, ABOUT_PLATFORM).await.status, 503, "an empty secret proves nothing");
    assert!(!hints.has_changed().unwrap(), "nobody was told");

    fs::write(folder.path().join("secret"), SECRET).unwrap();
    assert_eq!(generic(&running, ABOUT_PLATFORM).await.status, 202, "the file is read again");
    running.end_scan(report("prod", vec![], vec![], at(1))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_flood_is_refused_before_it_is_read() {
    let (config, _folder) = quiet();
    let running = scanned_once(&config).await;
    let mut refused = None;
    for _ in 0..200 {
        let answer = post(running.address, "/webhook/generic", &[], ABOUT_PLATFORM).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    assert_eq!(refused.expect("the flood is refused").header("retry-after"), Some("1"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn no_webhook_listens_unless_it_is_configured() {
    let (mut config, _folder) = quiet();
    config.webhooks.clear();
    let running = scanned_once(&config).await;
    assert_eq!(generic(&running, ABOUT_PLATFORM).await.status, 404);
    running.stop().await.unwrap();
}
