//! A control plane of a test's own: its API server stops and starts, its controllers run.

use serde_json::json;

use crate::fixture::{ControlPlane, eventually, refusal};

#[test]
fn the_api_server_stops_and_starts_on_the_same_port_with_the_same_data() {
    let mut plane = ControlPlane::start();
    let namespace = plane.namespace("lasting").name;
    let path = format!("/api/v1/namespaces/{namespace}");
    let user = plane.user(&[]);
    plane.stop_apiserver();
    let unreachable = plane.admin().api().get(&path).unwrap_err();
    assert_eq!(refusal(&unreachable), None, "{unreachable}");
    plane.start_apiserver();
    assert_eq!(plane.admin().api().get(&path).unwrap()["metadata"]["name"], namespace);
    assert!(user.api().get("/apis").is_ok(), "tokens stay valid");
}

#[test]
fn controllers_finish_deletions_and_aggregate_roles() {
    let mut plane = ControlPlane::start();
    let namespace = plane.namespace("short-lived").name;
    let path = format!("/api/v1/namespaces/{namespace}");
    let view = "/apis/rbac.authorization.k8s.io/v1/clusterroles/view";
    assert_eq!(plane.admin().api().get(view).unwrap()["rules"], json!(null));
    plane.start_controllers(&["namespace-controller", "clusterrole-aggregation-controller"]);
    let api = plane.admin().api();
    api.delete(&path).unwrap();
    eventually("the namespace is deleted", || {
        api.get(&path).err().filter(|error| refusal(error) == Some(404)).map(|_| ())
    });
    eventually("the ClusterRole 'view' has rules", || {
        api.get(view).unwrap()["rules"].as_array().filter(|rules| !rules.is_empty()).map(|_| ())
    });
}

#[test]
fn the_token_of_an_existing_service_account_is_that_account() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("accounts");
    let created = namespace.admin.kubectl(&["create", "serviceaccount", "robot"], "");
    assert!(created.status.success());
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let robot = plane.service_account(&namespace.name, "robot");
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let itself = robot.api().create(path, &review, "tests").unwrap();
    let expected = format!("system:serviceaccount:{}:robot", namespace.name);
    assert_eq!(itself["status"]["userInfo"]["username"], expected);
}
