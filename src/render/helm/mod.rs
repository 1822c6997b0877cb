//! Charts, templated by the official program, each object with the template that it comes from.

mod charts;
mod dependencies;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::process::{Ended, Job, Reach, run};
use super::sources::{Part, below, resolve};
use super::tools::{HELM, Tool};
use super::workspace::Workspace;
use super::{RenderError, Rendered, Request, clock, complaint, stream};
use crate::config::{Crds, Helm, Limits, Missing, Parameter, Renderer, Schema};
use crate::git::{Fetch, GitError, SourceFile};
use crate::yaml::{self, Budget};

pub(super) use charts::Charts;

/// What makes a folder a chart.
pub(super) const CHART_FILE: &str = "Chart.yaml";
/// What helm writes in front of each manifest: the chart's name and the template below it.
const SOURCE: &str = "# Source: ";
/// What helm runs on its own occasions says so.
const HOOK: &str = "helm.sh/hook";
/// Where objects go whose release names no namespace.
const DEFAULT_NAMESPACE: &str = "default";

/// Adds the files that lie elsewhere in the repository: values, and charts that this one depends on.
pub(super) fn complete(part: Part, fetch: Fetch<'_>) -> Result<Part, GitError> {
    let mut part = part;
    let of = Arc::clone(&part.of);
    let options = &of.rendering.helm;
    let of_parameters = options.parameters.iter().filter_map(|parameter| match parameter {
        Parameter::File(_, name) => Some(name),
        Parameter::Typed(_) | Parameter::Text(_) => None,
    });
    let mut wanted: BTreeSet<String> =
        options.value_files.iter().chain(of_parameters).filter_map(|name| resolve(&part.path, name)).collect();
    wanted.extend(dependencies::local(&part));
    let have = |part: &Part, path: &str| {
        part.path.is_empty() || path.strip_prefix(&*part.path).is_some_and(|rest| rest.starts_with('/'))
    };
    for path in wanted.into_iter().filter(|path| !have(&part, path)).collect::<Vec<_>>() {
        match fetch(&[path]) {
            Ok(tree) => {
                let known: BTreeSet<Arc<str>> = part.files.iter().map(|file| Arc::clone(&file.path)).collect();
                part.files.extend(tree.files.into_iter().filter(|file| !known.contains(&file.path)));
                part.unread.extend(tree.unread);
            }
            // Told when the file is needed.
            Err(GitError::NoPath { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(part)
}

/// Templates the chart of `part`, or the one from elsewhere that its values are for.
pub(super) async fn render(request: &Request<'_>, part: &Part) -> Result<Rendered, RenderError> {
    let options = &request.environment.rendering.helm;
    let tool = request.tool(&HELM, options.binary.as_deref()).await?;
    let workspace = Workspace::new().map_err(RenderError::Workspace)?;
    workspace.fill(&part.files).map_err(RenderError::Workspace)?;
    let release = Release { request, part, tool, workspace };
    let chart = if let Some(chart) = &options.chart {
        let archive = request.charts.get(&release, chart).await?;
        release.workspace.put_aside("chart.tgz", &archive).map_err(RenderError::Workspace)?
    } else {
        let file = below(&part.path, CHART_FILE);
        if !part.files.iter().any(|known| *known.path == *file) {
            return Err(RenderError::NoInput { path: part.path.clone(), wanted: CHART_FILE });
        }
        dependencies::build(&release).await?;
        release.workspace.tree().join(&part.path)
    };
    let arguments = release.arguments(chart)?;
    let variables = clock::variables(request.clock, &release.workspace).map_err(RenderError::Workspace)?;
    let ended = release.run(arguments, variables, Reach::Nobody).await?;
    Ok(release.objects(&String::from_utf8_lossy(&ended.output)))
}

/// A chart in a workspace, and what it is released as.
struct Release<'a> {
    request: &'a Request<'a>,
    part: &'a Part,
    tool: Tool,
    workspace: Workspace,
}

impl Release<'_> {
    fn options(&self) -> &Helm {
        &self.request.environment.rendering.helm
    }

    async fn run(
        &self,
        arguments: Vec<String>,
        variables: Vec<(&'static str, String)>,
        reach: Reach,
    ) -> Result<Ended, RenderError> {
        let limits: Limits = self.request.environment.rendering.limits;
        let job = Job {
            program: &self.tool.path,
            arguments,
            workspace: &self.workspace,
            folder: self.workspace.tree(),
            variables,
            reach,
            limits,
        };
        let ended =
            run(job, self.request.wall).await.map_err(|cause| RenderError::Run { program: HELM.name, cause })?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err(RenderError::Failed {
            program: HELM.name,
            path: self.part.path.clone(),
            complaint: complaint::shown(&ended.complaint, &self.workspace.tree(), self.part),
        })
    }

    fn arguments(&self, chart: PathBuf) -> Result<Vec<String>, RenderError> {
        let options = self.options();
        let environment = self.request.environment;
        let name = options.release_name.as_ref().unwrap_or(&environment.name);
        let namespace = options.namespace.as_deref().or(environment.namespace.as_deref()).unwrap_or(DEFAULT_NAMESPACE);
        let mut arguments = vec!["template".to_owned(), name.clone(), chart.display().to_string()];
        arguments.push(format!("--namespace={namespace}"));
        if options.crds == Crds::Included {
            arguments.push("--include-crds".to_owned());
        }
        if options.schema == Schema::Skipped {
            arguments.push("--skip-schema-validation".to_owned());
        }
        let capabilities = self.request.told();
        arguments.extend(capabilities.kube_version.iter().map(|version| format!("--kube-version={version}")));
        arguments.extend(capabilities.api_versions.iter().map(|api| format!("--api-versions={api}")));
        arguments.extend(self.values()?.into_iter().map(|file| format!("--values={}", file.display())));
        arguments.extend(self.parameters()?);
        Ok(arguments)
    }

    /// Copies under names of our own: helm takes a comma in a name for the end of it.
    fn values(&self) -> Result<Vec<PathBuf>, RenderError> {
        let mut files = Vec::new();
        for (index, name) in self.options().value_files.iter().enumerate() {
            let Some(file) = self.named(name) else {
                match self.options().missing {
                    Missing::Skipped => continue,
                    Missing::Refused => return Err(RenderError::NoValues { name: name.clone() }),
                }
            };
            let copy = self.workspace.put_aside(&format!("values-{index}.yaml"), &file.bytes);
            files.push(copy.map_err(RenderError::Workspace)?);
        }
        if let Some(values) = &self.options().values {
            let copy = self.workspace.put_aside("values.json", values.to_string().as_bytes());
            files.push(copy.map_err(RenderError::Workspace)?);
        }
        Ok(files)
    }

    /// A file of the repository, or one that was borrowed from another under a name of its own.
    fn named(&self, name: &str) -> Option<&SourceFile> {
        let path = if name.starts_with('$') { Some(name.to_owned()) } else { resolve(&self.part.path, name) };
        self.part.files.iter().find(|file| path.as_deref() == Some(&*file.path))
    }

    fn parameters(&self) -> Result<Vec<String>, RenderError> {
        let argument = |(index, parameter): (usize, &Parameter)| match parameter {
            Parameter::Typed(text) => Ok(format!("--set={text}")),
            Parameter::Text(text) => Ok(format!("--set-string={text}")),
            Parameter::File(name, path) => {
                let file = self.named(path).ok_or_else(|| RenderError::NoValues { name: path.clone() })?;
                let copy = self.workspace.put_aside(&format!("parameter-{index}"), &file.bytes);
                Ok(format!("--set-file={name}={}", copy.map_err(RenderError::Workspace)?.display()))
            }
        };
        self.options().parameters.iter().enumerate().map(argument).collect()
    }

    fn objects(&self, output: &str) -> Rendered {
        let mut rendered = Rendered::default();
        for (template, text) in manifests(output) {
            let file = self.file(template);
            let hooks = if text.contains(HOOK) { hooks(text) } else { 0 };
            if hooks > 0 {
                rendered.hooks += hooks;
                continue;
            }
            rendered.extend(stream::objects(&file, Renderer::Helm, text.as_bytes(), self.request.redactor));
        }
        rendered
    }

    /// The template's file: helm speaks of the chart's name where the repository has its folder.
    fn file(&self, template: &str) -> Arc<str> {
        let inside = template.split_once('/').map_or(template, |(_, inside)| inside);
        match &self.options().chart {
            Some(chart) => format!("{}@{}/{inside}", chart.name, chart.version).into(),
            None if inside.is_empty() => below(&self.part.path, CHART_FILE).into(),
            None => below(&self.part.path, inside).into(),
        }
    }
}

/// Each manifest with its template; documents inside a file of `crds` say nothing and are of the one before.
fn manifests(output: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut template = "";
    let mut starts: Vec<usize> = output.match_indices("\n---").map(|(at, _)| at + 1).collect();
    if output.starts_with("---") {
        starts.insert(0, 0);
    }
    starts.push(output.len());
    for pair in starts.windows(2) {
        let text = &output[pair[0]..pair[1]];
        let mut lines = text.lines();
        let separator = lines.next().unwrap_or_default();
        if let (Some(source), "---") = (lines.next().and_then(|line| line.strip_prefix(SOURCE)), separator.trim_end()) {
            template = source.trim();
        }
        found.push((template, text));
    }
    found
}

/// How many hooks a manifest holds; one that cannot be read holds none.
fn hooks(text: &str) -> usize {
    let is_hook = |value: &serde_json::Value| {
        value.pointer("/metadata/annotations").is_some_and(|annotations| annotations.get(HOOK).is_some())
    };
    yaml::documents(text.as_bytes(), &Budget::default())
        .into_iter()
        .filter_map(Result::ok)
        .filter(|document| is_hook(&document.value))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_know_their_templates() {
        let output = "---\n# Source: app/crds/two.yaml\nkind: A\n---\nkind: B\n---\n# Source: app/templates/x.yaml\nkind: C\ntext: |\n  ---\n  # Source: no/thing\n";
        let found: Vec<(&str, usize)> = manifests(output).iter().map(|(file, text)| (*file, text.len())).collect();
        assert_eq!(
            found.iter().map(|(file, _)| *file).collect::<Vec<_>>(),
            ["app/crds/two.yaml", "app/crds/two.yaml", "app/templates/x.yaml"]
        );
        assert_eq!(found.iter().map(|(_, length)| length).sum::<usize>(), output.len());
    }

    #[test]
    fn hooks_are_told_by_their_annotation() {
        assert_eq!(hooks("metadata: {annotations: {helm.sh/hook: test}}\n---\nmetadata: {}\n"), 1);
        assert_eq!(hooks("data: {text: helm.sh/hook}"), 0);
    }
}
