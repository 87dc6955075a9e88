"""Selectors in, a test on objects out, and what an index can answer of it. Never looks at a whole cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nodetally.errors import WrongUse
from nodetally.selectors import parse_selector
from nodetally.simulate.errors import ApiError
from nodetally.simulate.objects.item import Item

# The fields that can be selected by; pkg/apis/core/v1/conversion.go knows a few more
FIELDS: Mapping[str, Mapping[str, Callable[[Item], str]]] = {
    "pods": {
        "metadata.name": lambda item: item.name,
        "metadata.namespace": lambda item: item.namespace,
        "spec.nodeName": lambda item: item.node_name,
        "status.phase": lambda item: item.phase,
    },
    "nodes": {"metadata.name": lambda item: item.name},
}


@dataclass(frozen=True)
class Condition:
    """One part of a field selector."""

    field: str
    value: str
    equal: bool

    @classmethod
    def parse(cls, text: str) -> "Condition":
        for sign in ("!=", "==", "="):
            field, found, value = text.partition(sign)
            if found:
                return cls(field.strip(), value.strip(), sign != "!=")
        raise ApiError(400, f"invalid selector: '{text}'; can't understand '{text}'")


@dataclass(frozen=True)
class Selection:
    """What a list or a watch is asked for; without conditions it is everything."""

    resource: str
    namespace: str = ""
    conditions: tuple[Condition, ...] = ()
    label_selector: str = ""

    @classmethod
    def parse(cls, resource: str, namespace: str, field_selector: str, label_selector: str) -> "Selection":
        """ApiError 400 where a selector cannot be read or names a field that has no index."""
        conditions = tuple(Condition.parse(part) for part in field_selector.split(",") if part.strip())
        for condition in conditions:
            if condition.field not in FIELDS[resource]:
                raise ApiError(400, f"field label not supported: {condition.field}")
        try:
            parse_selector(label_selector)
        except WrongUse as error:
            raise ApiError(400, f"unable to parse requirement: {error}") from error
        return cls(resource, namespace, conditions, label_selector)

    @property
    def is_everything(self) -> bool:
        return not (self.namespace or self.conditions or self.label_selector)

    @property
    def has_selectors(self) -> bool:
        return bool(self.conditions or self.label_selector)

    def equals(self, field: str) -> str | None:
        """The value that a field must have, if the selection says so."""
        return next((each.value for each in self.conditions if each.field == field and each.equal), None)

    def test(self) -> Callable[[Item], bool]:
        """A function that says whether an object is selected."""
        checks = [self._field_check(condition) for condition in self.conditions]
        if self.namespace:
            checks.append(lambda item: item.namespace == self.namespace)
        if self.label_selector:
            selector = parse_selector(self.label_selector)
            checks.append(lambda item: selector.matches(item.labels))
        return lambda item: all(check(item) for check in checks)

    def _field_check(self, condition: Condition) -> Callable[[Item], bool]:
        read = FIELDS[self.resource][condition.field]
        return lambda item: (read(item) == condition.value) == condition.equal
