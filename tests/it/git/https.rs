//! https: credentials, authorities, proxies, and servers that do not do what they should.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use driftd::config::Config;
use driftd::git::Repositories;
use tokio::runtime::Runtime;

use super::{CANARY, Checked, Scene};
use crate::fixture::{Authority, Behaviour, GitServer, Proxy, eventually};

/// A scene with its server.
struct Served {
    scene: Scene,
    authority: Authority,
    server: GitServer,
    url: String,
}

impl Served {
    fn new() -> Self {
        let (scene, authority) = (Scene::new(), Authority::new());
        let server = GitServer::start(&authority);
        let url = server.serve("platform.git", scene.repository.path());
        Self { scene, authority, server, url }
    }

    /// The keys of the repository, with more of them.
    fn keys(&self, more: &str) -> String {
        format!("url: \"{}\", caFile: \"{}\"{more}", self.url, self.authority.bundle().display())
    }

    /// The server wants a user and a password, and the files have the password `password`.
    fn with_login(&self, password: &str) -> String {
        self.server.login("bot", CANARY);
        self.scene.file("user", "bot\n");
        self.scene.file("password", &format!("{password}\n"));
        self.keys(", credentials: {usernameFile: user, passwordFile: password}")
    }
}

#[test]
fn a_repository_behind_tls_a_user_and_a_password_is_read() {
    let served = Served::new();
    let keys = served.with_login(CANARY);
    served.scene.check(&keys).is_in_sync();
}

#[test]
fn a_token_is_enough() {
    let served = Served::new();
    served.server.login("x-access-token", CANARY);
    served.scene.file("token", CANARY);
    served.scene.check(&served.keys(", credentials: {tokenFile: token}")).is_in_sync();
}

#[test]
fn a_bearer_token_is_sent_as_one_and_never_shown() {
    let served = Served::new();
    served.server.token(CANARY);
    served.scene.file("token", CANARY);
    let keys = served.keys(", credentials: {bearerTokenFile: token}");
    served.scene.check(&keys).is_in_sync();
    served.server.token("rotated");
    served.scene.check(&keys).fails("unauthorized", &["refuses the credentials"]);
    served.server.behave(Behaviour::Refuse(500));
    served.scene.check(&keys).fails("failed", &["cannot fetch https://127.0.0.1"]);
}

#[test]
fn a_wrong_password_is_told_and_never_shown() {
    let served = Served::new();
    let keys = served.with_login(&format!("wrong-{CANARY}"));
    served.scene.check(&keys).fails("unauthorized", &["refuses the credentials", "check the files of `credentials`"]);
}

#[test]
fn credentials_that_are_lacking_are_told() {
    let served = Served::new();
    served.server.login("bot", CANARY);
    served
        .scene
        .check(&served.keys(""))
        .fails("unauthorized", &["name `usernameFile` and `passwordFile`, or `tokenFile`"]);
}

#[test]
fn a_file_of_credentials_that_cannot_be_used_is_named() {
    let served = Served::new();
    let keys = served.with_login(CANARY);
    served.scene.file("password", "\n");
    served.scene.check(&keys).fails("failed", &["passwordFile", "/password is empty"]);
    served.scene.file("password", &format!("{CANARY}\nmore\n"));
    served.scene.check(&keys).fails("failed", &["/password holds several lines"]);
    std::fs::remove_file(served.scene.folder.path().join("password")).unwrap();
    served.scene.check(&keys).fails("failed", &["/password cannot be read"]);
}

#[test]
fn a_server_that_quotes_the_credentials_does_not_make_them_show() {
    let served = Served::new();
    let keys = served.with_login(CANARY);
    for (status, reason) in [(500, "failed"), (403, "forbidden"), (404, "not-found")] {
        served.server.behave(Behaviour::Refuse(status));
        served.scene.check(&keys).fails(reason, &["cannot fetch https://127.0.0.1"]);
    }
}

#[test]
fn an_authority_that_is_not_known_is_told() {
    let served = Served::new();
    let keys = format!("url: \"{}\"", served.url);
    served.scene.check(&keys).fails("failed", &["its issuer is not known", "`caFile`"]);
    let other = Authority::new();
    let keys = format!("url: \"{}\", caFile: \"{}\"", served.url, other.bundle().display());
    served.scene.check(&keys).fails("failed", &["its issuer is not known"]);
    assert_eq!(served.server.requests(), [""; 0], "nothing was sent to a server that is not trusted");
}

#[test]
fn a_certificate_for_another_name_is_told() {
    let (scene, authority) = (Scene::new(), Authority::new());
    let server = GitServer::named(&authority, "git.example.org");
    let url = server.serve("platform.git", scene.repository.path());
    let keys = format!("url: \"{url}\", caFile: \"{}\"", authority.bundle().display());
    scene.check(&keys).fails("failed", &["it was issued for another name"]);
}

#[test]
fn a_bundle_that_is_none_is_named() {
    let served = Served::new();
    served.scene.file("ca.pem", "nothing\n");
    let keys = format!("url: \"{}\", caFile: ca.pem", served.url);
    served.scene.check(&keys).fails("failed", &["caFile", "/ca.pem holds no certificate"]);
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let served = Served::new();
    // Bound and not listening any more: nobody else gets the port before the check.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let keys = format!("url: \"https://127.0.0.1:{port}/platform.git\"");
    served.scene.check(&keys).fails("unreachable", &["cannot reach 127.0.0.1", "check the repository's url"]);
}

#[test]
fn a_repository_that_is_not_there_is_told() {
    let served = Served::new();
    let keys = served.keys("").replace("platform.git", "plattform.git");
    served.scene.check(&keys).fails("not-found", &["no such repository"]);
}

