"""`python -m harness.controlplane`: a control plane to try things on, until Ctrl-C."""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from .build import BuildFailed
from .component import ComponentFailed
from .plane import ControlPlane

BANNER = """\
Kubernetes is at {url}. It has an API and no nodes: nothing runs a pod.

    export KUBECONFIG={kubeconfig}

Ctrl-C ends everything."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m harness.controlplane", description=__doc__)
    parser.add_argument("--directory", type=Path, help="keep its objects and logs there for the next time")
    asked = parser.parse_args()
    # SIGINT too: whoever starts us in the background of a script starts us deaf to it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        _serve(asked.directory)
    except KeyboardInterrupt:
        return 0
    except (BuildFailed, ComponentFailed) as failure:
        print(failure, file=sys.stderr)
        return 1


def _serve(directory: Path | None) -> NoReturn:
    with (
        tempfile.TemporaryDirectory(prefix="controlplane-") as temporary,
        ControlPlane(directory or Path(temporary), keep=directory is not None) as plane,
    ):
        print(BANNER.format(url=plane.url, kubeconfig=plane.admin_kubeconfig), flush=True)
        while True:
            time.sleep(1)
            plane.check()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
