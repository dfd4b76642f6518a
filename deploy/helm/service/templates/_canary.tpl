{{/* Not empty where Flagger brings new versions in: it then makes Service, VirtualService, DestinationRules and the primary's Deployment. */}}
{{- define "service.hasCanary" -}}
{{- if and .Values.global.canary.enabled .Values.canary.enabled }}yes{{ end }}
{{- end }}

{{/* Between the proxies. An answer of 5xx says nothing of a Pod, only that the service is in trouble: whoever can't be reached is left out. */}}
{{- define "service.trafficPolicy" -}}
connectionPool:
  http:
    http1MaxPendingRequests: {{ .Values.mesh.maxRequests }}
    http2MaxRequests: {{ .Values.mesh.maxRequests }}
outlierDetection:
  splitExternalLocalOriginErrors: true
  consecutiveLocalOriginFailures: 5
  consecutive5xxErrors: 0
  consecutiveGatewayErrors: 0
  interval: 5s
  baseEjectionTime: 10s
  maxEjectionPercent: 50
{{- end }}

{{/* Istio takes no 0s: none is none. */}}
{{- define "service.timeout" -}}
{{- if ne .Values.mesh.timeout "0s" }}timeout: {{ .Values.mesh.timeout }}{{ end }}
{{- end }}

{{/* Sent again only where nothing of the request has left: a keyed write is never doubled, and what else may be is known by the services. */}}
{{- define "service.retries" -}}
attempts: 2
retryOn: connect-failure,refused-stream
{{- end }}

{{- define "service.canary" }}
{{- if include "service.hasCanary" . }}
{{- $all := .Values.global.canary }}
{{- $it := .Values.canary }}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  provider: istio
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .Chart.Name }}
  autoscalerRef:
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    name: {{ .Chart.Name }}
  progressDeadlineSeconds: {{ $it.progressDeadlineSeconds }}
  service:
    port: 4000
    targetPort: http
    portName: http
    appProtocol: http
    {{- with $it.gateways }}
    gateways: {{- toYaml . | nindent 6 }}
    hosts: [{{ $.Values.global.domain | quote }}]
    {{- end }}
    {{- include "service.timeout" . | nindent 4 }}
    retries: {{- include "service.retries" . | nindent 6 }}
    trafficPolicy: {{- include "service.trafficPolicy" . | nindent 6 }}
  analysis:
    interval: {{ $all.interval }}
    threshold: {{ $all.threshold }}
    {{- if eq $it.strategy "weights" }}
    stepWeights: {{- toYaml $it.weights | nindent 6 }}
    {{- else }}
    iterations: {{ $it.iterations }}
    {{- end }}
    {{- if eq $it.strategy "headers" }}
    match: {{- toYaml $it.match | nindent 6 }}
    {{- end }}
    metrics:
      {{- if $it.requests.judged }}
      - name: request-success-rate
        interval: {{ $all.window }}
        thresholdRange: { min: {{ $it.requests.successRate }} }
      - name: request-duration
        interval: {{ $all.window }}
        thresholdRange: { max: {{ $it.requests.p99Ms }} }
      {{- end }}
      {{- range $name, $metric := $it.metrics }}
      - name: {{ $name }}
        interval: {{ $all.window }}
        templateRef:
          name: {{ $.Chart.Name }}-{{ $name }}
        thresholdRange: {{- pick $metric "min" "max" | toYaml | nindent 10 }}
      {{- end }}
    {{- with include "service.gates" . }}
    webhooks: {{- . | nindent 6 }}
    {{- end }}
    {{- with $all.alerts }}
    alerts:
      {{- range . }}
      - name: {{ .name }}
        severity: {{ .severity }}
        providerRef:
          name: {{ $.Chart.Name }}-{{ .name }}
      {{- end }}
    {{- end }}
{{- range $name, $metric := $it.metrics }}
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata:
  name: {{ $.Chart.Name }}-{{ $name }}
  labels: {{- include "service.labels" $ | nindent 4 }}
