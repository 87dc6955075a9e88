"""Every way to install, on a real API server: taken as written, restricted, and all of one meaning."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from admin import Admin, Refused
from cluster_content import namespace
from control_plane import ControlPlane, program
from manifests import (
    CHART,
    CRONJOB,
    KEPT_CACHE,
    OVERLAYS,
    Json,
    by_kind,
    cronjob,
    meaning,
    pod_spec,
    rights,
    with_all_options,
)
from paths import ROOT

VALUES = ["--set", "cluster=my-cluster,store=s3://my-bucket/nodetally"]
ROLE = "arn:aws:iam::111122223333:role/nodetally"
ALL_VALUES = """
cluster: prod
store: /data/snapshots
image: {repository: registry.example/nodetally, digest: "sha256:DIGEST", pullPolicy: IfNotPresent}
imagePullSecrets: [{name: registry}]
fullnameOverride: tally
commonLabels: {owner: sre}
schedule: "@hourly"
slotEvery: 1h
timeZone: Europe/Berlin
suspend: true
jitter: ""
timeout: 4m
cache: /data/cache
usage: false
config: {AWS_REGION: eu-west-1, NODETALLY_GZIP: true, NODETALLY_PAGE_SIZE: 1000000}
extraArgs: [--label=team]
extraEnv: [{name: AWS_PROFILE, value: nodetally}]
extraEnvFrom: [{secretRef: {name: keys}}]
extraVolumes: [{name: data, persistentVolumeClaim: {claimName: nodetally}}]
extraVolumeMounts: [{name: data, mountPath: /data}]
serviceAccount: {name: reader, annotations: {eks.amazonaws.com/role-arn: ROLE}}
dashboard: {publish: true}
resources: {limits: {memory: 1Gi}}
priorityClassName: ""
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: dedicated, operator: Exists}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
  {matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]}]}}}
podLabels: {team: platform}
podAnnotations: {example.com/scrape: "false"}
podSecurityContext: {fsGroup: 2000, supplementalGroups: [3000]}
securityContext: {runAsUser: 1000}
""".replace("DIGEST", "0" * 64).replace("ROLE", ROLE)


@pytest.fixture
def all_values(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text(ALL_VALUES)
    return path


def chart(plane: ControlPlane, *arguments: str, space: str = "default", release: str = "nodetally") -> str:
    """What the chart renders to."""
    done = plane.helm("template", release, str(CHART), "--namespace", space, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kustomized(plane: ControlPlane, folder: Path) -> str:
    done = plane.kubectl("kustomize", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def dry_run(plane: ControlPlane, text: str, space: str, folder: Path) -> list[str]:
    """Server-side: each object passes validation and admission, and nobody has anything to warn of."""
    path = folder / "manifests.yaml"
    path.write_text(text)
    done = plane.kubectl("apply", "--dry-run=server", "-n", space, "-f", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def admitted(admin: Admin, spec: Json, space: str) -> None:
    """Pod Security takes the job's pod; a CronJob's own creation would only be warned of."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job", "namespace": space}, "spec": spec}
    assert admin.create(pod)["metadata"]["name"] == "job"
    admin.delete(pod)


def test_the_api_server_takes_cronjob_yaml_as_it_is(control_plane: ControlPlane, restricted: str) -> None:
    """`kubectl apply -f cronjob.yaml`, in whatever namespace."""
    done = control_plane.kubectl("apply", "--dry-run=server", "-n", restricted, "-f", str(CRONJOB))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(cronjob()) == 5


def test_it_takes_all_that_may_be_set_there(
    control_plane: ControlPlane, admin: Admin, restricted: str, tmp_path: Path
) -> None:
    """The lines that are commented out are right, all at once; the cache's are the rights of a watch."""
    text = with_all_options(CRONJOB.read_text())
    objects = by_kind(text)
    assert len(dry_run(control_plane, text, restricted, tmp_path)) == 5
    admitted(admin, pod_spec(objects), restricted)
    assert rights(objects) == rights(by_kind(kustomized(control_plane, KEPT_CACHE)))
    assert {each["name"] for each in pod_spec(objects)["volumes"]} == {"cache", "aws"}


