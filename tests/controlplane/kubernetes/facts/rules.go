// Defaults with a condition or a source: written by hand, proved by verify against the functions named beside them.
package main

import "slices"

type typeRules struct {
	component string
	rules     []rule
}

type conditions = map[string]any

// absent is the condition of a path that holds nothing.
var absent any

var writtenRules = slices.Concat(
	workloadRules,
	podRules,
	serviceRules,
	deviceRules(),
	policyRules,
)

// pkg/apis/apps/v1, pkg/apis/batch/v1 and pkg/apis/core/v1 defaults.go; 0 of rollingUpdate and the 80 % are from pkg/apis/*/v1/conversion.go
var workloadRules = []typeRules{
	{"io.k8s.api.apps.v1.DeploymentStrategy", []rule{
		{Path: "rollingUpdate", Value: conditions{}, When: conditions{"type": "RollingUpdate"}},
		{Path: "rollingUpdate.maxSurge", Value: "25%", When: conditions{"type": "RollingUpdate"}},
		{Path: "rollingUpdate.maxUnavailable", Value: "25%", When: conditions{"type": "RollingUpdate"}},
		{Path: "rollingUpdate.maxSurge", Value: int64(0)},
		{Path: "rollingUpdate.maxUnavailable", Value: int64(0)},
	}},
	{"io.k8s.api.apps.v1.DaemonSetUpdateStrategy", []rule{
		{Path: "rollingUpdate", Value: conditions{}, When: conditions{"type": "RollingUpdate"}},
		{Path: "rollingUpdate.maxUnavailable", Value: int64(1), When: conditions{"type": "RollingUpdate"}},
		{Path: "rollingUpdate.maxUnavailable", Value: int64(0)},
	}},
	{"io.k8s.api.apps.v1.StatefulSetUpdateStrategy", []rule{
		{Path: "rollingUpdate", Value: conditions{}, When: conditions{"type": absent}},
		{Path: "type", Value: "RollingUpdate"},
	}},
	// Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec
	{"io.k8s.api.apps.v1.StatefulSetSpec", []rule{
		{Path: "volumeClaimTemplates[].apiVersion", Remove: true},
		{Path: "volumeClaimTemplates[].apiVersion", Value: "v1"},
		{Path: "volumeClaimTemplates[].kind", Remove: true},
		{Path: "volumeClaimTemplates[].kind", Value: "PersistentVolumeClaim"},
	}},
	{"io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler", []rule{
		{Path: "spec.targetCPUUtilizationPercentage", Value: int64(80), When: conditions{"metadata.annotations[autoscaling.alpha.kubernetes.io/metrics]": absent}},
	}},
	{"io.k8s.api.core.v1.ReplicationController", []rule{
		{Path: "spec.selector", Copy: "spec.template.metadata.labels"},
		{Path: "metadata.labels", Copy: "spec.template.metadata.labels"},
	}},
	{"io.k8s.api.batch.v1.Job", []rule{
		{Path: "spec.completions", Value: int64(1), When: conditions{"spec.parallelism": absent}},
		{Path: "spec.parallelism", Value: int64(1)},
		{Path: "spec.backoffLimit", Value: int64(6), When: conditions{"spec.backoffLimitPerIndex": absent}},
		{Path: "spec.backoffLimit", Value: int64(2147483647)},
		{Path: "metadata.labels", Copy: "spec.template.metadata.labels"},
		{Path: "spec.podReplacementPolicy", Value: "TerminatingOrFailed", When: conditions{"spec.podFailurePolicy": absent}},
		{Path: "spec.podReplacementPolicy", Value: "Failed"},
	}},
}

