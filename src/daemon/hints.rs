//! Word that a repository has changed, as one environment or the promotions wait for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep;

use crate::board::{Board, Hints};

/// Pushes come in groups, and each is told of several times.
const GROUP: Duration = Duration::from_millis(200);

/// Waits for hints at one repository, or at any.
pub(super) struct Waiting {
    hints: watch::Receiver<Hints>,
    repository: Option<String>,
    heeded: Option<Instant>,
}

impl Waiting {
    /// For what is told from now on of `repository`, or of any where it is absent.
    pub fn on(board: &Arc<Board>, repository: Option<&str>) -> Self {
        let hints = board.hints();
        let mut waiting = Self { hints, repository: repository.map(str::to_owned), heeded: None };
        waiting.heeded = waiting.latest();
        waiting
    }

    /// When the latest of the next group of hints was given. One that is not waited for to its end is not lost.
    pub async fn next(&mut self) -> Instant {
        loop {
            if self.latest() > self.heeded {
                sleep(GROUP).await;
                if let Some(latest) = self.latest() {
                    self.heeded = Some(latest);
                    return latest;
                }
            }
            if self.hints.changed().await.is_err() {
                // The board is gone, and with it everybody who could give a hint.
                std::future::pending::<()>().await;
            }
        }
    }

    fn latest(&self) -> Option<Instant> {
        let hints = self.hints.borrow();
        match &self.repository {
            Some(repository) => hints.get(repository).copied(),
            None => hints.values().max().copied(),
        }
    }
}
