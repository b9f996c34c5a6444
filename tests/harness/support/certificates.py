"""Certificate authorities as real clusters and companies have them, made with openssl. Without openssl a test fails."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

STRICT_CA = """
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""
STRICT_LEAF = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""
# As the CAs of managed clusters and older installers are: without key identifiers and without key usage.
BARE_CA = """
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = none
authorityKeyIdentifier = none
"""
BARE_LEAF = """
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = none
authorityKeyIdentifier = none
"""
_REQUEST = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = {name}\n[x]\n{extensions}\n"


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.certificate.read_text()


def authority(directory: Path, name: str = "kubernetes", extensions: str = BARE_CA) -> Certificate:
    """A CA that signed itself."""
    made, config = _files(directory, name, extensions)
    options = ["-x509", "-days=30", f"-out={made.certificate}", "-extensions=x"]
    _openssl(
        "req", "-new", "-newkey=ec", "-pkeyopt=ec_paramgen_curve:prime256v1", "-nodes", *_of(made, config), *options
    )
    return made


def signed(
    by: Certificate, directory: Path, name: str = "kube-apiserver", extensions: str = BARE_LEAF, *, days: int = 30
) -> Certificate:
    """A certificate that `by` signed; with negative `days` it is out of date."""
    made, config = _files(directory, name, extensions)
    request = made.certificate.with_suffix(".csr")
    options = ["-new", "-newkey=ec", "-pkeyopt=ec_paramgen_curve:prime256v1", "-nodes", f"-out={request}"]
    _openssl("req", *options, *_of(made, config))
    issuer = [f"-CA={by.certificate}", f"-CAkey={by.key}", "-CAcreateserial"]
    output = [f"-days={days}", f"-out={made.certificate}", f"-extfile={config}", "-extensions=x"]
    _openssl("x509", "-req", f"-in={request}", *issuer, *output)
    return made


def _files(directory: Path, name: str, extensions: str) -> tuple[Certificate, Path]:
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / f"{name}.cnf"
    config.write_text(_REQUEST.format(name=name, extensions=extensions))
    return Certificate(directory / f"{name}.crt", directory / f"{name}.key"), config


def _of(made: Certificate, config: Path) -> list[str]:
    return [f"-keyout={made.key}", f"-config={config}"]


def _openssl(command: str, *options: str) -> None:
    # openssl takes an option and its value as two words.
    words = [word for option in options for word in option.split("=", 1)]
    done = subprocess.run(["openssl", command, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"openssl {command}: {done.stderr}"
