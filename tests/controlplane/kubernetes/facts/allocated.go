// Fields that the server, its admission plugins or its controllers fill in where a manifest is silent: by hand, sources checked to exist.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// allocatedFact is one such field; main.go says what its members mean.
type allocatedFact struct {
	Group  string         `json:"group"`
	Kind   string         `json:"kind"`
	Path   string         `json:"path"`
	When   map[string]any `json:"when,omitempty"`
	Unless map[string]any `json:"unless,omitempty"`
	Source string         `json:"source"`
}

// allocation lists the paths of one kind that one source file fills in.
type allocation struct {
	group, kind, source string
	paths               []string
	when, unless        conditions
}

const volumeNames = "k8s.io/component-helpers/storage/volume/pv_helpers.go"

var allocations = []allocation{
	{group: "*", kind: "*", source: "k8s.io/apiserver/pkg/registry/rest/meta.go", paths: []string{
		"metadata.creationTimestamp", "metadata.deletionGracePeriodSeconds", "metadata.deletionTimestamp", "metadata.generation",
		"metadata.managedFields", "metadata.resourceVersion", "metadata.selfLink", "metadata.uid",
	}},
	{group: "*", kind: "*", source: "k8s.io/apiserver/pkg/registry/rest/create.go", paths: []string{"status"}},

	{kind: "Service", source: "pkg/registry/core/service/storage/alloc.go", paths: []string{
		"spec.clusterIP", "spec.clusterIPs", "spec.healthCheckNodePort", "spec.ipFamilies", "spec.ipFamilyPolicy", "spec.ports[].nodePort",
	}},
	{kind: "Service", source: "k8s.io/cloud-provider/service/helpers/helper.go", paths: []string{"metadata.finalizers[service.kubernetes.io/load-balancer-cleanup]"}},
	{kind: "PersistentVolumeClaim", source: "pkg/controller/volume/persistentvolume/pv_controller.go", paths: []string{"spec.volumeName"}},
	{kind: "PersistentVolumeClaim", source: "plugin/pkg/admission/storage/storageclass/setdefault/admission.go", paths: []string{"spec.storageClassName"}},
	{kind: "PersistentVolumeClaim", source: "plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go", paths: []string{"metadata.finalizers[kubernetes.io/pvc-protection]"}},
	{kind: "PersistentVolumeClaim", source: volumeNames, paths: []string{
		"metadata.annotations[pv.kubernetes.io/bind-completed]", "metadata.annotations[pv.kubernetes.io/bound-by-controller]",
		"metadata.annotations[volume.beta.kubernetes.io/storage-provisioner]", "metadata.annotations[volume.kubernetes.io/selected-node]",
		"metadata.annotations[volume.kubernetes.io/storage-provisioner]",
	}},
	{kind: "PersistentVolume", source: "pkg/controller/volume/persistentvolume/pv_controller.go", paths: []string{
		"spec.claimRef", "spec.claimRef.apiVersion", "spec.claimRef.kind", "spec.claimRef.resourceVersion", "spec.claimRef.uid",
	}},
	{kind: "PersistentVolume", source: "plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go", paths: []string{"metadata.finalizers[kubernetes.io/pv-protection]"}},
	{kind: "PersistentVolume", source: volumeNames, paths: []string{
		"metadata.annotations[pv.kubernetes.io/bound-by-controller]", "metadata.annotations[pv.kubernetes.io/provisioned-by]",
	}},
	{kind: "Namespace", source: "pkg/registry/core/namespace/strategy.go", paths: []string{"metadata.labels[kubernetes.io/metadata.name]", "spec.finalizers"}},
	{kind: "Node", source: "pkg/controller/nodeipam/ipam/range_allocator.go", paths: []string{"spec.podCIDR", "spec.podCIDRs"}},
	{kind: "Node", source: "pkg/controller/ttl/ttl_controller.go", paths: []string{"metadata.annotations[node.alpha.kubernetes.io/ttl]"}},
	{kind: "ServiceAccount", source: "pkg/controller/serviceaccount/tokens_controller.go", paths: []string{"secrets"}},
	{kind: "Secret", source: "pkg/controller/serviceaccount/tokens_controller.go", when: conditions{"type": "kubernetes.io/service-account-token"}, paths: []string{
		"data[ca.crt]", "data[namespace]", "data[token]", "metadata.annotations[kubernetes.io/service-account.uid]",
	}},
	{kind: "Secret", source: "pkg/serviceaccount/legacy.go", paths: []string{
		"metadata.labels[kubernetes.io/legacy-token-invalid-since]", "metadata.labels[kubernetes.io/legacy-token-last-used]",
	}},
	{kind: "Endpoints", source: "pkg/controller/endpoint/endpoints_controller.go", paths: []string{
		"metadata.annotations[endpoints.kubernetes.io/last-change-trigger-time]", "metadata.labels[endpoints.kubernetes.io/managed-by]",
	}},

	{kind: "Pod", source: "pkg/registry/core/pod/storage/storage.go", paths: []string{"spec.nodeName"}},
	{kind: "Pod", source: "plugin/pkg/admission/serviceaccount/admission.go", paths: []string{
		"spec.imagePullSecrets", "spec.serviceAccount", "spec.serviceAccountName",
	}},
	{kind: "Pod", source: "plugin/pkg/admission/defaulttolerationseconds/admission.go", paths: []string{"spec.tolerations"}},
	{kind: "Pod", source: "plugin/pkg/admission/priority/admission.go", paths: []string{"spec.preemptionPolicy", "spec.priority", "spec.priorityClassName"}},
	{kind: "Pod", source: "plugin/pkg/admission/runtimeclass/admission.go", paths: []string{"spec.overhead"}},
	{kind: "Pod", source: "plugin/pkg/admission/limitranger/admission.go", paths: []string{
		"metadata.annotations[kubernetes.io/limit-ranger]", "spec.containers[].resources.limits", "spec.containers[].resources.requests",
		"spec.initContainers[].resources.limits", "spec.initContainers[].resources.requests",
	}},
	{kind: "Pod", source: "pkg/apis/core/v1/defaults.go", unless: conditions{"spec.resources": absent}, paths: []string{
		"spec.resources.limits", "spec.resources.requests",
	}},

	{group: "apps", kind: "Deployment", source: "pkg/controller/deployment/util/deployment_util.go", paths: []string{"metadata.annotations[deployment.kubernetes.io/revision]"}},
	{group: "apps", kind: "ReplicaSet", source: "pkg/controller/deployment/util/deployment_util.go", paths: []string{
		"metadata.annotations[deployment.kubernetes.io/desired-replicas]", "metadata.annotations[deployment.kubernetes.io/max-replicas]",
		"metadata.annotations[deployment.kubernetes.io/revision]",
	}},
	{group: "apps", kind: "DaemonSet", source: "pkg/apis/apps/v1/conversion.go", paths: []string{"metadata.annotations[deprecated.daemonset.template.generation]"}},
	{group: "autoscaling", kind: "HorizontalPodAutoscaler", source: "pkg/apis/autoscaling/v1/conversion.go", paths: []string{
		"metadata.annotations[autoscaling.alpha.kubernetes.io/conditions]", "metadata.annotations[autoscaling.alpha.kubernetes.io/current-metrics]",
	}},
	{group: "batch", kind: "Job", source: "pkg/registry/batch/job/strategy.go", unless: conditions{"spec.manualSelector": true}, paths: []string{
		"spec.selector", "spec.template.metadata.labels[batch.kubernetes.io/controller-uid]",
		"spec.template.metadata.labels[batch.kubernetes.io/job-name]", "spec.template.metadata.labels[controller-uid]",
		"spec.template.metadata.labels[job-name]",
	}},
	{group: "batch", kind: "Job", source: "pkg/controller/cronjob/utils.go", paths: []string{"metadata.annotations[batch.kubernetes.io/cronjob-scheduled-timestamp]"}},
	{group: "networking.k8s.io", kind: "Ingress", source: "plugin/pkg/admission/network/defaultingressclass/admission.go", paths: []string{"spec.ingressClassName"}},
	{group: "networking.k8s.io", kind: "ServiceCIDR", source: "pkg/controller/servicecidrs/servicecidrs_controller.go", paths: []string{"metadata.finalizers[networking.k8s.io/service-cidr-finalizer]"}},
	{group: "storage.k8s.io", kind: "VolumeAttributesClass", source: "plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go", paths: []string{"metadata.finalizers[kubernetes.io/vac-protection]"}},
	{group: "certificates.k8s.io", kind: "CertificateSigningRequest", source: "pkg/registry/certificates/certificates/strategy.go", paths: []string{
		"spec.extra", "spec.groups", "spec.uid", "spec.username",
	}},
	{group: "rbac.authorization.k8s.io", kind: "ClusterRole", source: "pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go",
		unless: conditions{"aggregationRule": absent}, paths: []string{"rules"}},
	{group: "flowcontrol.apiserver.k8s.io", kind: "FlowSchema", source: "pkg/registry/flowcontrol/ensurer/strategy.go", paths: []string{"metadata.annotations[apf.kubernetes.io/autoupdate-spec]"}},
	{group: "flowcontrol.apiserver.k8s.io", kind: "PriorityLevelConfiguration", source: "pkg/registry/flowcontrol/ensurer/strategy.go", paths: []string{"metadata.annotations[apf.kubernetes.io/autoupdate-spec]"}},
	{group: "apiregistration.k8s.io", kind: "APIService", source: "k8s.io/kube-aggregator/pkg/controllers/autoregister/autoregister_controller.go", paths: []string{"metadata.labels[kube-aggregator.kubernetes.io/automanaged]"}},
	{group: "resource.k8s.io", kind: "ResourceClaim", source: "pkg/apis/resource/types.go", paths: []string{"metadata.finalizers[resource.kubernetes.io/delete-protection]"}},
	{group: "resource.k8s.io", kind: "DeviceTaintRule", source: "pkg/apis/resource/v1beta2/defaults.go", paths: []string{"spec.taint.timeAdded"}},
	{group: "resource.k8s.io", kind: "ResourceSlice", source: "pkg/apis/resource/v1/defaults.go", paths: []string{"spec.devices[].taints[].timeAdded"}},
	{group: "resource.k8s.io", kind: "ResourceSlice", source: "pkg/apis/resource/v1beta1/defaults.go", paths: []string{"spec.devices[].basic.taints[].timeAdded"}},
}

