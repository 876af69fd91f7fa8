"""The plain baseline: a consumer in one Python process, without Flink, as one is usually written.

It keeps what it has seen in a dictionary, which no crash survives. Two forms, for what it may be given: aggregated
records, taken apart by AWS's library for that, and records of one event. Ends with one line of JSON.

    python -m bench.stream_plain aggregated --seconds 10
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from datetime import UTC, datetime

from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from bench.stream_input import ARRIVAL_US, FETCH_RECORDS, RECORD_EVENTS, Packing, Pool
from schemas.event import PURCHASE

FORMS = {"aggregated": Packing.AGGREGATED, "one-event": Packing.ONE_EVENT}
_ARRIVAL = datetime.fromtimestamp(ARRIVAL_US / 1e6, UTC)


class Consumer:
    """Takes events in and keeps the purchases that are new."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self.purchases = 0

    def fetch(self, packing: Packing, pool: Pool, numbers: range) -> None:
        """Take in the records of these numbers."""
        if packing is Packing.ONE_EVENT:
            for number in numbers:
                for line in pool.lines(number):
                    self._take(line)
            return
        records = [
            {
                "SequenceNumber": str(number),
                "PartitionKey": "any",
                "ApproximateArrivalTimestamp": _ARRIVAL,
                "Data": pool.blob(number),
            }
            for number in numbers
        ]
        for record in iter_deaggregate_records(records, data_format="Boto3"):
            # The library gives data in base64, as a Lambda function would get it.
            self._take(base64.b64decode(record["kinesis"]["data"]))

    def _take(self, data: bytes) -> None:
        event = json.loads(data)
        if event["event_type"] == PURCHASE and event["event_id"] not in self._seen:
            self._seen[event["event_id"]] = time.time()
            self.purchases += 1


def events_per_s(packing: Packing, pool: Pool, seconds: float) -> float:
    """Return how many events a second the consumer takes in."""
    consumer = Consumer()
    number = 0
    begun_s = time.perf_counter()
    while (elapsed_s := time.perf_counter() - begun_s) < seconds:
        consumer.fetch(packing, pool, range(number, number + FETCH_RECORDS))
        number += FETCH_RECORDS
    return number * RECORD_EVENTS / elapsed_s


def main() -> None:
    """Run one form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    found = {"events_per_s": events_per_s(FORMS[options.form], Pool(), options.seconds)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
