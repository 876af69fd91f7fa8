"""Where events come from: simulated shop sessions and replayed recordings, put into the stream.

Pure: `lines`, `shop`, `faults`, `routing`, `batching`, `schedules`, `paths`, `mapping`, `translation`, `replay`.
Shell: `put`, `spool`, `producer`, `recordings`, `delivery`, `run`, `cli`. Imports only `schemas`.
"""
