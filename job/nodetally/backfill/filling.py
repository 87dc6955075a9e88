"""What became of each slot of a backfill, counted. Types and sums only; memory does not grow with slots."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nodetally.store.layout import slot_of

if TYPE_CHECKING:
    from nodetally.backfill.plan import Plan
    from nodetally.backfill.source import Impossible

REASONS = 50  # told apart in the summary; damaged files have a reason each
OTHER_REASONS = "other reasons"


@dataclass
class Reason:
    """Slots that cannot be filled for one reason."""

    slots: int = 0
    first: str = ""
    last: str = ""
    broken: bool = False

    def add(self, slot: str, *, broken: bool) -> None:
        self.slots += 1
        self.first, self.last = min(self.first or slot, slot), max(self.last, slot)
        self.broken |= broken


@dataclass
class Filling:
    """How far a backfill is, and at the end what it came to."""

    slots: int = 0  # of the plan
    filled: int = 0  # or to be filled, of a dry run
    there: int = 0
    indexed: int = 0  # stored by an earlier run that ended before it could index them
    impossible: dict[str, Reason] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Slots that are settled either way."""
        return self.filled + self.there + sum(each.slots for each in self.impossible.values())

    @property
    def broken(self) -> int:
        """Slots for which there is something that cannot be read."""
        return sum(each.slots for each in self.impossible.values() if each.broken)

    def refuse(self, slot: datetime, why: "Impossible") -> None:
        """Note a slot that stays empty."""
        known = why.reason in self.impossible or len(self.impossible) < REASONS
        reason = self.impossible.setdefault(why.reason if known else OTHER_REASONS, Reason())
        reason.add(slot_of(slot), broken=why.broken)


def document(filling: Filling, plan: "Plan", cluster: str, store: str, source: str, **more: Any) -> dict[str, Any]:
    """What became of every slot, as JSON has it."""
    return {
        "cluster": cluster,
        "store": store,
        "source": source,
        "from": slot_of(plan.start),
        "to": slot_of(plan.end),
        "every_seconds": plan.every_seconds,
        "shard": f"{plan.shard.number}/{plan.shard.of}",
        **more,
        "slots": filling.slots,
        "filled": filling.filled,
        "already_there": filling.there,
        "indexed_again": filling.indexed,
        "impossible": [
            {"reason": reason, "slots": each.slots, "first": each.first, "last": each.last, "broken": each.broken}
            for reason, each in sorted(filling.impossible.items(), key=lambda item: item[1].first)
        ],
    }
