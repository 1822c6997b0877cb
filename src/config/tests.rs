//! What a file may say, and what is said of one that is wrong.

use super::*;
use crate::drift::extras::Extras;
use crate::drift::model::{Category, Glob, ObjectMatch, Origin, Severity};

const WHOLE: &str = "
interval: 30s
gitInterval: 5m
maxStaleness: 5m
http:
  listen: 127.0.0.1:0
  webConfigFile: web.yaml
settling: { outdated: 2m, stale: 30s }
state: state.db
retention: 30d
redactionKeyFile: /run/key
gitCache: mirrors
renderCache: renders
clusters:
  - name: prod-eu
    kubeconfig: kubeconfig
    context: prod
  - {name: sample, snapshot: ./cluster}
repositories:
  - {name: platform, url: ../platform.git}
  - name: https
    url: https://git.example.org/team/platform.git
    credentials: {usernameFile: user, passwordFile: /run/secrets/password}
    caFile: ca.pem
    proxy: http://proxy.example.org:3128
    idleTimeout: 10s
    fetchTimeout: 5m
  - name: ssh
    url: git@git.example.org:team/platform.git
    credentials: {sshKeyFile: key, sshPassphraseFile: passphrase, knownHostsFile: known_hosts}
  - {name: other, url: \"file:///srv/git/a%20b.git\"}
environments:
  - name: prod
    repository: platform
    branch: prod
    path: [trino/, ./hive]
    renderer: plain
    cluster: prod-eu
    namespace: trino
    strategy: server
  - {name: demo, repository: other, branch: main, path: ., cluster: sample}
  - {name: next, repository: https, branch: {pattern: 'release_v*', pick: highest-semver}, cluster: sample}
  - {name: fixed, repository: ssh, tag: v1.2.0, cluster: sample}
deployers: [kustomize-controller]
imageMirrors: {docker.io: \"mirror.example.org:5000\"}
ignore:
  - match: {kind: Deployment, apiVersion: apps/v1, name: \"trino-worker*\", labelSelector: app=trino}
    paths: [spec.replicas]
    managers: [keda-operator]
    reason: scaled by KEDA
    owner: platform-team
    expires: 2027-01-31
severity:
  - {category: scaling, severity: low, environment: demo}
redact:
  - {match: {kind: ConfigMap}, paths: ['data[\"catalog.properties\"]']}
";

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse(text.as_bytes(), "driftd.yaml", Path::new("/etc/driftd"))
}

fn problems(text: &str) -> Vec<String> {
    parse(text)
        .unwrap_err()
        .problems
        .iter()
        .map(|problem| format!("{}: {}: {} ({})", problem.line, problem.path, problem.message, problem.hint))
        .collect()
}

fn api(kubeconfig: Option<&str>, context: Option<&str>) -> ClusterSource {
    ClusterSource::Api { kubeconfig: kubeconfig.map(PathBuf::from), context: context.map(str::to_owned) }
}

fn repositories() -> (Arc<Repository>, Arc<Repository>, Arc<Repository>) {
    let path = |path: &str| Some(PathBuf::from(path));
    let platform = Arc::new(Repository::at("platform", Address::Local("/etc/driftd/../platform.git".into())));
    let https = Arc::new(Repository {
        credentials: Credentials {
            username_file: path("/etc/driftd/user"),
            password_file: path("/run/secrets/password"),
            ..Credentials::default()
        },
        ca_file: path("/etc/driftd/ca.pem"),
        proxy: Proxy::At("http://proxy.example.org:3128".into()),
        idle_timeout: Duration::from_secs(10),
        fetch_timeout: Duration::from_mins(5),
        ..Repository::at("https", Address::Http { url: "https://git.example.org/team/platform.git".into() })
    });
    let address = Address::Ssh {
        user: Some("git".into()),
        host: "git.example.org".into(),
        port: None,
        path: "team/platform.git".into(),
    };
    let ssh = Arc::new(Repository {
        credentials: Credentials {
            ssh_key_file: path("/etc/driftd/key"),
            ssh_passphrase_file: path("/etc/driftd/passphrase"),
            known_hosts_file: path("/etc/driftd/known_hosts"),
            ..Credentials::default()
        },
        ..Repository::at("ssh", address)
    });
    (platform, https, ssh)
}

fn settling() -> BTreeMap<Origin, Duration> {
    BTreeMap::from([(Origin::Outdated, Duration::from_mins(2)), (Origin::Stale, Duration::from_secs(30))])
}

#[test]
fn a_whole_file_is_read() {
    let config = parse(WHOLE).unwrap();
    let (platform, https, ssh) = repositories();
    let other = Arc::new(Repository::at("other", Address::Local("/srv/git/a b.git".into())));
    let prod = Cluster { name: "prod-eu".into(), source: api(Some("/etc/driftd/kubeconfig"), Some("prod")) };
    let sample = ClusterSource::Snapshot("/etc/driftd/./cluster".into());
    let sample = Arc::new(Cluster { name: "sample".into(), source: sample });
    let follows = |name: &str, repository: &Arc<Repository>, reference| Environment {
        name: name.into(),
        repository: Arc::clone(repository),
        reference,
        paths: vec![String::new()],
        renderer: Renderer::Auto,
        rendering: Rendering::default(),
        cluster: Arc::clone(&sample),
        namespace: None,
        promoted_from: None,
        variants: Vec::new(),
        strategy: Strategy::Local,
        follow: None,
    };
    let next = Reference::Pattern(Pattern { name: Glob::new("release_v*"), pick: Pick::HighestSemver });
    let expected = Config {
        interval: Duration::from_secs(30),
        git_interval: Some(Duration::from_mins(5)),
        max_staleness: Duration::from_mins(5),
        listen: "127.0.0.1:0".parse().unwrap(),
        settling: settling(),
        state: Some("/etc/driftd/state.db".into()),
        retention: Duration::from_hours(30 * 24),
        redaction_key_file: Some("/run/key".into()),
        webhooks: BTreeMap::new(),
        environments: vec![
            Arc::new(Environment {
                paths: vec!["trino".into(), "hive".into()],
                renderer: Renderer::Plain,
                cluster: Arc::new(prod),
                namespace: Some("trino".into()),
                strategy: Strategy::Server,
                ..follows("prod", &platform, Reference::Branch("prod".into()))
            }),
            Arc::new(follows("demo", &other, Reference::Branch("main".into()))),
            Arc::new(follows("next", &https, next)),
            Arc::new(follows("fixed", &ssh, Reference::Tag("v1.2.0".into()))),
        ],
        web_config: Some("/etc/driftd/web.yaml".into()),
        git_cache: Some("/etc/driftd/mirrors".into()),
        render_cache: Some("/etc/driftd/renders".into()),
        repositories: vec![platform, https, ssh, other],
        deployers: vec!["kustomize-controller".into()],
        extras: Extras::Tracked,
        image_mirrors: BTreeMap::from([("docker.io".into(), "mirror.example.org:5000".into())]),
        ignore: vec![IgnoreRule {
            name: "ignore[0]".into(),
            objects: ObjectMatch {
                kind: Some(Glob::new("Deployment")),
                group: Some(Glob::new("apps")),
                version: Some(Glob::new("v1")),
                name: Some(Glob::new("trino-worker*")),
                labels: Some("app=trino".parse().unwrap()),
                ..ObjectMatch::default()
            },
            paths: vec!["spec.replicas".parse().unwrap()],
            pointers: Vec::new(),
            managers: vec![Glob::new("keda-operator")],
            reason: Some("scaled by KEDA".into()),
            owner: Some("platform-team".into()),
            expires: Some(jiff::civil::date(2027, 1, 31)),
        }],
        severity: vec![SeverityRule {
            objects: ObjectMatch { environment: Some(Glob::new("demo")), ..ObjectMatch::default() },
            paths: Vec::new(),
            category: Some(Category::Scaling),
            severity: Severity::Low,
        }],
        redact: vec![RedactRule {
            objects: ObjectMatch { kind: Some(Glob::new("ConfigMap")), ..ObjectMatch::default() },
            paths: vec!["data[\"catalog.properties\"]".parse().unwrap()],
        }],
    };
    assert_eq!(config, expected);
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = parse(
        "clusters: [{name: c}]\nrepositories: [{name: r, url: /r}]\n\
         environments: [{name: e, repository: r, branch: main, cluster: c}]\n",
    )
    .unwrap();
    assert_eq!((config.interval, config.git_interval), (Duration::from_mins(1), None));
    assert_eq!(config.max_staleness, Duration::from_mins(3));
    assert_eq!(config.listen, "0.0.0.0:9847".parse().unwrap());
    assert_eq!(config.environments[0].cluster.source, api(None, None));
    assert_eq!(config.environments[0].paths, [""]);
    assert_eq!(config.environments[0].renderer, Renderer::Auto);
}

#[test]
fn webhooks_are_those_of_known_forges_with_a_secret() {
    let with = |webhooks: &str| {
        let text = format!(
            "http: {{webhooks: {webhooks}}}\nclusters: [{{name: a}}]\nrepositories: [{{name: a, url: /a}}]\n\
             environments: [{{name: a, repository: a, branch: a, cluster: a}}]\n"
        );
        Config::parse(text.as_bytes(), "driftd.yaml", Path::new("/etc/driftd"))
    };
    let config = with("{github: {secretFile: github}, azure: {secretFile: /run/azure}}").unwrap();
    let expected = [(Forge::GitHub, "/etc/driftd/github".into()), (Forge::Azure, "/run/azure".into())];
    assert_eq!(config.webhooks, expected.into());
    assert_eq!(config.listen, "0.0.0.0:9847".parse().unwrap());
    for (wrong, told) in [
        ("{gihub: {secretFile: a}}", "http.webhooks.gihub: unknown key\n    did you mean `github`?"),
        ("{github: {}}", "http.webhooks.github.secretFile: is missing\n    name the file that holds the secret"),
        ("{github: secret}", "http.webhooks.github: expected a mapping, found text"),
    ] {
        let problems = with(wrong).unwrap_err().to_string();
        assert!(problems.contains(told), "{problems}");
    }
}

#[test]
fn applications_stand_in_place_of_paths() {
    let head = "clusters: [{name: c}]\nrepositories: [{name: r, url: /r}]\nenvironments:\n";
    let entry = |name: &str, lines: &str| {
        format!("  - {{name: {name}, repository: r, branch: b, cluster: c, argocd: {{{lines}}}}}\n")
    };
    let config = parse(&format!(
        "{head}{}{}",
        entry("all", "applications: apps"),
        entry("one", "applications: [a.yaml], only: shop")
    ));
    let config = config.unwrap();
    assert_eq!(config.environments[0].paths, ["apps"]);
    assert!(config.environments[0].is_family() && !config.environments[1].is_family());
    let wrong = format!(
        "{head}  - {{name: a, repository: r, branch: b, cluster: c, path: x, namespace: n, argocd: {{}}}}\n  - {{name: b, repository: r, \
         branch: b, cluster: c, promotedFrom: a}}\n"
    );
    let found = problems(&wrong).join("\n");
    for part in [
        "4: environments[0].path: has no effect beside `argocd`",
        "4: environments[0].namespace: has no effect beside `argocd`",
        "4: environments[0].argocd.applications: is missing",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "\
intervall: 1m
maxStaleness: soon
http: {listen: everywhere}
clusters:
  - name: prod-eu
    snapshot: ./cluster
    context: prod
  - name: prod-eu
repositories:
  - name: platform
    url: https://user:hunter2@git.example.org/platform.git
  - name: tools
    url: 'git@git.example.org:'
environments:
  - name: prod
    repository: plattform
    branch: 7
    path: ../secrets
    renderer: kustomise
    cluster: prod-ue
  - repository: platform
    cluster: prod-eu
    path: []
deployers: kustomize-controller
imageMirrors: {docker.io: \"https://mirror.example.org\"}
";
    let found = problems(text);
    let expected = [
        "1: intervall: unknown key (did you mean `interval`?)",
        "2: maxStaleness: is no duration (write a number and a unit, such as `90s`, `5m` or `1h30m`)",
        "3: http.listen: is no address to listen on (write an IP address and a port: `0.0.0.0:9847`, `127.0.0.1:9847` or `[::]:9847`)",
        "5: clusters[0]: has both a snapshot and an API server (keep `snapshot` for files, or `kubeconfig` and `context` for an API server)",
        "8: clusters[1].name: `prod-eu` is already the name of another element of `clusters` (give each a name of its own)",
        "11: repositories[0].url: holds a user, a password or a token (take it out of the URL, into the files of `credentials`: `usernameFile` and `passwordFile`, or `tokenFile`)",
        "13: repositories[1].url: names no repository behind the host (write `ssh://USER@HOST:PORT/PATH` or `USER@HOST:PATH`)",
        "16: environments[0].repository: no repository is named `plattform` (did you mean `platform`? (see `repositories`))",
        "17: environments[0].branch: expected text, found a number (put the value in quotes)",
        "18: environments[0].path: leads out of the repository (write it relative to the repository's root, without `..`)",
        "19: environments[0].renderer: is no renderer (use `auto`, `plain`, `kustomize`, `helm` or `command`)",
        "20: environments[0].cluster: no cluster is named `prod-ue` (did you mean `prod-eu`? (see `clusters`))",
        "21: environments[1].branch: is missing (name what this environment follows: `branch`, `tag` or `revision`)",
        "21: environments[1].name: is missing (give it a name of its own)",
        "23: environments[1].path: is empty (name at least one folder or file, or leave the key out for the whole repository)",
        "24: deployers: expected a list, found text (write each element on a line of its own behind `- `)",
        "25: imageMirrors.docker.io: is no registry host (write the registry's host and behind it the mirror's: `docker.io: mirror.example.org`)",
    ];
    assert_eq!(found, expected, "\n{}", found.join("\n"));
    let shown = parse(text).unwrap_err().to_string();
    assert!(shown.starts_with("the configuration has 17 problems\ndriftd.yaml:1: intervall: unknown key\n    did you"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_reference_to_what_is_wrong_itself_is_not_told_again() {
    let text = "clusters: [{name: c}, {name: '!'}]\nrepositories: [{name: r}]\n\
                environments: [{name: e, repository: r, branch: b, cluster: d}]\n";
    let found = problems(text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("1: clusters[1].name: is no name"), "{found:?}");
    assert!(found[1].starts_with("2: repositories[0].url: is missing"), "{found:?}");
}

#[test]
fn an_empty_file_and_empty_lists_are_told() {
    assert_eq!(problems("")[0], "1: : is empty (name at least a cluster, a repository and an environment)");
    let found = problems("environments: []\nclusters: {}\n");
    assert_eq!(
        found,
        [
            "1: environments: is empty (name at least one)",
            "1: repositories: is missing (name at least one)",
            "2: clusters: expected a list, found a mapping (write each element on a line of its own behind `- `)",
        ]
    );
    assert!(problems("just text")[0].contains("expected a mapping, found text"));
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    let found = problems("interval: 1m\nclusters: [\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("correct the YAML"), "{found:?}");
    let found = problems("interval: 1m\n---\ninterval: 2m\n");
    assert_eq!(found, ["3: : a second document begins (keep all settings in one document, without `---`)"]);
}

#[test]
fn durations_have_a_least_value() {
    let found = problems("interval: 0s\nmaxStaleness: 0s\n");
    assert!(found.contains(&"1: interval: is too short (make it 1s or more)".to_owned()), "{found:?}");
    let found = problems("interval: 5m\ngitInterval: 4m\n");
    assert!(found.contains(&"2: gitInterval: is too short (make it 300s or more)".to_owned()), "{found:?}");
    let found = problems("interval: 5m\nmaxStaleness: 4m\n");
    assert!(found.contains(&"2: maxStaleness: is too short (make it 300s or more)".to_owned()), "{found:?}");
}

#[test]
fn a_key_cannot_reach_the_terminal_as_it_is() {
    let shown = parse("\"a\\e[2J\": 1\n").unwrap_err().to_string();
    assert!(!shown.contains('\u{1b}') && shown.contains("unknown key"), "{shown}");
}

#[test]
fn everything_that_is_wrong_with_ignore_rules_is_told_at_once() {
    let rest = "clusters: [{name: c}]\nrepositories: [{name: r, url: /r}]\n\
                environments: [{name: e, repository: r, branch: main, cluster: c}]\n";
    let text = "\
ignore:
  - match: {kind: Deployment, nmae: x, labelSelector: a b}
    paths: [spec..x, /spec/replicas]
    expires: soon
  - reason: no idea
  - {match: {}, paths: []}
  - {name: keda, match: {group: apps, apiVersion: apps/v1}, managers: x}
  - {name: keda, match: {kind: Pod}}
  - {name: keda, match: {kind: Job}}
redact:
  - {match: {kind: ConfigMap}, path: data}
severity:
  - {category: scalling, severity: huge}
  - {match: {environment: a}, environment: b, severity: low}
";
    let found = problems(&format!("{text}{rest}"));
    let expected = [
        "2: ignore[0].match.labelSelector: is no label selector at `a b`",
        "2: ignore[0].match.nmae: unknown key (did you mean `name`?)",
        "3: ignore[0].paths[0]: has an empty name at character 6",
        "3: ignore[0].paths[1]: is a JSON pointer, not a path",
        "4: ignore[0].expires: is no date (write the first day on which the rule no longer holds: `2027-01-31`)",
        "5: ignore[1]: hides everything (say what it is about with `match`, `paths` or `managers`)",
        "6: ignore[2].match: is empty",
        "6: ignore[2].paths: is empty",
        "7: ignore[3].managers: expected a list, found text",
        "7: ignore[3].match: has both a group and an apiVersion",
        "9: ignore[5]: `keda` is already the name of another rule",
        "11: redact[0].path: unknown key (did you mean `paths`?)",
        "11: redact[0].paths: is missing (name the fields whose values are never shown)",
        "13: severity[0].category: is no category (did you mean `scaling`?)",
        "13: severity[0].severity: is no severity (known here: `low`, `medium`, `high` and `critical`)",
        "14: severity[1]: names the environment twice",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn what_cannot_belong_to_a_repository_is_told() {
    let text = "\
clusters: [{name: c}]
repositories:
  - {name: a, url: /a, credentials: {tokenFile: t}}
  - {name: b, url: 'https://h/b', credentials: {sshKeyFile: k}}
  - {name: c, url: 'http://h/c', credentials: {tokenFile: t}}
  - {name: d, url: 'ssh://h/d', credentials: {tokenFile: t}}
  - {name: e, url: 'ssh://h/e', caFile: ca.pem}
  - {name: f, url: 'ssh://h/f', proxy: none}
  - {name: g, url: 'https://h/g', credentials: {passwordFile: p}, idleTimeout: 1ms}
  - {name: h, url: 'https://h/h', credentials: {usernameFile: u}, proxy: 'socks5://x'}
  - {name: i, url: 'https://h/i', credentials: {usernameFile: u, passwordFile: p, tokenFile: t}}
  - {name: j, url: 'ssh://h/j', credentials: {sshPassphraseFile: p}}
  - {name: k, url: 'https://h/k', proxy: 'http://user:hunter2@x'}
  - {name: l, url: 'https://h/l', credentials: {password: hunter2}}
environments: [{name: x, repository: a, branch: main, cluster: c}]
";
    let found = problems(text);
    let expected = [
        "3: repositories[0].credentials: a repository of this machine needs no credentials",
        "4: repositories[1].credentials: ssh keys are of no use to an https URL",
        "5: repositories[2].url: would send the credentials unencrypted",
        "6: repositories[3].credentials: passwords and tokens are of no use to an ssh URL",
        "7: repositories[4].caFile: is for https URLs only",
        "8: repositories[5].proxy: is for https URLs only",
        "9: repositories[6].credentials: has a password without a user name",
        "9: repositories[6].idleTimeout: is too short",
        "10: repositories[7].credentials: has a user name without a password",
        "10: repositories[7].proxy: is a SOCKS proxy, which is not supported",
        "11: repositories[8].credentials: has both a password and a token",
        "12: repositories[9].credentials: has a passphrase without its key",
        "13: repositories[10].proxy: holds a user or a password",
        "14: repositories[11].credentials.password: unknown key (did you mean `passwordFile`?)",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    assert!(!found.concat().contains("hunter2"));
}

#[test]
fn what_an_environment_follows_is_one_thing() {
    let text = "\
clusters: [{name: c}]
repositories: [{name: r, url: /r}]
environments:
  - {name: a, repository: r, cluster: c, branch: main, tag: v1}
  - {name: b, repository: r, cluster: c, revision: abc}
  - {name: c, repository: r, cluster: c, branch: {pattern: main, pick: newest}}
  - {name: d, repository: r, cluster: c, branch: {pattern: 'release_*'}}
  - {name: e, repository: r, cluster: c, branch: {pattern: 'release_*', pick: oldest}}
  - {name: f, repository: r, cluster: c, branch: 'release_*'}
  - {name: g, repository: r, cluster: c, tag: a..b}
";
    let found = problems(text);
    let expected = [
        "4: environments[0].tag: stands beside `branch` (keep `branch` or `tag`)",
        "5: environments[1].revision: is no commit (write the whole id, 40 hex digits: `git rev-parse COMMIT`)",
        "6: environments[2].branch.pattern: holds no `*` (write `*` for any text, or the name alone: `branch: main`)",
        "7: environments[3].branch.pick: is missing (use `highest-semver`, `newest` or `each`)",
        "8: environments[4].branch.pick: is no way to pick a branch (use `highest-semver`, `newest` or `each`)",
        "9: environments[5].branch: is no name of a branch or tag",
        "10: environments[6].tag: is no name of a branch or tag",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn only_an_api_server_can_be_asked_for_its_opinion() {
    let file = |cluster: &str, strategy: &str| {
        format!(
            "clusters: [{{name: api}}, {{name: files, snapshot: x}}]\nrepositories: [{{name: r, url: /r}}]\n\
             environments: [{{name: e, repository: r, branch: main, cluster: {cluster}, strategy: {strategy}}}]\n"
        )
    };
    assert_eq!(parse(&file("api", "server")).unwrap().environments[0].strategy, Strategy::Server);
    assert_eq!(parse(&file("files", "local")).unwrap().environments[0].strategy, Strategy::Local);
    let at = "3: environments[0].strategy";
    let snapshot = format!("{at}: the cluster is a snapshot: there is no API server to ask (use `local`)");
    assert_eq!(problems(&file("files", "server")), [snapshot]);
    assert_eq!(problems(&file("api", "remote")), [format!("{at}: is no strategy (use `local` or `server`)")]);
}

#[test]
fn the_command_line_decides_for_every_environment() {
    let config = parse(WHOLE).unwrap().with_strategy(Strategy::Local);
    assert!(config.environments.iter().all(|environment| environment.strategy == Strategy::Local));
}
