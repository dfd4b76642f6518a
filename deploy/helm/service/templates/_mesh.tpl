{{/*
Tokens of people and of services are looked at by the proxy too; who brings none passes, as browsing needs. One rule for both headers: of two rules
Istio makes "either", and a good token of the service would let a bad one of the caller through.
*/}}
{{- define "service.tokens" }}
{{- $tokens := .Values.global.mesh.tokens }}
{{- /* At the gateway come API keys, which are bearer tokens and no JWT. */}}
{{- if and $tokens.checked (not .Values.public) }}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  selector:
    matchLabels: {{- include "service.pods" .Chart.Name | nindent 6 }}
  jwtRules:
    - issuer: {{ include "service.issuer" . }}
      audiences: ['urn:catamaran:api']
      {{- if $tokens.jwks }}
      jwks: {{ $tokens.jwks | quote }}
      {{- else }}
      jwksUri: {{ $tokens.jwksUri | default (printf "%s/jwks" (include "service.issuer" .)) }}
      {{- end }}
      fromHeaders:
        - name: Authorization
          prefix: 'Bearer '
        - name: X-Service-Token
      forwardOriginalToken: true
{{- end }}
{{- end }}

{{- define "service.issuer" -}}
{{ .Values.global.issuer | default (printf "https://%s/oidc" .Values.global.domain) }}
{{- end }}

{{/* What its proxy is told of: those it calls, and what it reaches outside. */}}
{{- define "service.scope" }}
{{- $mesh := .Values.global.mesh }}
{{- $callees := (.Files.Get "calls.yaml" | fromYaml).callees }}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  workloadSelector:
    labels: {{- include "service.pods" .Chart.Name | nindent 6 }}
  outboundTrafficPolicy:
    mode: {{ and $mesh.registryOnly (not .Values.mesh.anyHost) | ternary "REGISTRY_ONLY" "ALLOW_ANY" }}
  egress:
    - hosts:
        {{- range $callee := $callees }}
        {{- range $end := $.Values.global.canary.enabled | ternary (list "" "-primary" "-canary") (list "") }}
        - ./{{ $callee }}{{ $end }}.{{ $.Release.Namespace }}.svc.cluster.local
        {{- end }}
        {{- end }}
        {{- if .Values.global.otlp.endpoint }}
        - {{ .Values.global.otlp.namespace }}/*
        {{- end }}
        {{- range $store := include "service.stores" . | fromYamlArray }}
        - ./{{ $store }}.stores.internal
        {{- end }}
        {{- range $name, $outside := $mesh.outside }}
        {{- if has $.Chart.Name $outside.services }}
        {{- range $outside.hosts }}
        - ./{{ . }}
        {{- end }}
        {{- end }}
        {{- end }}
{{- end }}

{{/* Stores at an address of the installation's own. */}}
{{- define "service.stores" -}}
{{- $stores := list }}
{{- if .Values.database }}{{ $stores = append $stores "postgres" }}{{ end }}
{{- if .Values.redis }}{{ $stores = append $stores "redis" }}{{ end }}
{{- if .Values.kafka }}{{ $stores = append $stores "kafka" }}{{ end }}
{{- $stores | toYaml }}
{{- end }}
