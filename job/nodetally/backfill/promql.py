"""The questions to a Prometheus with kube-state-metrics: sums by node and resource, made on the server. Pure.

Names and labels: kube-state-metrics v2, docs/metrics/workload/pod-metrics.md and cluster/node-metrics.md. A pod is
(namespace, pod, uid); `max by` over what names a series first, so that two replicas of the exporter, or a restart of
it, count once.
"""

import re
from collections.abc import Mapping, Sequence

from nodetally.errors import WrongUse

POD = "namespace,pod,uid"
PLACE = f"{POD},node,resource"
NOT_TERMINAL = 'phase=~"Pending|Running|Unknown"'
TERMINAL = 'phase=~"Succeeded|Failed"'
ON_NODE = 'node!=""'
_MATCHER = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=|!=|=~|!~)\s*"(?:[^"\\\n]|\\.)*"', re.ASCII)
USAGE_WINDOW = "5m"  # spans two scrapes at the usual 30 s to 2 m
LEAST = 0.0005  # half a millicore: what is below comes from adding floats in another order
# From 2.11.0 on init containers' restart_policy is told, and nodes' addresses (CHANGELOG.md); Kubernetes has sidecars
# from 1.28 on (KEP-753).
WITHOUT_SIDECARS = 'kubelet_version!~"v1[.](1?[0-9]|2[0-7])[.].*"'

# What people call the label that tells clusters apart; Mimir's is of a query over several tenants.
CLUSTER = "cluster,cluster_id,cluster_name,k8s_cluster,k8s_cluster_name,kubernetes_cluster,__tenant_id__"
LATER = {"lost_for_minutes": 3600, "lost_for_hours": 86_400}  # questions about a slot that are asked so many seconds on


def check_matcher(text: str) -> str:
    """A label matcher as PromQL has it. Raises WrongUse.

    >>> check_matcher('cluster="prod"')
    'cluster="prod"'
    """
    if not _MATCHER.fullmatch(text.strip()):
        raise WrongUse(f"not a label matcher: {text!r}", hint="""write --match 'cluster="prod"'""")
    return text.strip()


