//! Proofs, names and numbers, without a connection.

use super::*;

const SECRET: &[u8] = b"It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
/// The example of GitHub's documentation.
const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn proven(forge: Forge, name: &'static str, value: &str, body: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    is_proven(forge, SECRET, &headers, body)
}

#[test]
fn a_signature_proves_exactly_the_bytes_that_were_signed() {
    let prefixed = format!("sha256={SIGNATURE}");
    for (forge, header) in [
        (Forge::GitHub, "x-hub-signature-256"),
        (Forge::Generic, "x-hub-signature-256"),
        (Forge::Bitbucket, "x-hub-signature"),
        (Forge::Gitea, "x-gitea-signature"),
        (Forge::Gitea, "x-forgejo-signature"),
    ] {
        assert!(proven(forge, header, &prefixed, BODY) && proven(forge, header, SIGNATURE, BODY), "{forge:?}");
        assert!(!proven(forge, header, &prefixed, b"Hello, World"), "{forge:?}");
        for wrong in ["", "sha256=", &SIGNATURE[..62], &prefixed.replace('7', "8"), "sha256=zz", "sha1=00"] {
            assert!(!proven(forge, header, wrong, BODY), "{forge:?} {wrong}");
        }
        assert!(!proven(forge, "x-other", &prefixed, BODY), "{forge:?}");
    }
}

#[test]
fn a_token_and_a_login_are_the_secret_itself() {
    let secret = std::str::from_utf8(SECRET).unwrap();
    assert!(proven(Forge::GitLab, "x-gitlab-token", secret, BODY));
    assert!(proven(Forge::Azure, "authorization", &format!("Basic {}", STANDARD.encode(SECRET)), BODY));
    for wrong in ["", "It's", "It's a Secret to Everybody "] {
        assert_eq!(proven(Forge::GitLab, "x-gitlab-token", wrong, BODY), wrong == secret, "{wrong}");
        assert!(!proven(Forge::Azure, "authorization", &format!("Basic {}", STANDARD.encode(wrong)), BODY), "{wrong}");
    }
    assert!(!proven(Forge::Azure, "authorization", &format!("Bearer {}", STANDARD.encode(SECRET)), BODY));
}

#[test]
fn every_forge_names_its_repository_in_its_own_words() {
    let repository = json!({"clone_url": "https", "ssh_url": "ssh", "html_url": "page"});
    assert_eq!(names(Forge::GitHub, &json!({"repository": repository})), ["https", "ssh", "page"]);
    let project = json!({"git_http_url": "https", "git_ssh_url": "ssh", "web_url": "page"});
    assert_eq!(names(Forge::GitLab, &json!({"project": project})), ["https", "ssh", "page"]);
    let links = json!({"html": {"href": "page"}, "clone": [{"href": "ssh"}, {"href": "https"}]});
    assert_eq!(names(Forge::Bitbucket, &json!({"repository": {"links": links}})), ["page", "ssh", "https"]);
    let resource = json!({"repository": {"remoteUrl": "https", "sshUrl": "ssh"}});
    assert_eq!(names(Forge::Azure, &json!({"resource": resource})), ["https", "ssh"]);
    assert_eq!(names(Forge::Generic, &json!({"repository": "platform"})), ["platform"]);
    for odd in [json!(null), json!([]), json!({"repository": 7}), json!({"repository": {"links": {"clone": {}}}})] {
        for forge in Forge::ALL {
            assert_eq!(names(forge, &odd), [""; 0]);
        }
    }
}

#[test]
fn a_burst_is_taken_and_then_one_request_a_second() {
    let start = Instant::now();
    let mut bucket = Bucket::full(start);
    let taken = |bucket: &mut Bucket, at: Instant| (0..100).filter(|_| bucket.take(at)).count();
    assert_eq!(taken(&mut bucket, start), 30);
    assert_eq!(taken(&mut bucket, start + Duration::from_secs(2)), 2);
    assert_eq!(taken(&mut bucket, start + Duration::from_hours(1)), 30);
    assert_eq!(taken(&mut bucket, start), 0, "a clock that goes back gives nothing");
}
