"""Lakes of the compaction, for what reads and enriches them."""

from tests.integration.batch_compaction.conftest import _fork_server, kill, lake, make_lake

__all__ = ["_fork_server", "kill", "lake", "make_lake"]
