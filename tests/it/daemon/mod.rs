//! The daemon over real HTTP on loopback, its scans driven by the test.

mod client;
mod door;
mod limits;
mod scripted;
mod webhook;

use std::io::Read as _;
use std::time::Duration;

use driftd::daemon::{Daemon, DaemonError, TaskEnded};
use driftd::drift::model::{GapReason, Stage, State};
use serde_json::Value;

use crate::fixture::promtool;
use client::{Answer, get, request};
use scripted::{Running, Script, at, config, gap, object, report};

const OPEN_METRICS: &str =
    "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
}

#[tokio::test]
async fn it_is_ready_once_every_environment_was_scanned_well_or_not() {
    let mut running = Running::start(&["prod", "qa"]).await;
    let address = running.address;
    assert_eq!(get(address, "/livez").await.status, 200);
    assert_eq!(get(address, "/api/v1/report").await.status, 503);
    let waiting = get(address, "/readyz").await;
    assert_eq!(waiting.status, 503);
    assert!(waiting.text().contains("prod") && waiting.text().contains("qa"), "{}", waiting.text());

    running.end_scan(report("prod", vec![], vec![], at(0))).await;
    let waiting = get(address, "/readyz").await;
    assert_eq!(waiting.status, 503);
    assert!(!waiting.text().contains("prod") && waiting.text().contains("qa"), "{}", waiting.text());
    assert_eq!(get(address, "/api/v1/report?environment=prod").await.status, 200);
    assert_eq!(get(address, "/api/v1/report?environment=qa").await.status, 503);
    assert_eq!(json(&get(address, "/api/v1/report").await)["complete"], false, "qa is not known");

    running.end_scan(report("qa", vec![], vec![gap(Stage::Git, GapReason::NotFound)], at(1))).await;
    assert_eq!(get(address, "/readyz").await.status, 200);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn drift_reaches_metrics_report_and_page() {
    let mut running = Running::start(&["prod"]).await;
    let address = running.address;
    let before = get(address, "/metrics").await.text();
    assert!(!before.contains("driftd_resource") && before.contains("driftd_environment_info{environment=\"prod\""));

    let objects = vec![object("coordinator", State::Modified), object("worker", State::InSync)];
    running.end_scan(report("prod", objects, vec![], at(0))).await;
    let metrics = get(address, "/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "driftd_resource_drifted{environment=\"prod\",resource_namespace=\"trino\",api_group=\"apps\",\
         resource_kind=\"Deployment\",resource_name=\"coordinator\",state=\"modified\",category=\"image\",\
         severity=\"critical\",origin=\"manual\"} 1",
        "driftd_scan_success{environment=\"prod\"} 1",
        "# TYPE driftd_scan_errors_total counter",
    ] {
        assert!(metrics.text().lines().any(|own| own == line), "no {line} in\n{}", metrics.text());
    }
    let verdict = tokio::task::spawn_blocking(move || promtool(&["check", "metrics"], &metrics.text())).await.unwrap();
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
    let body = json(&get(address, "/api/v1/report?environment=prod").await);
    assert_eq!(body["summary"]["objects"]["inSync"], 1);
    assert_eq!(body["environments"][0]["objects"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["environments"][0]["objects"][0]["name"], "coordinator");
    assert_eq!(body, json(&get(address, "/api/v1/report").await));
    let page = get(address, "/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("trinodb/trino:<mark>470</mark>"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_scraper_gets_the_format_and_the_encoding_that_it_asks_for() {
    let mut running = Running::start(&["prod"]).await;
    let address = running.address;
    running.end_scan(report("prod", vec![object("coordinator", State::Missing)], vec![], at(0))).await;
    let open = request(address, "GET", "/metrics", &[OPEN_METRICS]).await;
    assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.text().ends_with("# EOF\n") && open.text().contains("# TYPE driftd_scan_errors counter\n"));

    let packed = request(address, "GET", "/metrics", &[OPEN_METRICS, "Accept-Encoding: gzip"]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_string(&mut unpacked).unwrap();
    let drift = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("process_")).map(str::to_owned).collect()
    };
    assert_eq!(drift(&unpacked), drift(&open.text()));
    assert!(packed.body.len() * 2 < unpacked.len());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn methods_paths_and_parameters_that_are_wrong_are_refused() {
    let mut running = Running::start(&["prod", "qa"]).await;
    let address = running.address;
    running.end_scan(report("prod", vec![], vec![], at(0))).await;
    for path in ["/", "/metrics", "/livez", "/readyz", "/version", "/api/v1/report"] {
        let refused = request(address, "POST", path, &["Content-Length: 0"]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")), "{path}");
        let head = request(address, "HEAD", path, &[]).await;
        assert!(head.body.is_empty() && [200, 503].contains(&head.status), "{path}");
        assert_eq!(head.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(head.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
    }
    let unknown = get(address, "/api/v1/report?environment=pord").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(json(&unknown)["error"], "there is no environment `pord`; known are: prod, qa");
    assert_eq!(get(address, "/api/v1/report?env=prod").await.status, 400);
    assert_eq!(get(address, "/api/v1/report?environment=prod&environment=qa").await.status, 400);
    assert_eq!(get(address, "/nothing").await.status, 404);
    assert_eq!(json(&get(address, "/version").await)["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(request(address, "GET", "/livez", &["X-One: 1"; 80]).await.status, 431);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_scan_keeps_known_drift_until_it_is_too_stale() {
    let mut running = Running::start(&["prod"]).await;
    let address = running.address;
    let failed = |time| report("prod", vec![], vec![gap(Stage::Git, GapReason::NotFound)], time);
    running.end_scan(report("prod", vec![object("coordinator", State::Modified)], vec![], at(0))).await;

    running.end_scan(failed(at(60))).await;
    let metrics = get(address, "/metrics").await.text();
    assert!(metrics.contains("driftd_resource_drifted{"));
    assert!(metrics.contains("driftd_scan_success{environment=\"prod\"} 0\n"));
    assert!(metrics.contains("driftd_scan_errors_total{environment=\"prod\",stage=\"git\"} 1\n"));
    assert!(
        metrics
            .contains(&format!("driftd_last_scan_timestamp_seconds{{environment=\"prod\"}} {}\n", at(60).as_second()))
    );
    assert!(metrics.contains(&format!(
        "driftd_last_successful_scan_timestamp_seconds{{environment=\"prod\"}} {}\n",
        at(0).as_second()
    )));

    running.end_scan(failed(at(181))).await;
    let metrics = get(address, "/metrics").await.text();
    assert!(!metrics.contains("driftd_resource_drifted{") && !metrics.contains("driftd_drift_findings{"), "{metrics}");
    assert!(metrics.contains("driftd_resources{environment=\"prod\",state=\"unknown\"} 1\n"));
    assert!(metrics.contains("driftd_scan_errors_total{environment=\"prod\",stage=\"git\"} 2\n"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_scan_that_hangs_withdraws_what_it_should_have_renewed() {
    let mut config = config(&["prod"]);
    config.max_staleness = Duration::from_millis(50);
    let mut running = Running::with(&config).await;
    let mut notices = running.board.subscribe();
    running.end_scan(report("prod", vec![object("coordinator", State::Modified)], vec![], at(0))).await;
    notices
        .wait_for(|notice| notice.environment("prod").is_some_and(|report| report.objects[0].state == State::Unknown))
        .await
        .unwrap();
    let metrics = get(running.address, "/metrics").await.text();
    assert!(!metrics.contains("driftd_resource_drifted{"));
    assert!(metrics.contains("driftd_scan_success{environment=\"prod\"} 0\n"));
    assert!(metrics.contains("driftd_scan_errors_total{environment=\"prod\",stage=\"compare\"} 0\n"), "no scan ended");

    running.end_scan(report("prod", vec![object("coordinator", State::Modified)], vec![], at(60))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_environment_that_hangs_delays_no_other() {
    let mut running = Running::start(&["prod", "qa"]).await;
    for second in 0..3 {
        running.end_scan(report("qa", vec![], vec![], at(second))).await;
    }
    let notice = running.board.latest();
    assert_eq!(notice.environments[1].last_scan, Some(at(2)));
    assert_eq!(notice.environments[0].last_scan, None);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_task_that_ends_unexpectedly_ends_the_daemon_with_its_name() {
    let config = config(&["prod"]);
    let daemon = Daemon::bind(&config).await.unwrap();
    let (script, lines) = Script::new(&config);
    drop(lines);
    let error = daemon.run(script, std::future::pending()).await.unwrap_err();
    let DaemonError::TaskEnded(TaskEnded { task, reason }) = error else { panic!("{error}") };
    assert_eq!(task, "the scan of environment prod");
    assert_eq!(reason, "it panicked: the script has no further line");
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let mut config = config(&["prod"]);
    let first = Daemon::bind(&config).await.unwrap();
    config.listen = first.address();
    let error = Daemon::bind(&config).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {}: ", first.address())), "{error}");
}

#[tokio::test]
async fn after_the_end_nothing_listens() {
    let running = Running::start(&["prod"]).await;
    let address = running.address;
    assert_eq!(get(address, "/livez").await.status, 200);
    running.stop().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
