{{/* Names are the service's own, without the release's: they stand in certificates, URLs and policies. One installation a namespace. */}}
{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/component: service
{{- end }}

{{/* Chooses all Pods of a service: those of its canary's primary have another app.kubernetes.io/name, which Flagger writes. Takes the name. */}}
{{- define "service.pods" -}}
service.istio.io/canonical-name: {{ . }}
{{- end }}

{{- define "service.tag" -}}
{{ .Values.tag | default .Values.global.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Two builds are two versions, also where only their digests differ: RELEASE is read of it. */}}
{{- define "service.version" -}}
{{ include "service.tag" . }}{{ with .Values.digest }}-{{ . | trimPrefix "sha256:" | trunc 12 }}{{ end }}
{{- end }}

{{- define "service.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/part-of: catamaran
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ include "service.version" . | quote }}
{{- end }}

{{- define "service.image" -}}
{{ .Values.global.image.registry }}/{{ .Chart.Name }}{{ with .Values.digest }}@{{ . }}{{ else }}:{{ include "service.tag" . }}{{ end }}
{{- end }}

{{/* The account of a service in the mesh: dict "root" . "service" NAME */}}
{{- define "service.principal" -}}
{{ .root.Values.global.mesh.trustDomain }}/ns/{{ .namespace | default .root.Release.Namespace }}/sa/{{ .service }}
{{- end }}

{{/* Annotations of an account. */}}
{{- define "service.identity" -}}
{{- with .Values.global.identity.googleProject -}}
iam.gke.io/gcp-service-account: {{ $.Chart.Name }}@{{ . }}.iam.gserviceaccount.com
{{- end }}
{{- end }}

{{- define "service.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
