//! Environments that a deployer's own objects describe: which objects, and whose.

use super::cursor::{Cursor, Noted, Section};
use super::parse::{read_paths, read_texts};

/// Where Argo CD keeps its Applications by default, and what it calls the cluster in which it runs.
const ARGO_CD_NAMESPACE: &str = "argocd";

/// Objects in Git that say what is deployed: each is an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Whose objects they are.
    pub deployer: Deployer,
    /// The entry of the configuration, with its branch where that is one of several.
    pub family: String,
    /// Which of them; each one where absent.
    pub only: Option<String>,
}

/// Who deploys what its objects describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployer {
    /// `Application` and `ApplicationSet`.
    ArgoCd {
        /// In which Applications go by their names alone.
        namespace: String,
        /// Names and servers of destinations that are the environment's cluster; others are left out. Where absent,
        /// only Argo CD's own cluster is known, and others are gaps.
        destinations: Option<Vec<String>>,
    },
}

/// Reads `argocd`, and where the objects lie.
pub(super) fn read(section: &Section<'_>) -> Result<Option<(Follow, Vec<String>)>, Noted> {
    let Some(argo_cd) = section.get("argocd") else { return Ok(None) };
    let read = read_argo_cd(&argo_cd);
    let mut idle = Ok(());
    for other in ["path", "namespace", "promotedFrom", "variants", "command"] {
        if let Some(cursor) = section.get(other) {
            idle = Err(cursor.note("has no effect beside `argocd`", hint(other)));
        }
    }
    let (deployer, only, paths) = read?;
    idle?;
    let family = section.get("name").and_then(|cursor| cursor.as_name()).unwrap_or_default();
    Ok(Some((Follow { deployer, family, only }, paths)))
}

fn hint(key: &str) -> &'static str {
    match key {
        "path" => "name the files with Applications under `argocd.applications`",
        "namespace" => "the objects name it",
        "promotedFrom" | "variants" => "promotion is followed between environments that name their paths themselves",
        _ => "the objects say how they are rendered",
    }
}

fn read_argo_cd(cursor: &Cursor<'_>) -> Result<(Deployer, Option<String>, Vec<String>), Noted> {
    let section = cursor.section(&["applications", "only", "namespace", "destinations"])?;
    let hint = "name the files with Applications: `apps/*.yaml`";
    let paths = section.require("applications", hint).and_then(|cursor| read_paths(&cursor));
    let only = section.optional("only", |cursor| Ok(cursor.text()?.to_owned()));
    let namespace = section.optional("namespace", |cursor| Ok(cursor.text()?.to_owned()));
    let destinations = section.optional("destinations", read_texts);
    let namespace = namespace?.unwrap_or_else(|| ARGO_CD_NAMESPACE.to_owned());
    Ok((Deployer::ArgoCd { namespace, destinations: destinations? }, only?, paths?))
}
