//! Which autoscalers are read beside what Git declares.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::drift::model::{Declarations, Gap, GapReason, Packed, Schema, Scope, Shape, TypeKey};
use crate::live::{Listing, Served, Wanted};

/// The kinds of autoscalers, and the word of their URLs.
const KINDS: [(&str, &str, &str); 3] = [
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "verticalpodautoscalers"),
    ("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
];

/// Fields of a `spec` by which an autoscaler may have something to set.
const SCALED: [&str; 2] = ["replicas", "template"];

/// Whether a kind is one of them, at whatever version.
pub(super) fn is_autoscaler(type_key: &TypeKey) -> bool {
    let own = type_key.kind_key();
    KINDS.iter().any(|(api_version, kind, _)| TypeKey::new(api_version, kind).kind_key() == own)
}

/// The autoscalers of each namespace in which something that scales is declared, where they are not `listed` anyway.
pub(super) fn wanted(
    declared: &Declarations,
    schemas: &HashMap<TypeKey, Arc<Schema>>,
    listed: &[Wanted],
) -> Vec<Wanted> {
    let scaling = declared.objects().iter().filter(|object| scales(object, schemas));
    let namespaces: BTreeSet<&String> = scaling.filter_map(|object| object.key.namespace.as_ref()).collect();
    let all = namespaces.into_iter().flat_map(|namespace| {
        KINDS.map(|(api_version, kind, plural)| Wanted {
            type_key: TypeKey::new(api_version, kind),
            served: Served { plural: plural.to_owned(), scope: Scope::Namespaced },
            namespace: Some(namespace.clone()),
        })
    });
    let is_listed = |one: &Wanted| {
        listed
            .iter()
            .any(|other| other.type_key.kind_key() == one.type_key.kind_key() && other.namespace == one.namespace)
    };
    all.filter(|one| !is_listed(one)).collect()
}

fn scales(object: &Packed, schemas: &HashMap<TypeKey, Arc<Schema>>) -> bool {
    let type_key = &object.key.type_key;
    let spec = schemas.get(type_key).and_then(|schema| match schema.shape(schema.root(type_key)) {
        Shape::Struct(root) => root.fields.get("spec").map(|spec| schema.shape(spec.node)),
        _ => None,
    });
    if let Some(Shape::Struct(spec)) = spec {
        return SCALED.iter().any(|field| spec.fields.contains_key(*field));
    }
    let content = object.unpack().content;
    SCALED.iter().any(|field| content["spec"].get(field).is_some())
}

/// What keeps autoscalers from being known. One that may not be read, or that no cluster serves, is as good as none:
/// then the number of replicas is judged without it.
pub(super) fn gaps(scaling: &mut Listing) -> impl Iterator<Item = Gap> {
    std::mem::take(&mut scaling.gaps)
        .into_iter()
        .filter(|gap| !matches!(gap.reason, GapReason::Forbidden | GapReason::NotServed))
}
