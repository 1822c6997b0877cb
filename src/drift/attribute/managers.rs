//! Who is behind a field manager's name: a deployer, a controller or a person.

use std::collections::BTreeSet;

use crate::drift::model::Writer;

/// Who is behind a field manager's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    /// Brings what Git says to the cluster.
    Deployer,
    /// Reconciles on the cluster's own behalf.
    Controller,
    /// Anything else: a person, or a tool in a person's hand.
    Person,
    /// Whoever wrote before the server kept account of who writes: nobody can tell.
    Untold,
}

/// Field managers under which deployers write, exactly as they name themselves.
const DEPLOYERS: [&str; 18] = [
    "argocd",
    "argocd-controller",
    "argocd-application-controller",
    "kustomize-controller",
    "helm-controller",
    "helm",
    "Helm",
    "helmfile",
    "fleetagent",
    "fleet-agent",
    "kapp",
    "kapp-controller",
    "kapp-server-side-apply",
    "configsync",
    "configmanagement.gke.io_reconciler",
    "pulumi-kubernetes",
    "Terraform",
    "HashiCorp",
];

/// How names of deployers begin that add a version or a number of their own.
const DEPLOYER_BEGINNINGS: [&str; 2] = ["pulumi-kubernetes-", "terraform-provider-"];

/// Field managers of the control plane, also of those that are one program, and of well-known controllers.
const CONTROLLERS: [&str; 28] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-apiserver",
    "kube-proxy",
    "cloud-controller-manager",
    "apiserver",
    "cainjector",
    "cert-manager",
    "keda",
    "keda-operator",
    "vpa-updater",
    "vpa-recommender",
    "vpa-admission-controller",
    "cluster-autoscaler",
    "karpenter",
    "external-secrets",
    "external-dns",
    "istio-pilot",
    "pilot-discovery",
    "rollouts-controller",
    "k3s",
    "k0s",
    "kubelite",
    "istiod",
    "kyverno",
    "vault-k8s",
    "PrometheusOperator",
];

/// How names of controllers begin that are several programs.
const CONTROLLER_BEGINNINGS: [&str; 2] = ["cert-manager-", "cilium-operator-"];

/// How names of other controllers end by convention.
const CONTROLLER_ENDINGS: [&str; 6] =
    ["-controller", "-controller-manager", "-operator", "-autoscaler", "-provisioner", "-cainjector"];

/// kubectl's client-side apply: the deployer of objects that no other deployer ever wrote.
const CLIENT_SIDE_APPLY: &str = "kubectl-client-side-apply";

/// The name under which the server enters all that it finds in an object of which it kept no account until then.
///
/// Rule: `k8s.io/apimachinery`, `pkg/util/managedfields/internal/skipnonapplied.go`.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Tells authors apart by name, with what the configuration adds.
#[derive(Debug, Clone, Default)]
pub struct Authors {
    configured: BTreeSet<String>,
}

impl Authors {
    /// The well-known names and `deployers` beside them.
    #[must_use]
    pub fn new(deployers: &[String]) -> Self {
        Self { configured: deployers.iter().cloned().collect() }
    }

    fn is_named_deployer(&self, name: &str) -> bool {
        self.configured.contains(name)
            || DEPLOYERS.contains(&name)
            || DEPLOYER_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
    }

    /// Who is behind each of an object's `writers`, in their order.
    #[must_use]
    pub fn of(&self, writers: &[Writer]) -> Vec<Author> {
        let deployed = writers.iter().any(|writer| self.is_named_deployer(&writer.manager.name));
        writers
            .iter()
            .map(|writer| {
                let name = writer.manager.name.as_str();
                if self.is_named_deployer(name) || (name == CLIENT_SIDE_APPLY && !deployed) {
                    Author::Deployer
                } else if name == BEFORE_FIRST_APPLY {
                    Author::Untold
                } else if writer.subresource == "status" || is_controller(name) {
                    Author::Controller
                } else {
                    Author::Person
                }
            })
            .collect()
    }
}

fn is_controller(name: &str) -> bool {
    CONTROLLERS.contains(&name)
        || CONTROLLER_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || CONTROLLER_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::Author::{Controller, Deployer, Person};
    use super::*;
    use crate::drift::model::{FieldSet, Manager, Operation};

    #[test]
    fn what_the_server_found_before_the_first_apply_is_nobodys() {
        assert_eq!(Authors::default().of(&[writer("before-first-apply", "")]), [Author::Untold]);
    }

    fn writer(name: &str, subresource: &str) -> Writer {
        Writer {
            manager: Manager { name: name.into(), operation: Operation::Update, time: None },
            api_version: "v1".into(),
            subresource: subresource.into(),
            fields: FieldSet::default(),
        }
    }

    #[test]
    fn deployers_controllers_and_people_are_told_apart() {
        let authors = Authors::new(&["our-ci".into()]);
        let writers =
            ["our-ci", "helm", "kube-controller-manager", "my-operator", "kubectl-edit", "kubectl-client-side-apply"]
                .map(|name| writer(name, ""));
        assert_eq!(authors.of(&writers), [Deployer, Deployer, Controller, Controller, Person, Person]);
    }

    #[test]
    fn names_that_tools_extend_are_known_and_those_of_people_are_not() {
        let author = |name: &str| Authors::default().of(&[writer(name, "")])[0];
        for deployer in
            ["argocd", "pulumi-kubernetes-1f2e3d4c", "terraform-provider-kubernetes_v2.31.0_x5", "Terraform"]
        {
            assert_eq!(author(deployer), Deployer, "{deployer}");
        }
        for controller in ["k3s", "cert-manager-certificates-trigger", "cilium-operator-generic", "PrometheusOperator"]
        {
            assert_eq!(author(controller), Controller, "{controller}");
        }
        for person in [
            "kubectl-edit",
            "kubectl-patch",
            "kubectl",
            "node-fetch",
            "k9s",
            "Mozilla",
            "dashboard",
            "argocd-server",
            "curl",
        ] {
            assert_eq!(author(person), Person, "{person}");
        }
    }

    #[test]
    fn client_side_apply_deploys_what_no_other_deployer_wrote() {
        let authors = Authors::default();
        let writers = [writer("kubectl-client-side-apply", ""), writer("kubectl-edit", "")];
        assert_eq!(authors.of(&writers), [Author::Deployer, Author::Person]);
    }

    #[test]
    fn a_write_to_status_is_a_controllers_and_one_to_scale_may_be_a_persons() {
        let authors = Authors::default();
        let writers = [writer("whoever", "status"), writer("kubectl", "scale")];
        assert_eq!(authors.of(&writers), [Author::Controller, Author::Person]);
    }
}
