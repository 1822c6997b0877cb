//! The second opinion on an object: where the server's dry-run disagrees, or why it is not known.

use std::io::{self, Write};

use super::value::escape;
use super::{DIM, YELLOW, write_sides};
use crate::drift::model::{Change, Disagreement, Opinion, OpinionCounts};

pub(super) fn write(opinion: &Opinion, out: &mut dyn Write) -> io::Result<()> {
    match opinion {
        Opinion::Disagreements(disagreements) => disagreements.iter().try_for_each(|one| disagreement(one, out)),
        Opinion::ComparedLocally(withheld) => {
            let (reason, message) = (withheld.reason.as_str(), escape(&withheld.message));
            writeln!(out, "    {DIM}compared locally ({reason}): {message}{DIM:#}")
        }
    }
}

fn disagreement(one: &Disagreement, out: &mut dyn Write) -> io::Result<()> {
    let says = |change: Option<Change>| change.map_or("in sync", Change::as_str);
    let path = escape(&one.path.to_string());
    write!(out, "    {YELLOW}disputed{YELLOW:#} {path}  {DIM}driftd: {}, ", says(one.local))?;
    writeln!(out, "the server's dry-run: {}{DIM:#}", says(one.server))?;
    write_sides(one.applied.as_deref(), one.live.as_deref(), out)
}

/// `dry-run: 40 agree, 1 disputed, 2 compared locally`.
pub(super) fn counted(counts: &OpinionCounts) -> String {
    let OpinionCounts { agreed, disagreed, compared_locally } = counts;
    format!("dry-run: {agreed} agree, {disagreed} disputed, {compared_locally} compared locally")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{FieldPath, ObjectAssessment, PathStep, State, Summary, Withheld, WithheldReason};
    use crate::report::sample::object;

    fn opinions() -> [Opinion; 3] {
        let disputed = Disagreement {
            path: FieldPath::from(vec![PathStep::Key("data".into()), PathStep::Key("level".into())]),
            local: None,
            server: Some(Change::Changed),
            live: Some(json!("debug\u{1b}[2J").into()),
            applied: Some(json!("info").into()),
        };
        let late = Withheld { reason: WithheldReason::Denied, message: "the admission policy p refuses".to_owned() };
        [Opinion::Disagreements(Vec::new()), Opinion::Disagreements(vec![disputed]), Opinion::ComparedLocally(late)]
    }

    fn written(opinion: &Opinion) -> String {
        let mut bytes = Vec::new();
        write(opinion, &mut bytes).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }

    #[test]
    fn a_disagreement_tells_both_sides_and_a_withheld_opinion_its_reason() {
        let [agreed, disputed, withheld] = opinions();
        assert_eq!(written(&agreed), "");
        assert_eq!(
            written(&disputed),
            "    disputed data.level  driftd: in sync, the server's dry-run: changed\n             info → debug\\u001b[2J\n"
                .replace("\\u001b", "\\u{1b}")
        );
        assert_eq!(written(&withheld), "    compared locally (denied): the admission policy p refuses\n");
    }

    #[test]
    fn opinions_are_counted() {
        let objects = opinions().map(|opinion| ObjectAssessment {
            dry_run: Some(opinion),
            ..object(State::InSync, ("v1", "ConfigMap"), "c", 1)
        });
        let summary = Summary::of(&objects);
        let counts = summary.dry_run.unwrap();
        assert_eq!(counted(&counts), "dry-run: 1 agree, 1 disputed, 1 compared locally");
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["dryRun"], json!({"agreed": 1, "disagreed": 1, "comparedLocally": 1}));
        assert_eq!(objects.iter().filter(|object| object.is_disputed()).count(), 2);
        let shown = serde_json::to_value(&objects[1]).unwrap();
        let expected =
            json!([{"path": "data.level", "server": "changed", "live": "debug\u{1b}[2J", "applied": "info"}]);
        assert_eq!(shown["dryRun"]["disagreements"], expected);
        let withheld = serde_json::to_value(&objects[2]).unwrap();
        assert_eq!(withheld["dryRun"]["comparedLocally"]["reason"], "denied");
    }
}
