{{/*
Before anything of the release is installed or changed: the migration, with an account, variables, secret and way out of its own, for hooks run
before the rest exists. It may run twice; the old code goes on beside the new schema (expand now, contract in a later release).
*/}}
{{- define "service.migrationLabels" -}}
{{ include "service.labels" . | replace (printf "app.kubernetes.io/name: %s" .Chart.Name) (printf "app.kubernetes.io/name: %s-migrate" .Chart.Name) }}
app.kubernetes.io/component: migration
# It calls no service: without the sidecar it needs no mesh to be there yet.
sidecar.istio.io/inject: 'false'
{{- end }}

{{- define "service.migration" }}
{{- if .Values.database }}
{{- $name := printf "%s-migrate" .Chart.Name }}
{{- $needsPassword := eq .Values.global.stores.postgres.auth "password" }}
{{- $secret := empty .Values.global.secrets.store | ternary .Chart.Name $name }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels: {{- include "service.labels" . | nindent 4 }}
  annotations:
    {{- include "service.hook" . | nindent 4 }}
    helm.sh/hook-weight: '-10'
    {{- with include "service.identity" . }}
    {{- . | nindent 4 }}
    {{- end }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  labels: {{- include "service.labels" . | nindent 4 }}
  annotations:
    {{- include "service.hook" . | nindent 4 }}
    helm.sh/hook-weight: '-10'
data:
  {{- if $needsPassword }}
  DATABASE_PASSWORD_FILE: /run/secrets/catamaran/database-password
  {{- end }}
  {{- include "service.storeVariables" . | fromYaml | toYaml | nindent 2 }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  labels: {{- include "service.labels" . | nindent 4 }}
  annotations:
    {{- include "service.hook" . | nindent 4 }}
    helm.sh/hook-weight: '-10'
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ $name }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "service.storeEgress" (dict "root" . "stores" (list "postgres") "internet" (.Values.dynamodb | ternary (list 443) list)) | nindent 4 }}
{{- if and $needsPassword .Values.global.secrets.store }}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {{ $name }}
  labels: {{- include "service.labels" . | nindent 4 }}
  annotations:
    {{- include "service.hook" . | nindent 4 }}
    helm.sh/hook-weight: '-10'
{{- include "service.externalSecret" (dict "root" . "name" $name "keys" (list "database-password")) }}
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  labels: {{- include "service.labels" . | nindent 4 }}
  annotations:
    {{- include "service.hook" . | nindent 4 }}
    helm.sh/hook-weight: '-5'
spec:
  backoffLimit: 3
  activeDeadlineSeconds: {{ .Values.migration.deadlineSeconds }}
  # Helm takes it away once it succeeded. One that failed can be looked at for a day, and an uninstallation leaves it no longer than that.
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      {{- /* A name of its own: it is no endpoint of the service, whichever way that is chosen. */}}
      labels: {{- include "service.merged" (dict "own" (include "service.migrationLabels" .) "given" (list .Values.migration.podLabels .Values.global.podLabels)) | nindent 8 }}
      {{- with merge (dict) .Values.migration.podAnnotations .Values.global.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ $name }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with .Values.global.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- include "service.podSecurity" . | nindent 8 }}
      containers:
        - name: migrate
          image: {{ include "service.image" . }}
          imagePullPolicy: {{ .Values.global.image.pullPolicy }}
          args: [dist/src/migrate.js]
          envFrom:
            - configMapRef:
                name: {{ $name }}
          securityContext: {{- include "service.containerSecurity" . | nindent 12 }}
          resources: {{- toYaml .Values.migration.resources | nindent 12 }}
          volumeMounts:
            {{- include "service.commonMounts" . | nindent 12 }}
            {{- if $needsPassword }}
            - name: secrets
              mountPath: /run/secrets/catamaran
              readOnly: true
            {{- end }}
      volumes:
        {{- include "service.commonVolumes" . | nindent 8 }}
        {{- if $needsPassword }}
        - name: secrets
          secret:
            secretName: {{ $secret }}
            defaultMode: 0440
            items:
              - key: database-password
                path: database-password
        {{- end }}
{{- end }}
{{- end }}
