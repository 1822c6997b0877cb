//! Many objects compared at once, by the library itself, with everything read from the server.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use driftd::drift::attribute::Autoscalers;
use driftd::drift::model::{Declarations, Desired, KindKey, Packed, Redactor, Scope, TypeKey};
use driftd::live::{Cluster, Discovery, Source, Wanted};
use driftd::manifest;
use driftd::pipeline::{Evidence, Rules, Second, Standing, evaluate};
use serde_json::{Value, json};

/// The part of a finding that the test judges.
#[derive(Debug)]
pub struct Finding {
    pub path: String,
    pub change: &'static str,
    pub origin: &'static str,
    pub manager: Option<String>,
}

/// What is said of one object.
#[derive(Debug)]
pub struct Said {
    pub findings: Vec<Finding>,
    /// The paths of what is declared in vain.
    pub warnings: Vec<String>,
}

/// What is said of each object that was compared.
pub struct Found(HashMap<(KindKey, String), Said>);

impl Found {
    /// What is said of one object.
    pub fn of(&self, manifest: &Value) -> Option<&Said> {
        let [version, kind] = ["apiVersion", "kind"].map(|key| manifest[key].as_str().expect("text"));
        let name = manifest["metadata"]["name"].as_str().expect("text").to_owned();
        self.0.get(&(TypeKey::new(version, kind).kind_key(), name))
    }
}

/// A cluster that is scanned again and again.
pub struct Scanner {
    source: Source,
    redactor: Redactor,
    runtime: tokio::runtime::Runtime,
}

impl Scanner {
    pub fn new(kubeconfig: &Path) -> Self {
        let redactor = Redactor::new(&[7; 32]);
        let source =
            Source::Cluster(Box::new(Cluster::new("test", Some(kubeconfig.to_owned()), None, redactor.clone())));
        Self { source, redactor, runtime: tokio::runtime::Runtime::new().expect("a runtime") }
    }

    fn desired(&self, manifest: &Value) -> Packed {
        let text = manifest.to_string();
        let object = manifest::objects(&"case.json".into(), text.as_bytes(), &self.redactor).remove(0);
        let (declared, position, lines) = object.expect("the manifest is an object");
        Desired::new(declared, position, &lines).pack()
    }

    /// Compares every manifest with what lives.
    pub fn scan(&self, manifests: &[&Value], namespace: &str) -> Found {
        let mut desired: Vec<Packed> = manifests.iter().map(|manifest| self.desired(manifest)).collect();
        let types: BTreeSet<TypeKey> = desired.iter().map(|object| object.key.type_key.clone()).collect();
        let evidence = self.runtime.block_on(async {
            let discovery = self.source.discover(&types).await;
            let wanted = discovery.served.iter().map(|(type_key, served)| Wanted {
                type_key: type_key.clone(),
                served: served.clone(),
                namespace: (served.scope == Scope::Namespaced).then(|| namespace.to_owned()),
            });
            let live = self.source.list(wanted.collect()).await;
            for object in &mut desired {
                let scope = discovery.served[&object.key.type_key].scope;
                object.place(scope, namespace);
            }
            let Discovery { schemas, gaps, .. } = discovery;
            let (declared, autoscalers) = (Declarations::from_iter(desired), Autoscalers::default());
            let rules = Arc::new(Rules::new(self.redactor.clone()));
            let standing = Arc::new(Standing::new("property", declared, schemas, autoscalers, rules));
            let live = live.map(&|live| standing.look(live));
            Evidence { standing, live, extra: Vec::new(), second: Second::default(), gaps }
        });
        assert!(evidence.gaps.is_empty() && evidence.live.gaps.is_empty(), "{:?}", evidence.gaps);
        let assessment = evaluate(&evidence);
        let objects = assessment.objects.into_iter().map(|object| {
            let findings = object.findings.iter().map(|finding| Finding {
                path: finding.path.to_string(),
                change: finding.change.as_str(),
                origin: finding.origin.as_str(),
                manager: finding.manager.as_ref().map(|manager| manager.name.clone()),
            });
            let mut findings: Vec<Finding> = findings.collect();
            if !matches!(object.state.as_str(), "in-sync" | "modified") {
                findings.push(Finding {
                    path: String::new(),
                    change: object.state.as_str(),
                    origin: "",
                    manager: None,
                });
            }
            let warnings = object.warnings.iter().map(|warning| warning.path.to_string()).collect();
            ((object.key.type_key.kind_key(), object.key.name), Said { findings, warnings })
        });
        Found(objects.collect())
    }
}

/// The manifest with what it says under another name where that is compared.
pub fn as_compared(manifest: &Value) -> Value {
    let mut compared = manifest.clone();
    if compared["kind"] == "Secret"
        && let Some(Value::Object(text)) = compared.as_object_mut().and_then(|object| object.remove("stringData"))
    {
        if !compared["data"].is_object() {
            compared["data"] = json!({});
        }
        compared["data"].as_object_mut().expect("a map").extend(text);
    }
    compared
}
