"""The rules of referrers are in the form that the models read, and a change of them is a version of its own."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

from analytics.enrichment.channels import CHANNEL_RULES, SEED, SEED_COLUMNS, Channel

FILE = Path(__file__).parents[2] / "analytics" / SEED
# Of each version, since what a version says is what it said.
DIGESTS = {1: "dbd9c12eef8ae782"}


def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == list(SEED_COLUMNS)
        return list(reader)


def test_each_host_is_there_once_and_in_order() -> None:
    hosts = [row["host"] for row in rows()]
    assert len(hosts) > 100
    assert hosts == sorted(set(hosts))


def test_a_host_is_a_name_in_lower_case_with_a_dot_and_without_www() -> None:
    for row in rows():
        assert re.fullmatch(r"(?!www\.)[a-z0-9-]+(\.[a-z0-9-]+)+", row["host"]), row
        assert re.fullmatch(r"[a-z0-9]+", row["source"]), row


def test_the_channels_are_those_that_are_known_and_each_has_hosts() -> None:
    assert {row["channel"] for row in rows()} == set(Channel)


def test_the_longest_host_tells_mail_and_assistants_from_the_search_of_their_maker() -> None:
    channels = {row["host"]: row["channel"] for row in rows()}
    for host in ("mail.google.com", "gemini.google.com"):
        assert channels[host] != channels["google.com"]


def test_rows_that_change_are_rules_of_another_version() -> None:
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()[:16]
    assert DIGESTS.get(CHANNEL_RULES) == digest, f"count CHANNEL_RULES up and write {{{CHANNEL_RULES + 1}: {digest!r}}}"
    assert max(DIGESTS) == CHANNEL_RULES