// strategyRules are defaults that a registry sets on creation, after the defaulting functions: by hand, not proved by verify.
var strategyRules = []typeRules{
	// pkg/registry/core/namespace/strategy.go
	{"io.k8s.api.core.v1.Namespace", []rule{{Path: "spec.finalizers", Value: []any{"kubernetes"}}}},
	// NormalizeDataSources in pkg/api/persistentvolumeclaim/util.go
	{"io.k8s.api.core.v1.PersistentVolumeClaim", []rule{
		{Path: "spec.dataSourceRef", Copy: "spec.dataSource"},
		{Path: "spec.dataSource", Copy: "spec.dataSourceRef", When: conditions{"spec.dataSourceRef.namespace": absent}},
	}},
}

// allocatedFacts flattens the table; it fails on a source file or a path that does not exist in any version of the kind.
func allocatedFacts(e *engine, kinds []kindFact) ([]allocatedFact, error) {
	var facts []allocatedFact
	for _, entry := range allocations {
		if err := sourceExists(entry.source); err != nil {
			return nil, err
		}
		for _, path := range entry.paths {
			if !knownPath(e, kinds, entry, path) {
				return nil, fmt.Errorf("no version of %s %s has %s", entry.group, entry.kind, path)
			}
			facts = append(facts, allocatedFact{entry.group, entry.kind, path, entry.when, entry.unless, entry.source})
		}
	}
	return facts, nil
}

