//! How a rollout stands: under way, stuck, or held on purpose.

use jiff::{SignedDuration, Timestamp};

use super::{Because, Condition, Holdup, Kind, Pod, Rollout, Workload};

/// How long a step of a rollout may take where the workload names no deadline.
///
/// Rule: the default of a Deployment's `progressDeadlineSeconds`, `pkg/apis/apps/v1/defaults.go`. `StatefulSet`s and
/// `DaemonSet`s have neither a deadline nor a condition that says so; they are held to the same.
const DEADLINE: SignedDuration = SignedDuration::from_secs(600);

/// Pods of another image, each with the reason for which it stays; those that a rollout is about to replace left out.
pub(super) struct Stand<'a>(Vec<(&'a Pod, Because)>);

impl<'a> Stand<'a> {
    pub fn of(rollout: &Rollout, others: &[&'a Pod], now: Timestamp) -> Self {
        let of = |pod: &&'a Pod| {
            let because = match rollout.kind {
                Kind::Deployment => deployment(rollout, now),
                Kind::StatefulSet => stateful_set(rollout, pod, others, now),
                Kind::DaemonSet => daemon_set(rollout, others, now),
            };
            because.map(|because| (*pod, because))
        };
        Self(others.iter().filter_map(of).collect())
    }

    /// The different reasons, in the order of the Pods.
    pub fn reasons(&self) -> Vec<Because> {
        let mut reasons = Vec::new();
        for (_, because) in &self.0 {
            if !reasons.contains(because) {
                reasons.push(*because);
            }
        }
        reasons
    }

    /// The Pods that stay for one reason.
    pub fn held(&self, because: Because) -> impl Iterator<Item = &'a Pod> {
        self.0.iter().filter(move |(_, own)| *own == because).map(|(pod, _)| *pod)
    }
}

/// A Deployment's own controller says when a rollout is stuck; a paused one replaces nothing.
///
/// Rule: `pkg/controller/deployment/progress.go`, `syncRolloutStatus`.
fn deployment(rollout: &Rollout, now: Timestamp) -> Option<Because> {
    let workload = &rollout.workload;
    if workload.spec.paused {
        let declared = rollout.declared.pointer("/spec/paused").is_some_and(|paused| paused == true);
        return Some(if declared { Because::Deliberate("it is paused") } else { Because::Of(Holdup::Paused) });
    }
    let stuck = |condition: &&Condition| {
        condition.kind == "Progressing" && condition.status == "False" && condition.reason == "ProgressDeadlineExceeded"
    };
    let condition = workload.status.conditions.iter().find(stuck)?;
    let seen = workload.status.observed_generation >= workload.metadata.generation;
    (seen && !is_of_an_earlier_template(condition, workload, now)).then_some(Because::Of(Holdup::DeadlineExceeded))
}

/// On a return to an earlier template the condition of the rollout before stands until the first new Pod is there: it
/// counts only if it was written after the template, or if the deadline of the new rollout is over, too.
fn is_of_an_earlier_template(condition: &Condition, workload: &Workload, now: Timestamp) -> bool {
    let Some((updated, written)) = condition.last_update_time.zip(workload.metadata.template_written()) else {
        return false;
    };
    let deadline = workload.spec.progress_deadline_seconds.map_or(DEADLINE, SignedDuration::from_secs);
    updated < written && now.duration_since(written) < deadline
}

/// Rule: `pkg/controller/statefulset/stateful_set_control.go`, `rollingUpdateStatefulSet`: Pods below the partition,
/// counted from the first ordinal, stay.
fn stateful_set(rollout: &Rollout, pod: &Pod, others: &[&Pod], now: Timestamp) -> Option<Because> {
    let spec = &rollout.workload.spec;
    if spec.update_strategy.kind == "OnDelete" {
        return Some(Because::Deliberate("its updateStrategy is OnDelete"));
    }
    let partition = spec.update_strategy.rolling_update.as_ref().and_then(|update| update.partition).unwrap_or(0);
    let ordinal = pod.metadata.name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse::<i64>().ok());
    if ordinal.is_some_and(|ordinal| ordinal - spec.ordinals.start < partition) {
        return Some(Because::Deliberate("the partition of its updateStrategy leaves them out"));
    }
    overdue(rollout, others, now)
}

/// Rule: `pkg/controller/daemon/daemon_controller.go`, `updateDaemonSet`: with `OnDelete` no Pod is replaced.
fn daemon_set(rollout: &Rollout, others: &[&Pod], now: Timestamp) -> Option<Because> {
    if rollout.workload.spec.update_strategy.kind == "OnDelete" {
        return Some(Because::Deliberate("its updateStrategy is OnDelete"));
    }
    overdue(rollout, others, now)
}

/// Whether the last step of the rollout is longer ago than a step takes. A template whose last write is not known tells
/// nothing.
fn overdue(rollout: &Rollout, others: &[&Pod], now: Timestamp) -> Option<Because> {
    let written = rollout.workload.metadata.template_written()?;
    let last = steps(rollout, others).fold(written, Timestamp::max);
    let due = DEADLINE + SignedDuration::from_secs(rollout.workload.spec.min_ready_seconds.clamp(0, 86_400));
    (now.duration_since(last) >= due).then_some(Because::Of(Holdup::Overdue))
}

/// When a rollout did something: a Pod of the new image was made or became ready, or one has to be gone.
fn steps(rollout: &Rollout, others: &[&Pod]) -> impl Iterator<Item = Timestamp> {
    let is_new = |pod: &&Pod| pod.is_alive() && !others.iter().any(|other| std::ptr::eq(*other, *pod));
    let ready = |condition: &&Condition| condition.kind == "Ready" && condition.status == "True";
    let new = rollout.pods.iter().filter(is_new).flat_map(move |pod| {
        let became = pod.status.conditions.iter().filter(ready).filter_map(|ready| ready.last_transition_time);
        became.chain(pod.metadata.creation_timestamp).collect::<Vec<_>>()
    });
    new.chain(rollout.pods.iter().filter_map(|pod| pod.metadata.deletion_timestamp)).collect::<Vec<_>>().into_iter()
}
