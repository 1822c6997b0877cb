//! Files of a branch become manifests, each with the file that declares it; the only room that starts programs.

mod clock;
mod command;
mod complaint;
mod content;
mod error;
mod helm;
mod kustomize;
mod network;
mod plain;
mod process;
mod sources;
mod stream;
mod tools;
mod workspace;

use std::path::Path;

use tokio::sync::OnceCell;

use crate::config::{Environment, Renderer};
use crate::drift::model::{Gap, Packed, Redactor};

pub use clock::Clock;
pub use sources::{Part, Sources, choose, is_below, is_glob, read};
pub use tools::missing_program;

use error::RenderError;
use helm::Charts;
use network::Wall;
use tools::{Needed, Tool, Tools};

pub use content::{Contents, View};

/// What an environment's files declare.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// Every object, in the order of the files.
    pub objects: Vec<Packed>,
    /// What could not be read; a document blanks itself only, a part that is not rendered all of its own.
    pub gaps: Vec<Gap>,
    /// Objects that helm runs on its own occasions (hooks, tests): they are not compared.
    pub hooks: usize,
}

impl Rendered {
    fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.gaps.extend(other.gaps);
        self.hooks += other.hooks;
    }
}

/// What charts are told about the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Such as `v1.36.3`; the renderer's own idea where absent.
    pub kube_version: Option<String>,
    /// Such as `apps/v1` and `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// What is known of the programs of this machine and of the charts of others.
#[derive(Debug, Default)]
pub struct Renderers {
    tools: Tools,
    charts: Charts,
    wall: OnceCell<Wall>,
}

impl Renderers {
    /// Renders `sources`. Never fails: what could not be rendered is a gap. Dropped, it ends every child process.
    pub async fn render(
        &self,
        sources: &Sources,
        capabilities: &Capabilities,
        clock: Clock,
        redactor: &Redactor,
    ) -> Rendered {
        let mut rendered = Rendered::default();
        for part in &sources.parts {
            let environment = &part.of;
            let request = async || {
                let wall = self.wall.get_or_init(Wall::probe).await;
                Request { environment, capabilities, clock, redactor, wall, tools: &self.tools, charts: &self.charts }
            };
            let made = match part.renderer {
                _ if !part.refused.is_empty() => Rendered { gaps: part.refused.clone(), ..Rendered::default() },
                // Plain files need no program, so none is looked for.
                Renderer::Auto | Renderer::Plain => plain::render(part, redactor).await,
                Renderer::Kustomize => made(part, kustomize::render(&request().await, part).await),
                Renderer::Helm => made(part, helm::render(&request().await, part).await),
                Renderer::Command => made(part, command::render(&request().await, part).await),
            };
            rendered.extend(made);
        }
        let (objects, left_out) = sources.finish.apply(rendered.objects);
        Rendered { objects, hooks: rendered.hooks + left_out, gaps: rendered.gaps }
    }

    /// The versions of the programs that render `sources`, and the digests of charts from elsewhere: a part of what
    /// the outcome depends on.
    pub async fn versions(&self, sources: &Sources) -> String {
        let wall = self.wall.get_or_init(Wall::probe).await;
        let mut versions = Vec::new();
        for part in &sources.parts {
            let rendering = &part.of.rendering;
            if part.renderer == Renderer::Kustomize {
                let binary = rendering.kustomize.binary.as_deref();
                versions.push(self.tools.find(&tools::KUSTOMIZE, binary, wall).await);
            }
            if part.renderer == Renderer::Helm || kustomize::inflates(part) {
                versions.push(self.tools.find(&tools::HELM, rendering.helm.binary.as_deref(), wall).await);
            }
        }
        format!("{versions:?}")
    }
}

/// What is to be rendered, and with what.
#[derive(Clone, Copy)]
struct Request<'a> {
    environment: &'a Environment,
    capabilities: &'a Capabilities,
    clock: Clock,
    redactor: &'a Redactor,
    wall: &'a Wall,
    tools: &'a Tools,
    charts: &'a Charts,
}

impl Request<'_> {
    /// What charts are told: what the settings say, else what the cluster does.
    fn told(&self) -> Capabilities {
        let helm = &self.environment.rendering.helm;
        Capabilities {
            kube_version: helm.kube_version.clone().or_else(|| self.capabilities.kube_version.clone()),
            api_versions: helm.api_versions.clone().unwrap_or_else(|| self.capabilities.api_versions.clone()),
        }
    }

    async fn tool(&self, needed: &Needed, configured: Option<&Path>) -> Result<Tool, RenderError> {
        self.tools.find(needed, configured, self.wall).await
    }
}

/// What a renderer made of `part`, and what it could not.
fn made(part: &Part, rendered: Result<Rendered, RenderError>) -> Rendered {
    let mut rendered =
        rendered.unwrap_or_else(|error| Rendered { gaps: vec![error.into_gap(&part.path)], ..Rendered::default() });
    // A renderer cannot tell that a link is missing; what it made without it may lack an object.
    rendered.gaps.extend(part.unread.iter().map(plain::unread));
    rendered
}
