{{/* Variables of which nothing is secret. What a migration needs of them is the stores'. */}}
{{- define "service.storeVariables" }}
{{- $stores := .Values.global.stores }}
{{- with .Values.database }}
{{- $user := eq $stores.postgres.auth "google-iam" | ternary (printf "%s@%s.iam" $.Chart.Name $.Values.global.identity.googleProject) . }}
DATABASE_URL: postgres://{{ $user | urlquery }}@{{ $stores.postgres.host }}:{{ $stores.postgres.port }}/{{ . }}?sslmode={{ $stores.postgres.tls | ternary "verify-full" "disable" }}
DATABASE_AUTH: {{ $stores.postgres.auth }}
{{- end }}
{{- if .Values.dynamodb }}
AWS_REGION: {{ $stores.dynamodb.region }}
DYNAMODB_TABLE_PREFIX: {{ $stores.dynamodb.tablePrefix | quote }}
{{- with $stores.dynamodb.endpoint }}
DYNAMODB_ENDPOINT: {{ . }}
{{- end }}
{{- if eq $stores.dynamodb.auth "none" }}
AWS_ACCESS_KEY_ID: local
AWS_SECRET_ACCESS_KEY: local
{{- end }}
{{- with .Values.global.identity.awsRoles }}
AWS_ROLE_ARN: {{ . }}{{ $.Chart.Name }}
AWS_WEB_IDENTITY_TOKEN_FILE: /run/secrets/aws/token
{{- end }}
{{- end }}
{{- if .Values.global.caConfigMap }}
NODE_EXTRA_CA_CERTS: /run/ca/ca.pem
{{- end }}
{{- end }}

{{- define "service.variables" }}
{{- $it := .Values }}
{{- $stores := $it.global.stores }}
HOST: 0.0.0.0
PORT: '4000'
ADMIN_HOST: 0.0.0.0
ADMIN_PORT: '4010'
SHUTDOWN_MS: {{ mul 1000 (int $it.drainSeconds) | quote }}
ISSUER_URL: {{ include "service.issuer" . }}
{{- if and $it.global.mesh.tokens.checked (hasKey $it.secret.files "SIGNING_KEYS_FILE") (not (hasKey $it.config "SIGNING_DELAY_MS")) }}
# A new key signs when every proxy has it.
SIGNING_DELAY_MS: {{ mul 1000 (add 60 (int $it.global.mesh.tokens.refreshSeconds)) | quote }}
{{- end }}
{{- range (.Files.Get "calls.yaml" | fromYaml).callees }}
{{ . | trimSuffix "-service" | upper }}_URL: http://{{ . }}:4000
{{- end }}
{{- with $it.global.otlp.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . }}
OTEL_TRACES_SAMPLER_ARG: {{ $it.global.otlp.sampled | quote }}
{{- end }}
{{- include "service.storeVariables" . }}
{{- if $it.redis }}
REDIS_URL: {{ $stores.redis.url }}
REDIS_MODE: {{ $stores.redis.mode }}
{{- end }}
{{- if $it.kafka }}
KAFKA_BROKERS: {{ join "," $stores.kafka.brokers }}
KAFKA_TLS: {{ $stores.kafka.tls | quote }}
KAFKA_AUTH: {{ $stores.kafka.auth }}
{{- if eq $stores.kafka.auth "scram-sha-512" }}
KAFKA_USERNAME: {{ .Chart.Name }}
{{- end }}
{{- end }}
{{- if $it.publicKeys }}
SERVICE_KEYS_DIR: /run/public-keys
{{- end }}
{{- range $name, $file := include "service.secretFiles" . | fromYaml }}
{{ $name }}: /run/secrets/catamaran/{{ $file }}
{{- end }}
{{- range $name, $value := merge (dict) $it.config $it.global.config }}
{{- /* As JSON a large number keeps its digits. */}}
{{ $name }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}

{{- define "service.config" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
data: {{- include "service.variables" . | fromYaml | toYaml | nindent 2 }}
{{- end }}
