{{/* Variables that name a file, and the key of the Secret that is in it. */}}
{{- define "service.secretFiles" }}
{{- toYaml .Values.secret.files }}
{{- $stores := .Values.global.stores }}
{{- if and .Values.database (eq $stores.postgres.auth "password") }}
DATABASE_PASSWORD_FILE: database-password
{{- end }}
{{- if and .Values.redis (eq $stores.redis.auth "password") }}
REDIS_PASSWORD_FILE: redis-password
{{- end }}
{{- if and .Values.kafka (eq $stores.kafka.auth "scram-sha-512") }}
KAFKA_PASSWORD_FILE: kafka-password
{{- end }}
{{- end }}

{{/* dict "root" . "name" NAME "keys" LIST: what External Secrets copies out of the store, one entry of it a service. */}}
{{- define "service.externalSecret" }}
{{- $secrets := .root.Values.global.secrets }}
spec:
  refreshInterval: {{ $secrets.refreshInterval }}
  secretStoreRef:
    kind: ClusterSecretStore
    name: {{ $secrets.store }}
  target:
    name: {{ .name }}
    creationPolicy: Owner
    template:
      metadata:
        annotations:
          # One for old and new: a copy of Flagger's would keep what was rotated until the next release.
          flagger.app/config-tracking: disabled
  data:
{{- range .keys }}
    - secretKey: {{ . }}
      remoteRef:
        key: {{ $secrets.prefix }}{{ $.root.Chart.Name }}
        property: {{ . }}
{{- end }}
{{- end }}

{{- define "service.secret" }}
{{- if .Values.global.secrets.store }}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
{{- $keys := concat .Values.secret.variables (values (include "service.secretFiles" . | fromYaml) | sortAlpha) }}
{{- include "service.externalSecret" (dict "root" . "name" .Chart.Name "keys" $keys) }}
{{- end }}
{{- end }}
