"""Reading ahead: one thread fills a bounded store, the task's thread empties it.

No call to Kinesis is made by the task's thread, so none holds up a checkpoint. The thread touches no state of Flink: it
is handed positions and hands over records. Knows nothing of Flink.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from queue import SimpleQueue

from stream_jobs.fetching import Fetched, Fetcher, SlotPositions
from stream_jobs.patience import StoppedError

# Several full answers of Kinesis; a lone one that is larger goes in all the same.
_MAX_AHEAD_BYTES = 32 << 20
_MAX_AHEAD_READS = 64


class Prefetch:
    """What one thread reads ahead for the slots of one task.

    Args:
        open_fetcher: makes the fetcher, in the thread; gets what pauses the thread and says whether it has to end.
        rests: says whether to read nothing for now.
        idle_wait_s: how long to wait before another round where one gave nothing.
    """

    def __init__(
        self,
        open_fetcher: Callable[[Callable[[float], bool]], Fetcher],
        rests: Callable[[], bool],
        idle_wait_s: float,
    ) -> None:
        self._open_fetcher = open_fetcher
        self._rests = rests
        self._idle_wait_s = idle_wait_s
        self._adopted: SimpleQueue[SlotPositions] = SimpleQueue()
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._ahead: defaultdict[int, deque[Fetched]] = defaultdict(deque)
        self._ahead_reads = 0
        self._ahead_bytes = 0
        self._fetcher: Fetcher | None = None
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    def adopt(self, slot: SlotPositions) -> None:
        """Read this slot too, from its positions on; the first one starts the thread."""
        self._adopted.put(slot)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kinesis-poller", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return once anything can be taken, or after some seconds."""
        with self._moved:
            self._moved.wait_for(lambda: self._stop.is_set() or self._failure or self._ahead_reads, seconds)

    def take(self, slot: int) -> Fetched | None:
        """Return what was read next for a slot, or None where nothing is there yet.

        Raises:
            WorkFailedError: the thread has given up.
        """
        if self._failure is not None:
            raise self._failure
        with self._moved:
            if not self._ahead[slot]:
                return None
            fetched = self._ahead[slot].popleft()
            self._ahead_reads -= 1
            self._ahead_bytes -= fetched.size_bytes
            self._moved.notify_all()
        return fetched

    def is_idle(self, slot: int) -> bool:
        """Say whether the slot has no shard to read for now."""
        return self._fetcher is not None and slot not in self._fetcher.busy_slots

    def unsettled(self) -> int:
        """Return how many reads wait to be taken."""
        return self._ahead_reads

    def millis_behind_latest(self) -> int:
        """Return how far behind the shard that is furthest behind was when it was last read."""
        return self._fetcher.millis_behind_latest if self._fetcher is not None else 0

    def close(self) -> None:
        """Have the thread end; a call that is under way is not waited for."""
        self._stop.set()
        with self._moved:
            self._moved.notify_all()

    def _run(self) -> None:
        try:
            fetcher = self._fetcher = self._open_fetcher(self._stop.wait)
            while not self._stop.is_set():
                while not self._adopted.empty():
                    fetcher.adopt(self._adopted.get())
                if self._rests() or not self._round(fetcher):
                    self._stop.wait(self._idle_wait_s)
        except StoppedError:
            return
        except Exception as error:  # not swallowed: the task's thread raises it
            with self._moved:
                self._failure = error
                self._moved.notify_all()

    def _round(self, fetcher: Fetcher) -> bool:
        """Read each shard once and say whether anything came."""
        came = False
        for fetched in fetcher.round():
            came = True
            self._put(fetched)
        return came

    def _put(self, fetched: Fetched) -> None:
        size_bytes = fetched.size_bytes
        with self._moved:
            self._moved.wait_for(lambda: self._stop.is_set() or self._has_room(size_bytes))
            self._ahead[fetched.slot].append(fetched)
            self._ahead_reads += 1
            self._ahead_bytes += size_bytes
            self._moved.notify_all()

    def _has_room(self, size_bytes: int) -> bool:
        if self._ahead_reads == 0:
            return True
        return self._ahead_reads < _MAX_AHEAD_READS and self._ahead_bytes + size_bytes <= _MAX_AHEAD_BYTES
