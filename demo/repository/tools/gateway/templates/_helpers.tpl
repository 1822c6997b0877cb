{{/* Labels that every object has. */}}
{{- define "gateway.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: trino-platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
