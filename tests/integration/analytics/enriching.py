"""Enrichments of a test's lake, also in a process that is killed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from analytics.enrichment.agents import AgentParser
from analytics.enrichment.run import Enrichment, EnrichmentReport, enrich
from tests.integration.batch_compaction.lakes import TestLake


@cache
def parser(version: str) -> AgentParser:
    return AgentParser(version)


def enriched(
    lake: TestLake, on_step: Callable[[str], None] = lambda _: None, version: str = "v1", **options: Any
) -> EnrichmentReport:
    return enrich(Enrichment(lake.lake, parser(version), "an-enrichment", on_step, **options))
