//! The one filter before every route.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::client::{get, request};
use super::scripted::{Running, at, config, report};
use crate::fixture::canary;

/// What is answered without credentials.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A scanned daemon that lets in the user `prometheus` alone.
async fn guarded() -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let hash = bcrypt::hash(canary("password"), 4).unwrap();
    let file = folder.path().join("web.yaml");
    fs::write(&file, format!("basic_auth_users:\n  prometheus: {hash}\n")).unwrap();
    let mut config = config(&["prod"]);
    config.web_config = Some(file);
    let mut running = Running::with(&config).await;
    running.end_scan(report("prod", vec![], vec![], at(0))).await;
    (running, folder)
}

#[tokio::test]
async fn no_route_but_the_probes_is_answered_without_credentials() {
    let (running, _folder) = guarded().await;
    let address = running.address;
    let right = basic("prometheus", canary("password"));
    let wrong = [basic("prometheus", "wrong"), basic("somebody", canary("password")), "Authorization: Bearer a".into()];
    let elsewhere = ["/nothing", "/api/v1/", "/livez/", "//metrics", "/./metrics", "/livez/../metrics", "/%6divez"];
    let paths = driftd::http::paths();
    assert!(PROBES.iter().all(|probe| paths.contains(probe)) && paths.contains(&"/metrics"));
    for path in paths.into_iter().chain(elsewhere) {
        let free = PROBES.contains(&path);
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            let anonymous = request(address, method, path, &["Content-Length: 0"]).await;
            assert_eq!(anonymous.status != 401, free, "{method} {path}: {}", anonymous.status);
            assert!(anonymous.header("content-security-policy").is_some(), "{method} {path}");
            if !free {
                assert_eq!(anonymous.header("www-authenticate"), Some("Basic realm=\"driftd\", charset=\"UTF-8\""));
            }
        }
        for wrong in &wrong {
            assert_eq!(request(address, "GET", path, &[wrong]).await.status != 401, free, "{path}");
        }
        let known = request(address, "GET", path, &[&right]).await.status;
        assert_eq!(known, if elsewhere.contains(&path) { 404 } else { 200 }, "{path}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_can_be_written() {
    let running = Running::start(&["prod"]).await;
    for path in driftd::http::paths() {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let refused = request(running.address, method, path, &["Content-Length: 0"]).await;
            assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")), "{method} {path}");
        }
    }
    assert_eq!(get(running.address, "/livez").await.status, 200);
    running.stop().await.unwrap();
}
