import pytest
from msgspec.structs import replace

from infra.local.reconciliation import Found, Produced, SeenAlert, percentile, reconcile


def alert(event_id: str, message_id: str | None = None, maybe_repeat: bool = False) -> SeenAlert:
    return SeenAlert(event_id, message_id or event_id, maybe_repeat, latency_ms=10.0)


PRODUCED = Produced(sent=13, events=10, duplicates=2, corrupt={"not_json": 1}, purchases=2, attestations=3)
FOUND = Found(
    raw=13,
    raw_attestations=3,
    attestations=3,
    facts=10,
    duplicates=2,
    conflicts=0,
    quarantined={"not_json": 1},
    purchases=["a", "b"],
    alerts=[alert("a"), alert("b")],
)


def test_equal_sides_reconcile() -> None:
    report = reconcile(PRODUCED, FOUND, 1.0)
    assert report.reconciled
    assert report.differences == []
    assert (report.sent, report.facts + report.duplicates + report.quarantined["not_json"]) == (13, 13)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (replace(FOUND, raw=12), "sent 13, of them in raw 12: 1 missing"),
        (replace(FOUND, facts=9), "distinct valid events sent 10, facts 9: 1 missing"),
        (replace(FOUND, duplicates=3), "duplicates sent 2, duplicates found 3: 1 too many"),
        (replace(FOUND, quarantined={"not_json": 0}), "not_json lines sent 1, not_json lines quarantined 0: 1 missing"),
        (
            replace(FOUND, quarantined={"wrong_type": 1}),
            "wrong_type lines sent 0, wrong_type lines quarantined 1: 1 too many",
        ),
        (replace(FOUND, purchases=["a"]), "distinct valid purchases sent 2, purchases in the facts 1: 1 missing"),
        (replace(FOUND, alerts=[alert("a")]), "purchases in the facts 2, of them alerted 1: 1 missing"),
        (
            replace(FOUND, alerts=[alert("a"), alert("x")]),
            "alerts received 2, of them purchases in the facts 1: 1 missing",
        ),
        (replace(FOUND, conflicts=1), "conflicts"),
        (replace(FOUND, raw_attestations=2, attestations=2), "attestations sent 3, of them in raw 2: 1 missing"),
        (replace(FOUND, attestations=2), "attestations in raw 3, rows of attestations 2: 1 missing"),
        (replace(FOUND, attestations=4), "attestations in raw 3, rows of attestations 4: 1 too many"),
    ],
)
def test_a_side_that_differs_is_named(found: Found, told: str) -> None:
    report = reconcile(PRODUCED, found, 1.0)
    assert not report.reconciled
    assert any(told in difference for difference in report.differences), report.differences


def test_what_is_delivered_again_is_shown_and_taken_off() -> None:
    report = reconcile(PRODUCED, replace(FOUND, raw=15, duplicates=4), 1.0)
    assert report.reconciled
    assert report.redelivered == 2


def test_an_attestation_that_is_delivered_again_is_a_row_more() -> None:
    report = reconcile(PRODUCED, replace(FOUND, raw_attestations=4, attestations=4), 1.0)
    assert report.reconciled
    assert (report.redelivered, report.attestations) == (1, 4)


def test_where_the_producer_does_not_say_how_many_lines_attest_those_in_raw_count() -> None:
    produced = replace(PRODUCED, attestations=None)
    for count in (0, 3):
        report = reconcile(produced, replace(FOUND, raw_attestations=count, attestations=count), 1.0)
        assert (report.reconciled, report.redelivered, report.attestations) == (True, 0, count)
    assert not reconcile(produced, replace(FOUND, attestations=2), 1.0).reconciled


def test_a_line_that_is_missing_from_the_quarantine_is_noticed_among_redelivered_ones_too() -> None:
    report = reconcile(PRODUCED, replace(FOUND, raw=15, duplicates=5, quarantined={}), 1.0)
    assert not report.reconciled


def test_a_repeat_that_says_so_is_shown_and_is_no_difference() -> None:
    again = alert("a", "another message", maybe_repeat=True)
    report = reconcile(PRODUCED, replace(FOUND, alerts=[*FOUND.alerts, again]), 1.0)
    assert report.reconciled
    assert (report.alerts, report.repeated_alerts) == (2, 1)


def test_a_repeat_that_does_not_say_so_is_a_difference() -> None:
    report = reconcile(PRODUCED, replace(FOUND, alerts=[*FOUND.alerts, alert("a", "another message")]), 1.0)
    assert any("maybe_repeat" in difference for difference in report.differences)


def test_a_message_that_the_queue_delivers_twice_is_one_alert() -> None:
    report = reconcile(PRODUCED, replace(FOUND, alerts=[*FOUND.alerts, alert("a")]), 1.0)
    assert report.reconciled
    assert report.repeated_alerts == 0


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert [percentile([3.0, 1.0, 2.0], share) for share in (50, 95, 99)] == [2.0, 3.0, 3.0]
    assert percentile([], 50) == 0.0
