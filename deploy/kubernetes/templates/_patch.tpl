{{/* Patches a manifest in place, as kustomize does: (list MANIFEST PATCH). Maps are merged, null removes a key, lists of
named things are merged by name, and everything else is replaced. */}}
{{- define "likeness.patch" -}}
{{- $into := index . 0 -}}
{{- range $key, $value := index . 1 -}}
  {{- $old := get $into $key -}}
  {{- if kindIs "invalid" $value -}}
    {{- $_ := unset $into $key -}}
  {{- else if and (kindIs "map" $value) (kindIs "map" $old) (hasKey $into $key) -}}
    {{- include "likeness.patch" (list $old $value) -}}
  {{- else if and (kindIs "slice" $value) (kindIs "slice" $old) (has $key (list "containers" "env" "volumes" "volumeMounts")) -}}
    {{- $named := dict -}}
    {{- range $old }}{{ $_ := set $named .name . }}{{ end -}}
    {{- $all := $old -}}
    {{- range $value -}}
      {{- if hasKey $named .name -}}
        {{- include "likeness.patch" (list (get $named .name) .) -}}
      {{- else -}}
        {{- $all = append $all . -}}
      {{- end -}}
    {{- end -}}
    {{- $_ := set $into $key $all -}}
  {{- else -}}
    {{- $_ := set $into $key $value -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* A setting's value as its variable has it. Helm reads 1000000 as a float, which would print as 1e+06. */}}
{{- define "likeness.text" -}}
{{- if or (kindIs "map" .) (kindIs "slice" .) }}{{ toJson . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}
{{- else }}{{ toString . }}
{{- end -}}
{{- end -}}

{{/* The patch that the values of a deployment amount to: (list NAME VALUES). */}}
{{- define "likeness.deployment" -}}
{{- $name := index . 0 -}}
{{- $values := index . 1 -}}
{{- $container := dict "name" $name -}}
{{- with $values.resources }}{{ $_ := set $container "resources" . }}{{ end -}}
{{- $env := list -}}
{{- range $variable, $value := $values.env -}}
  {{- $env = append $env (dict "name" $variable "value" (include "likeness.text" $value)) -}}
{{- end -}}
{{- with $env }}{{ $_ := set $container "env" . }}{{ end -}}
{{- $pod := $values.pod | default dict -}}
{{- /* Further containers, and what is said of this one by its name. */ -}}
{{- $pod = merge (dict "containers" (prepend ($pod.containers | default list) $container)) $pod -}}
{{- $template := dict "spec" $pod -}}
{{- with $values.podAnnotations }}{{ $_ := set $template "metadata" (dict "annotations" .) }}{{ end -}}
{{- $spec := dict "template" $template -}}
{{- if hasKey $values "replicas" }}{{ $_ := set $spec "replicas" $values.replicas }}{{ end -}}
{{- dict "spec" $spec | toYaml -}}
{{- end -}}
