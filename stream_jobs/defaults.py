"""What a job does where nothing else is said, on one machine and on AWS alike."""

from __future__ import annotations

# A repeat of the producer's beyond this is a new alert.
DEDUPE_HOURS = 24
# How long a topic, queue or bucket may refuse everything before the job fails.
PUBLISH_DEADLINE_S = 30 * 60
# How long the stream may be unreachable before the job fails.
STREAM_OUTAGE_S = 5 * 60
# Receipts roll with the checkpoints, but a stop does not wait long for the last ones.
LONGEST_RECEIPTS_LINGER_S = 5
