//! Files that SOPS encrypted: their keys are compared, their values are nobody's to know.

use serde_json::json;

use super::{How, PERSON, Scene, findings};
use crate::fixture::{canary, canary_base64};

/// As Git has it: values encrypted, a section that the server does not know.
const ENCRYPTED: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: s, labels: {app: trino}}
type: Opaque
data:
  p: ENC[AES256_GCM,data:rRyJd4,iv:7Fh1,tag:Zk2w==,type:str]
stringData:
  q: ENC[AES256_GCM,data:bGWc,iv:X8sa,tag:kA1s==,type:str]
sops:
  age: [{recipient: age1qy0, enc: 'ENC[x]'}]
  encrypted_regex: ^(data|stringData)$
  lastmodified: '2026-11-01T10:00:00Z'
  mac: ENC[AES256_GCM,data:fQ==,iv:Qw==,tag:Zw==,type:str]
  version: 3.9.1
";

/// What the deployer makes of it.
fn decrypted() -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, labels: {{app: trino}}}}\ntype: Opaque\n\
         data: {{p: {}}}\nstringData: {{q: {}}}\n",
        canary_base64("encrypted"),
        canary("encrypted text")
    )
}

#[test]
fn a_secret_that_sops_encrypted_is_compared_by_its_keys() {
    let scene = Scene::new();
    scene.declare(ENCRYPTED);
    scene.apply(How::ServerSide, &decrypted());
    let silent = scene.run("json");
    assert_eq!(findings(&silent.json()), [""; 0], "{}", silent.stdout);
    assert_eq!((silent.json()["environments"][0]["gaps"].clone(), silent.code), (json!([]), Some(0)));
    assert!(!silent.stdout.contains("warnings"), "{}", silent.stdout);

    let secret = ("v1", "Secret", "s");
    scene.patch(secret, &json!({"data": {"p": canary_base64("another value")}}), PERSON);
    assert_eq!(findings(&scene.run("json").json()), [""; 0], "nobody can tell");
    let edited = json!({"data": {"q": null, "new": canary_base64("a new key")}, "metadata": {"labels": {"app": "x"}}});
    scene.patch(secret, &edited, PERSON);
    let expected = [
        "Secret s: data.new added by kubectl-edit (manual)",
        "Secret s: data.q removed by - (manual)",
        "Secret s: metadata.labels.app changed by kubectl-edit (manual)",
    ];
    assert_eq!(findings(&scene.run("json").json()), expected);
}

#[test]
fn an_encrypted_object_is_never_sent_to_the_server() {
    let scene = Scene::new();
    scene.declare(ENCRYPTED);
    scene.apply(How::ServerSide, &decrypted());
    let ended = scene.run_with(scene.namespace.admin.path(), "", &["-o", "json", "--strategy", "server"]);
    let object = &ended.json()["environments"][0]["objects"][0];
    assert_eq!(object["dryRun"]["comparedLocally"]["reason"], "encrypted", "{object}");
    assert_eq!((&object["state"], ended.code), (&json!("in-sync"), Some(0)));
}
