"""A Prometheus with kube-state-metrics in, observations out, slot by slot: how many are asked for at once.

Slots are asked for in windows: as many as give an answer of a size that is quickly read, fewer where the server refuses
so many. What the answers come to is in `moment`, the questions are in `promql`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from nodetally.accounting.quantity import QuantityError
from nodetally.backfill.metrics_api import MetricsApi, Series, TooMuch
from nodetally.backfill.moment import Moment
from nodetally.backfill.names import Names
from nodetally.backfill.plan import DAY_SECONDS
from nodetally.backfill.promql import LATER, Questions
from nodetally.backfill.source import Impossible
from nodetally.cluster.observation import Cost, Observation

FIRST_WINDOW = 3  # slots; 5,000 nodes have some 200,000 values in each
WANTED_VALUES = 400_000  # in all answers of a window: about 13 MB of JSON, 100 MB once read
LONGEST_WINDOW = 10_000  # Prometheus gives at most 11,000 points a series (web/api/v1/api.go)
TERMINATING_STEP_SECONDS = 300
MATCH = "choose with --match"
REFUSED = {  # of a slot, whatever else there is: by the answer that says so
    "displaced": "the scraper's own labels in place of the exporter's (exported_pod, …): it was scraped without "
    f"honor_labels; if others were scraped with them, {MATCH}",
    "clusters": f"""more than one cluster: {MATCH}, as in --match 'cluster="prod"'""",
    "old": "kube_pod_init_container_resource_requests_cpu_cores, of a kube-state-metrics before 2.3: that does not say "
    "where init containers are",
}
HALF = {  # of a slot that would have its numbers
    "shards": "fewer shards of kube-state-metrics than there are: a part of the pods is missing",
    "unseen": "fewer pods than the kubelets run: kube-state-metrics does not tell all (--namespaces, a missing shard)",
    **dict.fromkeys(LATER, "gaps in a part of the pods, which were there before and after: half a cluster"),
}


class Prometheus:
    """Asks for one window of slots after the other, and for every figure of it."""

    def __init__(self, api: MetricsApi, questions: Questions, every_seconds: int, names: Names) -> None:
        self.name = api.url
        self._api, self._questions, self._every, self._names = api, questions, every_seconds, names
        self._width, self._most = FIRST_WINDOW, LONGEST_WINDOW

    def span(self) -> None:
        """A Prometheus does not say from when on it has a cluster's series."""

    def foresee(self, slot: datetime) -> Impossible | None:
        """Only asking tells."""
        del slot
        return None

    def observe(self, slots: Sequence[datetime]) -> Iterator[tuple[datetime, Observation | Impossible]]:
        """Window by window."""
        if not slots:
            return
        terminating = self._tells_terminating(slots[0])
        left = list(slots)
        while left:
            window = self._window(left)
            before = Cost(self._api.cost.api_requests, self._api.cost.bytes_read)
            try:
                answers = self._ask(window)
            except TooMuch as error:
                if len(window) > 1:
                    self._width = self._most = len(window) // 2
                    continue
                del left[0]
                yield window[0], Impossible(str(error), broken=True)
                continue
            del left[: len(window)]
            cost = _since(before, self._api.cost)
            for at, slot in enumerate(window):
                yield slot, self._at(slot, answers, Cost() if at else cost, terminating=terminating)

    def _window(self, left: Sequence[datetime]) -> list[datetime]:
        """The next slots, as far as they are neighbours: what lies between them is asked for, too."""
        limit = timedelta(seconds=self._every * self._width)
        return [slot for slot in left[: self._width] if abs(slot - left[0]) < limit]

    def _ask(self, window: Sequence[datetime]) -> dict[str, list[Series]]:
        start, end = int(min(window).timestamp()), int(max(window).timestamp())
        answers = {}
        values = 1
        for name, query in self._questions.all().items():
            answers[name] = self._answer(query, start, end, LATER.get(name, 0))
            values += sum(len(each.values) for each in answers[name])
        self._width = max(1, min(self._most, 4 * self._width, len(window) * WANTED_VALUES // values))
        return answers

    def _answer(self, query: str, start: int, end: int, later: int) -> list[Series]:
        """The series, by the times that were asked about."""
        found = self._api.query_range(query, start + later, end + later, self._every)
        return [Series(labels, {at - later: value for at, value in values.items()}) for labels, values in found]

    def _tells_terminating(self, slot: datetime) -> bool:
        """Whether there was a terminating pod on that day: then the exporter tells of them. Shards agree on it.

        A server that refuses to say leaves it open.
        """
        start = int(slot.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
        end = start + DAY_SECONDS - TERMINATING_STEP_SECONDS
        try:
            return bool(
                self._api.query_range(self._questions.tells_terminating(), start, end, TERMINATING_STEP_SECONDS)
            )
        except TooMuch:
            return False

    def _at(
        self, slot: datetime, answers: Mapping[str, list[Series]], cost: Cost, *, terminating: bool
    ) -> Observation | Impossible:
        moment = Moment(slot, answers, self._names, terminating=terminating)
        try:
            return self._refusal(moment) or moment.observation(cost)
        except KeyError as error:
            return Impossible(f"{self.name} has a series without the label {error}", broken=True)
        except (QuantityError, ValueError, OverflowError) as error:
            return Impossible(f"{self.name} has a value that cannot be read: {error}", broken=True)

    def _refusal(self, moment: Moment) -> Impossible | None:
        missing = moment.missing()
        for name, why in (REFUSED if missing else REFUSED | HALF).items():
            if moment.rows(name):
                return Impossible(f"{self.name} has {why}", broken=True)
        return Impossible(f"{self.name} has no {missing} of that time") if missing else None


def _since(before: Cost, now: Cost) -> Cost:
    return Cost(now.api_requests - before.api_requests, now.bytes_read - before.bytes_read)
