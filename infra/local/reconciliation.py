"""The two sides of a run of the whole pipeline, each counted on its own, and whether they are equal.

Pure. The producer's own counts stand on one side; what lies in the raw bucket, in the tables and in a subscriber's
hands on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Produced(msgspec.Struct, frozen=True):
    """What the producer says that it sent.

    Attributes:
        sent: lines put into the stream, attestations left out.
        events: distinct valid events among them.
        duplicates: lines that repeat one of those.
        corrupt: rejection reason -> lines that are no event.
        purchases: distinct valid purchases.
        attestations: lines that attest the others; None where the producer does not say how many.
    """

    sent: int
    events: int
    duplicates: int
    corrupt: Mapping[str, int]
    purchases: int
    attestations: int | None = None


class SeenAlert(msgspec.Struct, frozen=True):
    """One message that a subscriber received; a queue may deliver one twice, under the same message id."""

    event_id: str
    message_id: str
    maybe_repeat: bool
    latency_ms: float


class Found(msgspec.Struct, frozen=True):
    """What came out at the other end.

    Attributes:
        raw: lines in the raw bucket, attestations left out.
        raw_attestations: the attestations there.
        attestations: rows of `attestations`.
        facts: rows of `fact_clicks`.
        duplicates: lines that the compaction found said twice.
        conflicts: rows of `conflicts`.
        quarantined: reason -> rows of `quarantine`.
        purchases: ids of the purchases among the facts.
        alerts: what a subscriber received, in order.
    """

    raw: int
    raw_attestations: int
    attestations: int
    facts: int
    duplicates: int
    conflicts: int
    quarantined: Mapping[str, int]
    purchases: Sequence[str]
    alerts: Sequence[SeenAlert]


class Report(msgspec.Struct, frozen=True):
    """The verdict; `differences` names each equation that does not hold."""

    sent: int
    raw: int
    redelivered: int
    facts: int
    duplicates: int
    conflicts: int
    quarantined: Mapping[str, int]
    attestations: int
    purchases: int
    alerts: int
    repeated_alerts: int
    alert_latency_ms: Mapping[str, float]
    seconds: float
    reconciled: bool
    differences: Sequence[str]


def reconcile(produced: Produced, found: Found, seconds: float) -> Report:
    """Compare both sides.

    Firehose delivers at least once. What it delivers again makes a line more in raw, which the tables know as a
    duplicate, or as one more quarantined line or attestation; it is shown, and taken off where the sides are compared.
    """
    attested = found.raw_attestations if produced.attestations is None else produced.attestations
    redelivered = found.raw - produced.sent
    quarantined = sum(found.quarantined.values())
    purchased, alerted = set(found.purchases), {alert.event_id for alert in found.alerts}
    unflagged = {(alert.event_id, alert.message_id) for alert in found.alerts if not alert.maybe_repeat}
    equations = [
        ("sent", produced.sent, "of them in raw", min(found.raw, produced.sent)),
        (
            "sent",
            produced.sent,
            "facts + duplicates + conflicts + quarantined less redelivered",
            found.facts + found.duplicates + found.conflicts + quarantined - max(redelivered, 0),
        ),
        ("attestations sent", attested, "of them in raw", min(found.raw_attestations, attested)),
        ("attestations in raw", found.raw_attestations, "rows of attestations", found.attestations),
        ("distinct valid events sent", produced.events, "facts", found.facts),
        ("distinct valid purchases sent", produced.purchases, "purchases in the facts", len(found.purchases)),
        ("purchases in the facts", len(purchased), "of them alerted", len(purchased & alerted)),
        ("alerts received", len(alerted), "of them purchases in the facts", len(purchased & alerted)),
        (
            "alerts that do not say maybe_repeat",
            len(unflagged),
            "distinct among them",
            len({event_id for event_id, _ in unflagged}),
        ),
    ]
    if redelivered <= 0:
        equations.append(("duplicates sent", produced.duplicates, "duplicates found", found.duplicates))
    for reason in sorted({*produced.corrupt, *found.quarantined}):
        sent, got = produced.corrupt.get(reason, 0), found.quarantined.get(reason, 0)
        again = min(max(redelivered, 0), max(got - sent, 0))
        equations.append((f"{reason} lines sent", sent, f"{reason} lines quarantined", got - again))
    differences = [
        f"{left_name} {left}, {right_name} {right}: {abs(left - right)} {'missing' if right < left else 'too many'}"
        for left_name, left, right_name, right in equations
        if left != right
    ]
    latencies_ms = [alert.latency_ms for alert in found.alerts]
    return Report(
        sent=produced.sent,
        raw=found.raw,
        redelivered=redelivered + found.raw_attestations - attested,
        facts=found.facts,
        duplicates=found.duplicates,
        conflicts=found.conflicts,
        quarantined=dict(found.quarantined),
        attestations=found.attestations,
        purchases=len(found.purchases),
        alerts=len(alerted),
        repeated_alerts=len({alert.message_id for alert in found.alerts}) - len(alerted),
        alert_latency_ms={f"p{share}": percentile(latencies_ms, share) for share in (50, 95, 99)},
        seconds=round(seconds, 1),
        reconciled=not differences,
        differences=differences,
    )


def percentile(values: Sequence[float], share: int) -> float:
    """Return the smallest value that at least `share` percent of the values do not exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 100)
    return ordered[max(rank, 1) - 1]
