//! The workers of all environments, started, kept and ended as the configuration says.

use std::mem;
use std::sync::Arc;

use tokio::sync::watch;

use super::identity;
use super::supervise::{Task, Tasks};
use super::worker::{self, Course, Memory, Post, Scan};
use crate::board::{Board, Place};
use crate::config::{Config, Environment};
use crate::store::Store;

/// Every environment's worker.
#[derive(Debug)]
pub(super) struct Fleet<S> {
    course: watch::Sender<Course<S>>,
    post: Post<S>,
    members: Vec<Member>,
}

/// One environment at work.
#[derive(Debug)]
struct Member {
    environment: Arc<Environment>,
    memory: Memory,
    worker: Task,
}

/// One environment that is still to be started.
struct Recruit {
    environment: Arc<Environment>,
    memory: Memory,
}

impl<S: Scan> Fleet<S> {
    /// Starts a worker for each environment of `config`; they stand on `board` already.
    pub(super) fn start(
        config: &Config,
        scanner: Arc<S>,
        (board, store): (Arc<Board>, Arc<Store>),
        tasks: &Tasks,
    ) -> Self {
        let (course, followed) = watch::channel(Course::new(config, scanner));
        let post = Post { course: followed, board, store, tasks: tasks.clone() };
        let recruit = |environment: &Arc<Environment>| Recruit {
            environment: Arc::clone(environment),
            memory: worker::memory(&environment.name, config.max_staleness, &post.store),
        };
        let members = config.environments.iter().map(|environment| recruit(environment).start(&post)).collect();
        Self { course, post, members }
    }

    /// Goes over to `config` as a whole. An environment whose settings are equal keeps its worker with everything that
    /// it knows; where only the way changes on which the same cluster is compared, what is known of it is kept.
    pub(super) async fn follow(&mut self, config: &Config, scanner: Arc<S>) {
        let mut before = mem::take(&mut self.members);
        let mut recruits = Vec::new();
        let mut places = Vec::new();
        for environment in &config.environments {
            let found = before.iter().position(|member| member.environment.name == environment.name);
            let member = found.map(|index| before.swap_remove(index));
            let known = member.as_ref().is_some_and(|member| succeeds(&member.environment, environment));
            let promoted_from = environment.promoted_from.clone();
            places.push(if known {
                Place::Kept { name: environment.name.clone(), promoted_from }
            } else {
                Place::New(identity(environment))
            });
            let fresh = || worker::memory(&environment.name, config.max_staleness, &self.post.store);
            let memory = match member {
                Some(member) if member.environment == *environment => {
                    self.members.push(member);
                    continue;
                }
                Some(member) if known => member.end().await,
                Some(member) => {
                    member.end().await;
                    fresh()
                }
                None => fresh(),
            };
            recruits.push(Recruit { environment: Arc::clone(environment), memory });
        }
        for member in before {
            member.end().await;
        }
        self.post.board.rearrange(places);
        self.course.send_replace(Course::new(config, scanner));
        self.members.extend(recruits.into_iter().map(|recruit| recruit.start(&self.post)));
    }
}

impl Recruit {
    fn start<S: Scan>(self, post: &Post<S>) -> Member {
        let Self { environment, memory } = self;
        let worker = worker::start(Arc::clone(&environment), Arc::clone(&memory), post.clone());
        Member { environment, memory, worker }
    }
}

impl Member {
    /// Ends the worker and tells what it knew.
    async fn end(self) -> Memory {
        self.worker.end().await;
        self.memory
    }
}

/// Whether what is known of `before` is about the same objects as `now`.
fn succeeds(before: &Environment, now: &Environment) -> bool {
    let single = !before.is_family() && !now.is_family() && before.follow == now.follow;
    before == now || (single && before.cluster == now.cluster && before.repository.name == now.repository.name)
}