def test_its_pod_is_restricted(admin: Admin, restricted: str) -> None:
    """Pod Security admission takes the job's pod, and would not take one with less care."""
    spec = pod_spec(cronjob())
    admitted(admin, spec, restricted)
    careless: dict[str, Any] = {**spec, "containers": [{**spec["containers"][0], "securityContext": {}}]}
    with pytest.raises(Refused, match='violates PodSecurity "restricted:latest": allowPrivilegeEscalation'):
        admitted(admin, careless, restricted)


def test_a_job_in_another_namespace_has_its_rights(own_control_plane: ControlPlane, tmp_path: Path) -> None:
    """With the one line changed that says so, as docs/install.md does."""
    plane, path = own_control_plane, tmp_path / "cronjob.yaml"
    path.write_text(CRONJOB.read_text().replace("&namespace default", "&namespace ops"))
    plane.admin.apply(namespace("ops"))
    done = plane.kubectl("apply", "-n", "ops", "-f", str(path))
    assert done.returncode == 0, done.stderr
    for space, may in (("ops", "yes"), ("default", "no")):
        account = f"--as=system:serviceaccount:{space}:nodetally"
        assert plane.kubectl("auth", "can-i", "list", "pods", "--all-namespaces", account).stdout.strip() == may


def test_the_chart_says_what_cronjob_yaml_says(control_plane: ControlPlane) -> None:
    """With the two values set, and nothing else; but for what only says who made an object."""
    rendered = by_kind(chart(control_plane, *VALUES))
    for each in rendered.values():  # a file goes where kubectl is told to, a release where it was installed
        assert each["metadata"].pop("namespace", "default") == "default"
    ours = cronjob()
    assert {kind: meaning(each) for kind, each in rendered.items()} == {
        kind: meaning(each) for kind, each in ours.items()
    }


def test_kubectl_takes_over_what_helm_renders(control_plane: ControlPlane, restricted: str, tmp_path: Path) -> None:
    """`helm template | kubectl apply --server-side`, as GitOps does it: into the release's namespace; twice is once."""
    path = tmp_path / "rendered.yaml"
    path.write_text(chart(control_plane, *VALUES, space=restricted, release="gitops"))
    for _ in range(2):
        done = control_plane.kubectl("apply", "--server-side", "-f", str(path))
        assert (done.returncode, done.stderr) == (0, "")
    assert control_plane.kubectl("diff", "--server-side", "-f", str(path)).returncode == 0
    assert control_plane.kubectl("get", "cronjob", "-n", restricted, "gitops-nodetally").returncode == 0
    assert control_plane.kubectl("delete", "-f", str(path)).returncode == 0


def test_the_chart_is_taken_and_restricted(
    control_plane: ControlPlane, admin: Admin, restricted: str, tmp_path: Path
) -> None:
    """As every install would find it; helm's linter has nothing to say either."""
    text = chart(control_plane, *VALUES, space=restricted)
    assert len(dry_run(control_plane, text, restricted, tmp_path)) == 5
    admitted(admin, pod_spec(by_kind(text)), restricted)
    linted = control_plane.helm("lint", "--strict", str(CHART), *VALUES)
    assert linted.returncode == 0, linted.stdout