// pkg/apis/core/v1/defaults.go, and for serviceAccount pkg/apis/core/v1/conversion.go
var podRules = []typeRules{
	{"io.k8s.api.core.v1.Container", []rule{{Path: "imagePullPolicy", ImageTag: "image"}}},
	{"io.k8s.api.core.v1.EphemeralContainer", []rule{{Path: "imagePullPolicy", ImageTag: "image"}}},
	{"io.k8s.api.core.v1.ImageVolumeSource", []rule{{Path: "pullPolicy", ImageTag: "reference"}}},
	{"io.k8s.api.core.v1.Volume", []rule{{Path: "emptyDir", Value: conditions{}, When: noVolumeSource}}},
	{"io.k8s.api.core.v1.Pod", []rule{
		{Path: "spec.containers[].resources.requests", Fill: "spec.containers[].resources.limits"},
		{Path: "spec.initContainers[].resources.requests", Fill: "spec.initContainers[].resources.limits"},
		{Path: "spec.containers[].ports[].hostPort", Copy: "spec.containers[].ports[].containerPort", When: conditions{"spec.hostNetwork": true}},
		{Path: "spec.initContainers[].ports[].hostPort", Copy: "spec.initContainers[].ports[].containerPort", When: conditions{"spec.hostNetwork": true}},
	}},
	{"io.k8s.api.core.v1.PodSpec", []rule{
		{Path: "serviceAccountName", Copy: "serviceAccount"},
		{Path: "serviceAccount", Remove: true},
		{Path: "serviceAccount", Copy: "serviceAccountName"},
	}},
	{"io.k8s.api.core.v1.NodeStatus", []rule{{Path: "allocatable", Copy: "capacity"}}},
	{"io.k8s.api.core.v1.LimitRangeItem", []rule{
		{Path: "default", Fill: "max", When: conditions{"type": "Container"}},
		{Path: "defaultRequest", Fill: "default", When: conditions{"type": "Container"}},
		{Path: "defaultRequest", Fill: "min", When: conditions{"type": "Container"}},
	}},
	{"io.k8s.api.core.v1.Namespace", []rule{
		{Path: "metadata.labels[kubernetes.io/metadata.name]", Remove: true, Unless: conditions{"metadata.name": absent}},
		{Path: "metadata.labels[kubernetes.io/metadata.name]", Copy: "metadata.name"},
	}},
}

// noVolumeSource holds for a volume without any source; filled from the schema.
var noVolumeSource = conditions{}

// pkg/apis/core/v1/defaults.go and pkg/api/v1/service/util.go
var serviceRules = []typeRules{
	{"io.k8s.api.core.v1.ServiceSpec", []rule{
		{Path: "sessionAffinityConfig", Remove: true, When: conditions{"sessionAffinity": "None"}},
		{Path: "sessionAffinityConfig", Value: conditions{}, When: conditions{"sessionAffinity": "ClientIP"}},
		{Path: "sessionAffinityConfig.clientIP", Value: conditions{}, When: conditions{"sessionAffinity": "ClientIP"}},
		{Path: "sessionAffinityConfig.clientIP.timeoutSeconds", Value: int64(10800), When: conditions{"sessionAffinity": "ClientIP"}},
		{Path: "externalTrafficPolicy", Value: "Cluster", When: conditions{"type": []any{"LoadBalancer", "NodePort"}}},
		{Path: "externalTrafficPolicy", Value: "Cluster", When: conditions{"type": "ClusterIP"}, Unless: conditions{"externalIPs": absent}},
		{Path: "internalTrafficPolicy", Value: "Cluster", When: conditions{"type": []any{"ClusterIP", "LoadBalancer", "NodePort"}}},
		{Path: "allocateLoadBalancerNodePorts", Value: true, When: conditions{"type": "LoadBalancer"}},
	}},
	{"io.k8s.api.core.v1.ServicePort", []rule{{Path: "targetPort", Copy: "port"}}},
	{"io.k8s.api.core.v1.Service", []rule{
		{Path: "status.loadBalancer.ingress[].ipMode", Value: "VIP", When: conditions{"spec.type": "LoadBalancer"}, Unless: conditions{"status.loadBalancer.ingress[].ip": absent}},
	}},
}

// pkg/apis/resource/*/defaults.go, and for basic pkg/apis/resource/v1beta1/conversion.go
func deviceRules() []typeRules {
	exact := []rule{
		{Path: "allocationMode", Value: "ExactCount"},
		{Path: "count", Value: int64(1), When: conditions{"allocationMode": "ExactCount"}},
	}
	named := []rule{
		{Path: "allocationMode", Value: "ExactCount", Unless: conditions{"deviceClassName": absent}},
		{Path: "count", Value: int64(1), When: conditions{"allocationMode": "ExactCount"}, Unless: conditions{"deviceClassName": absent}},
	}
	return []typeRules{
		{"io.k8s.api.resource.v1.ExactDeviceRequest", exact},
		{"io.k8s.api.resource.v1.DeviceSubRequest", exact},
		{"io.k8s.api.resource.v1beta2.ExactDeviceRequest", exact},
		{"io.k8s.api.resource.v1beta2.DeviceSubRequest", exact},
		{"io.k8s.api.resource.v1beta1.DeviceRequest", named},
		{"io.k8s.api.resource.v1beta1.DeviceSubRequest", exact},
		{"io.k8s.api.resource.v1beta1.Device", []rule{{Path: "basic", Value: conditions{}}}},
	}
}