spec:
  provider:
    type: prometheus
    address: {{ $all.prometheus }}
  query: {{ $metric.query | default (include "service.share" (dict "metric" $metric "fewest" $all.fewest)) | trim | quote }}
{{- end }}
{{- range $all.alerts }}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata:
  name: {{ $.Chart.Name }}-{{ .name }}
  labels: {{- include "service.labels" $ | nindent 4 }}
spec: {{- omit . "name" "severity" | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* dict "series" LIST "pods" REGEX: how much they grew, together, on these Pods. */}}
{{- define "service.growth" -}}
{{- $pods := .pods }}
{{- range $i, $series := .series }}{{ if $i }} + {{ end -}}
(sum(increase({{ $series | replace "{" (printf `{namespace="{{ namespace }}",pod=~"%s",` $pods) }}[{{ `{{ interval }}` }}])) or vector(0))
{{- end }}
{{- end }}

{{/* A share on the canary's Pods less the same on the primary's, in percentage points: 0 where the canary had too few, the primary's 0 where it had none. */}}
{{- define "service.share" -}}
{{- $canary := `{{ target }}-[0-9a-z]+-[0-9a-z]+` }}
{{- $primary := `{{ target }}-primary-[0-9a-z]+-[0-9a-z]+` }}
100 * (({{ include "service.growth" (dict "series" .metric.part "pods" $canary) }}) / (({{ include "service.growth" (dict "series" .metric.whole "pods" $canary) }}) >= {{ .fewest }}) - (({{ include "service.growth" (dict "series" .metric.part "pods" $primary) }}) / (({{ include "service.growth" (dict "series" .metric.whole "pods" $primary) }}) > 0) or vector(0))) or vector(0)
{{- end }}

{{/* What Flagger asks its load tester. A gate that fails holds the release where it is; the smoke test ends it. */}}
{{- define "service.gates" }}
{{- $all := .Values.global.canary }}
{{- with $all.loadTester }}
{{- $base := $all.url | default (printf "https://%s" $.Values.global.domain) }}
- name: smoke
  type: pre-rollout
  url: {{ . }}
  timeout: 2m
  metadata:
    {{- if eq $all.smoke "journey" }}
    type: helmv3
    cmd: test {{ $.Release.Name }} --namespace {{ $.Release.Namespace }} --timeout 110s
    {{- else }}
    type: bash
    cmd: {{ $all.smoke | default (printf "curl -fsS --max-time 10 '%s/v1/products?limit=1' | grep -q items" $base) | quote }}
    {{- end }}
- name: load
  type: rollout
  url: {{ . }}
  timeout: 15s
  metadata:
    type: cmd
    cmd: {{ $all.load | default (printf "hey -z %s -q 5 -c 2 '%s/v1/products?limit=20'" $all.interval $base) | quote }}
{{- with $.Values.canary.objectives }}
{{- $left := printf "slo:period_error_budget_remaining:ratio{sloth_slo=~\"%s\"}" (join "|" .) }}
{{- $query := printf "min(%s) > 0 and count(%s) >= %d" $left $left (len .) }}
# Refused where nothing of the budget is left, and where nobody knows.
- name: error-budget
  type: confirm-promotion
  url: {{ $all.loadTester }}
  timeout: 15s
  metadata:
    type: bash
    cmd: {{ printf "curl -fsS --max-time 10 -G '%s/api/v1/query' --data-urlencode '%s' | grep -q '\"value\"'" $all.prometheus (printf "query=%s" $query) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* The same by hand where Flagger is not. */}}
{{- define "service.route" }}
{{- if not (include "service.hasCanary" .) }}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  host: {{ .Chart.Name }}.{{ .Release.Namespace }}.svc.cluster.local
  trafficPolicy: {{- include "service.trafficPolicy" . | nindent 4 }}
{{- /* The way to the public one is the edge's. */}}
{{- if not .Values.public }}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  hosts: [{{ .Chart.Name }}.{{ .Release.Namespace }}.svc.cluster.local]
  http:
    - name: all
      route:
        - destination:
            host: {{ .Chart.Name }}.{{ .Release.Namespace }}.svc.cluster.local
            port: { number: 4000 }
      {{- include "service.timeout" . | nindent 6 }}
      retries: {{- include "service.retries" . | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}
