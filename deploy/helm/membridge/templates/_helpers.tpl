{{/* What every object is labelled with. */}}
{{- define "membridge.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "membridge.selector" . }}
{{- end }}

{{- define "membridge.selector" -}}
app.kubernetes.io/name: membridge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "membridge.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "membridge.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The pods whose `only` holds a role carry the label membridge/ROLE. */}}
{{- define "membridge.roleLabels" -}}
{{- range splitList "," . }}
membridge/{{ . }}: "true"
{{- end }}
{{- end }}

{{- define "membridge.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "membridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "membridge.mounts" -}}
- {name: config, mountPath: /etc/membridge/membridge.yaml, subPath: membridge.yaml, readOnly: true}
- {name: mappings, mountPath: /etc/membridge/mappings, readOnly: true}
- {name: secrets, mountPath: /run/secrets, readOnly: true}
- {name: state, mountPath: /var/lib/membridge}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Given {root, config}: the volumes, with the ConfigMap of that name. */}}
{{- define "membridge.volumes" -}}
- name: config
  configMap: {name: {{ .config }}}
- name: mappings
  configMap: {name: {{ .config }}-mappings}
- name: secrets
  secret:
    secretName: {{ .root.Values.secret.name }}
    defaultMode: 0440
    items:
      {{- range .root.Values.secret.keys }}
      - {key: {{ . | quote }}, path: {{ . | quote }}}
      {{- end }}
- name: state
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- end }}
