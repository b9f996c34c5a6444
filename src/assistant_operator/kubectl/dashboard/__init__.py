"""`kubectl assistants dashboard`: a web page on loopback, with the permissions of the user's kubeconfig."""
