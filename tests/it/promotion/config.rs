//! What may be written about promotions, and what is said of everything else.

use std::path::Path;

use driftd::config::Config;

fn problems(environments: &str) -> String {
    let text = format!(
        "clusters: [{{name: c, snapshot: .}}]\n\
         repositories: [{{name: r, url: one}}, {{name: other, url: two}}]\n\
         environments:\n{environments}"
    );
    let error = Config::parse(text.as_bytes(), "driftd.yaml", Path::new("")).expect_err("it is wrong");
    error.to_string()
}

/// An environment of one line.
fn environment(name: &str, rest: &str) -> String {
    format!("- {{name: {name}, repository: r, cluster: c, branch: {name}{rest}}}\n")
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let told = problems(
        &[
            environment("main", ""),
            environment("qa", ", promotedFrom: mian"),
            environment("self", ", promotedFrom: self"),
            "- {name: far, repository: other, cluster: c, branch: far, promotedFrom: main}\n".to_owned(),
            environment("bad", ", promotedFrom: [main]"),
            environment("odd", ", variants: []"),
            environment("up", ", variants: [../x]"),
            environment("all", ", variants: [.]"),
            "- {name: each, repository: r, cluster: c, branch: {pattern: 'release_v*', pick: each}, promotedFrom: main}\n"
                .to_owned(),
        ]
        .concat(),
    );
    for part in [
        "driftd.yaml:5: environments[1].promotedFrom: no environment is named `mian`\n    did you mean `main`?",
        "driftd.yaml:6: environments[2].promotedFrom: is the environment itself",
        "driftd.yaml:7: environments[3].promotedFrom: `main` is in repository `r`, not in `other`",
        "driftd.yaml:8: environments[4].promotedFrom: expected text, found a list",
        "driftd.yaml:9: environments[5].variants: is empty",
        "driftd.yaml:10: environments[6].variants[0]: leads out of the repository",
        "driftd.yaml:11: environments[7].variants: names the whole repository",
        "driftd.yaml:12: environments[8].promotedFrom: `each` stands for each of several branches",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    assert!(told.starts_with("the configuration has 8 problems"), "{told}");
}

#[test]
fn a_circle_is_told_once() {
    let told = problems(
        &[
            environment("start", ", promotedFrom: a"),
            environment("a", ", promotedFrom: b"),
            environment("b", ", promotedFrom: c"),
            environment("c", ", promotedFrom: a"),
        ]
        .concat(),
    );
    assert!(told.contains("driftd.yaml:5: environments[1].promotedFrom: closes a circle: a ← b ← c ← a"), "{told}");
    assert!(told.starts_with("the configuration has 1 problem\n"), "{told}");
}