#[test]
fn a_web_page_is_no_repository() {
    let served = Served::new();
    served.server.behave(Behaviour::Refuse(200));
    served.scene.check(&served.keys("")).fails("failed", &["which is no Git repository"]);
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let served = Served::new();
    served.server.behave(Behaviour::Hang);
    let keys = served.keys(", idleTimeout: 200ms");
    served.scene.check(&keys).fails("unreachable", &["silent for 0.2s", "`idleTimeout`"]);
}

#[test]
fn a_server_that_hangs_while_it_sends_objects_is_given_up() {
    let served = Served::new();
    served.server.behave(Behaviour::HangAtObjects);
    served.scene.check(&served.keys(", idleTimeout: 200ms")).fails("unreachable", &["silent for 0.2s"]);
}

#[test]
fn a_server_that_never_completes_the_handshake_is_given_up() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let keys = format!("url: \"https://{}/p\", idleTimeout: 200ms", listener.local_addr().unwrap());
    scene.check(&keys).fails("unreachable", &["silent for 0.2s"]);
}

#[test]
fn a_fetch_has_an_end_although_the_server_may_be_silent_for_long() {
    let served = Served::new();
    served.server.behave(Behaviour::Hang);
    let keys = served.keys(", idleTimeout: 1h, fetchTimeout: 200ms");
    served.scene.check(&keys).fails("unreachable", &["not done after 0.2s", "`fetchTimeout`"]);
}

#[test]
fn an_interrupted_check_ends_and_leaves_nothing_behind_although_the_server_hangs() {
    let served = Served::new();
    served.server.behave(Behaviour::HangAtObjects);
    let config = served.scene.configure(&served.keys(", idleTimeout: 1h"), &[("prod", "branch: main")]);
    let mut check = served.scene.command(&config).start();
    let asks_for_objects = || served.server.requests().iter().any(|request| request.starts_with("POST")).then_some(());
    eventually("the objects are asked for", asks_for_objects);
    let ended = check.end("INT");
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let left: Vec<_> = std::fs::read_dir(served.scene.folder.path().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_proxy_of_the_configuration_is_used() {
    let (served, proxy) = (Served::new(), Proxy::start(""));
    let keys = served.with_login(CANARY) + &format!(", proxy: \"http://{}\"", proxy.address());
    served.scene.check(&keys).is_in_sync();
    let heads = proxy.heads();
    assert!(heads[0].starts_with(&format!("CONNECT {} ", served.server.address())), "{heads:?}");
    assert!(heads.iter().all(|head| !head.to_lowercase().contains("authorization")), "{heads:?}");
}

#[test]
fn the_proxy_of_the_environment_is_used_unless_it_is_excepted() {
    // base64 of user:canary-7f3a9c
    let (served, proxy) = (Served::new(), Proxy::start("Proxy-Authorization: Basic dXNlcjpjYW5hcnktN2YzYTlj\r\n"));
    let checked = |keys: &str, user: &str, except: &str| {
        let config = served.scene.configure(keys, &[("prod", "branch: main")]);
        let mut command = served.scene.command(&config);
        command.env("HTTPS_PROXY", format!("http://{user}@{}", proxy.address())).env("NO_PROXY", except);
        Checked::of(&mut command)
    };
    let login = format!("user:{CANARY}");
    checked(&served.keys(""), &login, "").is_in_sync();
    let asked = proxy.heads().len();
    assert!(asked > 0);
    checked(&served.keys(""), &login, "127.0.0.0/8").is_in_sync();
    checked(&served.keys(", proxy: none"), &login, "").is_in_sync();
    assert_eq!(proxy.heads().len(), asked, "nothing more went through the proxy");
    checked(&served.keys(""), &format!("user:wrong-{CANARY}"), "")
        .fails("unreachable", &["wants a user and a password"]);
}

#[test]
fn a_redirection_is_followed_without_the_credentials() {
    let served = Served::new();
    let keys = served.with_login(CANARY);
    let other = GitServer::start(&served.authority);
    served.server.behave(Behaviour::Redirect(other.serve("moved.git", served.scene.repository.path())));
    served.scene.check(&keys).is_in_sync();
    let requests = other.requests();
    assert!(requests.iter().any(|request| request.starts_with("POST /moved.git/git-upload-pack")), "{requests:?}");
    assert!(requests.iter().all(|request| !request.contains("credentials")), "{requests:?}");
    let plain = other.url("moved.git").replace("https", "http");
    served.server.behave(Behaviour::Redirect(plain));
    served.scene.check(&keys).fails("failed", &["redirects to an address without encryption"]);
    served.server.behave(Behaviour::Redirect(served.url.clone()));
    served.scene.check(&keys).fails("failed", &["redirects again and again"]);
}

#[test]
fn a_repository_that_is_said_to_have_changed_is_fetched_before_its_time_and_once() {
    let served = Served::new();
    let config = served.scene.configure(&served.keys(""), &[("prod", "branch: main")]);
    let mut config = Config::load(&config).unwrap();
    config.interval = Duration::from_hours(1);
    let repositories = Repositories::new(&config);
    let runtime = Runtime::new().unwrap();
    let revision = || runtime.block_on(repositories.tip(&config.environments[0])).unwrap().commit;
    let first = revision();
    served.scene.repository.commit("main", &[("app.yaml", "# changed\n")]);
    assert_eq!(revision(), first, "its time has not come");
    let told = Instant::now();
    repositories.changed("nothing", told);
    assert_eq!(revision(), first, "it is about another one");
    repositories.changed("platform", told);
    let second = revision();
    assert_ne!(second, first);
    served.scene.repository.commit("main", &[("app.yaml", "# changed again\n")]);
    repositories.changed("platform", told);
    assert_eq!(revision(), second, "it has been fetched since that was said");
}
