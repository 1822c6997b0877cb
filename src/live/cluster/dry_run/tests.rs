//! What is made of a refusal, and addresses that no name can bend.

use kube::core::response::{StatusCause, StatusDetails};
use serde_json::json;

use super::*;
use crate::drift::model::{ObjectKey, Scope, Unsealed};
use crate::live::Served;

const CANARY: &str = "canary-3d5a71c04be98f62";

fn status(code: u16, message: &str, fields: &[&str]) -> Status {
    let cause = |field: &&str| StatusCause {
        reason: "FieldValueInvalid".to_owned(),
        message: format!("Invalid value: {CANARY}"),
        field: (*field).to_owned(),
    };
    let causes = fields.iter().map(cause).collect();
    let none = String::new;
    let details =
        StatusDetails { name: none(), group: none(), kind: none(), uid: none(), causes, retry_after_seconds: 0 };
    Status { details: Some(details), ..Status::failure(message, "Invalid").with_code(code) }
}

fn told(status: &Status) -> (WithheldReason, String) {
    let Withheld { reason, message } = refusal(status, &TypeKey::new("v1", "Secret"), "secrets", "db");
    assert!(!message.contains(CANARY), "{message}");
    (reason, message)
}

#[test]
fn a_refusal_is_told_without_the_servers_own_words() {
    let quoting = |text: &str| text.replace("CANARY", CANARY);
    let cases = [
        (422, "Secret \"db\" is invalid: data[p]: Invalid value: CANARY", WithheldReason::Invalid, "data[p]"),
        (
            403,
            "secrets \"db\" is forbidden: User \"CANARY\" cannot patch resource \"secrets\" in API group \"\"",
            WithheldReason::Forbidden,
            "verb patch on secrets in the API group \"\"",
        ),
        (403, "secrets \"db\" is forbidden: exceeded quota: CANARY", WithheldReason::Denied, "admission"),
        (
            422,
            "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'quoter' with binding 'b' denied request: CANARY",
            WithheldReason::Denied,
            "policy quoter",
        ),
        (
            400,
            "admission webhook \"w.example.org\" denied the request: CANARY",
            WithheldReason::Denied,
            "w.example.org",
        ),
        (400, "admission webhook \"CANARY!\" denied the request", WithheldReason::Failed, "400"),
        (409, "the object has been modified: CANARY", WithheldReason::Changed, "changed"),
        (404, "secrets \"CANARY\" not found", WithheldReason::Changed, "vanished"),
        (500, "CANARY", WithheldReason::Failed, "500"),
    ];
    for (code, message, reason, part) in cases {
        let told =
            told(&status(code, &quoting(message), if reason == WithheldReason::Invalid { &["data[p]"] } else { &[] }));
        assert_eq!(told.0, reason, "{message}");
        assert!(told.1.contains(part), "{part:?} is not in {:?}", told.1);
    }
}

#[test]
fn only_some_fields_of_many_are_named() {
    let fields: Vec<String> = (0..9).map(|index| format!("spec.ports[{index}]")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let (_, message) = told(&status(422, "invalid", &fields));
    assert!(message.contains("spec.ports[4]") && !message.contains("spec.ports[5]"), "{message}");
}

#[test]
fn no_name_can_end_the_path_and_with_it_the_dry_run() {
    let proposal = |namespace: Option<&str>, name: &str| Proposal {
        key: ObjectKey {
            type_key: TypeKey::new("rbac.authorization.k8s.io/v1", "Role"),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        },
        served: Served { plural: "roles".to_owned(), scope: Scope::Namespaced },
        body: Unsealed::new(json!({})),
    };
    let root = "/apis/rbac.authorization.k8s.io/v1";
    assert_eq!(
        url(&proposal(Some("a/../b"), "x?y#z&dryRun")),
        format!("{root}/namespaces/a%2F..%2Fb/roles/x%3Fy%23z%26dryRun")
    );
    assert_eq!(url(&proposal(None, "system:a b")), format!("{root}/roles/system%3Aa%20b"));
}
