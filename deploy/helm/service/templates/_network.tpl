{{/* dict "root" . "stores" LIST "internet" PORTS: names, the networks of stores, the public internet, and what the installation adds. */}}
{{- define "service.storeEgress" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
    # NodeLocal DNSCache
    - ipBlock:
        cidr: 169.254.20.10/32
  ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- range .stores }}
{{- $store := get $.root.Values.global.stores . }}
{{- with $store.networks }}
- to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  ports:
    - port: {{ $store.port }}
{{- end }}
{{- end }}
{{- with .internet }}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
  ports:
    {{- range . }}
    - port: {{ . }}
    {{- end }}
{{- end }}
{{- with .root.Values.global.egress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Exactly the ways of the call table, of its stores, and of who looks after it. */}}
{{- define "service.network" }}
{{- $calls := .Files.Get "calls.yaml" | fromYaml }}
{{- $it := .Values }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "service.pods" .Chart.Name | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if or $calls.callers $it.public }}
    - from:
        {{- range $calls.callers }}
        - podSelector:
            matchLabels: {{- include "service.pods" . | nindent 14 }}
        {{- end }}
        {{- if $it.public }}
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ $it.global.mesh.ingress.namespace }}
          podSelector:
            matchLabels: {{- toYaml $it.global.mesh.ingress.labels | nindent 14 }}
        {{- end }}
      ports:
        - port: 4000
    {{- end }}
    # Metrics: the service's own, and with the sidecar's.
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ $it.global.metricsFrom }}
      ports:
        - port: 4010
        - port: 15020
  egress:
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ $it.global.mesh.system }}
      ports:
        - port: 15012
    - to:
        {{- range $calls.callees }}
        - podSelector:
            matchLabels: {{- include "service.pods" . | nindent 14 }}
        {{- end }}
      ports:
        - port: 4000
    {{- if $it.global.otlp.endpoint }}
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ $it.global.otlp.namespace }}
      ports:
        - port: 4318
    {{- end }}
    {{- $stores := include "service.stores" . | fromYamlArray }}
    {{- include "service.storeEgress" (dict "root" . "stores" $stores "internet" $it.internet) | nindent 4 }}
{{- end }}

{{/* The call table once more, by the mesh's certificates: what no rule allows is refused. */}}
{{- define "service.authorization" }}
{{- $calls := .Files.Get "calls.yaml" | fromYaml }}
{{- $ingress := .Values.global.mesh.ingress }}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  selector:
    matchLabels: {{- include "service.pods" .Chart.Name | nindent 6 }}
  action: ALLOW
  rules:
    {{- if .Values.public }}
    - from:
        - source:
            principals:
              - {{ include "service.principal" (dict "root" . "namespace" $ingress.namespace "service" $ingress.serviceAccount) }}
    {{- end }}
    {{- range $calls.rules }}
    - from:
        - source:
            principals:
              {{- range .from }}
              - {{ include "service.principal" (dict "root" $ "service" .) }}
              {{- end }}
      to:
        - operation:
            methods: {{- toYaml .methods | nindent 14 }}
            paths: {{- toYaml .paths | nindent 14 }}
    {{- end }}
{{- end }}
