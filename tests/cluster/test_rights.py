"""cronjob.yaml on a real API server: it is taken as it is, its rights are enough, and nothing less is."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from admin import Admin, Refused
from cluster_content import binding, cluster_role, namespace, service_account
from clusters import NOWHERE, read
from control_plane import ACCOUNT, CRONJOB, ControlPlane
from metrics_service import MetricsService
from nodetally.collect import observe, warm_cache
from nodetally.settings import CACHE_IN_MEMORY, Settings
from relay import relaying

DOCUMENTS = {each["kind"]: each for each in yaml.safe_load_all(CRONJOB.read_text())}
NODETALLY = str(Path(sys.executable).parent / "nodetally")


def run(kubeconfig: str | Path, store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One pass by the installed program, with no more than its own kubeconfig."""
    command = [NODETALLY, "run", "--cluster", "c", "--store", str(store), "--kubeconfig", str(kubeconfig), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.fixture
def restricted(new_namespace: str, admin: Admin) -> str:
    """A namespace that refuses every pod that is not restricted."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    admin.patch(namespace(new_namespace), {"metadata": {"labels": labels}})
    return new_namespace


def test_the_api_server_takes_cronjob_yaml_as_it_is(control_plane: ControlPlane, restricted: str) -> None:
    """Every object passes validation; Pod Security has nothing to warn of."""
    done = control_plane.kubectl("apply", "--dry-run=server", "-n", restricted, "-f", str(CRONJOB))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(DOCUMENTS) == 5


def pod_of(changes: dict[str, Any], space: str) -> dict[str, Any]:
    """The job's pod, bare, with some changes to its container."""
    spec = DOCUMENTS["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    containers = [{**spec["containers"][0], **changes}]
    metadata = {"name": "job", "namespace": space}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "containers": containers}}


def test_its_pod_is_restricted(admin: Admin, restricted: str) -> None:
    """Pod Security admission takes the job's pod, and would not take one with less care."""
    assert admin.create(pod_of({}, restricted))["metadata"]["name"] == "job"
    with pytest.raises(Refused, match='violates PodSecurity "restricted:latest": allowPrivilegeEscalation'):
        admin.create(pod_of({"securityContext": {}}, restricted))


def test_its_command_line_is_the_programs(tmp_path: Path, cluster_settings: Settings, metrics: MetricsService) -> None:
    """args and the ConfigMap's variables, run as they stand there, but with a store of our own."""
    del metrics
    container = DOCUMENTS["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
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
    """List, per-node queries and the warm cache together need each right that the ClusterRole gives."""
    del metrics, cluster_settings  # what is read
    with relaying(control_plane.url, control_plane.certificates.authority) as relay:
        kubeconfig = str(relay.write_kubeconfig(tmp_path / "kubeconfig", token))
        plain = Settings(cluster="c", kubeconfig=kubeconfig, timeout_seconds=60)
        cached = Settings(cluster="c", kubeconfig=kubeconfig, timeout_seconds=60, cache=CACHE_IN_MEMORY)
        read(plain)
        seen = observe(cached, NOWHERE, warm=warm_cache(cached))
        used = rights_used(relay.requests)
    given = {
        (group, resource, verb)
        for rule in DOCUMENTS["ClusterRole"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert (seen.kind, seen.reason) == ("watch", None)
    assert used == given


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
    del token  # cronjob.yaml is applied, in `default`
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
