{{- define "service.account" }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
  {{- with include "service.identity" . }}
  annotations: {{- . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- define "service.podLabels" -}}
{{ include "service.labels" . }}
{{ include "service.pods" .Chart.Name }}
app.kubernetes.io/component: service
# Whether or not the namespace asks for it.
sidecar.istio.io/inject: 'true'
{{- end }}

{{- define "service.podAnnotations" -}}
checksum/config: {{ include "service.config" . | sha256sum }}
# Probes and metrics are plain; who may come there says the NetworkPolicy.
traffic.sidecar.istio.io/excludeInboundPorts: '4010'
prometheus.io/scrape: 'true'
prometheus.io/port: '4010'
{{- end }}

{{/* Without `replicas`: they are the autoscaler's, and with Helm 4 a field of two owners fails the next upgrade. */}}
{{- define "service.deployment" }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  revisionHistoryLimit: 3
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "service.merged" (dict "own" (include "service.podLabels" .) "given" (list .Values.podLabels .Values.global.podLabels)) | nindent 8 }}
      annotations: {{- include "service.merged" (dict "own" (include "service.podAnnotations" .) "given" (list .Values.podAnnotations .Values.global.podAnnotations)) | nindent 8 }}
    spec:
      serviceAccountName: {{ .Chart.Name }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with .Values.global.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- include "service.podSecurity" . | nindent 8 }}
      # preStop, the drain, and something for the process's own end.
      terminationGracePeriodSeconds: {{ add (int .Values.preStopSeconds) (int .Values.drainSeconds) 5 }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "service.pods" $.Chart.Name | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      containers:
        - name: service
          image: {{ include "service.image" . }}
          imagePullPolicy: {{ .Values.global.image.pullPolicy }}
          args: {{- concat .Values.nodeFlags (list "dist/src/main.js") | toYaml | nindent 12 }}
          envFrom:
            - configMapRef:
                name: {{ .Chart.Name }}
          env:
            # This build: payment operations go first to the release that wrote them.
            - name: RELEASE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.labels['app.kubernetes.io/version']
            {{- range .Values.secret.variables }}
            - name: {{ . }}
              valueFrom:
                secretKeyRef:
                  name: {{ $.Chart.Name }}
                  key: {{ . }}
            {{- end }}
          ports:
            - name: http
              containerPort: 4000
            - name: admin
              containerPort: 4010
          startupProbe:
            httpGet: { path: /startupz, port: admin }
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: { path: /livez, port: admin }
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet: { path: /readyz, port: admin }
            periodSeconds: 5
            timeoutSeconds: 2
          lifecycle:
            # The image has no shell to sleep in.
            preStop:
              sleep:
                seconds: {{ .Values.preStopSeconds }}
          securityContext: {{- include "service.containerSecurity" . | nindent 12 }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts:
            {{- include "service.commonMounts" . | nindent 12 }}
            - name: secrets
              mountPath: /run/secrets/catamaran
              readOnly: true
            {{- if .Values.publicKeys }}
            - name: public-keys
              mountPath: /run/public-keys
              readOnly: true
            {{- end }}
      volumes:
        {{- include "service.commonVolumes" . | nindent 8 }}
        - name: secrets
          secret:
            secretName: {{ .Chart.Name }}
            defaultMode: 0440
            items:
              {{- range $file := values (include "service.secretFiles" . | fromYaml) | sortAlpha }}
              - key: {{ $file }}
                path: {{ $file }}
              {{- end }}
        {{- with .Values.publicKeys }}
        - name: public-keys
          configMap:
            name: {{ . }}
        {{- end }}
{{- end }}

{{- define "service.endpoint" }}
{{- if not (include "service.hasCanary" .) }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  selector: {{- include "service.pods" .Chart.Name | nindent 4 }}
  ports:
    - name: http
      port: 4000
      targetPort: http
      appProtocol: http
{{- end }}
{{- end }}

{{- define "service.scaling" }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .Chart.Name }}
  minReplicas: {{ .Values.autoscaling.min }}
  maxReplicas: {{ .Values.autoscaling.max }}
  metrics:
    - type: ContainerResource
      containerResource:
        name: cpu
        # Not the sidecar's.
        container: service
        target:
          type: Utilization
          averageUtilization: {{ .Values.autoscaling.cpu }}
    {{- with .Values.autoscaling.metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .Chart.Name }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  # One that isn't ready serves nobody, and must not hold up a drain.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "service.pods" .Chart.Name | nindent 6 }}
{{- end }}
