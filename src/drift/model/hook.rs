//! Objects that deployers run on their own occasions and then take away: hooks of helm and Argo CD.

use serde_json::Value;

/// Whether an object that Git declares may rightly be gone: a hook that is deleted once it has run, or that only runs
/// on another occasion than a deployment.
///
/// Rule: `docs/topics/charts_hooks` of helm; Argo CD's resource hooks, and the annotations of helm that it reads as its
/// own where it finds none of these. A hook without such a policy stays until the next deployment.
#[must_use]
pub fn is_momentary(object: &Value) -> bool {
    let annotations = &object["metadata"]["annotations"];
    let words = |key: &str| {
        let text = annotations[key].as_str().unwrap_or_default();
        text.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect()
    };
    let argo: Vec<String> = words("argocd.argoproj.io/hook");
    let helm: Vec<String> = words("helm.sh/hook");
    let (occasions, policies): (&[String], Vec<String>) = if argo.is_empty() {
        (&helm, words("helm.sh/hook-delete-policy"))
    } else {
        (&argo, words("argocd.argoproj.io/hook-delete-policy"))
    };
    if occasions.is_empty() {
        return false;
    }
    let is_deleted =
        |policy: &String| ["hooksucceeded", "hookfailed", "hook-succeeded", "hook-failed"].contains(&&**policy);
    let expires = object["kind"] == "Job" && !object["spec"]["ttlSecondsAfterFinished"].is_null();
    expires || policies.iter().any(is_deleted) || occasions.iter().all(|occasion| RARE.contains(&occasion.as_str()))
}

/// Occasions that no deployment brings about.
const RARE: [&str; 11] = [
    "skip",
    "syncfail",
    "predelete",
    "postdelete",
    "pre-delete",
    "post-delete",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
    "test-failure",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_hook_that_goes_by_itself_or_never_came_may_be_gone() {
        let job = |annotations: Value| json!({"kind": "Job", "metadata": {"annotations": annotations}, "spec": {}});
        for annotations in [
            json!({"argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded"}),
            json!({"argocd.argoproj.io/hook": "PostSync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation, HookFailed"}),
            json!({"argocd.argoproj.io/hook": "SyncFail"}),
            json!({"argocd.argoproj.io/hook": "Skip"}),
            json!({"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}),
            json!({"helm.sh/hook": "test"}),
            json!({"helm.sh/hook": "post-delete,pre-rollback"}),
        ] {
            assert!(is_momentary(&job(annotations.clone())), "{annotations}");
        }
        for annotations in [
            json!(null),
            json!({"argocd.argoproj.io/hook": "PreSync"}),
            json!({"argocd.argoproj.io/hook": "PreSync,SyncFail"}),
            json!({"argocd.argoproj.io/hook": "Sync", "helm.sh/hook-delete-policy": "hook-succeeded"}),
            json!({"argocd.argoproj.io/hook-delete-policy": "HookSucceeded"}),
            json!({"helm.sh/hook": "pre-install", "helm.sh/hook-delete-policy": "before-hook-creation"}),
            json!({"helm.sh/hook": ""}),
        ] {
            assert!(!is_momentary(&job(annotations.clone())), "{annotations}");
        }
        let mut expiring = job(json!({"argocd.argoproj.io/hook": "PreSync"}));
        expiring["spec"]["ttlSecondsAfterFinished"] = 60.into();
        assert!(is_momentary(&expiring));
    }
}