func sourceExists(source string) error {
	module, file := "k8s.io/kubernetes", source
	if strings.HasPrefix(source, "k8s.io/") {
		parts := strings.SplitN(source, "/", 3)
		module, file = parts[0]+"/"+parts[1], parts[2]
	}
	dir, err := moduleDir(module)
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(dir, file))
	return err
}

var moduleDirs = map[string]string{}

// moduleDir is where the sources of a Go module lie.
func moduleDir(module string) (string, error) {
	if dir, ok := moduleDirs[module]; ok {
		return dir, nil
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find the module %s: %w", module, err)
	}
	moduleDirs[module] = strings.TrimSpace(string(out))
	return moduleDirs[module], nil
}

func knownPath(e *engine, kinds []kindFact, entry allocation, path string) bool {
	for _, kind := range kinds {
		matches := entry.kind == "*" || kind.Group == entry.group && kind.Kind == entry.kind
		if matches && e.schemaHas(map[string]any{"$ref": kind.Schema}, segments(path)) {
			return true
		}
	}
	return false
}

func (e *engine) schemaHas(schema map[string]any, path []string) bool {
	if schema == nil || len(path) == 0 {
		return schema != nil
	}
	name, _ := schema["$ref"].(string)
	values, _ := schema["additionalProperties"].(map[string]any)
	items, _ := schema["items"].(map[string]any)
	switch {
	case path[0] == "[]" || items != nil:
		return e.schemaHas(items, path[1:])
	case path[0] == "{}" || values != nil:
		return e.schemaHas(values, path[1:])
	case e.facts[name] == nil:
		return false
	}
	return e.schemaHas(e.facts[name].properties()[path[0]], path[1:])
}
