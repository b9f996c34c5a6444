{{- define "assistant-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
As a dependency the chart shares its release, and so the release's name, with other charts and with itself under another
alias: there the chart's name, which is the alias, is never left out and never cut off.
*/}}
{{- define "assistant-operator.fullname" -}}
{{- $name := include "assistant-operator.name" . -}}
{{- $whole := printf "%s-%s" .Release.Name $name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if and (not .Chart.IsRoot) (gt (len $whole) 52) -}}
{{- printf "%s-%s" ($whole | trunc 43 | trimSuffix "-") ($whole | sha256sum | trunc 8) -}}
{{- else if and (contains $name .Release.Name) (or .Chart.IsRoot (eq $name .Release.Name)) -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $whole | trunc 52 | trimSuffix "-" -}}
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

{{/* What the operator needs in the namespaces that it watches, and nothing else. */}}
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
# patch: the finalizer, while a copy is on a LangGraph Server.
- apiGroups: [assistant-operator.dev]
  resources: [assistantaliases]
  verbs: [get, list, watch, patch]
- apiGroups: [assistant-operator.dev]
  resources: [graphs/status, assistants/status, assistantversions/status, assistantaliases/status]
  verbs: [patch]
# Asked for by clusters that check who may set blockOwnerDeletion.
- apiGroups: [assistant-operator.dev]
  resources: [graphs/finalizers, assistants/finalizers]
  verbs: [update]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- define "assistant-operator.credentialsName" -}}
{{ include "assistant-operator.fullname" . }}-server-credentials
{{- end -}}

{{/* Where Roles are all that the release has, the role that server credentials are read by is one, too. */}}
{{- define "assistant-operator.credentialsKind" -}}
{{ if .Values.namespaces }}Role{{ else }}ClusterRole{{ end }}
{{- end -}}

{{- define "assistant-operator.credentialsRules" -}}
- apiGroups: [""]
  resources: [secrets, configmaps]
  {{- with .Values.serverCredentials.names }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get]
{{- end -}}

{{- define "assistant-operator.credentialsBinding" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ include "assistant-operator.credentialsKind" . }}
  name: {{ include "assistant-operator.credentialsName" . }}
{{ include "assistant-operator.subject" . }}
{{- end -}}

{{- define "assistant-operator.leaseNamespace" -}}
{{ default .Release.Namespace .Values.leaderElection.leaseNamespace }}
{{- end -}}

{{- define "assistant-operator.subject" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "assistant-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
