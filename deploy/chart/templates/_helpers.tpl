{{- define "assistant-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "assistant-operator.fullname" -}}
{{- $name := include "assistant-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "assistant-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "assistant-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "assistant-operator.labels" -}}
{{ include "assistant-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "assistant-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "assistant-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "assistant-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the operator needs where it looks, and nothing else. */}}
{{- define "assistant-operator.rules" -}}
- apiGroups: [assistant-operator.dev]
  resources: [graphs]
  verbs: [get, list, watch]
# create and patch: the default assistants, by server-side apply.
- apiGroups: [assistant-operator.dev]
  resources: [assistants]
  verbs: [get, list, watch, create, patch]
# patch: becoming the owner of versions that an orphaning deletion or a backup left behind. Their spec is immutable.
- apiGroups: [assistant-operator.dev]
  resources: [assistantversions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [assistant-operator.dev]
  resources: [graphs/status, assistants/status, assistantversions/status]
  verbs: [patch]
# Asked for by clusters that check who may set blockOwnerDeletion.
- apiGroups: [assistant-operator.dev]
  resources: [graphs/finalizers, assistants/finalizers]
  verbs: [update]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- with .Values.rbac.secrets }}
{{- if .read }}
# The keys and certificates that spec.server of a Graph names. Each is read by its name: none is listed or watched.
- apiGroups: [""]
  resources: [secrets, configmaps]
  {{- with .names }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get]
{{- end }}
{{- end }}
{{- end -}}

{{- define "assistant-operator.subject" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "assistant-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
