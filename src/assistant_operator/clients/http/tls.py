"""TLS contexts: which certificates of servers are accepted. The same ones that kubectl and curl accept."""

import re
import ssl

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def as_kubectl(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, without the checks that Go does not make.

    From Python 3.13 on a default context checks X.509 strictly: it refuses a CA without key identifiers or key usage,
    which many clusters and companies have. And like Go it takes any certificate that it is told to trust for the end
    of a chain, not only a self-signed one. Signatures, dates and host names are checked as before.
    """
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


def of_system() -> ssl.SSLContext:
    """Trust in the certificate authorities of the system. Reads files: make it once."""
    context = as_kubectl(ssl.create_default_context())
    context.set_alpn_protocols(("http/1.1",))
    return context


def of_bundle(pem: str) -> ssl.SSLContext:
    """Trust in the certificates of a bundle and in no others. Raises ValueError when there is none in it.

    Like Go it passes over what is between the certificates, and over a certificate that it cannot read.
    """
    # Not create_default_context: told of no certificates, it trusts the system's.
    context = as_kubectl(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.set_alpn_protocols(("http/1.1",))
    if not [each for each in _CERTIFICATE.findall(pem) if _is_loaded(context, each)]:
        raise ValueError("there is no certificate in the bundle")
    return context


def _is_loaded(context: ssl.SSLContext, certificate: str) -> bool:
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError, TypeError):  # the last two: text that is not ASCII
        return False
    return True
