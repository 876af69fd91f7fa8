"""The local stack tells the compaction of raw objects, in the queue that its settings name."""

from pathlib import Path
from typing import Any

from batch_compaction.find import find
from batch_compaction.notifications import Queue
from schemas.lake import RAW_PREFIX
from schemas.settings import load_settings


def test_the_local_stack_tells_of_what_is_put_in_its_raw_bucket(emulator: Any, tmp_path: Path) -> None:
    settings = load_settings(emulator.environment, tmp_path)
    s3 = emulator.client("s3")
    for key in (f"{RAW_PREFIX}a b.json", "elsewhere/a.json"):
        s3.put_object(Bucket=settings.raw_bucket, Key=key, Body=b"{}\n")
    queue = Queue(emulator.client("sqs"), settings.raw_objects_queue_url)
    found = find(s3, settings.raw_bucket, queue, now_us=0)
    assert [raw.key for raw in found.objects] == [f"{RAW_PREFIX}a b.json"]
    assert found.strange == ()
    assert found.acknowledge() == 0
    assert find(s3, settings.raw_bucket, queue, now_us=0).objects == ()
