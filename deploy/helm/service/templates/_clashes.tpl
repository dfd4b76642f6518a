{{/* What a schema could refuse only in words that nobody reads. */}}
{{- define "service.clashes" }}
{{- $it := .Values }}
{{- $stores := $it.global.stores }}
{{- if gt (int $it.autoscaling.min) (int $it.autoscaling.max) }}
{{- fail (printf "%s: autoscaling.min (%d) is above autoscaling.max (%d)" .Chart.Name (int $it.autoscaling.min) (int $it.autoscaling.max)) }}
{{- end }}
{{- if include "service.hasCanary" . }}
{{- if and (eq $it.canary.strategy "headers") (not $it.canary.match) }}
{{- fail (printf "%s: canary.strategy headers needs canary.match: whose requests go there" .Chart.Name) }}
{{- end }}
{{- if and (eq $it.canary.strategy "bluegreen") $it.canary.requests.judged }}
{{- fail (printf "%s: canary.strategy bluegreen sends nobody there before all: say canary.requests.judged=false" .Chart.Name) }}
{{- end }}
{{- range $name, $metric := $it.canary.metrics }}
{{- if not (or $metric.query (and $metric.part $metric.whole)) }}
{{- fail (printf "%s: canary.metrics.%s has neither a query nor a part and a whole" $.Chart.Name $name) }}
{{- end }}
{{- if not (or (hasKey $metric "min") (hasKey $metric "max")) }}
{{- fail (printf "%s: canary.metrics.%s has neither min nor max, and would judge nothing" $.Chart.Name $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $it.database (not $stores.postgres.tls) (ne $stores.postgres.auth "password") }}
{{- fail (printf "global.stores.postgres: auth %s needs tls" $stores.postgres.auth) }}
{{- end }}
{{- if and $it.database (eq $stores.postgres.auth "google-iam") (not $it.global.identity.googleProject) }}
{{- fail "global.stores.postgres: auth google-iam needs global.identity.googleProject" }}
{{- end }}
{{- if and $it.kafka (not $stores.kafka.tls) (ne $stores.kafka.auth "none") }}
{{- fail (printf "global.stores.kafka: auth %s needs tls" $stores.kafka.auth) }}
{{- end }}
{{- if or (eq $it.tag "latest") (eq $it.global.image.tag "latest") }}
{{- fail (printf "%s: the tag latest is another image tomorrow" $.Chart.Name) }}
{{- end }}
{{- range $name := $it.secret.variables }}
{{- if or (hasKey $it.config $name) (hasKey $it.global.config $name) }}
{{- fail (printf "%s: %s is in config and in secret.variables: say it once" $.Chart.Name $name) }}
{{- end }}
{{- end }}
{{- $used := dict }}
{{- if $it.database }}{{ $_ := set $used "postgres" $stores.postgres.host }}{{ end }}
{{- if $it.redis }}{{ $_ := set $used "redis" $stores.redis.url }}{{ end }}
{{- if $it.kafka }}{{ $_ := set $used "kafka" $stores.kafka.brokers }}{{ end }}
{{- range $store, $where := $used }}
{{- if not $where }}
{{- fail (printf "%s uses %s: say where it is in global.stores.%s" $.Chart.Name $store $store) }}
{{- end }}
{{- if not (get $stores $store).networks }}
{{- fail (printf "%s uses %s: say in global.stores.%s.networks where it is, else nothing is let out to it" $.Chart.Name $store $store) }}
{{- end }}
{{- end }}
{{- if and $it.dynamodb (not $stores.dynamodb.region) }}
{{- fail (printf "%s uses dynamodb: say where it is in global.stores.dynamodb" .Chart.Name) }}
{{- end }}
{{- $addresses := dict "kafka" $stores.kafka.brokers "redis" (list (urlParse $stores.redis.url).host) }}
{{- range $store, $list := $addresses }}
{{- if hasKey $used $store }}
{{- $port := int (get $stores $store).port }}
{{- range $list }}
{{- if and (contains ":" .) (not (hasSuffix (printf ":%d" $port) .)) }}
{{- fail (printf "global.stores.%s: %s is not at port %d, the only one let out" $store . $port) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
