//! A time with how long ago it was.

use std::fmt;

use jiff::Timestamp;

/// `2026-11-21T09:12:44Z (48m ago)`.
pub(super) struct Moment {
    pub(super) time: Timestamp,
    pub(super) now: Timestamp,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({})", self.time, span(self.time, self.now))
    }
}

/// `48m ago`.
pub(in crate::report) fn span(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(time.as_second());
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..0 => "in the future: the clocks disagree".to_owned(),
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{minutes}m ago"),
        3600..86400 => format!("{hours}h{:02}m ago", minutes % 60),
        _ => format!("{days}d{:02}h ago", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_the_two_units_that_matter() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let shown = |time: &str| Moment { time: time.parse().unwrap(), now }.to_string();
        assert_eq!(shown("2026-11-21T09:59:18Z"), "2026-11-21T09:59:18Z (42s ago)");
        assert_eq!(shown("2026-11-21T09:12:44Z"), "2026-11-21T09:12:44Z (47m ago)");
        assert_eq!(shown("2026-11-21T06:55:00Z"), "2026-11-21T06:55:00Z (3h05m ago)");
        assert_eq!(shown("2026-11-18T06:00:00Z"), "2026-11-18T06:00:00Z (3d04h ago)");
        assert_eq!(shown("2026-11-21T10:00:05Z"), "2026-11-21T10:00:05Z (in the future: the clocks disagree)");
    }
}
