"""Where events come from: simulated shop sessions and replayed recordings, put into the stream.

Pure: `answer_key`, `lines`, `shop`, `routing`, `batching`, `schedules`, `paths`, `mapping`, `translation`, `replay`;
of `faults` all but what begins a run and strikes the stream. Shell: `put`, `spool`, `producer`, `recordings`,
`delivery`, `sending`, `run`, and a `…_cli` for each command. Imports only `schemas`.
"""
