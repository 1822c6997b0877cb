//! What is kept of live objects, and when they have to be looked at again.

use super::*;
use crate::drift::model::{Declared, Redactor};
use crate::drift::schema::kubernetes;
use crate::manifest;

const DEPLOYMENT: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {replicas: 3, \
                          template: {spec: {containers: [{name: a, image: 'x:1'}]}}}}";

fn read(text: &str) -> manifest::Placed {
    manifest::objects(&"a.yaml".into(), text.as_bytes(), &Redactor::new(&[7; 32])).remove(0).unwrap()
}

fn live(text: &str) -> Live {
    Live::from(read(text).0)
}

/// The live object that a server tells with `managedFields`.
fn managed(text: &str, api_version: &str) -> Live {
    let mut content = crate::yaml::documents(text.as_bytes(), &crate::yaml::Budget::default()).remove(0).unwrap().value;
    content["metadata"]["managedFields"] = serde_json::json!([{
        "manager": "kubectl-edit", "operation": "Update", "apiVersion": api_version, "time": "2026-11-21T10:00:00Z",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }]);
    Live::from(Declared::new(content, &Redactor::new(&[7; 32])).unwrap())
}

fn standing(objects: &[&str]) -> Standing {
    let declared: Declarations = objects
        .iter()
        .map(|text| {
            let (declared, position, lines) = read(text);
            Desired::new(declared, position, &lines).pack()
        })
        .collect();
    let schemas = declared.keys().map(|key| (key.type_key.clone(), kubernetes::schema())).collect();
    Standing::new("test", declared, schemas, Autoscalers::default(), Arc::new(Rules::default()))
}

/// The verdict on the only declared object.
fn verdict(standing: &Standing, found: Found<&Seen>) -> ObjectAssessment {
    standing.verdict(&standing.declared().objects()[0], found, &Second::default()).unwrap()
}

#[test]
fn of_an_object_in_sync_only_what_later_steps_need_is_kept() {
    let standing = standing(&[DEPLOYMENT]);
    let seen = standing.look(managed(DEPLOYMENT, "apps/v1"));
    assert!(seen.whole().is_none());
    assert_eq!(seen.template.as_ref().unwrap().spec.image("a"), Some("x:1"));
    assert_eq!(verdict(&standing, Found::Here(&seen)).state, State::InSync);
}

#[test]
fn what_drifts_leaves_or_is_owned_in_the_words_of_another_version_is_kept_whole() {
    let standing = standing(&[DEPLOYMENT]);
    let edited = DEPLOYMENT.replace("replicas: 3", "replicas: 4");
    let seen = standing.look(live(&edited));
    assert_eq!(seen.whole().unwrap().content["spec"]["replicas"], 4);
    assert_eq!(verdict(&standing, Found::Here(&seen)).state, State::Modified);
    let leaving = live(&DEPLOYMENT.replace("name: web", "name: web, deletionTimestamp: '2026-11-21T10:00:00Z'"));
    let seen = standing.look(leaving);
    assert!(seen.is_terminating());
    assert_eq!(verdict(&standing, Found::Here(&seen)).state, State::Missing);
    let explained = DEPLOYMENT.replace("name: web", "name: web, annotations: {deployment.kubernetes.io/revision: '2'}");
    assert!(standing.look(managed(&explained, "apps/v1")).whole().is_none());
    assert!(standing.look(managed(&explained, "apps/v1beta1")).whole().is_some());
    let equal = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {a: b}}";
    let seen = self::standing(&[equal]).look(managed(equal, "v1beta1"));
    assert!(seen.whole().is_none(), "nothing differs, so nobody is asked");
}

#[test]
fn what_is_not_there_is_missing_only_where_everything_was_looked_at() {
    let standing = standing(&[DEPLOYMENT]);
    assert_eq!(verdict(&standing, Found::Absent).state, State::Missing);
    assert_eq!(verdict(&standing, Found::Unknown).state, State::Unknown);
}

#[test]
fn an_autoscaler_names_the_objects_that_have_to_be_looked_at_again() {
    let mut standing = standing(&[DEPLOYMENT, &DEPLOYMENT.replace("name: web", "name: other")]);
    let scaled = live(&DEPLOYMENT.replace("replicas: 3", "replicas: 5"));
    let autoscaler = |most: u8| {
        live(&format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h, namespace: shop}}, spec: \
             {{maxReplicas: {most}, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}}}"
        ))
    };
    let state = |standing: &Standing| verdict(standing, Found::Here(&standing.look(scaled.clone()))).state;
    assert_eq!(state(&standing), State::Modified);
    let touched = standing.scale(Autoscalers::among(&[autoscaler(5)]));
    assert_eq!(touched.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(state(&standing), State::InSync);
    assert!(standing.scale(Autoscalers::among(&[autoscaler(5)])).is_empty(), "nothing changed");
    assert_eq!(standing.scale(Autoscalers::among(&[autoscaler(4)])).len(), 1);
    assert_eq!(state(&standing), State::Modified);
    assert_eq!(standing.scale(Autoscalers::default()).len(), 1);
}
