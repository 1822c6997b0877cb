//! Users have exactly the rights that they are given.

use serde_json::json;

use crate::fixture::{ControlPlane, Kubeconfig, Rule, refusal};

#[test]
fn a_user_has_the_given_rights_and_no_other() {
    let plane = ControlPlane::shared();
    let [own, other] = ["own", "other"].map(|prefix| plane.namespace(prefix).name);
    let user = plane.user(&[Rule::namespaced(&own, &[""], &["configmaps"], &["list", "get"])]);
    let collection = |namespace: &str, plural: &str| format!("/api/v1/namespaces/{namespace}/{plural}");
    assert!(may_list(&user, &collection(&own, "configmaps")));
    assert!(!may_list(&user, &collection(&other, "configmaps")));
    assert!(!may_list(&user, &collection(&own, "secrets")));
    let new = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}});
    let refused = user.api().create(&collection(&own, "configmaps"), &new, "tests").unwrap_err();
    assert_eq!(refusal(&refused), Some(403));
}

#[test]
fn a_cluster_rule_holds_in_every_namespace() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("any").name;
    let rules = [Rule::cluster(&["apps"], &["deployments"], &["list"]), Rule::cluster(&[""], &["services"], &["list"])];
    let user = plane.user(&rules);
    assert!(may_list(&user, "/apis/apps/v1/deployments"));
    assert!(may_list(&user, &format!("/api/v1/namespaces/{namespace}/services")));
    assert!(!may_list(&user, "/apis/apps/v1/statefulsets"));
}

#[test]
fn a_user_without_rules_sees_discovery_alone() {
    let user = ControlPlane::shared().user(&[]);
    assert_eq!(user.api().get("/apis").unwrap()["kind"], "APIGroupList");
    assert!(!may_list(&user, "/api/v1/namespaces"));
    let listing = user.kubectl(&["get", "namespaces"], "");
    assert!(String::from_utf8(listing.stderr).unwrap().contains("(Forbidden)"));
}

/// Whether the server lists the collection for the user or forbids it.
fn may_list(user: &Kubeconfig, collection: &str) -> bool {
    match user.api().get(collection) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(refusal(&error), Some(403), "{error}");
            false
        }
    }
}
