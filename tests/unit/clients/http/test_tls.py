"""Which certificates are accepted: those that kubectl and curl accept, on every Python; and no others."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant_operator.clients.http import tls
from assistant_operator.clients.kubernetes import connection
from assistant_operator.clients.kubernetes.configuration import Configuration
from harness.support.certificates import BARE_CA, BARE_LEAF, STRICT_CA, STRICT_LEAF, Certificate, authority, signed

NOT_A_CA = "basicConstraints = critical,CA:FALSE\nsubjectAltName = IP:127.0.0.1"
Chain = tuple[str, Certificate, str]
"""PEM that is trusted, what the server has, and what else it sends of its chain."""


def plain(directory: Path, ca: str, leaf: str, days: int = 30) -> Chain:
    made = authority(directory, extensions=ca)
    return made.pem, signed(made, directory, extensions=leaf, days=days), ""


def by_an_intermediate(directory: Path, *, trusted: str) -> Chain:
    root = authority(directory, "root")
    between = signed(root, directory, "between", BARE_CA)
    leaf = signed(between, directory)
    return {"root": root, "between": between, "leaf": leaf}[trusted].pem, leaf, between.pem


def by_one_that_is_no_authority(directory: Path) -> Chain:
    root = authority(directory, "root")
    other = signed(root, directory, "other", NOT_A_CA)
    return root.pem, signed(other, directory), other.pem


def of_another(directory: Path) -> Chain:
    return authority(directory, "another").pem, signed(authority(directory), directory), ""


ACCEPTED: dict[str, Callable[[Path], Chain]] = {
    "made by the book": lambda path: plain(path, STRICT_CA, STRICT_LEAF),
    "a CA without key identifiers and key usage, as EKS and MicroK8s have": lambda path: plain(
        path, BARE_CA, BARE_LEAF
    ),
    "a CA without key usage": lambda path: plain(path, "basicConstraints = critical,CA:TRUE", STRICT_LEAF),
    "a CA whose basic constraints are not critical": lambda path: plain(path, "basicConstraints = CA:TRUE", BARE_LEAF),
    "a leaf without an authority key identifier": lambda path: plain(path, STRICT_CA, BARE_LEAF),
    "a leaf of an intermediate that the server sends": lambda path: by_an_intermediate(path, trusted="root"),
    "an intermediate that is trusted itself": lambda path: by_an_intermediate(path, trusted="between"),
    "a leaf that is trusted itself": lambda path: by_an_intermediate(path, trusted="leaf"),
}
REFUSED: dict[str, Callable[[Path], Chain]] = {
    "another CA, of the same name": of_another,
    "a leaf of a certificate that is no CA": by_one_that_is_no_authority,
    "a CA that may not sign": lambda path: plain(path, STRICT_CA.replace("keyCertSign,", ""), STRICT_LEAF),
    "another address": lambda path: plain(path, BARE_CA, BARE_LEAF.replace("127.0.0.1", "127.0.0.2")),
    "another name": lambda path: plain(path, BARE_CA, BARE_LEAF.replace("IP:127.0.0.1", "DNS:localhost")),
    "out of date": lambda path: plain(path, BARE_CA, BARE_LEAF, days=-1),
    "a certificate for clients": lambda path: plain(path, BARE_CA, BARE_LEAF + "extendedKeyUsage = clientAuth\n"),
}


def shake_hands(client: ssl.SSLContext, leaf: Certificate, more: str, directory: Path) -> None:
    """A handshake in memory, with 127.0.0.1. Raises ssl.SSLError."""
    chain = directory / "chain.pem"
    chain.write_text(leaf.pem + more)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, leaf.key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(down, up, server_hostname="127.0.0.1")
    there = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for end in (here, there):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def contexts(pem: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ssl.SSLContext]:
    """Those of all that speaks TLS, where this PEM is what is trusted. kopf is given the session of ours."""
    file = directory / "trusted.pem"
    file.write_text(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory / "none"))
    configuration = Configuration(host="https://127.0.0.1", ca=pem)
    return {
        "the API server": connection.Login(configuration).trust,
        "a server with a bundle": tls.of_bundle(pem),
        "a server without one": tls.of_system(),
    }


@pytest.mark.parametrize("chain", [pytest.param(each, id=name) for name, each in ACCEPTED.items()])
def test_what_kubectl_accepts_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chain: Callable[[Path], Chain]
) -> None:
    pem, leaf, more = chain(tmp_path)
    for context in contexts(pem, tmp_path, monkeypatch).values():
        shake_hands(context, leaf, more, tmp_path)


@pytest.mark.parametrize("chain", [pytest.param(each, id=name) for name, each in REFUSED.items()])
def test_trust_in_a_named_ca_is_not_weakened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chain: Callable[[Path], Chain]
) -> None:
    pem, leaf, more = chain(tmp_path)
    for context in contexts(pem, tmp_path, monkeypatch).values():
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(context, leaf, more, tmp_path)


def a_bundle(directory: Path, *, between: str = "") -> str:
    return authority(directory, "before").pem + between + authority(directory, "kubernetes").pem


BROKEN = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("", id="nothing"),
        pytest.param("# Türktrust, as it is spelled\n", id="a comment that is not ASCII"),
        pytest.param(BROKEN, id="a certificate that cannot be read"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", id="something else in PEM"),
    ],
)
def test_a_bundle_may_hold_more_than_certificates(tmp_path: Path, between: str) -> None:
    context = tls.of_bundle(a_bundle(tmp_path, between=between))
    assert context.cert_store_stats()["x509_ca"] == 2


@pytest.mark.parametrize("pem", ["", "no PEM", BROKEN, "-----BEGIN CERTIFICATE-----"])
def test_a_bundle_without_a_certificate_is_no_trust_in_the_systems(pem: str) -> None:
    with pytest.raises(ValueError, match="there is no certificate in the bundle"):
        tls.of_bundle(pem)
