"""The job's rights on a real API server: they are enough, nothing less is, and there is nothing more."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from admin import Admin
from cluster_content import binding, cluster_role, service_account
from clusters import NOWHERE, read
from control_plane import ACCOUNT, ControlPlane
from manifests import KEPT_CACHE, by_kind, cronjob, pod_spec, rights
from metrics_service import MetricsService
from nodetally.collect import observe, warm_cache
from nodetally.settings import CACHE_IN_MEMORY, Settings
from paths import NODETALLY
from relay import relaying

DOCUMENTS = cronjob()


def run(kubeconfig: str | Path, store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One pass by the installed program, with no more than its own kubeconfig."""
    command = [NODETALLY, "run", "--cluster", "c", "--store", str(store), "--kubeconfig", str(kubeconfig), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_its_command_line_is_the_programs(tmp_path: Path, cluster_settings: Settings, metrics: MetricsService) -> None:
    """args and the ConfigMap's variables, run as they stand there, but with a store of our own."""
    del metrics
    [container] = pod_spec(DOCUMENTS)["containers"]
    settings = {**DOCUMENTS["ConfigMap"]["data"], "NODETALLY_STORE": str(tmp_path / "store")}
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(cluster_settings.kubeconfig), **settings}
    done = subprocess.run(
        [NODETALLY, *container["args"]], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "store/snapshots/cluster=my-cluster").glob("*/*"))) == 1
    assert '"level":"info"' in done.stderr


def rights_used(requests: list[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of every request, as RBAC sees them."""
    used = set()
    for _, target in requests:
        path, _, query = target.partition("?")
        if match := re.fullmatch(r"/(?:api|apis/([^/]+))/[^/]+/([^/]+)", path):
            used.add((match[1] or "", match[2], "watch" if "watch=" in query else "list"))
    return used


def test_its_rights_are_what_the_reads_use_and_no_more(
    control_plane: ControlPlane, cluster_settings: Settings, metrics: MetricsService, token: str, tmp_path: Path
) -> None:
    """cronjob.yaml's are a list's; with a cache, the overlay's are a watch's besides."""
    del metrics, cluster_settings  # what is read
    with relaying(control_plane.url, control_plane.certificates.authority) as relay:
        kubeconfig = str(relay.write_kubeconfig(tmp_path / "kubeconfig", token))
        plain = Settings(cluster="c", kubeconfig=kubeconfig, timeout_seconds=60)
        read(plain)
        listed = rights_used(relay.requests)
        cached = replace(plain, cache=CACHE_IN_MEMORY)
        seen = observe(cached, NOWHERE, warm=warm_cache(cached))
        used = rights_used(relay.requests)
    assert (seen.kind, seen.reason) == ("watch", None)
    assert listed == rights(DOCUMENTS)
    assert used == rights(by_kind(control_plane.kubectl("kustomize", str(KEPT_CACHE)).stdout))


@pytest.mark.parametrize(
    ("resources", "refused"), [((), "pods"), (("nodes",), "pods"), (("pods",), "nodes")], ids=["none", "nodes", "pods"]
)
def test_a_pass_without_a_right_is_refused(
    control_plane: ControlPlane, tmp_path: Path, resources: tuple[str, ...], refused: str
) -> None:
    """Exit code 4, the missing right by name, a command that shows it, and nothing stored."""
    admin, name = control_plane.admin, "-".join(("may", *resources)) if resources else "may-nothing"
    for each in (service_account(name), cluster_role(name, *resources), binding(name)):
        admin.apply(each)
    done = run(control_plane.kubeconfig(admin.token_of(name), f"kubeconfig-{name}"), tmp_path / "store")
    assert done.returncode == 4
    assert f"Error: may not list {refused}: 403: " in done.stderr
    assert not (tmp_path / "store").exists() or not list((tmp_path / "store").rglob("*.gz"))
    hint = done.stderr.splitlines()[-1]
    assert hint.endswith(
        f"kubectl auth can-i list {refused} --all-namespaces --as=system:serviceaccount:default:{name}"
    )
    shown = control_plane.kubectl(*hint.partition("kubectl ")[2].split())
    assert shown.stdout.strip() == "no"


def test_the_account_of_another_namespace_is_refused(
    control_plane: ControlPlane, admin: Admin, new_namespace: str, token: str, tmp_path: Path
) -> None:
    """The binding names a namespace; forgetting to change it must not pass for an empty cluster."""
    del token  # the job is installed, in `default`
    admin.apply(service_account(ACCOUNT, new_namespace))
    other = control_plane.kubeconfig(admin.token_of(ACCOUNT, new_namespace), "kubeconfig-elsewhere")
    done = run(other, tmp_path / "store")
    assert done.returncode == 4
    assert f"system:serviceaccount:{new_namespace}:nodetally" in done.stderr


def test_a_bad_token_is_not_authenticated(control_plane: ControlPlane, tmp_path: Path) -> None:
    """401 is told apart from 403, and has its own way out."""
    done = run(control_plane.kubeconfig("no-such-token", "kubeconfig-bad"), tmp_path / "store")
    assert done.returncode == 4
    assert "Error: not authenticated: 401 for GET /api/v1/pods: Unauthorized" in done.stderr
    assert "Hint: the token or certificate is missing, wrong or expired" in done.stderr
