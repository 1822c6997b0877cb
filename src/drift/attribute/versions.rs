//! Fields that an author's entry calls otherwise: as they are at another version, or as they were written.

use serde_json::Value;

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

/// Whether `writer` owns a Secret's key by having written it under `stringData`.
///
/// Rule: `pkg/apis/core/v1/conversion.go`, `Convert_v1_Secret_To_core_Secret`.
pub(super) fn owns_as_text(live: &Value, writer: &Writer, steps: &[PathStep]) -> bool {
    match steps {
        [PathStep::Key(data), key @ PathStep::Key(_)] if data == "data" && live["kind"] == "Secret" => {
            writer.fields.names(&[PathStep::Key("stringData".to_owned()), key.clone()])
        }
        _ => false,
    }
}
