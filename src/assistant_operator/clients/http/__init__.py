"""What the HTTP clients share: responses with a bound, proxies, TLS contexts."""
