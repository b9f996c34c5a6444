"""What Argo CD, Flux, Kustomize and dashboards do with our kinds, done here."""
