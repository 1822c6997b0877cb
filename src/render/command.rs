//! A program of the operator's choice: it runs where the files are and prints manifests.

use std::path::Path;
use std::sync::Arc;

use super::process::{Job, Reach, run};
use super::sources::Part;
use super::tools::find;
use super::workspace::Workspace;
use super::{RenderError, Rendered, Request, clock, complaint, stream};
use crate::config::{Permission, Renderer};

pub(super) async fn render(request: &Request<'_>, part: &Part) -> Result<Rendered, RenderError> {
    let rendering = &request.environment.rendering;
    let Some((command, (name, arguments))) =
        rendering.command.as_ref().and_then(|command| Some((command, command.argv.split_first()?)))
    else {
        return Err(RenderError::NoCommand);
    };
    let program = find(Path::new(name)).ok_or_else(|| RenderError::NoCommandProgram { wanted: name.clone() })?;
    let workspace = Workspace::new().map_err(RenderError::Workspace)?;
    workspace.fill(&part.files).map_err(RenderError::Workspace)?;
    let mut folder = workspace.tree().join(&part.path);
    if folder.is_file() {
        folder.pop();
    }
    let mut variables = clock::variables(request.clock, &workspace).map_err(RenderError::Workspace)?;
    variables.extend(std::env::var("PATH").map(|path| ("PATH", path)));
    let job = Job {
        program: &program,
        arguments: arguments.to_vec(),
        workspace: &workspace,
        folder,
        variables,
        reach: if command.network == Permission::Allowed { Reach::Everybody } else { Reach::Nobody },
        limits: rendering.limits,
    };
    let ended =
        run(job, request.wall).await.map_err(|cause| RenderError::RunCommand { program: name.clone(), cause })?;
    if !ended.status.success() {
        return Err(RenderError::Failed {
            program: "the command",
            path: part.path.clone(),
            complaint: complaint::shown(&ended.complaint, &workspace.tree(), part),
        });
    }
    let place: Arc<str> = if part.path.is_empty() { ".".into() } else { part.path.as_str().into() };
    Ok(stream::objects(&place, Renderer::Command, &ended.output, request.redactor))
}
