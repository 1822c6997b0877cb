//! Watches of the real API server, through everything that ends one, and of a scripted one for what it does not do.

mod follower;
mod scripted;

use driftd::drift::model::GapReason;
use driftd::live::Restart;
use serde_json::{Value, json};

use crate::fixture::{ControlPlane, Gate, Namespace, Patch, Rule, eventually, refusal};
use follower::{Follower, Known};

const CONFIG_MAPS: (&str, &str, &str) = ("v1", "ConfigMap", "configmaps");

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"colour": "blue"}})
}

fn create(namespace: &Namespace, name: &str) {
    namespace.create(&config_map(name), "tests").unwrap();
}

fn path(namespace: &Namespace, name: &str) -> String {
    format!("/api/v1/namespaces/{}/configmaps/{name}", namespace.name)
}

fn paint(namespace: &Namespace, name: &str, colour: &str) {
    let change = json!({"data": {"colour": colour}});
    namespace.admin.api().patch(&path(namespace, name), Patch::Merge, &change, "tests").unwrap();
}

fn delete(namespace: &Namespace, name: &str) {
    namespace.admin.api().delete(&path(namespace, name)).unwrap();
}

#[test]
fn a_namespace_is_listed_and_followed_by_one_request() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("follow");
    create(&namespace, "one");
    let user = plane.user(&[Rule::namespaced(&namespace.name, &[""], &["configmaps"], &["watch"])]);
    let follower = Follower::new(user.path(), CONFIG_MAPS, Some(&namespace.name));
    let full = |name: &str| format!("{}/{name}", namespace.name);
    let first = follower.until("the first list is complete", |known| known.lists == 1);
    assert_eq!(first.names(), [full("one")]);

    create(&namespace, "two");
    let known = follower.until("the new object is seen", |known| known.objects.len() == 2);
    paint(&namespace, "one", "red");
    follower.until("the change is seen", |now| now.objects[&full("one")] != known.objects[&full("one")]);
    delete(&namespace, "two");
    let known = follower.until("the deletion is seen", |known| known.objects.len() == 1);
    assert_eq!((known.lists, known.changes, known.losses), (1, 3, 0));
    assert_eq!((follower.requests("watch", 200), follower.requests("list", 200)), (1, 0));
}

#[test]
fn a_watch_of_the_cluster_sees_every_namespace_and_one_of_a_namespace_its_own() {
    let plane = ControlPlane::shared();
    let namespaces = [plane.namespace("near"), plane.namespace("far")];
    let kubeconfig = plane.admin().path();
    let near = Follower::new(kubeconfig, CONFIG_MAPS, Some(&namespaces[0].name));
    let both = Follower::new(kubeconfig, CONFIG_MAPS, None);
    near.until("the near list is complete", |known| known.lists == 1);
    both.until("the wide list is complete", |known| known.lists == 1);
    for namespace in &namespaces {
        create(namespace, "settings");
    }
    let names = namespaces.each_ref().map(|namespace| format!("{}/settings", namespace.name));
    both.until("both objects are seen", |known| names.iter().all(|name| known.objects.contains_key(name)));
    near.until("the near object is seen", |known| known.objects.contains_key(&names[0]));
    paint(&namespaces[1], "settings", "red");
    paint(&namespaces[0], "settings", "red");
    near.until("the change is seen", |known| known.changes == 2);
    assert_eq!(near.known().names(), [&names[0]]);
}

#[test]
fn a_connection_that_is_cut_goes_on_without_a_new_list() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("cut");
    let gate = Gate::to(plane.port());
    let follower = Follower::new(plane.through(&gate, plane.admin()).path(), CONFIG_MAPS, Some(&namespace.name));
    follower.until("the first list is complete", |known| known.lists == 1);
    create(&namespace, "one");
    follower.until("the object is seen", |known| known.objects.len() == 1);
    gate.close();
    follower
        .until("the loss is told", |known| known.lost.as_ref().is_some_and(|lost| lost.0 == GapReason::Unreachable));
    create(&namespace, "two");
    delete(&namespace, "one");
    gate.open();
    let known = follower.until("what happened meanwhile is seen", |known| known.changes == 3);
    assert_eq!((known.names(), known.lists), (vec![format!("{}/two", namespace.name).as_str()], 1));
    assert!(known.lost.is_none() && follower.restarts(Restart::Ended) >= 1);
}