def test_every_value_of_the_chart_is_taken(
    control_plane: ControlPlane, admin: Admin, restricted: str, tmp_path: Path, all_values: Path
) -> None:
    """All at once, the page's job too; each arrives."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    assert defaults.keys() - yaml.safe_load(ALL_VALUES).keys() == {
        *("activeDeadlineSeconds", "startingDeadlineSeconds", "backoffLimit"),
        *("successfulJobsHistoryLimit", "failedJobsHistoryLimit", "rbac"),
    }
    text = chart(control_plane, "-f", str(all_values), space=restricted)
    assert len(dry_run(control_plane, text, restricted, tmp_path)) == 6
    objects = by_kind(text)
    for kind in ("CronJob", "Job"):
        admitted(admin, pod_spec(objects, kind), restricted)
    container = pod_spec(objects)["containers"][0]
    assert container["image"] == f"registry.example/nodetally@sha256:{'0' * 64}"
    assert container["args"] == [
        *("run", "--slot-every=1h", "--trigger=schedule", "--timeout=4m", "--log-format=json", "--label=team")
    ]
    assert objects["ConfigMap"]["data"] == {
        "NODETALLY_CLUSTER": "prod",
        "NODETALLY_STORE": "/data/snapshots",
        "NODETALLY_CACHE": "/data/cache",
        "NODETALLY_USAGE": "false",
        "AWS_REGION": "eu-west-1",
        "NODETALLY_GZIP": "true",
        "NODETALLY_PAGE_SIZE": "1000000",
    }
    assert container["envFrom"] == [{"configMapRef": {"name": "tally"}}, {"secretRef": {"name": "keys"}}]
    assert container["securityContext"]["runAsUser"] == 1000
    assert {each["metadata"]["labels"]["owner"] for each in objects.values()} == {"sre"}
    assert objects["ClusterRoleBinding"]["metadata"]["name"] == f"tally-{restricted}"
    assert rights(objects) == {("", name, verb) for name in ("pods", "nodes") for verb in ("list", "watch")}
    assert objects["ServiceAccount"]["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": ROLE}
    assert objects["Job"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "set cluster, this cluster's name in the store: --set cluster=prod-eu-1"),
        (["--set", "cluster=c"], "set store, where snapshots go: --set store=s3://bucket/prefix"),
        (["--set", "cluster=c,store=/data"], "/data is a folder, and the pod has no volume there"),
        ([*VALUES, "--set", "cache=file:///kept"], "file:///kept is a folder, and the pod has no volume there"),
        (["--set", "cluster=a/b,store=s3://b/p"], "/cluster"),
        (["--set", "cluster=c,store=ftp://x"], "/store"),
        ([*VALUES, "--set", "slotEvery=5"], "/slotEvery"),
        ([*VALUES, "--set", "cache=on"], "/cache"),
        ([*VALUES, "--set", "nosuch=1"], "nosuch"),
        ([*VALUES, "--set", "config.NODETALLY_STORE=x"], "NODETALLY_STORE"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(control_plane: ControlPlane, values: Sequence[str], said: str) -> None:
    """By name, before anything is applied."""
    done = control_plane.helm("template", "nodetally", str(CHART), *values)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_cache_in_memory_brings_the_right_to_watch(control_plane: ControlPlane) -> None:
    """As any cache: for passes of one process, --every, which would read lists without it."""
    objects = by_kind(chart(control_plane, *VALUES, "--set", "cache=memory"))
    assert objects["ConfigMap"]["data"]["NODETALLY_CACHE"] == "memory"
    assert ("", "pods", "watch") in rights(objects)


def test_the_chart_can_leave_users_to_openshift(
    control_plane: ControlPlane, admin: Admin, restricted: str, tmp_path: Path
) -> None:
    """There every namespace has its own, and refuses a pod that names another; all else of restricted stays."""
    own = [f"podSecurityContext.{name}=null" for name in ("runAsUser", "runAsGroup", "fsGroup")]
    text = chart(control_plane, *VALUES, "--set", ",".join(own), space=restricted)
    spec = pod_spec(by_kind(text))
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    dry_run(control_plane, text, restricted, tmp_path)
    admitted(admin, spec, restricted)


@pytest.mark.parametrize(("store", "tells"), [("s3://b/p", True), ("/data", False)])
def test_the_notes_name_what_is_there(control_plane: ControlPlane, store: str, *, tells: bool) -> None:
    """No policy of a bucket for a folder; an image that no registry has is told."""
    volume = ["--set", "extraVolumes[0].name=d,extraVolumes[0].emptyDir.sizeLimit=1Gi"]
    volume += ["--set", "extraVolumeMounts[0].name=d,extraVolumeMounts[0].mountPath=/data"]
    values = ["--set", f"cluster=c,store={store},cache=/data/cache", *volume]
    done = control_plane.helm("install", "--dry-run=client", "nodetally", str(CHART), *values)
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert (f"nodetally policy --store {store}\n" in notes) is tells
    assert "nodetally policy" in notes or not tells
    assert "The image is nodetally:0.1: no registry has it" in notes


def test_helm_installs_tells_what_to_do_upgrades_and_removes(
    control_plane: ControlPlane, admin: Admin, restricted: str
) -> None:
    """A whole life on the API server, in a restricted namespace; nothing stays behind."""
    place = ["--namespace", restricted]
    done = control_plane.helm("install", "nodetally", str(CHART), *place, *VALUES)
    assert done.returncode == 0, done.stderr
    assert f"kubectl -n {restricted} create job --from=cronjob/nodetally nodetally-now" in done.stdout
    account = f"system:serviceaccount:{restricted}:nodetally"
    for verb, may in (("list", "yes"), ("watch", "no")):
        asked = control_plane.kubectl("auth", "can-i", verb, "pods", "--all-namespaces", f"--as={account}")
        assert asked.stdout.strip() == may
    done = control_plane.helm(
        "upgrade", "nodetally", str(CHART), *place, *VALUES, "--set", "cache=s3://private-bucket/nodetally"
    )
    assert done.returncode == 0, done.stderr
    asked = control_plane.kubectl("auth", "can-i", "watch", "pods", "--all-namespaces", f"--as={account}")
    assert asked.stdout.strip() == "yes"
    started = control_plane.kubectl("-n", restricted, "create", "job", "--from=cronjob/nodetally", "nodetally-now")
    assert (started.returncode, started.stderr) == (0, "")
    assert control_plane.helm("uninstall", "nodetally", *place).returncode == 0
    left = admin.items(f"/apis/batch/v1/namespaces/{restricted}/cronjobs")
    assert left == []


@pytest.mark.parametrize("overlay", sorted(each.name for each in OVERLAYS.iterdir()))
def test_an_overlay_is_taken_and_restricted(
    control_plane: ControlPlane, admin: Admin, overlay: str, tmp_path: Path, restricted: str
) -> None:
    """Each as it stands there; its own namespace is restricted, too."""
    text = kustomized(control_plane, OVERLAYS / overlay)
    objects = by_kind(text)
    if "Namespace" in objects:
        space = objects["Namespace"]["metadata"]["name"]
        assert objects["Namespace"]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
        assert objects["ClusterRoleBinding"]["subjects"][0]["namespace"] == space
        made = control_plane.kubectl("apply", "-f", str(OVERLAYS / overlay / "namespace.yaml"))
        assert made.returncode == 0, made.stderr
    else:
        space = restricted
    assert len(dry_run(control_plane, text, space, tmp_path)) == len(objects)
    admitted(admin, pod_spec(objects), space)


def test_helm_is_of_the_release_that_is_pinned() -> None:
    """It was built beside the API server, by the same client code."""
    done = subprocess.run([program("helm"), "version"], capture_output=True, text=True, check=True)
    assert 'KubeClientVersion:"v1.37"' in done.stdout


def test_the_network_policy_of_the_docs_is_taken(control_plane: ControlPlane, restricted: str, tmp_path: Path) -> None:
    """As it stands there; every way to install gives the job's pods what it selects."""
    [text] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/install.md").read_text(), re.DOTALL)
    assert dry_run(control_plane, text, restricted, tmp_path) == [
        "networkpolicy.networking.k8s.io/nodetally created (server dry run)"
    ]
    chosen = yaml.safe_load(text)["spec"]["podSelector"]["matchLabels"].items()
    for objects in (cronjob(), by_kind(chart(control_plane, *VALUES))):
        template = objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]
        assert chosen <= template["metadata"]["labels"].items()


def test_a_backfill_is_run_again_as_its_file_says(control_plane: ControlPlane, restricted: str, tmp_path: Path) -> None:
    """A Job that was applied can neither be changed nor run twice; replaced it is a new one, with other args, too."""
    text = (ROOT / "infra/backfill-job.yaml").read_text()
    [command] = re.findall(r"kubectl (replace --force) -f infra/backfill-job.yaml", text)
    path, made = tmp_path / "job.yaml", []
    for since, verb in (("90d", "apply"), ("80d", command)):
        path.write_text(text.replace("--from=90d", f"--from={since}"))
        done = control_plane.kubectl(*verb.split(), "-n", restricted, "-f", str(path))
        assert (done.returncode, done.stderr) == (0, "")
        job = control_plane.kubectl(
            "get", "job", "nodetally-backfill", "-n", restricted, "-o", "jsonpath={.metadata.uid}"
        )
        made.append(job.stdout)
    assert len(set(made)) == 2
