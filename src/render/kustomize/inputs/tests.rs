//! Which folders a kustomization is built from, and which are refused.

use super::*;
use crate::config::{Environment, Renderer};
use crate::git::SourceTree;

/// The files that are read for the kustomization in `app`, and the lines that are refused.
fn walk(files: &[(&str, &str)], options: &Kustomize) -> (Vec<String>, Vec<String>) {
    let fetch = |paths: &[String]| {
        let wanted = |name: &str| paths.iter().any(|path| path.is_empty() || name == path || is_below(name, path));
        let found: Vec<SourceFile> = files
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, text)| SourceFile { path: (*name).into(), bytes: text.as_bytes().to_vec() })
            .collect();
        if found.is_empty() {
            let [path, reference, revision] = [paths[0].clone(), String::new(), "0".repeat(40)];
            return Err(GitError::NoPath { path, reference, revision });
        }
        Ok(SourceTree { revision: String::new(), files: found, unread: Vec::new() })
    };
    let tree = fetch(&["app".to_owned()]).unwrap();
    let mut of = Environment::sample();
    of.rendering.kustomize = options.clone();
    let part = Part {
        of: Arc::new(of),
        path: "app".into(),
        renderer: Renderer::Kustomize,
        files: tree.files,
        unread: Vec::new(),
        refused: Vec::new(),
    };
    let part = complete(part, &fetch).unwrap();
    let refused = part.refused.iter().map(|gap| format!("{} {}", gap.source.as_ref().unwrap(), gap.message));
    (part.files.iter().map(|file| file.path.to_string()).collect(), refused.collect())
}

fn refused(text: &str) -> Vec<String> {
    walk(&[("app/kustomization.yaml", text)], &Kustomize::default()).1
}

#[test]
fn every_folder_that_is_referred_to_is_read_and_no_other() {
    let (files, refused) = walk(
        &[
            ("app/kustomization.yaml", "resources: [../base, own.yaml]\ncomponents:\n- ../parts/tls\n"),
            ("app/own.yaml", ""),
            ("base/kustomization.yml", "Bases: [../deep/er]"),
            ("base/a.yaml", ""),
            ("deep/er/Kustomization", "resources: [x.yaml]"),
            ("parts/tls/kustomization.yaml", "kind: Component"),
            ("parts/other/kustomization.yaml", ""),
            ("elsewhere/a.yaml", ""),
        ],
        &Kustomize::default(),
    );
    assert_eq!(refused, [""; 0]);
    assert_eq!(
        files,
        [
            "app/kustomization.yaml",
            "app/own.yaml",
            "base/a.yaml",
            "base/kustomization.yml",
            "deep/er/Kustomization",
            "parts/tls/kustomization.yaml"
        ]
    );
}

#[test]
fn what_leads_out_of_the_repository_is_refused_with_its_line() {
    for text in [
        "resources:\n- ../../../etc",
        "resources:\n- /etc/app",
        "RESOURCES:\n- ../../etc",
        "components:\n- ../../x",
        "transformers:\n- ../../x",
        "helmGlobals:\n  chartHome: ../../charts",
        "helmGlobals:\n  configHome: /home/someone/.config",
        "helmCharts:\n- {name: x, releaseName: --post-renderer=/bin/sh}",
        "generators:\n- |\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  chartHome: /srv\n",
    ] {
        let refused = refused(text);
        assert_eq!(refused.len(), 1, "{text}: {refused:?}");
        assert!(refused[0].starts_with("app/kustomization.yaml:"), "{refused:?}");
    }
    assert!(refused("resources:\n- a.yaml\n- ../../etc")[0].starts_with("app/kustomization.yaml:3 "));
}

#[test]
fn the_network_is_refused_unless_allowed() {
    let allowed = Kustomize { remote_bases: Permission::Allowed, ..Kustomize::default() };
    for text in [
        "resources: ['https://example.org/app.yaml']",
        "resources: [example.org/team/app//overlay?ref=v1]",
        "resources: ['git@example.org:team/app.git']",
        "bases: ['ssh://example.org/app']",
        "patches: [{path: 'https://example.org/p.yaml'}]",
        "patchesStrategicMerge: ['https://example.org/p.yaml']",
        "configMapGenerator: [{name: c, files: ['a=https://example.org/a']}]",
        "secretGenerator: [{name: c, envs: ['HTTP://example.org/a']}]",
        "openapi: {path: 'https://example.org/a'}",
        "helmCharts: [{name: x, version: 1.0.0, repo: 'https://example.org'}]",
        "transformers: [\"apiVersion: builtin\\nkind: PatchTransformer\\nmetadata: {name: p}\\npath: https://e.org/p\\n\"]",
    ] {
        assert_eq!(refused(text).len(), 1, "{text}");
        assert!(refused(text)[0].contains("remoteBases: allowed"), "{text}");
        assert_eq!(walk(&[("app/kustomization.yaml", text)], &allowed).1.len(), 0, "{text}");
    }
}

#[test]
fn what_only_looks_like_an_address_is_built() {
    for text in [
        "commonAnnotations: {docs: 'https://example.org'}",
        "configMapGenerator: [{name: c, literals: ['url=https://example.org']}]",
        "patches: [{patch: \"- op: add\\n  path: /metadata/annotations/a\\n  value: https://example.org\"}]",
        "resources: [missing.yaml, ./also.missing]",
    ] {
        assert_eq!(refused(text), [""; 0], "{text}");
    }
}

#[test]
fn a_kustomization_that_cannot_be_read_is_not_built() {
    assert_eq!(refused("resources: [\n").len(), 1);
    assert_eq!(refused("resources: []\n---\nresources: [/etc]\n").len(), 1);
    assert_eq!(refused("re\u{17f}ources: [/etc]\n").len(), 1);
}
