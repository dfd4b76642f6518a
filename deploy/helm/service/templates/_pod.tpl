{{/* What Pods of a service and of its migration have in common: the restricted profile, and files beside the image. */}}
{{- define "service.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "service.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* dict "own" TEXT "given" (list MAPS): the first that has a name says what it is. */}}
{{- define "service.merged" -}}
{{- $all := fromYaml .own }}
{{- range .given }}{{ $all = merge $all . }}{{ end }}
{{- toYaml $all }}
{{- end }}

{{- define "service.commonMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.global.caConfigMap }}
- name: ca
  mountPath: /run/ca
  readOnly: true
{{- end }}
{{- if and .Values.dynamodb .Values.global.identity.awsRoles }}
- name: aws
  mountPath: /run/secrets/aws
  readOnly: true
{{- end }}
{{- end }}

{{- define "service.commonVolumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.global.caConfigMap }}
- name: ca
  configMap:
    name: {{ . }}
{{- end }}
{{- if and .Values.dynamodb .Values.global.identity.awsRoles }}
- name: aws
  projected:
    sources:
      - serviceAccountToken:
          audience: sts.amazonaws.com
          expirationSeconds: 3600
          path: token
{{- end }}
{{- end }}
