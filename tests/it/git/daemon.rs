//! The daemon on a remote repository: what it follows without a restart, and what stands while the server does not answer.

use std::sync::Arc;
use std::time::Duration;

use driftd::board::{Board, Notice};
use driftd::config::Config;
use driftd::daemon::{Daemon, DaemonError};
use driftd::pipeline::Pipeline;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{CANARY, MANIFEST, Scene};
use crate::fixture::{Authority, Behaviour, GitServer, eventually};

/// A daemon at work on a scene.
struct Running {
    scene: Scene,
    server: GitServer,
    board: Arc<Board>,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), DaemonError>>,
}

impl Running {
    /// Follows `follows` behind a server that wants the login that the files have.
    async fn start(follows: &str, prepare: impl FnOnce(&Scene)) -> Self {
        let (scene, authority) = (Scene::new(), Authority::new());
        prepare(&scene);
        let server = tokio::task::spawn_blocking(move || (GitServer::start(&authority), authority)).await.unwrap();
        let (server, authority) = server;
        server.login("bot", CANARY);
        scene.file("user", "bot");
        scene.file("password", CANARY);
        let bundle = scene.file("ca.pem", &std::fs::read_to_string(authority.bundle()).unwrap());
        let keys = format!(
            "url: \"{}\", caFile: \"{}\", proxy: none, credentials: {{usernameFile: user, passwordFile: password}}",
            server.serve("platform.git", scene.repository.path()),
            bundle.display()
        );
        let mut config = Config::load(&scene.configure(&keys, &[("prod", follows)])).unwrap();
        config.interval = Duration::from_millis(50);
        let daemon = Daemon::bind(&config).await.unwrap();
        let board = daemon.board();
        let (shutdown, asked) = oneshot::channel::<()>();
        let pipeline = Pipeline::new(&config).unwrap();
        let task = tokio::spawn(daemon.run(pipeline, async {
            let _ = asked.await;
        }));
        Self { scene, server, board, shutdown, task }
    }

    /// Waits until the board shows what `wanted` looks for.
    async fn sees(&self, wanted: impl Fn(&Notice) -> bool) -> Arc<Notice> {
        let mut notices = self.board.subscribe();
        notices.wait_for(|notice| wanted(notice)).await.unwrap().clone()
    }

    /// Waits until the environment `name` was read at `revision`, without a gap.
    async fn reads(&self, name: &str, revision: &str) {
        self.sees(|notice| {
            notice
                .environment(name)
                .is_some_and(|report| report.complete && report.revision.as_deref() == Some(revision))
        })
        .await;
    }

    /// Waits until the environment `name` has a gap with these words, and gives its message.
    async fn lacks(&self, name: &str, words: &str) -> String {
        let message = |notice: &Notice| {
            let gaps = &notice.environment(name)?.gaps;
            gaps.iter().map(|gap| gap.message.clone()).find(|message| message.contains(words))
        };
        message(&*self.sees(|notice| message(notice).is_some()).await).unwrap()
    }

    async fn stop(self) {
        self.shutdown.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    fn commit(&self, branch: &str, name: &str) -> String {
        self.scene.repository.commit(branch, &[("app.yaml", MANIFEST), (name, "")])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_seen_and_a_failing_server_keeps_the_last_revision() {
    let running = Running::start("branch: main", |_| {}).await;
    let first = running.commit("main", "a");
    running.reads("prod", &first).await;
    running.server.behave(Behaviour::Refuse(500));
    let message = running.lacks("prod", "status 500").await;
    assert!(message.contains(&first[..12]) && message.ends_with(" ago"), "{message}");
    let notice = running.board.latest();
    let report = notice.environment("prod").unwrap();
    assert_eq!((report.revision.as_deref(), report.summary.objects.in_sync), (Some(&*first), 1));
    let second = running.commit("main", "b");
    running.server.behave(Behaviour::Serve);
    running.reads("prod", &second).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_password_is_read_anew() {
    let running = Running::start("branch: main", |_| {}).await;
    running.sees(Notice::is_ready).await;
    running.server.login("bot", "rotated-canary-7f3a9c");
    let message = running.lacks("prod", "refuses the credentials").await;
    assert!(!message.contains(CANARY), "{message}");
    running.scene.file("password", "rotated-canary-7f3a9c");
    let pushed = running.commit("main", "a");
    running.reads("prod", &pushed).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_branch_is_followed_without_a_restart() {
    let follows = "branch: {pattern: \"release_v*\", pick: highest-semver}";
    let running = Running::start(follows, |scene| {
        scene.repository.commit("release_v1.9.0", &[("app.yaml", MANIFEST)]);
    })
    .await;
    running.sees(|notice| notice.environment("prod").is_some_and(|report| report.branch == "release_v1.9.0")).await;
    let released = running.commit("release_v1.10.0", "a");
    running.reads("prod", &released).await;
    let notice = running.board.latest();
    assert_eq!(notice.environment("prod").unwrap().branch, "release_v1.10.0");
    let metrics = notice.metrics(driftd::metrics::Format::Text);
    assert!(metrics.contains("branch=\"release_v1.10.0\"") && !metrics.contains("release_v1.9.0"), "{metrics}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_release_branch_comes_and_goes_without_a_restart() {
    let follows = "branch: {pattern: \"release_v*\", pick: each}";
    let running = Running::start(follows, |scene| {
        scene.repository.commit("release_v1", &[("app.yaml", MANIFEST)]);
    })
    .await;
    running.sees(|notice| notice.environment("prod:release_v1").is_some_and(|report| report.complete)).await;
    let second = running.commit("release_v2", "a");
    running.reads("prod:release_v2", &second).await;
    running.scene.repository.git().find_reference("refs/heads/release_v1").unwrap().delete().unwrap();
    let notice =
        running.sees(|notice| notice.environments.iter().all(|own| own.identity.name != "prod:release_v1")).await;
    assert!(notice.environment("prod:release_v1").is_none());
    let metrics = notice.metrics(driftd::metrics::Format::Text);
    assert!(!metrics.contains("prod:release_v1") && metrics.contains("prod:release_v2"), "{metrics}");
    assert!(!metrics.contains("environment=\"prod\""), "{metrics}");
    running.scene.repository.git().find_reference("refs/heads/release_v2").unwrap().delete().unwrap();
    let message = running.lacks("prod", "no branch matches release_v*").await;
    assert!(message.contains("there are main"), "{message}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_ends_at_once_although_the_server_hangs() {
    let running = Running::start("branch: main", |_| {}).await;
    running.sees(Notice::is_ready).await;
    running.server.behave(Behaviour::Hang);
    let asked = running.server.requests().len();
    tokio::task::block_in_place(|| {
        eventually("the server is asked", || (running.server.requests().len() > asked).then_some(()));
    });
    // The default idleTimeout is 30 s; a test that waited for it would be ended by its runner.
    running.stop().await;
}
