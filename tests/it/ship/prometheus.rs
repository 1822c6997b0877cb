//! A real Prometheus on a free loopback port.

use std::fs;
use std::net::SocketAddr;

use form_urlencoded::Serializer;
use serde_json::Value;

use super::items;
use super::process::get;
use crate::fixture::{Supervisor, eventually, program, runs};

/// It ends, and its data with it, when dropped or with the test process.
pub(super) struct Prometheus {
    address: SocketAddr,
    _supervisor: Supervisor,
}

impl Prometheus {
    /// Starts one with the configuration `config` and waits until it is ready.
    pub(super) fn start(config: &str) -> Self {
        let mut supervisor = Supervisor::launch();
        fs::write(supervisor.folder().join("prometheus.yml"), config).expect("the folder is writable");
        let flags = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"];
        let process = supervisor.start("prometheus", &program("prometheus"), &flags.map(str::to_owned));
        let address = eventually("Prometheus listens", || {
            let log = supervisor.log("prometheus");
            assert!(runs(process) || log.is_empty(), "Prometheus ended:\n{log}");
            log.lines().find_map(|line| line.split_once("msg=\"Listening on\" address=")?.1.trim().parse().ok())
        });
        eventually("Prometheus is ready", || (get(address, "/-/ready").0 == 200).then_some(()));
        Self { address, _supervisor: supervisor }
    }

    /// The data that the API answers at `path`.
    ///
    /// # Panics
    /// If it answers an error.
    #[track_caller]
    pub(super) fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
        let (status, body) = get(self.address, &format!("/api/v1/{path}?{query}"));
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status}: {body}"));
        assert_eq!((status, &answer["status"]), (200, &Value::from("success")), "{parameters:?}: {answer}");
        answer["data"].clone()
    }

    /// The series that the expression gives now.
    #[track_caller]
    pub(super) fn query(&self, expression: &str) -> Vec<Value> {
        items(&self.api("query", &[("query", expression)])["result"]).to_vec()
    }
}
