"""An enrichment, step by step: which facts are new, what their user agents are, what these tell, one commit.

Only what changed is read, and only its metadata. The rows and the mark that says which facts they cover are one commit,
so a run that died before it changed nothing and is simply run again; when another run commits first, this one plans
again from fresh tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.exceptions import CommitFailedException

from analytics.enrichment.agents import AgentParser
from analytics.enrichment.changes import MARK, mark_of, new_facts
from analytics.enrichment.texts import TextLimits, distinct_texts
from batch_compaction.hours_log import RUN_ID
from batch_compaction.lake_tables import Lake
from schemas.errors import WorkFailedError
from schemas.tables import DIM_USER_AGENTS, FACT_CLICKS

MAX_PLANS = 5
# Texts that are parsed at once: some seconds of work between two steps, and some megabytes.
_TEXTS_AT_ONCE = 8192


class EnrichmentReport(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        rules_version: the rules of every row.
        hours_read: event hours of the facts that were looked at.
        new_texts: rows that came.
        reread_texts: rows that were there and were made anew, by other rules.
        removed_texts: rows that went, since no fact has their text; only a rebuild takes any away.
        texts: rows since then.
        left_out_facts: of the facts that were looked at, those whose text is too long for a row or found no room.
        is_committed: whether anything changed.
        overtaken: how often another run committed first.
    """

    run_id: str
    rules_version: str
    hours_read: int
    new_texts: int
    reread_texts: int
    removed_texts: int
    texts: int
    left_out_facts: int
    is_committed: bool
    overtaken: int


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What a run is given.

    Attributes:
        run_id: names it in the snapshots that it commits.
        on_step: told each step as it begins.
        rebuild: make the table anew from all facts.
        limits: of the texts.
    """

    lake: Lake
    parser: AgentParser
    run_id: str
    on_step: Callable[[str], None]
    rebuild: bool = False
    limits: TextLimits = field(default_factory=TextLimits)


def enrich(run: Enrichment) -> EnrichmentReport:
    """Give every user agent of the facts its row, by the rules of now; do nothing where all have it.

    Raises:
        WorkFailedError: other runs kept committing first; what they committed is whole.
    """
    overtaken = 0
    while True:
        try:
            return _enrich_once(run, overtaken)
        except CommitFailedException as error:
            overtaken += 1
            if overtaken == MAX_PLANS:
                told = f"other runs committed first, {MAX_PLANS} times: let them end, then run again"
                raise WorkFailedError(told) from error
            run.on_step("another run committed first: planning again")


def _enrich_once(run: Enrichment, overtaken: int) -> EnrichmentReport:
    run.on_step("find new facts")
    # The table before the facts: whoever commits to it after this moment makes the commit below fail.
    agents = run.lake.open(DIM_USER_AGENTS)
    facts = run.lake.find([FACT_CLICKS.name]).get(FACT_CLICKS.name)
    since = None if run.rebuild else mark_of(agents.iceberg.properties.get(MARK))
    new = new_facts(facts, since)
    before = agents.rows()
    kept = before.schema.empty_table() if run.rebuild else before
    known = frozenset(kept["user_agent"].to_pylist())

    run.on_step(f"read {len(new.hours)} hours")
    found = distinct_texts(new.rows, known, run.limits)
    is_current = pc.equal(kept["rules_version"], run.parser.version)
    stale = kept.filter(pc.invert(is_current))["user_agent"].to_pylist()
    rows = pa.concat_tables([kept.filter(is_current), *_parsed(run, [*found.new, *stale])])

    run.on_step(f"publish {DIM_USER_AGENTS.name}")
    marks = {} if new.mark is None else {MARK: str(new.mark)}
    committed = agents.replace({(): rows.sort_by("user_agent")}, {RUN_ID: run.run_id}, marks)
    came = len(set(found.new).difference(before["user_agent"].to_pylist())) if run.rebuild else len(found.new)
    return EnrichmentReport(
        run_id=run.run_id,
        rules_version=run.parser.version,
        hours_read=len(new.hours),
        new_texts=came,
        reread_texts=len(rows) - came if run.rebuild else len(stale),
        removed_texts=len(before) + came - len(rows),
        texts=len(rows),
        left_out_facts=found.left_out,
        is_committed=committed,
        overtaken=overtaken,
    )


def _parsed(run: Enrichment, texts: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the rows of texts, some at once."""
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        run.on_step(f"parse texts: {begin:,} of {len(texts):,}")
        yield run.parser.rows(texts[begin : begin + _TEXTS_AT_ONCE])
