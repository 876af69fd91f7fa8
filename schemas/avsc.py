"""The Avro schemas as files: loading, validating, and the verdict on a change.

The schemas are the source of truth for every field list; a test compares the structs and tables against them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.errors import ConfigError

CLICK_EVENT = "click_event.v1"
PURCHASE_ALERT = "purchase_alert.v1"
RECEIPT = "receipt.v1"
DEAD_LETTER = "dead_letter.v1"
ATTESTATION = "attestation.v1"
KINESIS_RECORD = "kinesis_record.v1"
NAMES = (CLICK_EVENT, PURCHASE_ALERT, RECEIPT, DEAD_LETTER, ATTESTATION, KINESIS_RECORD)


@cache
def schema_text(name: str) -> str:
    """Return the text of a schema of ours, by its name in `NAMES`."""
    return (files("schemas") / "avro" / f"{name}.avsc").read_text(encoding="utf-8")


def fields_of(name: str) -> list[dict[str, Any]]:
    """Return the fields of a schema of ours, as the file declares them."""
    declared: list[dict[str, Any]] = json.loads(schema_text(name))["fields"]
    return declared


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What a schema change means for those who read and those who write.

    Attributes:
        backward: a reader with the new schema understands data written with the old one.
        forward: a reader with the old schema understands data written with the new one.
        problems: why not, for a person; empty when both hold.
    """

    backward: bool
    forward: bool
    problems: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One word: full, backward, forward or none."""
        return {(True, True): "full", (True, False): "backward", (False, True): "forward"}.get(
            (self.backward, self.forward), "none"
        )


def compatibility(old: str, new: str) -> Compatibility:
    """Compare two Avro schemas given as JSON texts.

    Raises:
        ConfigError: one of them is not a valid Avro schema.
    """
    # Nothing but this judgement needs them: who only reads the schemas does without.
    import fastavro.schema
    from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
    from avro.schema import parse as avro_parse

    parsed = []
    for label, text in (("old", old), ("new", new)):
        try:
            fastavro.schema.parse_schema(json.loads(text))
            parsed.append(avro_parse(text))
        except Exception as error:  # both libraries raise many types; all mean an invalid schema
            raise ConfigError(f"the {label} schema is not valid Avro: {error}") from error
    old_schema, new_schema = parsed
    checker = ReaderWriterCompatibilityChecker
    backward = checker().get_compatibility(reader=new_schema, writer=old_schema)
    forward = checker().get_compatibility(reader=old_schema, writer=new_schema)
    problems = [
        f"{direction}: {message}"
        for direction, result in (("backward", backward), ("forward", forward))
        for message in sorted(result.messages)
    ]
    compatible = SchemaCompatibilityType.compatible
    return Compatibility(backward.compatibility is compatible, forward.compatibility is compatible, tuple(problems))
