"""Where the programs come from; that they can be built is what every other test here rests on."""

from pathlib import Path

from harness.controlplane.build import NAMES, Programs, programs
from harness.controlplane.module import module_for

THEIRS = """\
module k8s.io/kubernetes
go 1.24.0
require (
	go.etcd.io/etcd/client/pkg/v3 v3.6.3
	go.etcd.io/etcd/client/v3 v3.6.4
)
replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/apiserver => ./staging/src/k8s.io/apiserver
)
"""
OURS = """\
module controlplane
go 1.24.0
require k8s.io/kubernetes v1.34.4
require go.etcd.io/etcd/server/v3 v3.6.4
replace k8s.io/api => k8s.io/api v0.34.4
replace k8s.io/apiserver => k8s.io/apiserver v0.34.4
"""


def test_what_the_environment_names_is_not_built(tmp_path: Path) -> None:
    named = {f"TEST_ASSET_{name.upper().replace('-', '_')}": str(tmp_path / name) for name in NAMES}
    assert programs(named) == Programs(*(tmp_path / name for name in NAMES))


def test_the_folder_of_envtest_lacks_one(tmp_path: Path) -> None:
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).touch()
    found = programs({"KUBEBUILDER_ASSETS": str(tmp_path), "TEST_ASSET_KUBE_CONTROLLER_MANAGER": "elsewhere"})
    assert found == Programs(tmp_path / "etcd", tmp_path / "kube-apiserver", Path("elsewhere"))


def test_another_version_is_built_as_it_says_itself() -> None:
    assert module_for("1.34.4", THEIRS) == OURS
