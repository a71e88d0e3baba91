{{/* What selects the pods of one part; never changes between versions. Takes (dict "root" . "component" "name"). */}}
{{- define "minio.selectorLabels" -}}
app.kubernetes.io/name: minio
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of a pod: without the chart's version, which alone is no reason to start it again. */}}
{{- define "minio.podLabels" -}}
{{ include "minio.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of every other object. */}}
{{- define "minio.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "minio.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | toString | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "minio.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- define "minio.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary .Release.Name "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* The "restricted" pod security standard, for the pod ... */}}
{{- define "minio.podSecurity" -}}
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
{{- define "minio.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "minio.secretName" -}}
{{- .Values.secretName | default .Release.Name -}}
{{- end }}

{{- define "minio.headless" -}}
{{ .Release.Name }}-headless
{{- end }}

{{/* The pod template, which both modes share. */}}
{{- define "minio.podTemplate" -}}
metadata:
  labels:
    {{- include "minio.podLabels" (dict "root" . "component" "storage") | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "minio.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- include "minio.podSecurity" . | nindent 4 }}
  containers:
    - name: minio
      image: {{ include "minio.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command:
        {{- toYaml .Values.command | nindent 8 }}
      args:
        - server
        {{- if eq .Values.mode "distributed" }}
        - {{ printf "http://%s-{0...%d}.%s.%s.svc.%s:9000/data" .Release.Name (sub (int .Values.replicas) 1) (include "minio.headless" .) .Release.Namespace .Values.clusterDomain | quote }}
        {{- else }}
        - /data
        {{- end }}
        - --address=:9000
        - --console-address=:9001
        # The default folder is in the home of root, which cannot be written.
        - --certs-dir=/tmp/certs
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - name: MINIO_ROOT_USER
          valueFrom:
            secretKeyRef:
              name: {{ include "minio.secretName" . }}
              key: accesskey
        - name: MINIO_ROOT_PASSWORD
          valueFrom:
            secretKeyRef:
              name: {{ include "minio.secretName" . }}
              key: secretkey
        - name: MINIO_BROWSER
          value: {{ ternary "on" "off" .Values.console | quote }}
        - name: MINIO_SITE_REGION
          value: {{ .Values.region | quote }}
        # Asks no server on the internet for newer versions.
        - name: MINIO_UPDATE
          value: "off"
        - name: HOME
          value: /tmp
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: api
          containerPort: 9000
        - name: console
          containerPort: 9001
      startupProbe:
        httpGet: { path: /minio/health/live, port: api }
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 60
      readinessProbe:
        httpGet: { path: /minio/health/ready, port: api }
        periodSeconds: 5
        timeoutSeconds: 5
      livenessProbe:
        httpGet: { path: /minio/health/live, port: api }
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: 5
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "minio.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if not .Values.persistence.enabled }}
    - name: data
      emptyDir: {}
    {{- else if eq .Values.mode "standalone" }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim | default .Release.Name }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.affinity }}
  affinity:
    {{- toYaml .Values.affinity | nindent 4 }}
  {{- else if eq .Values.mode "distributed" }}
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "minio.selectorLabels" (dict "root" . "component" "storage") | nindent 16 }}
  {{- end }}
{{- end }}
