//! Charts and kustomizations made for the tests, with one of everything.

/// A chart with helpers, `tpl`, capabilities, `lookup`, `.Files`, hooks, a test, CRDs and a subchart.
pub const CHART: [(&str, &str); 12] = [
    ("app/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\nappVersion: \"7\"\n"),
    (
        "app/values.yaml",
        "replicas: 1\ngreeting: \"hello {{ .Release.Name }}\"\nsub: {colour: red}\npassword: canary-7e1d\n",
    ),
    ("app/values-prod.yaml", "replicas: 3\n"),
    ("app/files/motd.txt", "line one\nline two\n"),
    (
        "app/templates/_helpers.tpl",
        "{{- define \"shop.labels\" -}}\napp: shop\nrelease: {{ .Release.Name }}\n{{- end -}}\n",
    ),
    (
        "app/templates/deployment.yaml",
        "{{- if .Capabilities.APIVersions.Has \"apps/v1\" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
  labels: {{- include \"shop.labels\" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - {name: web, image: \"example.org/web:{{ .Chart.AppVersion }}\"}
{{- end }}
",
    ),
    (
        "app/templates/settings.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: {{ .Release.Namespace }}}
data:
  greeting: {{ tpl .Values.greeting . | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  catalogs: {{ .Capabilities.APIVersions.Has \"data.example.com/v1/Catalog\" | quote }}
  found: {{ (lookup \"v1\" \"ConfigMap\" .Release.Namespace \"settings\") | empty | quote }}
  motd: {{ .Files.Get \"files/motd.txt\" | quote }}
---
apiVersion: v1
kind: Secret
metadata: {name: credentials}
stringData: {password: {{ .Values.password }}}
",
    ),
    (
        "app/templates/migrate.yaml",
        "apiVersion: batch/v1
kind: Job
metadata: {generateName: migrate-, annotations: {helm.sh/hook: pre-upgrade}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: example.org/m}]}}}
",
    ),
    (
        "app/templates/tests/ping.yaml",
        "apiVersion: v1
kind: Pod
metadata: {name: ping, annotations: {\"helm.sh/hook\": test}}
spec: {containers: [{name: p, image: example.org/p}]}
",
    ),
    (
        "app/crds/offers.yaml",
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: offers.shop.example.org}
spec:
  group: shop.example.org
  scope: Namespaced
  names: {kind: Offer, listKind: OfferList, plural: offers, singular: offer}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: prices.shop.example.org}
spec:
  group: shop.example.org
  scope: Namespaced
  names: {kind: Price, listKind: PriceList, plural: prices, singular: price}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
",
    ),
    ("app/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
    (
        "app/charts/sub/templates/colour.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-colour}
data: {colour: {{ .Values.colour }}}
",
    ),
];

/// An overlay with a base, a component, generators, patches and replacements.
pub const KUSTOMIZATION: [(&str, &str); 9] = [
    (
        "overlays/prod/kustomization.yaml",
        "namespace: trino
namePrefix: prod-
resources: [../../base, quota.yaml]
components: [../../components/tls]
images: [{name: example.org/web, newTag: \"8\"}]
labels: [{pairs: {stage: prod}}]
configMapGenerator:
- name: settings
  files: [motd.txt, renamed=motd.txt]
  literals: [colour=blue]
  envs: [settings.env]
secretGenerator:
- name: credentials
  literals: [password=canary-7e1d]
patches:
- path: replicas.yaml
- target: {kind: Service}
  patch: |-
    - op: replace
      path: /spec/ports/0/port
      value: 8443
replacements:
- source: {kind: ConfigMap, name: settings, fieldPath: data.colour}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [spec.template.metadata.annotations.colour]
    options: {create: true}
",
    ),
    ("overlays/prod/motd.txt", "line one\nline two\n"),
    ("overlays/prod/settings.env", "threads=8\n"),
    (
        "overlays/prod/quota.yaml",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: all}\nspec: {hard: {pods: \"9\"}}\n",
    ),
    (
        "overlays/prod/replicas.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
    ),
    ("base/kustomization.yaml", "resources: [web.yaml, service.yaml]\n"),
    (
        "base/web.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: example.org/web:7
        envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: credentials}}]
",
    ),
    (
        "base/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
    ),
    (
        "components/tls/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target: {kind: Deployment}
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, annotations: {tls: \"on\"}}
",
    ),
];
