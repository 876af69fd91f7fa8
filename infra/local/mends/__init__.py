"""What the emulator library gets wrong for us, each mended in its own module and tested with and without the mend.

A mend replaces attributes of the library's classes and modules and puts them back when it is left. It decides only how
an emulated service answers; nothing outside the emulator process, or a test of a mend, installs one.
"""

from infra.local.mends.mend import Mend

__all__ = ["Mend", "all_mends"]


def all_mends() -> tuple[Mend, ...]:
    """Return every mend; importing them loads the emulator library, which takes a moment."""
    from infra.local.mends import dynamodb, glue, kinesis, sns, sqs

    return (kinesis.MEND, glue.MEND, sqs.MEND, sns.MEND, dynamodb.MEND)
