//! Everything that is at work under one configuration, and how it goes over to another.

use std::mem;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::fleet::Fleet;
use super::notify::Systemd;
use super::supervise::{Task, Tasks};
use super::worker::Scan;
use super::{Daemon, DaemonError, bind, promote};
use crate::board::{Board, Configuration};
use crate::config::{Config, ConfigError, ConfigFile, ConfigText};
use crate::http::{self, Access, Door, Limits, Webhooks};
use crate::pipeline::Promotions;
use crate::store::Store;

/// A daemon at work; its tasks end when it is dropped.
#[derive(Debug)]
pub(super) struct Running<S> {
    config: Config,
    scanner: Arc<S>,
    promotions: Arc<Promotions>,
    board: Arc<Board>,
    store: Arc<Store>,
    tasks: Tasks,
    systemd: Arc<Systemd>,
    fleet: Fleet<S>,
    door: Door,
    webhooks: Webhooks,
    server: Task,
    doorkeeper: Option<Task>,
    promoting: Option<Task>,
    _word: Option<Task>,
}

impl<S: Scan> Running<S> {
    pub(super) fn start(daemon: Daemon, scanner: S, tasks: Tasks) -> Self {
        let Daemon { listener, address, board, door, store, config, promotions, .. } = daemon;
        let (scanner, promotions) = (Arc::new(scanner), Arc::new(promotions));
        let webhooks = Webhooks::default();
        webhooks.follow(&config);
        let server = serve(listener, (&board, &store, &webhooks, &door), &tasks);
        let doorkeeper = attend(&door, &config, &tasks);
        let systemd = Arc::new(Systemd::from_environment());
        let word = systemd
            .is_listening()
            .then(|| tasks.spawn("the word to systemd", Arc::clone(&systemd).attend(Arc::clone(&board))));
        let fleet = Fleet::start(&config, Arc::clone(&scanner), (Arc::clone(&board), Arc::clone(&store)), &tasks);
        let promoting = look_at(&promotions, &config, &board, &tasks);
        tracing::info!(%address, "listening");
        Self {
            config,
            scanner,
            promotions,
            board,
            store,
            tasks,
            systemd,
            fleet,
            door,
            webhooks,
            server,
            doorkeeper,
            promoting,
            _word: word,
        }
    }

    /// Goes over to the configuration that was read; where it cannot be followed, the one before stays in force.
    pub(super) async fn reload(&mut self, file: &ConfigFile, read: Result<ConfigText, ConfigError>) {
        let ready = self.board.latest().is_ready();
        if ready {
            self.systemd.reloading();
        }
        match self.follow(file, read).await {
            Ok(digest) => {
                tracing::info!(digest, "the configuration is reloaded");
                self.board.configure(Configuration { digest: Some(digest), failure: None });
            }
            Err(error) => {
                tracing::error!(%error, "the configuration cannot be followed; the one before stays in force");
                let digest = self.board.latest().configuration.digest;
                self.board.configure(Configuration { digest, failure: Some(error.to_string()) });
            }
        }
        if ready {
            self.systemd.ready();
        }
    }

    async fn follow(&mut self, file: &ConfigFile, read: Result<ConfigText, ConfigError>) -> Result<u64, DaemonError> {
        let text = read?;
        let config = file.parse(&text)?;
        if config == self.config {
            return Ok(text.digest());
        }
        let access = Access::load(config.web_config.as_deref())?;
        let moved = if config.listen == self.config.listen { None } else { Some(bind(config.listen).await?) };
        if (&config.state, config.retention) != (&self.config.state, self.config.retention) {
            tracing::warn!(
                "`state` and `retention` are read at the start: the history goes on as before until a restart"
            );
        }
        // Nothing can fail from here on.
        self.door.change(access);
        self.doorkeeper = attend(&self.door, &config, &self.tasks);
        self.promotions = Arc::new(self.promotions.reconfigured(&config));
        self.scanner = Arc::new(self.scanner.reconfigured(&config, self.promotions.repositories()));
        if let Some(promoting) = self.promoting.take() {
            promoting.end().await;
        }
        self.fleet.follow(&config, Arc::clone(&self.scanner)).await;
        self.promoting = look_at(&self.promotions, &config, &self.board, &self.tasks);
        if let Some((listener, address)) = moved {
            let parts = (&self.board, &self.store, &self.webhooks, &self.door);
            let before = mem::replace(&mut self.server, serve(listener, parts, &self.tasks));
            before.end().await;
            tracing::info!(%address, "listening");
        }
        self.webhooks.follow(&config);
        self.config = config;
        Ok(text.digest())
    }

    pub(super) fn stopping(&self) {
        self.systemd.stopping();
    }
}

fn serve(
    listener: TcpListener,
    (board, store, webhooks, door): (&Arc<Board>, &Arc<Store>, &Webhooks, &Door),
    tasks: &Tasks,
) -> Task {
    let router = http::router(Arc::clone(board), Arc::clone(store), webhooks.clone(), door);
    let door = door.clone();
    tasks.spawn_draining("the HTTP server", |draining| {
        http::serve(listener, router, door, Limits::default(), draining.begun())
    })
}

/// Follows the files that say who may come in, where there are any.
fn attend(door: &Door, config: &Config, tasks: &Tasks) -> Option<Task> {
    let file = config.web_config.clone()?;
    Some(tasks.spawn("the look at certificates and users", door.clone().attend(file)))
}

/// Looks at the promotions again and again, where there are any.
fn look_at(promotions: &Arc<Promotions>, config: &Config, board: &Arc<Board>, tasks: &Tasks) -> Option<Task> {
    if promotions.is_empty() {
        return None;
    }
    let known = board.latest();
    let is_new = |name: &String| known.promotions.iter().all(|promotion| promotion.environment != *name);
    board.promote(promotions.waiting().into_iter().filter(|promotion| is_new(&promotion.environment)).collect());
    let round = promote::run(Arc::clone(promotions), Arc::clone(board), config.interval);
    Some(tasks.spawn("the look at promotions", round))
}
