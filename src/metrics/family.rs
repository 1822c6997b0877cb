//! Every family of series in one table: name, type, labels and help.

/// How a family's values behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows; its name ends in `_total`.
    Counter,
}

impl Kind {
    /// The word of `# TYPE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// A family of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// As a query names it, `_total` included.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// In the order in which they are written.
    pub labels: &'static [&'static str],
    /// One sentence; neither quotes nor backslashes, so that it reads the same in every format.
    pub help: &'static str,
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, labels, help }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Counter, labels, help }
}

const OBJECT: &[&str] = &["environment", "resource_namespace", "api_group", "resource_kind", "resource_name"];

pub(super) const RESOURCES: Family = gauge(
    "driftd_resources",
    &["environment", "state"],
    "Objects by state; while nothing could be compared, only unknown is told.",
);
pub(super) const DRIFTED_RESOURCES: Family = gauge(
    "driftd_drifted_resources",
    &["environment", "resource_namespace", "api_group", "resource_kind", "state"],
    "Objects that are not in sync, by kind and state; unknown are those that could not be compared.",
);
pub(super) const FINDINGS: Family = gauge(
    "driftd_drift_findings",
    &["environment", "severity", "origin"],
    "Differences between Git and the cluster by severity and origin; a missing or extra object is one.",
);
pub(super) const FINDINGS_BY_CATEGORY: Family = gauge(
    "driftd_drift_findings_by_category",
    &["environment", "category"],
    "Differences between Git and the cluster by category.",
);
pub(super) const RESOURCE_DRIFTED: Family = gauge(
    "driftd_resource_drifted",
    &[
        "environment",
        "resource_namespace",
        "api_group",
        "resource_kind",
        "resource_name",
        "state",
        "category",
        "severity",
        "origin",
    ],
    "1 for every object that drifts; category, severity and origin are those of its worst finding.",
);
pub(super) const DRIFT_START: Family = gauge(
    "driftd_resource_drift_start_timestamp_seconds",
    OBJECT,
    "When the drift of the object was first seen, in unix seconds.",
);
pub(super) const FLAPPING: Family = gauge(
    "driftd_resource_flapping",
    OBJECT,
    "1 for every object of which a field goes back and forth: three times within the last hour.",
);
pub(super) const EVENTS: Family = counter(
    "driftd_drift_events_total",
    &["environment", "event", "origin"],
    "Findings that appeared, changed or were resolved, since the start; what stood before the first look is not counted.",
);
pub(super) const IMAGE_DRIFT: Family = gauge(
    "driftd_image_drift_info",
    &[
        "environment",
        "resource_namespace",
        "api_group",
        "resource_kind",
        "resource_name",
        "container",
        "desired",
        "live",
    ],
    "1 for every container whose image is not the one that Git declares, or whose Pods stay on another one than their template's.",
);
pub(super) const NAMESPACE_OBJECTS: Family = gauge(
    "driftd_namespace_objects",
    &["environment", "resource_namespace", "declared"],
    "Live objects of a namespace that Git declares (true) and does not declare (false), among the kinds that are listed.",
);
pub(super) const SERIES_DROPPED: Family = gauge(
    "driftd_series_dropped",
    &["environment"],
    "Drifted objects beyond the first 10,000 (by severity), which have no series of their own.",
);
pub(super) const SUPPRESSED: Family = gauge(
    "driftd_suppressed_findings",
    &["environment", "rule"],
    "Differences that an ignore rule hides, by the name or place of the rule.",
);
pub(super) const SETTLING: Family = gauge(
    "driftd_settling_findings",
    &["environment", "origin"],
    "Differences that have not stood long enough to count, such as those of a deployment in progress, by origin.",
);
pub(super) const RULE_EXPIRY: Family = gauge(
    "driftd_ignore_rule_expiry_timestamp_seconds",
    &["environment", "rule"],
    "When an ignore rule ends or ended, in unix seconds; absent for a rule without an end.",
);
pub(super) const DRY_RUN: Family = gauge(
    "driftd_dry_run_resources",
    &["environment", "outcome"],
    "Objects by what the dry-run of the API server says of them beside driftd: agreed, disagreed, or compared_locally \
     where it gave no answer; absent without the strategy server.",
);
pub(super) const SCAN_SUCCESS: Family =
    gauge("driftd_scan_success", &["environment"], "1 if the latest scan compared everything, 0 if it left a gap.");
pub(super) const LAST_SCAN: Family = gauge(
    "driftd_last_scan_timestamp_seconds",
    &["environment"],
    "When the latest scan ended, well or not, in unix seconds.",
);
pub(super) const LAST_SUCCESS: Family = gauge(
    "driftd_last_successful_scan_timestamp_seconds",
    &["environment"],
    "When the latest scan that compared everything ended, in unix seconds.",
);
pub(super) const SCAN_ERRORS: Family =
    counter("driftd_scan_errors_total", &["environment", "stage"], "Scans that left a gap at this stage.");
