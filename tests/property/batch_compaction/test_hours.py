"""Whatever was published and rolled back before, what comes back is what was there then."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from batch_compaction.hours import ROLLBACK, Change, Recorded, changes_of, changes_table, versions_in_force
from batch_compaction.rollback_plan import Target, as_of, before_run, before_the_last_change
from schemas.instants import HOUR_US

HOUR = 493_000 * HOUR_US
# None publishes; a number rolls back to as it was so many snapshots ago.
moves = st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=25)


def published(sequence: int) -> Recorded:
    made = Change(
        reasons=["late data"],
        new_lines=1,
        facts_before=0,
        facts=sequence,
        added=1,
        removed=0,
        replaced=0,
        conflicts=0,
        facts_file=f"{sequence}.parquet",
        conflicts_file=None,
    )
    return Recorded(HOUR, sequence, sequence, f"run-{sequence % 4}", HOUR + sequence, made)


def rolled_back(sequence: int, target: Target) -> Recorded:
    made = published(sequence)
    fields = {name: getattr(made.change, name) for name in Change.__struct_fields__}
    return replace(
        made, run_id="rollback", change=Change(**fields | {"reasons": [ROLLBACK], "restored": target.sequence})
    )


def lived(steps: list[int | None]) -> list[Recorded]:
    history: list[Recorded] = []
    for number, step in enumerate(steps, start=1):
        history.append(
            published(number) if step is None else rolled_back(number, as_of(HOUR, history, max(0, number - 1 - step)))
        )
    return history


@given(moves, st.integers(0, 30))
def test_a_rollback_restores_what_was_in_force(steps: list[int | None], sequence: int) -> None:
    history = lived(steps)
    target = as_of(HOUR, history, sequence)
    then = versions_in_force([item for item in history if item.sequence <= sequence])
    after = versions_in_force([*history, rolled_back(99, target)])
    assert after == then
    assert target.version == (then[-1].change.version if then else target.version)
    assert {item.run_id for item in versions_in_force(history) if item not in then} == set(target.undone)


@given(moves)
def test_one_back_after_the_other_ends_with_nothing(steps: list[int | None]) -> None:
    history = lived(steps)
    depth = len(versions_in_force(history))
    for number in range(depth):
        history.append(rolled_back(100 + number, before_the_last_change(HOUR, history)))
        assert len(versions_in_force(history)) == depth - number - 1


@given(moves, st.sampled_from(["run-0", "run-1", "run-2", "run-3"]))
def test_nothing_of_a_run_that_was_rolled_back_is_in_force(steps: list[int | None], run_id: str) -> None:
    history = lived(steps)
    target = before_run(HOUR, history, run_id)
    in_force = versions_in_force(history)
    assert (target is None) == all(item.run_id != run_id for item in in_force)
    if target is not None:
        after = versions_in_force([*history, rolled_back(99, target)])
        assert after == in_force[: len(after)]
        assert all(item.run_id != run_id for item in after)
        assert in_force[len(after)].run_id == run_id


@given(moves)
def test_the_table_says_what_happened(steps: list[int | None]) -> None:
    history = lived(steps)
    assert changes_of(changes_table(history)) == history
