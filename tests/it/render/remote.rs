//! Charts of a Helm repository and of an OCI registry, and charts that charts depend on, served on loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use driftd::drift::model::hex;
use driftd::pipeline::Pipeline;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::site::{NAMESPACE, Site, object, official};

/// A server of files that notes what it was asked for. It ends with the test process.
pub struct Served {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    files: Arc<Files>,
}

type Files = Mutex<Vec<(String, Vec<u8>)>>;

impl Served {
    /// Serves each file at its path.
    pub fn start(files: Vec<(String, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, files) = (Arc::default(), Arc::new(Mutex::new(files)));
        let served = Self { address, requests: Arc::clone(&requests), files: Arc::clone(&files) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, files) = (Arc::clone(&requests), Arc::clone(&files));
                thread::spawn(move || answer(stream, &requests, &files));
            }
        });
        served
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The paths that were asked for.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn add(&self, path: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().push((path.to_owned(), bytes));
    }
}

/// One request for each connection.
fn answer(mut stream: TcpStream, requests: &Mutex<Vec<String>>, files: &Files) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    requests.lock().unwrap().push(path.to_owned());
    let found = files.lock().unwrap().iter().find(|(name, _)| name == path).map(|(_, bytes)| bytes.clone());
    let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
    let body = found.unwrap_or_default();
    let kind = match path {
        _ if path.contains("/manifests/") => "application/vnd.oci.image.manifest.v1+json",
        _ if path.ends_with("/list") => "application/json",
        _ => "application/octet-stream",
    };
    let digest = format!("sha256:{}", hex(&Sha256::digest(&body)));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {digest}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok();
    if method == "GET" {
        stream.write_all(&body).ok();
    }
}

/// The archive of a chart `tea` with one ConfigMap.
fn archive() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("tea");
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: tea\nversion: 1.2.3\n").unwrap();
    fs::write(chart.join("values.yaml"), "leaves: green\n").unwrap();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-tea'}\ndata: {leaves: '{{ .Values.leaves }}'}\n";
    fs::write(chart.join("templates/map.yaml"), map).unwrap();
    official("helm", &["package", "tea"], folder.path());
    let bytes = fs::read(folder.path().join("tea-1.2.3.tgz")).unwrap();
    (folder, bytes)
}

/// A Helm repository with that chart.
fn repository() -> (Served, TempDir) {
    let (folder, bytes) = archive();
    let server = Served::start(vec![("/tea-1.2.3.tgz".to_owned(), bytes)]);
    let url = format!("http://{}", server.address());
    official("helm", &["repo", "index", ".", "--url", &url], folder.path());
    server.add("/index.yaml", fs::read(folder.path().join("index.yaml")).unwrap());
    (server, folder)
}

/// A Helm repository on loopback that serves the chart `tea` 1.2.3: its URL, and a folder with the archive.
pub fn tea() -> (String, TempDir) {
    let (server, folder) = repository();
    (format!("http://{}", server.address()), folder)
}

/// Scans twice; tells how often the server was asked.
#[track_caller]
fn is_fetched_once(site: &Site, server: &Served, folder: &TempDir) {
    let config = site.config();
    let pipeline = Pipeline::new(&config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let arguments = ["template", "prod", "tea-1.2.3.tgz", "--namespace", NAMESPACE, "--set", "leaves=black"];
    site.deploy(&official("helm", &arguments, folder.path()));
    let first = runtime.block_on(pipeline.scan(&config.environments[0]));
    assert_eq!((first.summary.objects.in_sync, first.gaps), (1, Vec::new()));
    let requests = server.requests();
    assert!(!requests.is_empty());
    // Other values make another rendering of the same chart.
    site.repository().commit("main", &[("values.yaml", "leaves: white\n")]);
    let second = runtime.block_on(pipeline.scan(&config.environments[0]));
    assert_eq!(server.requests(), requests);
    assert_eq!((second.summary.objects.modified, second.gaps.len()), (1, 0), "{second:#?}");
    let source = second.objects[0].source.as_ref().unwrap();
    assert_eq!(&*source.file, "tea@1.2.3/templates/map.yaml");
}

#[test]
fn a_chart_of_a_helm_repository_is_fetched_once() {
    let (server, folder) = repository();
    let site = Site::new(&[("values.yaml", "leaves: black\n")]);
    let url = format!("http://{}", server.address());
    site.configure(&format!("helm: {{chart: tea, version: 1.2.3, repoURL: '{url}', valueFiles: [values.yaml]}}"));
    is_fetched_once(&site, &server, &folder);
}

#[test]
fn a_chart_of_a_registry_is_fetched_once() {
    let (folder, bytes) = archive();
    let config = br#"{"name":"tea","version":"1.2.3","apiVersion":"v2"}"#.to_vec();
    let blob = |bytes: &[u8]| format!("sha256:{}", hex(&Sha256::digest(bytes)));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": blob(&config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": blob(&bytes), "size": bytes.len()}],
    })
    .to_string()
    .into_bytes();
    let at = |kind: &str, name: &str| format!("/v2/charts/tea/{kind}/{name}");
    let server = Served::start(vec![
        ("/v2/".to_owned(), b"{}".to_vec()),
        (at("tags", "list"), br#"{"name":"charts/tea","tags":["1.2.3"]}"#.to_vec()),
        (at("blobs", &blob(&config)), config),
        (at("blobs", &blob(&bytes)), bytes),
        (at("manifests", &blob(&manifest)), manifest.clone()),
        (at("manifests", "1.2.3"), manifest),
    ]);
    let site = Site::new(&[("values.yaml", "leaves: black\n")]);
    let url = format!("oci://{}/charts", server.address());
    site.configure(&format!("renderer: helm\nhelm: {{chart: tea, version: 1.2.3, repoURL: '{url}', plainHTTP: true, valueFiles: [values.yaml]}}"));
    is_fetched_once(&site, &server, &folder);
}

#[test]
fn a_chart_that_cannot_be_fetched_is_a_gap_without_its_address() {
    let site = Site::new(&[("values.yaml", "")]);
    site.configure("helm: {chart: tea, version: 1.2.3, repoURL: 'http://user:hunter2@127.0.0.1:9/charts'}");
    let ended = site.check(&[]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stdout.contains("chart tea 1.2.3 could not be fetched: helm failed"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn dependencies_are_fetched_only_where_that_is_allowed() {
    let (server, _folder) = repository();
    let chart = format!(
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{{name: tea, version: 1.2.3, repository: 'http://{}'}}]\n",
        server.address()
    );
    let site = Site::new(&[("app/Chart.yaml", &chart)]);
    site.configure("path: app");
    assert!(site.gaps().contains("app/Chart.yaml depends on tea, not vendored under charts/"), "{}", site.gaps());
    assert_eq!(server.requests(), [""; 0]);
    site.configure("path: app\nhelm: {dependencyBuild: allowed}");
    assert_eq!(object(&site.report(), "ConfigMap", "prod-tea")["state"], "missing", "{:#}", site.report());
}

#[test]
fn a_dependency_in_the_same_repository_needs_no_permission() {
    let chart = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{name: common, version: 0.1.0, repository: 'file://../common'}]\n";
    let site = Site::new(&[
        ("charts/app/Chart.yaml", chart),
        ("charts/common/Chart.yaml", "apiVersion: v2\nname: common\nversion: 0.1.0\n"),
        ("charts/common/templates/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\n"),
    ]);
    site.configure("path: charts/app");
    assert_eq!(object(&site.report(), "ConfigMap", "shared")["state"], "missing", "{:#}", site.report());
}
