{{/* What selects the pods of one part; never changes between versions. Takes (dict "root" . "component" "name"). */}}
{{- define "dask.selectorLabels" -}}
app.kubernetes.io/name: dask
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of a pod: without the chart's version, which alone is no reason to start it again. */}}
{{- define "dask.podLabels" -}}
{{ include "dask.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of every other object. */}}
{{- define "dask.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "dask.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "dask.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- define "dask.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary .Release.Name "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* The "restricted" pod security standard, for the pod ... */}}
{{- define "dask.podSecurity" -}}
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
{{- define "dask.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where clients and workers find the scheduler. */}}
{{- define "dask.schedulerName" -}}
{{ .Release.Name }}-scheduler
{{- end }}

{{/* Metadata of the pods of one part. Takes (dict "root" . "component" "name" "part" values). */}}
{{- define "dask.podMetadata" -}}
labels:
  {{- include "dask.podLabels" . | nindent 2 }}
{{- with mergeOverwrite (dict) .root.Values.podAnnotations .part.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the pod specs of both parts share. Takes the same. */}}
{{- define "dask.podCommon" -}}
serviceAccountName: {{ include "dask.serviceAccountName" .root }}
automountServiceAccountToken: false
# Its variables (DASK_SCHEDULER_PORT=...) would be read as configuration of Dask.
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "dask.podSecurity" .root | nindent 2 }}
{{- with .part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