// pkg/apis/networking/v1, pkg/apis/rbac/v1 and apiextensions-apiserver/pkg/apis/apiextensions/v1 defaults.go; an
// empty conversion.webhook does not survive Convert_v1_CustomResourceConversion_To_apiextensions_CustomResourceConversion
var policyRules = []typeRules{
	{"io.k8s.api.networking.v1.NetworkPolicySpec", []rule{
		{Path: "policyTypes", Value: []any{"Ingress"}, When: conditions{"egress": absent}},
		{Path: "policyTypes", Value: []any{"Ingress", "Egress"}},
	}},
	{"io.k8s.api.rbac.v1.Subject", []rule{
		{Path: "apiGroup", Value: "rbac.authorization.k8s.io", When: conditions{"kind": []any{"Group", "User"}}},
	}},
	{"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec", []rule{
		{Path: "names.singular", Copy: "names.kind", As: "lowercase"},
		{Path: "names.listKind", Copy: "names.kind", As: "list"},
		{Path: "conversion.webhook", Remove: true, When: conditions{
			"conversion.webhook.clientConfig": absent, "conversion.webhook.conversionReviewVersions": absent,
		}},
	}},
}

// exceptions are fields that the rules do not give, and why: verify leaves them out on both sides, and probe too.
var exceptions = []struct{ component, path, reason string }{
	{"io.k8s.api.resource.v1.DeviceTaint", "timeAdded", "the current time: pkg/apis/resource/v1/defaults.go"},
	{"io.k8s.api.resource.v1alpha3.DeviceTaint", "timeAdded", "the current time: pkg/apis/resource/v1alpha3/defaults.go"},
	{"io.k8s.api.resource.v1beta1.DeviceTaint", "timeAdded", "the current time: pkg/apis/resource/v1beta1/defaults.go"},
	{"io.k8s.api.resource.v1beta2.DeviceTaint", "timeAdded", "the current time: pkg/apis/resource/v1beta2/defaults.go"},
	{"io.k8s.api.core.v1.Pod", "spec.resources", "pod-level requests are sums over the containers: SetDefaults_Pod in pkg/apis/core/v1/defaults.go"},
	{"io.k8s.api.core.v1.Pod", "status.podIP", "mirrors podIPs: pkg/apis/core/v1/conversion.go"},
	{"io.k8s.api.core.v1.Pod", "status.podIPs", "mirrors podIP: pkg/apis/core/v1/conversion.go"},
	{"io.k8s.api.core.v1.Node", "spec.podCIDR", "mirrors podCIDRs, which a controller allocates: pkg/apis/core/v1/conversion.go"},
	{"io.k8s.api.core.v1.Node", "spec.podCIDRs", "mirrors podCIDR, which a controller allocates: pkg/apis/core/v1/conversion.go"},
	{"io.k8s.api.core.v1.Secret", "data", "stringData is merged over it, as base64: pkg/apis/core/v1/conversion.go"},
	{"io.k8s.api.core.v1.Secret", "stringData", "merged into data and never read back: pkg/apis/core/v1/conversion.go"},
	{"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition", "status.storedVersions", "the storage version's name: apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go"},
	{"io.k8s.api.apps.v1.DaemonSet", "metadata.annotations[deprecated.daemonset.template.generation]", "counted by the server: pkg/apis/apps/v1/conversion.go"},
	{"io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler", "metadata.annotations[autoscaling.alpha.kubernetes.io/current-metrics]", "status in an annotation: pkg/apis/autoscaling/v1/conversion.go"},
	{"io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler", "metadata.annotations[autoscaling.alpha.kubernetes.io/conditions]", "status in an annotation: pkg/apis/autoscaling/v1/conversion.go"},
}
