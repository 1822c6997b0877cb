//! The endless round of promotions: look, publish, wait.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use crate::board::Board;
use crate::pipeline::Promotions;

/// Looks at the promotions at once and then at every interval.
pub(super) async fn run(mut promotions: Promotions, board: Arc<Board>, pace: Duration) {
    let mut beat = interval(pace.max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        beat.tick().await;
        // Reading repositories blocks: it stays off the threads that answer requests.
        let looked = tokio::task::spawn_blocking(move || {
            let found = promotions.look(Timestamp::now());
            (promotions, found)
        });
        let Ok((again, found)) = looked.await else { return };
        promotions = again;
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