pub(super) const ENVIRONMENT_INFO: Family = gauge(
    "driftd_environment_info",
    &["environment", "repository", "branch", "cluster"],
    "1 for every environment: what is compared with what.",
);
pub(super) const REVISION_INFO: Family =
    gauge("driftd_git_revision_info", &["environment", "revision"], "1 for the commit that the latest scan read.");
const PROMOTION: &[&str] = &["environment", "promoted_from"];

pub(super) const PROMOTION_COMMITS: Family = gauge(
    "driftd_promotion_commits",
    &["environment", "promoted_from", "direction"],
    "Commits that only the branch of the environment has (ahead), or only the one that it is promoted from (behind).",
);
pub(super) const PROMOTION_FAST_FORWARD: Family =
    gauge("driftd_promotion_fast_forward", PROMOTION, "1 if the next promotion is a fast-forward, 0 if it is not.");
pub(super) const PROMOTION_STATE: Family = gauge(
    "driftd_promotion_state",
    &["environment", "promoted_from", "state"],
    "1 for the state of the promotion, 0 for the others.",
);
pub(super) const PROMOTION_OLDEST_PENDING: Family = gauge(
    "driftd_promotion_oldest_pending_timestamp_seconds",
    PROMOTION,
    "When the oldest commit that waits to be promoted was committed, in unix seconds; absent while none waits.",
);
pub(super) const PROMOTION_HOTFIXES: Family = gauge(
    "driftd_promotion_hotfix_commits",
    PROMOTION,
    "Commits of the environment whose change was never brought back to the one that it is promoted from.",
);
pub(super) const PROMOTION_UNTESTED: Family = gauge(
    "driftd_promotion_untested_combinations",
    PROMOTION,
    "Revisions of the environment whose content never stood on the one that it is promoted from.",
);
pub(super) const CONFIG_RELOAD_SUCCESSFUL: Family = gauge(
    "driftd_config_last_reload_successful",
    &[],
    "1 where the configuration file as it is now is followed, 0 where an earlier one stays in force.",
);
pub(super) const CONFIG_HASH: Family =
    gauge("driftd_config_hash", &[], "A number that differs where the text of the configuration in force differs.");
pub(super) const BUILD_INFO: Family =
    gauge("driftd_build_info", &["version", "revision", "rustc"], "1: which driftd this is.");
pub(super) const CPU_SECONDS: Family =
    counter("process_cpu_seconds_total", &[], "User and system CPU time spent, in seconds.");
pub(super) const RESIDENT_MEMORY: Family = gauge("process_resident_memory_bytes", &[], "Resident memory in bytes.");
pub(super) const VIRTUAL_MEMORY: Family = gauge("process_virtual_memory_bytes", &[], "Virtual memory in bytes.");
pub(super) const START_TIME: Family =
    gauge("process_start_time_seconds", &[], "When the process started, in unix seconds.");
pub(super) const OPEN_FDS: Family = gauge("process_open_fds", &[], "Open file descriptors.");

/// Every family, in the order in which they are written.
pub const FAMILIES: &[Family] = &[
    RESOURCES,
    DRIFTED_RESOURCES,
    FINDINGS,
    FINDINGS_BY_CATEGORY,
    RESOURCE_DRIFTED,
    DRIFT_START,
    FLAPPING,
    EVENTS,
    IMAGE_DRIFT,
    NAMESPACE_OBJECTS,
    SERIES_DROPPED,
    SUPPRESSED,
    SETTLING,
    RULE_EXPIRY,
    DRY_RUN,
    SCAN_SUCCESS,
    LAST_SCAN,
    LAST_SUCCESS,
    SCAN_ERRORS,
    ENVIRONMENT_INFO,
    REVISION_INFO,
    PROMOTION_COMMITS,
    PROMOTION_FAST_FORWARD,
    PROMOTION_STATE,
    PROMOTION_OLDEST_PENDING,
    PROMOTION_HOTFIXES,
    PROMOTION_UNTESTED,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_HASH,
    BUILD_INFO,
    CPU_SECONDS,
    RESIDENT_MEMORY,
    VIRTUAL_MEMORY,
    START_TIME,
    OPEN_FDS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_collides_with_those_of_a_scrape() {
        for family in FAMILIES {
            for label in family.labels {
                assert!(!["namespace", "pod", "service", "job", "instance"].contains(label), "{}", family.name);
            }
        }
    }

    #[test]
    fn a_counter_ends_in_total_and_nothing_else_does() {
        for family in FAMILIES {
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
        }
    }

    #[test]
    fn help_needs_no_escaping_in_any_format() {
        for family in FAMILIES {
            assert!(!family.help.contains(['"', '\\', '\n']) && family.help.ends_with('.'), "{}", family.name);
        }
    }
}