class Questions:
    """Every query, by the name of its answer, under some label matchers."""

    def __init__(self, matchers: Sequence[str] = ()) -> None:
        self._matchers = tuple(matchers)

    def series(self, metric: str, *own: str) -> str:
        """The selector of a metric."""
        return f"{metric}{{{','.join((*own, *self._matchers))}}}"

    def all(self) -> Mapping[str, str]:
        """What is asked of every window of slots; the answers that LATER names, so much later."""
        return {**self.doubts(), **self.nodes(), **self.pods(), **self.usage()}

    def doubts(self) -> dict[str, str]:
        """What gives an answer only where sums would be wrong."""
        old = [f"kube_pod_init_container_resource_requests_{unit}" for unit in ("cpu_cores", "memory_bytes")]
        ordinals = f"count by (shard_ordinal) ({self.series('kube_state_metrics_shard_ordinal')})"
        return {
            "displaced": self._displaced(),
            "old": f"count({' or '.join(map(self.series, old))})",
            "clusters": self._clusters(),
            "shards": f"max({self.series('kube_state_metrics_total_shards')}) > count({ordinals})",
            "unseen": self._unseen(),
            **{name: self._lost(seconds) for name, seconds in LATER.items()},
        }

    def _clusters(self) -> str:
        """Whether there are several: each has one kube-system, made when the cluster was; or by their labels."""
        made = self.series("kube_namespace_created", 'namespace="kube-system"')
        return f"max({made}) > min({made}) or count(count by ({CLUSTER}) ({self.series('kube_node_info')})) > 1"

    def _unseen(self) -> str:
        """Whether kubelets run more pods than the exporter tells, as where it is told to leave out namespaces.

        A tenth and two more may be what changed between the two's scrapes.
        """
        running = f"max by (node) ({self.series('kubelet_running_pods', ON_NODE)})"
        told = f"count by (node) ({self._info(ON_NODE)} and on ({POD}) {self._alive()})"
        here = self.series("kube_node_info")
        return f"sum({running} and on (node) {here}) > 1.1 * sum({told} and on (node) {running}) + 2"

    def _lost(self, seconds: int) -> str:
        """Whether pods are not told that were told before and are again after: asked at the latter of the two.

        A pod never comes back under its uid, so a shard of the exporter was down, or a scrape was not whole. (That it
        is asked later, and of the past alone, is for servers without negative offsets: Prometheus before 2.33.)
        """
        pod = self.series("kube_pod_info", 'uid!=""')
        return f"count(({pod} offset {2 * seconds}s and on ({POD}) {pod}) unless on ({POD}) {pod} offset {seconds}s)"

    def _displaced(self) -> str:
        """Whether the scraper's labels stand where the exporter's should: then containers of a pod, say, look alike.

        Without honor_labels a target's own label wins, and the scraped one is called exported_…
        """
        metric = "kube_pod_container_resource_requests"
        each = (self.series(metric, f'exported_{label}!=""') for label in ("namespace", "pod", "container", "node"))
        return f"count({' or '.join(each)})"

    def nodes(self) -> dict[str, str]:
        """What nodes are and hold."""
        info = "node,kubelet_version,os_image"
        return {
            "info": f"max by ({info}) ({self.series('kube_node_info')})",
            "created": f"max by (node) ({self.series('kube_node_created')})",
            "capacity": f"max by (node,resource) ({self.series('kube_node_status_capacity')})",
            "allocatable": f"max by (node,resource) ({self.series('kube_node_status_allocatable')})",
            "conditions": f"max by (node,condition,status) ({self.series('kube_node_status_condition')}) == 1",
            "cordoned": f"max by (node) ({self.series('kube_node_spec_unschedulable')})",
            "taints": f"max by (node,key,value,effect) ({self.series('kube_node_spec_taint')})",
            "labels": self.series("kube_node_labels"),
            "roles": f"max by (node,role) ({self.series('kube_node_role')})",
        }

    def pods(self) -> dict[str, str]:
        """How many pods there are, and what they ask for; `…_spread`: by how much that is uncertain."""
        alive, live = self._alive(), f"({self._placed()} and on ({POD}) {self._alive()})"
        pending = f"""({self._phase('phase="Pending"')} unless on ({POD}) {self._phase('phase!="Pending"')})"""
        found = {
            "counted": f"count by (node) ({live})",
            "pending": f"count by (node) ({self._info(ON_NODE)} and on ({POD}) {pending})",
            "inits": f"count({self.series('kube_pod_init_container_resource_requests')})",
            "terminal": f"count by (node) ({self._info(ON_NODE)} and on ({POD}) {self._phase(TERMINAL)})",
            "terminating": f"count by (node) ({self._info(ON_NODE)} and on ({POD}) {alive} and on ({POD}) "
            f"max by ({POD}) ({self.series('kube_pod_deletion_timestamp')}))",
            "namespace_counted": f"count by (namespace) ({self._info(ON_NODE)} and on ({POD}) {alive})",
            "containers": f"sum by (node,resource) ({self._containers('requests', ON_NODE)} and on ({POD}) {alive})",
        }
        found |= {
            "silent": f"count by (node) ({live} and on ({POD}) ({self._silent()}))",
            "namespace_silent": f"count by (namespace) ({self._info(ON_NODE)} and on ({POD}) ({self._silent()}) "
            f"and on ({POD}) {alive})",
        }
        for figure in ("requests", "limits"):
            high, low = self._pod(figure, "high"), self._pod(figure, "low")
            bound = self._pod(figure, "high", ON_NODE)
            found |= {
                figure: f"sum by (node,resource) ({high} and on ({POD},node) {live})",
                f"{figure}_spread": f"sum by (node,resource) (({high} - {low} > {LEAST}) and on ({POD},node) {live})",
                f"namespace_{figure}": f"sum by (namespace,resource) ({bound} and on ({POD}) {alive})",
                f"namespace_{figure}_spread": f"sum by (namespace,resource) "
                f"(({bound} - {self._pod(figure, 'low', ON_NODE)} > {LEAST}) and on ({POD}) {alive})",
            }
        return found

    def usage(self) -> dict[str, str]:
        """What the kubelet measured: its own resource metrics, else cAdvisor's root of all control groups."""
        root = 'id="/"'
        cpu = (
            f"rate({self.series('node_cpu_usage_seconds_total', ON_NODE)}[{USAGE_WINDOW}])",
            f"rate({self.series('container_cpu_usage_seconds_total', root, ON_NODE)}[{USAGE_WINDOW}])",
        )
        memory = (
            self.series("node_memory_working_set_bytes", ON_NODE),
            self.series("container_memory_working_set_bytes", root, ON_NODE),
        )
        return {
            "usage_cpu": f"max by (node) ({cpu[0]}) or max by (node) ({cpu[1]})",
            "usage_memory": f"max by (node) ({memory[0]}) or max by (node) ({memory[1]})",
        }

    def tells_terminating(self) -> str:
        """Whether the exporter tells of terminating pods: it has nothing to say of a cluster without any."""
        return f"count({self.series('kube_pod_deletion_timestamp')})"

    def _info(self, *own: str) -> str:
        return f"max by ({POD},node) ({self.series('kube_pod_info', *own)})"

    def _placed(self) -> str:
        """Pods by node, or by none: where one of two exporters has not seen yet that a pod was bound, it is bound."""
        return f"({self._info(ON_NODE)} or on ({POD}) {self._info()})"

    def _alive(self) -> str:
        """Pods that have not ended, as far as any exporter has seen: none comes back."""
        return f"({self._phase(NOT_TERMINAL)} unless on ({POD}) {self._phase(TERMINAL)})"

    def _phase(self, phase: str) -> str:
        return f"(max by ({POD}) ({self.series('kube_pod_status_phase', phase)}) == 1)"

    def _containers(self, figure: str, *own: str) -> str:
        return f"max by ({PLACE},container) ({self.series(f'kube_pod_container_resource_{figure}', *own)})"

    def _pod(self, figure: str, bound: str, *own: str) -> str:
        """By pod and resource: containers and sidecars together, or the highest init container; then overhead.

        The exporter does not tell the order of init containers. An ordinary one runs beside the sidecars before it:
        at most all of them (high), at least none (low). One that is not known to be either, as it has no status yet,
        may be a sidecar (high) or ordinary (low). Where both give one sum, it is the pod's.
        """
        inits = f"max by ({PLACE},container) ({self.series(f'kube_pod_init_container_resource_{figure}', *own)})"
        if bound == "high":
            is_ordinary = f"on ({POD},container) ({self._policy('!=', 'Always')} and on () {self._tells_sidecars()})"
            sidecars, ordinary = f"({inits} unless {is_ordinary})", f"({inits} and {is_ordinary})"
        else:
            is_sidecar = f"on ({POD},container) {self._policy('=', 'Always')}"
            sidecars, ordinary = f"({inits} and {is_sidecar})", f"({inits} unless {is_sidecar})"
        running = f"sum by ({PLACE}) ({self._containers(figure, *own)} or {sidecars})"
        highest = f"max by ({PLACE}) ({ordinary})"
        if bound == "high":  # labels differ by container, so that `or` keeps all of both; then only where one is
            highest = f"(sum by ({PLACE}) ({highest} or {sidecars}) and on ({PLACE}) {highest})"
        own_sum = f"max by ({PLACE}) ({_part(running, 'run')} or {_part(highest, 'init')})"
        overhead = f"({self._overhead('cpu', 'cpu_cores', *own)} or {self._overhead('memory', 'memory_bytes', *own)})"
        if figure == "limits":  # it joins only limits that are set and not 0
            overhead = f"({overhead} and on ({PLACE}) {own_sum} > 0)"
        return f"sum by ({PLACE}) ({_part(own_sum, 'own')} or {_part(overhead, 'overhead')})"

    def _silent(self) -> str:
        """Pods that ask for cpu or memory, by their QoS class, though no container of theirs does.

        They ask as a whole (spec.resources), which the exporter does not tell; or it does not tell all containers.
        """
        of_both = 'resource=~"cpu|memory"'
        asks = self.series("kube_pod_status_qos_class", 'qos_class=~"Burstable|Guaranteed"')
        told = (self.series(f"kube_pod_{kind}_resource_requests", of_both) for kind in ("container", "init_container"))
        return f"{asks} == 1 unless on ({POD}) ({' or '.join(f'{each} > 0' for each in told)})"

    def _policy(self, operator: str, policy: str) -> str:
        """Init containers by their restart_policy."""
        matching = self.series("kube_pod_init_container_info", f'restart_policy{operator}"{policy}"')
        return f"max by ({POD},container) ({matching})"

    def _tells_sidecars(self) -> str:
        """Something, if an init container without a restart_policy is known to be an ordinary one."""
        new = f"count({self.series('kube_node_status_addresses')}) or count({self._policy('!=', '')})"
        return f"({new} or absent({self.series('kube_node_info', WITHOUT_SIDECARS)}))"

    def _overhead(self, resource: str, unit: str, *own: str) -> str:
        """By pod, with its node and resource; a pod without a node has none in its labels."""
        plain = f"max by ({POD}) ({self.series(f'kube_pod_overhead_{unit}')})"
        info = self._info(ON_NODE)
        placed = f"{plain} * on ({POD}) group_left (node) {info}"
        both = placed if own else f"({placed}) or ({plain} unless on ({POD}) {info})"
        return f'label_replace({both}, "resource", "{resource}", "", "")'


def _part(expression: str, name: str) -> str:
    """With a label of its own, so that `or` does not take two parts of one pod for the same."""
    return f'label_replace({expression}, "part", "{name}", "", "")'
