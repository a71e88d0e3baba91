{{/* What selects the pods of one part; never changes between versions. Takes (dict "root" . "component" "name"). */}}
{{- define "server.selectorLabels" -}}
app.kubernetes.io/name: server
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of a pod: without the chart's version, which alone is no reason to start it again. */}}
{{- define "server.podLabels" -}}
{{ include "server.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of every other object. */}}
{{- define "server.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "server.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "server.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- define "server.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary .Release.Name "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* The "restricted" pod security standard, for the pod ... */}}
{{- define "server.podSecurity" -}}
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
{{- define "server.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The variables of the server. */}}
{{- define "server.env" -}}
{{- range $name, $value := .Values.env }}
{{- if ne (toString $value) "" }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- range $name, $from := .Values.secretEnv }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.name }}
      key: {{ $from.key }}
{{- end }}
{{- end }}

{{/* What the server and what runs before it see of the volumes. */}}
{{- define "server.mounts" -}}
- name: data
  mountPath: {{ .Values.persistence.path }}
{{- range $index, $path := .Values.scratch }}
- name: scratch
  mountPath: {{ $path }}
  subPath: scratch-{{ $index }}
{{- end }}
{{- range $file, $text := .Values.config }}
- name: config
  mountPath: {{ $.Values.configPath }}/{{ $file }}
  subPath: {{ $file }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "server.probe" -}}
{{- if .Values.probe.path -}}
httpGet: { path: {{ .Values.probe.path | quote }}, port: {{ .Values.probe.port }} }
{{- else -}}
tcpSocket: { port: {{ .Values.probe.port }} }
{{- end }}
timeoutSeconds: 5
{{- end }}
