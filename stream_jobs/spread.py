"""Keys that Flink spreads evenly over the subtasks of an operator.

Flink hashes a key to a key group and gives each subtask a range of groups; the keys 0, 1, 2 … may well all land on one
subtask. These keys lie in the middles of equal shares of the groups.
"""

from __future__ import annotations

from itertools import count as numbers

from pyflink.java_gateway import get_gateway


def spread_keys(count: int, parallelism: int) -> list[int]:
    """Return keys for `Types.INT()`, as many on each subtask as can be.

    Up to 64 keys on as many subtasks have one each; no subtask ever has more than one above its share. With powers of
    two, keys that follow each other are on different subtasks.

    Keys are part of an operator's state, so it matters when they change: with the count, and with the parallelism only
    beyond 85, where Flink's default number of key groups grows.

    Args:
        count: how many keys; not more than there are key groups, which is 128 or more.
        parallelism: of the operator, whose maximum is Flink's default.
    """
    gateway = get_gateway()
    assignment = gateway.jvm.org.apache.flink.runtime.state.KeyGroupRangeAssignment
    groups = int(assignment.computeDefaultMaxParallelism(parallelism))
    wanted = [(2 * place + 1) * groups // (2 * count) for place in _far_apart(count)]
    found: dict[int, int] = {}
    keys = numbers()
    while len(found) < count:
        key = next(keys)
        fields = gateway.new_array(gateway.jvm.java.lang.Object, 1)
        fields[0] = key
        # PyFlink hands a key to Flink inside of a row, which has a hash of its own.
        group = int(assignment.assignToKeyGroup(gateway.jvm.org.apache.flink.types.Row.of(fields), groups))
        if group in wanted:
            found.setdefault(group, key)
    return [found[group] for group in wanted]


def _far_apart(count: int) -> list[int]:
    """Return the places 0 … count - 1 so that each is far from the one before: 0, 4, 2, 6, 1, 5, 3, 7."""
    width = max(count - 1, 1).bit_length()
    return sorted(range(count), key=lambda place: f"{place:0{width}b}"[::-1])
