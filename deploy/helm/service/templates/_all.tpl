{{/* All objects of a service. `calls.yaml` of its chart is made of the call table. */}}
{{- define "service.all" }}
{{- include "service.clashes" . }}
{{- range $part := list "migration" "account" "config" "secret" "deployment" "endpoint" "canary" "route" "scaling" "network" "authorization" "tokens" "scope" }}
{{- include (printf "service.%s" $part) $ }}
{{- end }}
{{- end }}
