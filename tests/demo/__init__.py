"""The operator shown at work: a tour of real commands and their real output, on a control plane of its own."""
