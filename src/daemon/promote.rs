//! The endless round of promotions: look, publish, wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::hints::Waiting;
use crate::board::Board;
use crate::pipeline::{self, Promotions};

/// Looks at the promotions at once and then at every interval.
pub(super) async fn run(promotions: Arc<Promotions>, board: Arc<Board>, pace: Duration) {
    let mut beat = interval(pace.max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut hints = Waiting::on(&board, None);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            // An environment has the repository fetched.
            _ = hints.next() => {}
        }
        let found = promotions.look(pipeline::now()).await;
        if board.latest().promotions == found {
            continue;
        }
        for promotion in &found {
            for gap in &promotion.gaps {
                tracing::warn!(environment = promotion.environment, stage = %gap.stage, "promotion: {}", gap.message);
            }
        }
        board.promote(found);
    }
}
