"""Which events are alerted, and to which topic: the rules of a deployment.

A rule names an event type, conditions on the event's metadata, and a topic. Decides only whether an event meets it. An
event that meets several rules is alerted once for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from operator import ge, gt, le, lt

from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.settings import RULES, Settings

FORM = "NAME: EVENT_TYPE [where KEY OP VALUE [and ...]] to TOPIC_ARN"
# What no JSON writer escapes: the look at a payload's bytes relies on finding a type as it is written here.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# In single or double quotes, within a line, separators are text.
_QUOTED = re.compile(r"""'[^'\n]*'|"[^"\n]*\"""")
# An event has these beside its metadata, and rules do not look at them.
_EVENT_FIELDS = {*ClickEvent.__struct_fields__, "event_timestamp"}
_COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}
_OPERATORS = ("=", "!=", "in", *_COMPARISONS)
_TOO_LONG_FOR_A_NUMBER = 64


@dataclass(frozen=True, slots=True)
class Condition:
    """What a metadata value must be; an absent one meets no condition.

    Attributes:
        key: the metadata key.
        operator: `=`, `!=`, `in` compare texts; `>=`, `<=`, `>`, `<` numbers, which a text that is none does not meet.
        values: one, or several for `in`.
    """

    key: str
    operator: str
    values: tuple[str, ...]

    def is_met(self, metadata: Mapping[str, str]) -> bool:
        """Say whether an event's metadata meets it."""
        value = metadata.get(self.key)
        if value is None:
            return False
        if self.operator in ("=", "in"):
            return value in self.values
        if self.operator == "!=":
            return value not in self.values
        number, limit = _number(value), _number(self.values[0])
        return number is not None and limit is not None and _COMPARISONS[self.operator](number, limit)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `name` stands in every alert that it causes."""

    name: str
    event_type: str
    conditions: tuple[Condition, ...]
    topic_arn: str

    def is_met(self, event: ClickEvent) -> bool:
        """Say whether an event of this rule's type meets its conditions."""
        return all(condition.is_met(event.metadata) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force."""

    all: tuple[Rule, ...]
    _by_type: dict[str, list[Rule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the rules."""
        by_type: dict[str, list[Rule]] = {}
        for rule in self.all:
            by_type.setdefault(rule.event_type, []).append(rule)
        object.__setattr__(self, "_by_type", by_type)

    @property
    def event_types(self) -> tuple[str, ...]:
        """The types that any rule is about."""
        return tuple(self._by_type)

    def matching(self, event: ClickEvent) -> list[Rule]:
        """Return the rules that an event meets, in the order given."""
        return [rule for rule in self._by_type.get(event.event_type, ()) if rule.is_met(event)]

    def topic_arns(self) -> dict[str, str]:
        """Return rule name -> topic."""
        return {rule.name: rule.topic_arn for rule in self.all}


def rules_of(settings: Settings) -> Rules:
    """Return the rules that the settings name: one to the main topic for each alerted type, then the others.

    Raises:
        ConfigError: with every fault in them.
    """
    faults: list[str] = []
    rules: list[Rule] = []
    for name in filter(None, (part.strip() for part in settings.alert_types.split(","))):
        if _NAME.fullmatch(name) is None:
            faults.append(f"alert_types: {name!r} is no event type that can be alerted: letters, digits, `_`, `.`, `-`")
        rules.append(Rule(name, name, (), settings.alerts_topic_arn))
    for text in rule_texts(settings.alert_rules):
        try:
            rules.append(parse_rule(text))
        except ConfigError as error:
            faults += error.faults
    names = [rule.name for rule in rules]
    faults += [f"alert rule {name!r} is given twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if not rules:
        faults.append("neither alert_types nor alert_rules names anything to alert")
    if faults:
        raise ConfigError(faults)
    return Rules(tuple(rules))


def rule_texts(text: str) -> list[str]:
    """Return the rules in a text, one from another by `;` or a line's end outside of quotes."""
    return [part.strip() for part in _split(text, r"[;\n]") if part.strip()]


def parse_rule(text: str) -> Rule:
    """Return the rule in a text of the form above; a value with spaces, commas or semicolons stands in quotes.

    Raises:
        ConfigError: not of that form.
    """
    name, colon, rest = text.partition(":")
    name = name.strip()
    words = [word for word in _split(rest, r"\s+") if word]
    if not colon or len(words) < 3 or words[-2] != "to":
        raise ConfigError(f"alert rule {text!r} is not of the form {FORM!r}")
    event_type, topic_arn, clauses = words[0], words[-1], words[1:-2]
    faults = [
        f"alert rule {name!r}: {what}"
        for is_wrong, what in (
            (_NAME.fullmatch(name) is None, "a name has letters, digits, `_`, `.`, `-` only"),
            (_NAME.fullmatch(event_type) is None, f"{event_type!r} is no event type that can be alerted"),
            (RULES["alerts_topic_arn"][0].fullmatch(topic_arn) is None, f"{topic_arn!r} is no SNS topic ARN"),
            (re.search("['\"]", _QUOTED.sub("", rest)) is not None, "a quote is not closed"),
            (bool(clauses) and clauses[0] != "where", f"expected `where` or `to`, found {clauses[:1]}"),
        )
        if is_wrong
    ]
    conditions = []
    # Each clause is a word that joins (`where`, `and`), a key, an operator and a value.
    for at in range(0, len(clauses), 4):
        clause = clauses[at : at + 4]
        if len(clause) < 4 or clause[0] != ("and" if at else "where") or clause[2] not in _OPERATORS:
            faults.append(f"alert rule {name!r}: {' '.join(clause)!r} is no condition: KEY OP VALUE, joined by `and`")
            break
        _, key, operator, value = clause
        members = _split(value, ",")
        condition = Condition(_bare(key), operator, tuple(map(_bare, members)))
        if what := _fault_of(condition, members):
            faults.append(f"alert rule {name!r}: {key} {operator} {value} {what}")
        conditions.append(condition)
    if faults:
        raise ConfigError(faults)
    return Rule(name, event_type, tuple(conditions), topic_arn)


def _fault_of(condition: Condition, members: list[str]) -> str | None:
    """Return what is wrong with a condition, given the values as they were written."""
    if condition.key in _EVENT_FIELDS:
        return f"can never be met: conditions look at the metadata, and {condition.key} is a field of the event"
    if condition.operator != "in" and len(members) > 1:
        return "compares with several values: only `in` does; a value that has a comma stands in quotes"
    if "" in members:
        return "has an empty value: where the empty text is meant, give it as ''"
    if condition.operator in _COMPARISONS and _number(condition.values[0]) is None:
        return "compares with what is no number"
    return None


def _split(text: str, separator: str) -> list[str]:
    """Return the parts of a text between separators outside of quotes; quotes stay."""
    hidden = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)
    cuts = list(re.finditer(separator, hidden))
    begins, ends = [0, *(cut.end() for cut in cuts)], [*(cut.start() for cut in cuts), len(text)]
    return [text[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _bare(word: str) -> str:
    return _QUOTED.sub(lambda quoted: quoted[0][1:-1], word)


def _number(text: str) -> Decimal | None:
    if len(text) > _TOO_LONG_FOR_A_NUMBER:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