#[test]
fn a_version_that_is_too_old_after_the_servers_restart_is_listed_anew() {
    let mut plane = ControlPlane::start();
    let namespace = plane.namespace("old");
    let gate = Gate::to(plane.port());
    let follower = Follower::new(plane.through(&gate, plane.admin()).path(), CONFIG_MAPS, Some(&namespace.name));
    for name in ["one", "two"] {
        create(&namespace, name);
    }
    follower.until("both objects are seen", |known| known.objects.len() == 2);
    gate.close();
    delete(&namespace, "one");
    create(&namespace, "three");
    plane.stop_apiserver();
    plane.start_apiserver();
    gate.open();
    let full = |name: &str| format!("{}/{name}", namespace.name);
    let known = follower.until("the deletion is noticed", |known| !known.objects.contains_key(&full("one")));
    assert_eq!(known.names(), [full("three"), full("two")]);
    assert_eq!(known.lists, 2, "a server that has started does not know what changed before");
    assert!(follower.restarts(Restart::Expired) >= 1);

    plane.stop_apiserver();
    follower.until("the loss is told", |known| known.lost.is_some());
    plane.start_apiserver();
    create(&namespace, "four");
    follower.until("the next change is seen", |known| known.objects.contains_key(&full("four")));
}

#[test]
fn a_right_that_is_taken_is_told_and_one_that_is_given_back_is_used() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("rights");
    let user = plane.user(&[Rule::namespaced(&namespace.name, &[""], &["configmaps"], &["list", "watch"])]);
    let gate = Gate::to(plane.port());
    let follower = Follower::new(plane.through(&gate, &user).path(), CONFIG_MAPS, Some(&namespace.name));
    follower.until("the first list is complete", |known| known.lists == 1);
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings", namespace.name);
    let api = plane.admin().api();
    let mut binding = api.get(&bindings).unwrap()["items"][0].clone();
    let name = binding["metadata"]["name"].as_str().unwrap().to_owned();
    api.delete(&format!("{bindings}/{name}")).unwrap();
    let list = format!("/api/v1/namespaces/{}/configmaps", namespace.name);
    eventually("the right is gone", || {
        user.api().get(&list).is_err_and(|error| refusal(&error) == Some(403)).then_some(())
    });
    gate.cut();
    let is_forbidden = |known: &Known| known.lost.as_ref().is_some_and(|lost| lost.0 == GapReason::Forbidden);
    let told = follower.until("the missing right is told", is_forbidden).lost.unwrap().1;
    for part in ["may not watch", "grant the verbs list and watch", "configmaps", &namespace.name] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    create(&namespace, "one");
    binding["metadata"].as_object_mut().unwrap().retain(|key, _| key == "name");
    api.create(&bindings, &binding, "tests").unwrap();
    follower.until("what changed meanwhile is seen", |known| known.objects.len() == 1 && known.lost.is_none());
}

#[test]
fn a_kind_that_is_deleted_and_made_again_is_followed_again() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("kinds");
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "comings.watch.example.com"},
        "spec": {
            "group": "watch.example.com", "scope": "Namespaced",
            "names": {"plural": "comings", "kind": "Coming"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let objects = format!("/apis/watch.example.com/v1/namespaces/{}/comings", namespace.name);
    let object =
        |name: &str| json!({"apiVersion": "watch.example.com/v1", "kind": "Coming", "metadata": {"name": name}});
    let api = plane.admin().api();
    api.create(definitions, &definition, "tests").unwrap();
    eventually("the kind is served", || api.create(&objects, &object("one"), "tests").ok());
    let kind = ("watch.example.com/v1", "Coming", "comings");
    let follower = Follower::new(plane.admin().path(), kind, Some(&namespace.name));
    follower.until("the object is seen", |known| known.lists == 1 && known.objects.len() == 1);

    api.delete(&format!("{definitions}/comings.watch.example.com")).unwrap();
    let is_told = |reason| move |lost: &(GapReason, String)| lost.0 == reason;
    follower.until("the loss is told", |known| known.lost.as_ref().is_some_and(is_told(GapReason::NotServed)));
    eventually("the kind is made again", || api.create(definitions, &definition, "tests").ok());
    eventually("the kind is served", || api.create(&objects, &object("two"), "tests").ok());
    let known = follower.until("the new object is seen", |known| known.names() == [format!("{}/two", namespace.name)]);
    assert!(known.lists >= 2 && known.lost.is_none(), "{known:?}");
}
