//! What time it is for a renderer: templates may ask, and what depends on the answer is no drift.

use std::io;

use super::workspace::Workspace;

/// The time zone of a rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Coordinated Universal Time.
    Utc,
    /// A zone in which year, month, day and time of day are all others.
    Shifted,
}

/// 400 days, 5 hours, 7 minutes and 3 seconds.
const SHIFT: i32 = ((400 * 24 + 5) * 60 + 7) * 60 + 3;

/// The variable that sets the clock; the zone's file lies in the workspace.
pub(super) fn variables(clock: Clock, workspace: &Workspace) -> io::Result<Vec<(&'static str, String)>> {
    match clock {
        Clock::Utc => Ok(Vec::new()),
        Clock::Shifted => {
            let zone = workspace.aside().join("zone");
            if !zone.exists() {
                workspace.put_aside("zone", &zone_file())?;
            }
            Ok(vec![("TZ", zone.display().to_string())])
        }
    }
}

/// A zone with one offset. Rule: RFC 8536, version 1: a header with six counts, one local time type, its name.
fn zone_file() -> Vec<u8> {
    let name = b"SHF\0";
    let mut file = b"TZif".to_vec();
    file.extend([0; 16]);
    for count in [0_u32, 0, 0, 0, 1, 4] {
        file.extend(count.to_be_bytes());
    }
    file.extend(SHIFT.to_be_bytes());
    file.extend([0, 0]);
    file.extend(name);
    file
}
