//! When the configuration is to be read again: its file changed, or SIGHUP came.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::config::{ConfigError, ConfigFile, ConfigText};

/// How often the file is looked at. Its content is what counts, so that it may be written over, renamed into place, or
/// a link that is turned, as that of a ConfigMap.
const BEAT: Duration = Duration::from_secs(1);

/// Waits for new content of a configuration file.
#[derive(Debug)]
pub(super) struct Reloads {
    file: ConfigFile,
    hangup: Signal,
    beat: Interval,
    watched: Watched,
}

/// What the file holds, or why it cannot be read.
type Content = Result<ConfigText, String>;

/// What was acted on, and what may be acted on next.
#[derive(Debug)]
struct Watched {
    acted: Content,
    candidate: Option<Content>,
}

/// Why the file was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    Beat,
    Hangup,
}

impl Reloads {
    /// Waits for other content than `text`, which is in force.
    ///
    /// # Errors
    /// The system refuses to tell of signals.
    pub(super) fn new(file: ConfigFile, text: ConfigText) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self { file, hangup, beat, watched: Watched { acted: Ok(text), candidate: None } })
    }

    pub(super) const fn file(&self) -> &ConfigFile {
        &self.file
    }

    /// Waits until the configuration is to be read again, and reads it. Nothing is lost where it is dropped.
    pub(super) async fn next(&mut self) -> Result<ConfigText, ConfigError> {
        loop {
            let because = tokio::select! {
                _ = self.beat.tick() => Because::Beat,
                _ = self.hangup.recv() => Because::Hangup,
            };
            let read = self.file.read();
            let content = read.as_ref().map(ConfigText::clone).map_err(ToString::to_string);
            if self.watched.is_due(content, because) {
                return read;
            }
        }
    }
}

impl Watched {
    /// Whether `content` is to be acted on: on SIGHUP at once, else when it is new and has stood for a beat, so that
    /// a file is not read while it is half written or between two names.
    fn is_due(&mut self, content: Content, because: Because) -> bool {
        let stood = self.candidate.as_ref() == Some(&content);
        self.candidate = (content != self.acted).then(|| content.clone());
        let due = because == Because::Hangup || (stood && self.candidate.is_some());
        if due {
            self.acted = content;
            self.candidate = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn content(text: &str) -> ConfigText {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("driftd.yaml");
        fs::write(&path, text).unwrap();
        ConfigFile::new(path, None).read().unwrap()
    }

    #[test]
    fn a_file_that_is_being_written_is_not_read_yet() {
        let mut watched = Watched { acted: Ok(content("one")), candidate: None };
        let missing: Content = Err("no such file".to_owned());
        for (seen, due) in [
            (Ok(content("one")), false),
            (Ok(content("tw")), false),
            (missing.clone(), false),
            (Ok(content("two")), false),
            (Ok(content("two")), true),
            (Ok(content("two")), false),
            (missing.clone(), false),
            (missing.clone(), true),
            (missing, false),
            (Ok(content("two")), false),
            (Ok(content("two")), true),
            (Ok(content("three")), false),
            (Ok(content("two")), false),
            (Ok(content("three")), false),
        ] {
            assert_eq!(watched.is_due(seen.clone(), Because::Beat), due, "{seen:?}");
        }
    }

    #[test]
    fn on_sighup_the_file_is_read_at_once_even_where_it_is_the_same() {
        let mut watched = Watched { acted: Ok(content("one")), candidate: None };
        assert!(watched.is_due(Ok(content("one")), Because::Hangup));
        assert!(watched.is_due(Ok(content("two")), Because::Hangup));
        assert!(!watched.is_due(Ok(content("two")), Because::Beat));
    }
}
