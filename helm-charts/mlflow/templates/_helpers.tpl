{{/* What selects the pods of one part; never changes between versions. Takes (dict "root" . "component" "name"). */}}
{{- define "mlflow.selectorLabels" -}}
app.kubernetes.io/name: mlflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of a pod: without the chart's version, which alone is no reason to start it again. */}}
{{- define "mlflow.podLabels" -}}
{{ include "mlflow.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of every other object. */}}
{{- define "mlflow.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mlflow.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "mlflow.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- define "mlflow.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary .Release.Name "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* The "restricted" pod security standard, for the pod ... */}}
{{- define "mlflow.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.podSecurity }}
{{- with .runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .runAsGroup }}
runAsGroup: {{ int64 . }}
{{- end }}
{{- with .fsGroup }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* ... and for each container. */}}
{{- define "mlflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Not empty when something is kept on the volume. */}}
{{- define "mlflow.usesVolume" -}}
{{- if or (eq .Values.backend.type "sqlite") (eq .Values.artifacts.type "volume") }}true{{ end -}}
{{- end }}

{{- define "mlflow.claimName" -}}
{{- with .Values.persistence -}}
{{ .existingClaim | default .claimName | default $.Release.Name }}
{{- end -}}
{{- end }}

{{/* The names that a Host header may say. */}}
{{- define "mlflow.allowedHosts" -}}
{{- $hosts := list "localhost" "localhost:*" "127.0.0.1" "127.0.0.1:*" "$(POD_IP)" "$(POD_IP):*" }}
{{- $name := .Release.Name }}
{{- $namespace := .Release.Namespace }}
{{- $service := printf "%s.%s.svc" $name $namespace }}
{{- range list $name (printf "%s.%s" $name $namespace) $service (printf "%s.%s" $service .Values.clusterDomain) }}
{{- $hosts = concat $hosts (list . (printf "%s:*" .)) }}
{{- end }}
{{- join "," (concat $hosts .Values.allowedHosts) -}}
{{- end }}

{{- define "mlflow.validate" -}}
{{- with .Values.backend }}
{{- if and (eq .type "postgres") (not (and .postgres.host .postgres.secretName)) }}
{{- fail "backend.type postgres needs backend.postgres.host and backend.postgres.secretName" }}
{{- end }}
{{- end }}
{{- with .Values.artifacts }}
{{- if and (eq .type "s3") (not .s3.bucket) }}
{{- fail "artifacts.type s3 needs artifacts.s3.bucket" }}
{{- end }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) (include "mlflow.usesVolume" .) }}
{{- fail "replicas above 1 need backend.type postgres and artifacts.type s3: a volume belongs to one pod" }}
{{- end }}
{{- end }}
