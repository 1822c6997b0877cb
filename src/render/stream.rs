//! What a renderer printed, as objects whose place is a file of the repository.

use std::sync::Arc;

use super::Rendered;
use crate::config::Renderer;
use crate::drift::model::{Desired, Gap, GapReason, Position, Redactor, Stage};
use crate::manifest::{Problem, objects as read};

/// Every object of `output`, which `renderer` printed for `file`; what is no object is a gap.
pub(super) fn objects(file: &Arc<str>, renderer: Renderer, output: &[u8], redactor: &Redactor) -> Rendered {
    let mut found = Rendered::default();
    for object in read(file, output, redactor) {
        match object {
            Ok((declared, _, _)) => {
                let source = Position { file: Arc::clone(file), line: 1 };
                found.objects.push(Desired::rendered(declared, source).pack());
            }
            Err(problem) => found.gaps.push(gap(file, renderer, &problem)),
        }
    }
    found
}

/// The line is that of the output: it is told as such, never as one of the file.
fn gap(file: &Arc<str>, renderer: Renderer, problem: &Problem) -> Gap {
    let line = problem.position.line;
    Gap {
        stage: Stage::Render,
        scope: file.to_string(),
        reason: GapReason::Malformed,
        message: format!("line {line} of what {} makes of {file} {}", renderer.as_str(), problem.cause),
        source: Some(Position { file: Arc::clone(file), line: 1 }),
    }
}
