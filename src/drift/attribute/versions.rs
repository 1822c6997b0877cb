//! Fields that are called otherwise at another version of their kind, in whose words an author's entry speaks.

use crate::drift::model::{PathStep, Writer};

/// API version, a field of its `spec`, and the field of `spec` that it is at the other versions.
///
/// Rule: `pkg/apis/autoscaling/v1/conversion.go`.
const RENAMED: [(&str, &str, &str); 1] = [("autoscaling/v1", "targetCPUUtilizationPercentage", "metrics")];

/// Whether `writer` owns the field at `steps` under the name that it has at the writer's version.
pub(super) fn owns_renamed(writer: &Writer, steps: &[PathStep]) -> bool {
    let [PathStep::Key(spec), PathStep::Key(field), ..] = steps else { return false };
    RENAMED.iter().any(|(api_version, name, elsewhere)| {
        writer.api_version == *api_version
            && spec == "spec"
            && field == elsewhere
            && writer.fields.names(&[PathStep::Key(spec.clone()), PathStep::Key((*name).to_owned())])
    })
}
