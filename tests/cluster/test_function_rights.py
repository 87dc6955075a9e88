"""infra/aws/cluster-role.yaml on a real API server: what the function's access entry may there, and what it may not."""

from admin import Admin
from control_plane import ControlPlane
from paths import PACKAGE

FILE = PACKAGE.parent.parent / "infra" / "aws" / "cluster-role.yaml"
RESOURCES = [("", "pods"), ("", "nodes"), ("metrics.k8s.io", "nodes"), ("metrics.k8s.io", "pods"), ("", "secrets")]
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]


def allowed(admin: Admin, verb: str, group: str, resource: str) -> bool:
    """What the API server would say to a user of one group, as EKS tells it who the function is."""
    spec = {
        "user": "arn:aws:sts::123456789012:assumed-role/nodetally/nodetally",
        "groups": ["nodetally"],
        "resourceAttributes": {"verb": verb, "group": group, "resource": resource},
    }
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec}
    return bool(admin.create(review)["status"]["allowed"])


def test_the_functions_group_may_list_and_watch_and_nothing_else(control_plane: ControlPlane, admin: Admin) -> None:
    """The server takes the file as it is; then every verb on what is read, and on what lies near."""
    control_plane.apply(FILE)
    found = {(group, of, verb) for group, of in RESOURCES for verb in VERBS if allowed(admin, verb, group, of)}
    listed = {("", "pods", "list"), ("", "nodes", "list"), ("metrics.k8s.io", "nodes", "list")}
    assert found == listed | {("", "pods", "watch"), ("", "nodes", "watch")}
