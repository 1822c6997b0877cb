//! The series of this process, read from `/proc/self` at every scrape; where there is none, they are absent.

use std::fs;

use super::family::{
    BUILD_INFO, CONFIG_HASH, CONFIG_RELOAD_SUCCESSFUL, CPU_SECONDS, Family, OPEN_FDS, RESIDENT_MEMORY, START_TIME,
    VIRTUAL_MEMORY,
};
use super::text::{Format, write_header, write_sample};
use super::{Configuration, REVISION, RUSTC};

/// Writes how the configuration stands, where it is a file.
pub(super) fn write_configuration(out: &mut String, configuration: &Configuration, format: Format) {
    let Some(digest) = configuration.digest else { return };
    let successful = u64::from(configuration.failure.is_none());
    for (family, value) in [(CONFIG_RELOAD_SUCCESSFUL, successful), (CONFIG_HASH, digest)] {
        write_header(out, &family, format);
        write_sample(out, &family, &[], value);
    }
}

/// Writes build and process families.
pub(super) fn write(out: &mut String, format: Format) {
    let build = [env!("CARGO_PKG_VERSION"), REVISION.unwrap_or_default(), RUSTC];
    write_header(out, &BUILD_INFO, format);
    write_sample(out, &BUILD_INFO, &build, 1);
    for (family, value) in read() {
        write_header(out, &family, format);
        write_sample(out, &family, &[], value);
    }
}

fn read() -> Vec<(Family, String)> {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text));
    let ticks = rustix::param::clock_ticks_per_second();
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    let fds = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    let mut values = Vec::new();
    if let Some(stat) = Stat::parse(&stat) {
        values.push((CPU_SECONDS, in_seconds(stat.cpu_ticks, ticks)));
        values.push((RESIDENT_MEMORY, (stat.resident_pages * page).to_string()));
        values.push((VIRTUAL_MEMORY, stat.virtual_bytes.to_string()));
        values.extend(boot.map(|boot| (START_TIME, in_seconds(boot * ticks + stat.start_ticks, ticks))));
    }
    // Reading the folder holds one of them open itself.
    values.extend(fds.map(|count| (OPEN_FDS, count.saturating_sub(1).to_string())));
    values
}

/// Hundredths of a second are as fine as the kernel counts.
fn in_seconds(count: u64, ticks: u64) -> String {
    let ticks = ticks.max(1);
    format!("{}.{:02}", count / ticks, count % ticks * 100 / ticks)
}

fn boot_time(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The fields of `/proc/PID/stat` that are needed; see proc(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The command's name, in brackets, may hold blanks and brackets: fields are counted from behind its last one.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // `rest` begins with field 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_and_blanks_does_not_shift_the_fields() {
        let line = "1 (a ) b) S 0 1 1 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 5000 123456 42 18446744073709551615 1";
        assert_eq!(
            Stat::parse(line),
            Some(Stat { cpu_ticks: 200, start_ticks: 5000, virtual_bytes: 123_456, resident_pages: 42 })
        );
        assert_eq!(in_seconds(205, 100), "2.05");
    }

    #[test]
    fn this_process_has_every_series() {
        let names: Vec<_> = read().into_iter().map(|(family, _)| family.name).collect();
        assert_eq!(
            names,
            [CPU_SECONDS.name, RESIDENT_MEMORY.name, VIRTUAL_MEMORY.name, START_TIME.name, OPEN_FDS.name]
        );
    }
}
