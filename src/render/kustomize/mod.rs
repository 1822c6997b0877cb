//! Kustomizations, built by the official program, each object with the file that it comes from.

mod edit;
mod inputs;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::complaint;
use super::process::{Ended, Job, Reach, RunError, run};
use super::sources::{Part, below, document, resolve};
use super::tools::{HELM, KUSTOMIZE, KUSTOMIZE_WITH_HELM, Tool};
use super::workspace::Workspace;
use super::{RenderError, Rendered, Request, clock, stream};
use crate::config::{Edit, Permission, Renderer};
use crate::drift::model::{KindKey, Packed};
use crate::git::{Fetch, GitError};

/// The names of a kustomization's file. Rule: `sigs.k8s.io/kustomize/api/konfig`.
pub(super) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Where kustomize says, when asked, what an object was made from.
const ORIGIN: &str = "config.kubernetes.io/origin";
/// What asks for it.
const ASK_FOR_ORIGINS: &str = "\nbuildMetadata: [originAnnotations]\n";

/// Adds what the kustomization refers to elsewhere in the repository.
pub(super) fn complete(part: Part, fetch: Fetch<'_>) -> Result<Part, GitError> {
    inputs::complete(edit::apply(part, fetch)?, fetch)
}

/// Whether helm has a say in what is built.
pub(super) fn inflates(part: &Part) -> bool {
    part.renderer == Renderer::Kustomize && part.of.rendering.kustomize.enable_helm == Permission::Allowed
}

/// Builds the kustomization of `part`.
pub(super) async fn render(request: &Request<'_>, part: &Part) -> Result<Rendered, RenderError> {
    let Some(file) = root_file(part) else {
        return Err(RenderError::NoInput { path: part.path.clone(), wanted: FILES[0] });
    };
    let build = Build::new(request, part).await?;
    build.edit().await?;
    let ended = build.run(build.arguments()).await?;
    let mut rendered = stream::objects(&file, Renderer::Kustomize, &ended.output, request.redactor);
    // A second build, so that asking for the origins cannot change what is compared.
    if build.ask_for_origins(part, &file)?
        && let Ok(ended) = build.run(build.arguments()).await
    {
        let described = stream::objects(&file, Renderer::Kustomize, &ended.output, request.redactor);
        let origins = origins(part, &described.objects);
        for object in &mut rendered.objects {
            if let Some(origin) = origins.get(&object.key.identity()) {
                object.source.file = Arc::clone(origin);
            }
        }
    }
    Ok(rendered)
}

fn root_file(part: &Part) -> Option<Arc<str>> {
    FILES.iter().find_map(|name| {
        let wanted = below(&part.path, name);
        part.files.iter().map(|file| &file.path).find(|path| ***path == *wanted).map(Arc::clone)
    })
}

/// A kustomization in a workspace.
struct Build<'a> {
    request: &'a Request<'a>,
    part: &'a Part,
    tool: Tool,
    helm: Option<Tool>,
    workspace: Workspace,
}

impl<'a> Build<'a> {
    async fn new(request: &'a Request<'a>, part: &'a Part) -> Result<Self, RenderError> {
        let rendering = &request.environment.rendering;
        let inflates = inflates(part);
        let needed = if inflates { &KUSTOMIZE_WITH_HELM } else { &KUSTOMIZE };
        let tool = request.tool(needed, rendering.kustomize.binary.as_deref()).await?;
        let helm = if inflates { Some(request.tool(&HELM, rendering.helm.binary.as_deref()).await?) } else { None };
        let workspace = Workspace::new().map_err(RenderError::Workspace)?;
        workspace.fill(&part.files).map_err(RenderError::Workspace)?;
        Ok(Self { request, part, tool, helm, workspace })
    }

    /// Has kustomize change the file as the deployer does before it builds it.
    async fn edit(&self) -> Result<(), RenderError> {
        for edit in &self.request.environment.rendering.kustomize.edits {
            if let Edit::Command(words) = edit {
                let words = ["edit".to_owned()].into_iter().chain(words.iter().cloned());
                self.run(words.collect()).await?;
            }
        }
        Ok(())
    }

    async fn run(&self, arguments: Vec<String>) -> Result<Ended, RenderError> {
        let folder = self.workspace.tree().join(&self.part.path);
        let reach = match self.request.environment.rendering.kustomize.remote_bases {
            Permission::Allowed => Reach::Everybody,
            Permission::Refused => Reach::Nobody,
        };
        let job = Job {
            program: &self.tool.path,
            arguments,
            workspace: &self.workspace,
            folder,
            variables: clock::variables(self.request.clock, &self.workspace).map_err(RenderError::Workspace)?,
            reach,
            limits: self.request.environment.rendering.limits,
        };
        let failed = |cause: RunError| RenderError::Run { program: KUSTOMIZE.name, cause };
        let ended = run(job, self.request.wall).await.map_err(failed)?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err(RenderError::Failed {
            program: KUSTOMIZE.name,
            path: self.part.path.clone(),
            complaint: complaint::shown(&ended.complaint, &self.workspace.tree(), self.part),
        })
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["build".to_owned(), ".".to_owned()];
        // The default, written out: nobody's settings can loosen it.
        arguments.push("--load-restrictor=LoadRestrictionsRootOnly".to_owned());
        if let Some(helm) = &self.helm {
            arguments.push("--enable-helm".to_owned());
            arguments.push(format!("--helm-command={}", helm.path.display()));
            let capabilities = self.request.told();
            arguments.extend(capabilities.kube_version.iter().map(|version| format!("--helm-kube-version={version}")));
            arguments.extend(capabilities.api_versions.iter().map(|api| format!("--helm-api-versions={api}")));
        }
        arguments
    }

    /// Tells whether the kustomization could be asked: not where it says itself what is annotated.
    fn ask_for_origins(&self, part: &Part, file: &str) -> Result<bool, RenderError> {
        let Some(bytes) = part.files.iter().find(|entry| *entry.path == *file).map(|entry| &entry.bytes) else {
            return Ok(false);
        };
        let Some(document) = document(bytes) else { return Ok(false) };
        let says =
            |map: &serde_json::Map<String, Value>| map.keys().any(|key| key.eq_ignore_ascii_case("buildMetadata"));
        if document.value.as_object().is_none_or(says) {
            return Ok(false);
        }
        self.workspace.append(file, ASK_FOR_ORIGINS).map_err(RenderError::Workspace)?;
        Ok(true)
    }
}

type Identity = (KindKey, Option<String>, String);

/// The files of the repository that the objects say they were made from.
fn origins(part: &Part, objects: &[Packed]) -> HashMap<Identity, Arc<str>> {
    let file = |object: &Packed| {
        let content = object.unpack().content;
        let text = content.pointer("/metadata/annotations")?.get(ORIGIN)?.as_str()?;
        let origin = document(text.as_bytes())?.value;
        if origin.get("repo").is_some() {
            return None;
        }
        let path = origin.get("path").or_else(|| origin.get("configuredIn"))?.as_str()?;
        let path = resolve(&part.path, path)?;
        part.files.iter().map(|file| &file.path).find(|known| ***known == *path).map(Arc::clone)
    };
    objects.iter().filter_map(|object| Some((object.key.identity(), file(object)?))).collect()
}
