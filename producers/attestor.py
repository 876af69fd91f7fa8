"""When a producer attests, and what: the events between the last attestation and a state of its stamper.

Pure: the time is an argument.
"""

from __future__ import annotations

from producers.stamping import Stamped
from schemas.attestation import Attestation, digest_text
from schemas.instants import HOUR_US, format_instant_us, hour_floor_us


class Attestor:
    """Closes hours.

    Args:
        producer_id: who attests.
        first_seq: the number of the first event that is not attested.
        now_us: the time of the start, in microseconds since the epoch.
    """

    def __init__(self, producer_id: str, first_seq: int, now_us: int) -> None:
        self._producer_id = producer_id
        self._attested = Stamped(first_seq, 0)
        self._hour_us = hour_floor_us(now_us)
        self._has_attested = self._has_ended = False

    @property
    def due_us(self) -> int:
        """When the hour ends that must be closed."""
        return self._hour_us + HOUR_US

    def attest(self, stamped: Stamped, now_us: int, *, is_last: bool) -> Attestation | None:
        """Close the hour that runs, and return what to put; None where nothing was stamped in it, or after the last.

        Args:
            stamped: the stamper's state after the last line that was put.
            now_us: the time.
            is_last: the producer ends; where it has attested before, an hour without events is closed too.
        """
        hour_us, self._hour_us = self._hour_us, hour_floor_us(now_us)
        # Of a resumed run the lines that an earlier run attested are stamped first.
        count = max(0, stamped.next_seq - self._attested.next_seq)
        if self._has_ended or not (count or (is_last and self._has_attested)):
            return None
        self._has_attested, self._has_ended = True, is_last
        attestation = Attestation(
            producer_id=self._producer_id,
            send_hour=format_instant_us(hour_us),
            first_seq=self._attested.next_seq,
            last_seq=self._attested.next_seq + count - 1,
            count=count,
            digest=digest_text(stamped.digest - self._attested.digest),
            closed_timestamp=format_instant_us(now_us),
            is_last=is_last,
        )
        if count:
            self._attested = stamped
        return attestation
