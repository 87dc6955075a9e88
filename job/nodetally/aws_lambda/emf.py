"""Figures in, a line on stdout out, from which CloudWatch makes metrics of its own accord (embedded metric format)."""

import json
import sys
from collections.abc import Mapping

from nodetally.collect import utc_now

UNITS = {"seconds": "Seconds", "bytes": "Bytes"}
NAMESPACE = "nodetally"


def tell(cluster: str, values: Mapping[str, float]) -> None:
    """One line, of one cluster's figures by name; a name ends in its unit."""
    metrics = [{"Name": name, "Unit": UNITS.get(name.rpartition("_")[2], "Count")} for name in values]
    described = {"Namespace": NAMESPACE, "Dimensions": [["cluster"]], "Metrics": metrics}
    told = {"Timestamp": int(utc_now().timestamp() * 1000), "CloudWatchMetrics": [described]}
    sys.stdout.write(json.dumps({"_aws": told, "cluster": cluster or "unknown", **values}) + "\n")
    sys.stdout.flush()
