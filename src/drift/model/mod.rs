//! The words of the domain, shared by every room of the heart and by all that stands around it.

mod assessment;
mod autoscaler;
mod deferred;
mod desired;
mod difference;
mod facts;
mod field_set;
mod finding;
mod gap;
mod glob;
mod hook;
mod image;
mod key;
mod object;
mod opinion;
mod packed;
mod path;
mod pattern;
mod received;
mod redact;
mod schema;
mod select;
mod sensitive;
mod shown;
mod sops;
mod source;

pub use assessment::{
    Assessment, ObjectAssessment, OpinionCounts, Settling, StateCounts, Summary, Suppressed, Warning,
};
pub use desired::{Declarations, Desired, Heading, Packed};
pub use difference::Difference;
pub use facts::{
    AllocatedField, Bound, Condition, DefaultAction, DefaultRule, Facts, RulePath, RuleStep, Spelling, TypeFacts,
};
pub use field_set::FieldSet;
pub use finding::{Category, Change, Finding, Holdup, Manager, Operation, Origin, PodShare, Severity, State};
pub use gap::{Gap, GapReason, Stage};
pub use glob::Glob;
pub use hook::is_momentary;
pub use image::{Age, ImageChange, ImagePart, ImageReference};
pub use key::{Identity, KindKey, ObjectKey, Scope, TypeKey};
pub use object::{Declared, Live, ObjectError, Writer};
pub use opinion::{Answer, DRY_RUN_MANAGER, Disagreement, Opinion, Unsealed, Withheld, WithheldReason};
pub use path::{FieldPath, PathStep, Pointer};
pub use pattern::{Coverage, PathPattern, PatternError};
pub use received::Received;
pub use redact::{Redactor, hex};
pub use schema::{Dialect, Field, ListType, NodeId, Scalar, Schema, Shape, Struct};
pub use select::{Candidate, LabelSelector, ObjectMatch, SelectorError};
pub use shown::{RedactRule, Redaction, Shown};
pub use source::Position;
