"""Label selectors as kubectl writes them: text in, a condition on labels out. Pure; reads no cluster."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn

from nodetally.errors import WrongUse

FORMS = "KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY or !KEY, joined by commas"
_TOKEN = re.compile(r"\s*(==|!=|[=!(),]|[^\s=!(),<>]+)")
_SIGNS = frozenset({"=", "==", "!=", "!", "(", ")", ","})


@dataclass(frozen=True)
class Requirement:
    """One condition on one key. No `values` asks for the key alone; `negated` turns the answer round.

    As in Kubernetes, `!=` and `notin` also hold where the key is not there.
    """

    key: str
    values: frozenset[str] = frozenset()
    negated: bool = False

    def holds(self, found: Collection[str]) -> bool:
        """Whether the values found under the key (none: it is not there) meet the condition."""
        present = not self.values.isdisjoint(found) if self.values else bool(found)
        return present != self.negated

    def __str__(self) -> str:
        if not self.values:
            return f"!{self.key}" if self.negated else self.key
        if len(self.values) == 1:
            return f"{self.key}{'!=' if self.negated else '='}{next(iter(self.values))}"
        return f"{self.key} {'notin' if self.negated else 'in'} ({','.join(sorted(self.values))})"


@dataclass(frozen=True)
class Selector:
    """Requirements that must all hold; an empty selector selects everything."""

    requirements: tuple[Requirement, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(requirement.key for requirement in self.requirements)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(
            requirement.holds((labels[requirement.key],) if requirement.key in labels else ())
            for requirement in self.requirements
        )

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


def parse_selector(text: str) -> Selector:
    """Read a selector as kubectl does (apimachinery/pkg/labels, without < and >); WrongUse says what is wrong.

    >>> parse_selector("pool=ng-1,zone in (a, b),!gpu").matches({"pool": "ng-1", "zone": "a"})
    True
    """
    return Selector(_Parser(text).requirements())


class _Parser:
    """Recursive descent over the tokens of one selector."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.at = 0

    def _tokens(self) -> list[str]:
        tokens, position, end = [], 0, len(self.text.rstrip())
        while position < end:
            found = _TOKEN.match(self.text, position)
            if not found:
                self._fail(self.text[position:].strip()[:1])
            tokens.append(found[1])
            position = found.end()
        return tokens

    def _fail(self, near: str) -> NoReturn:
        where = f"at {near!r}" if near else "at its end"
        raise WrongUse(f"not a selector: {self.text!r}, {where}", hint=f"write {FORMS}")

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if not token or (wanted and token not in wanted):
            self._fail(token)
        self.at += 1
        return token

    def _word(self) -> str:
        if self._peek() in _SIGNS:
            self._fail(self._peek())
        return self._take()

    def _optional_word(self) -> str:
        """A word, or "": a label's value may be empty."""
        return self._word() if self._peek() and self._peek() not in _SIGNS else ""

    def requirements(self) -> tuple[Requirement, ...]:
        found = []
        while self._peek():
            found.append(self._requirement())
            if self._peek():
                self._take(",")
                if not self._peek():
                    self._fail("")
        return tuple(found)

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._take()
            return Requirement(self._word(), negated=True)
        key = self._word()
        match self._peek():
            case "=" | "==" | "!=":
                sign = self._take()
                return Requirement(key, frozenset({self._optional_word()}), negated=sign == "!=")
            case "in" | "notin":
                word = self._take()
                return Requirement(key, self._set(), negated=word == "notin")
        return Requirement(key)

    def _set(self) -> frozenset[str]:
        self._take("(")
        if self._peek() == ")":
            self._fail(")")
        values = [self._optional_word()]
        while self._take(",", ")") == ",":
            values.append(self._optional_word())
        return frozenset(values)
