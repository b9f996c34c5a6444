"""TLS contexts that accept the server certificates that kubectl and curl accept."""

import re
import ssl

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def as_kubectl(context: ssl.SSLContext) -> ssl.SSLContext:
    """Remove the checks from `context` that Go does not make, and return it.

    From Python 3.13 on a default context checks X.509 strictly: it refuses a CA without key identifiers or key usage,
    and many clusters and companies have such a CA. As in Go, every trusted certificate may end a chain, not only a
    self-signed one. Signatures, dates and host names are still checked.
    """
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


def of_system() -> ssl.SSLContext:
    """Return a context that trusts the system's certificate authorities. Reads files: call it once."""
    context = as_kubectl(ssl.create_default_context())
    context.set_alpn_protocols(("http/1.1",))
    return context


def of_bundle(pem: str) -> ssl.SSLContext:
    """Return a context that trusts only the certificates of a bundle. Raises ValueError if it contains none.

    As in Go, text between the certificates and unreadable certificates are skipped.
    """
    # Not create_default_context: without certificates it trusts those of the system.
    context = as_kubectl(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.set_alpn_protocols(("http/1.1",))
    if not [certificate for certificate in _CERTIFICATE.findall(pem) if _is_loaded(context, certificate)]:
        raise ValueError("there is no certificate in the bundle")
    return context


def _is_loaded(context: ssl.SSLContext, certificate: str) -> bool:
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError, TypeError):  # the last two: text that is not ASCII
        return False
    return True
