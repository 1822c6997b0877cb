//! When a server that failed is asked again.

use std::time::Duration;

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_mins(10);

/// How long to leave a server alone after it failed `failures` times in a row, where it is otherwise asked every
/// `pace`: twice as long each time, up to ten minutes or the pace, whichever is longer.
pub(super) fn pause(failures: u32, pace: Duration) -> Duration {
    let doubled = pace.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST.max(pace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let minute = Duration::from_mins(1);
        let pauses: Vec<u64> = (1..=7).map(|failures| pause(failures, minute).as_secs() / 60).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10, 10]);
        assert_eq!(pause(1000, minute), LONGEST);
        let hour = Duration::from_hours(1);
        assert_eq!((pause(1, hour), pause(9, hour)), (hour, hour));
    }
}
