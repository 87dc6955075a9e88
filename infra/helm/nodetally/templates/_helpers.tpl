{{/* The release's name, with the chart's in it: a DNS label that leaves room for what a CronJob adds to it. */}}
{{- define "nodetally.name" -}}
{{- $name := contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) -}}
{{- .Values.fullnameOverride | default $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "nodetally.account" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "nodetally.name" .) "default") -}}
{{- end -}}

{{/* Cluster-wide objects of two releases with one name, in two namespaces, must not be one. */}}
{{- define "nodetally.clusterName" -}}
{{- $name := include "nodetally.name" . -}}
{{- eq .Release.Namespace "default" | ternary $name (printf "%s-%s" $name .Release.Namespace) -}}
{{- end -}}

{{- define "nodetally.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "nodetally.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- .Values.image.repository -}}{{- .Values.image.digest | empty | ternary (printf ":%s" $tag) (printf "@%s" .Values.image.digest) -}}
{{- end -}}

{{/* A pod of the job around its args; a dict of root and args. Restricted, by Pod Security's word. */}}
{{- define "nodetally.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "nodetally.labels" .root | nindent 4 }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "nodetally.account" .root }}
  automountServiceAccountToken: {{ .readsCluster }}
  restartPolicy: Never
  enableServiceLinks: false # a Service named nodetally would set NODETALLY_… variables
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: nodetally
      image: {{ include "nodetally.image" .root | quote }}
      {{- with $values.image.pullPolicy }}
      imagePullPolicy: {{ . }}
      {{- end }}
      args:
        {{- toYaml .args | nindent 8 }}
      envFrom:
        - configMapRef:
            name: {{ include "nodetally.name" .root }}
        {{- with $values.extraEnvFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.extraVolumeMounts }}
      volumeMounts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with $values.extraVolumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
