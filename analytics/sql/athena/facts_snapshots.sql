-- The snapshots of the facts: when each was committed, and by what.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- The summary names the run (clickstream.run-id) and how far everything was published (clickstream.published-through).
-- Cost: metadata alone is read, and no data file.
SELECT committed_at, snapshot_id, parent_id, operation,
       element_at(summary, 'clickstream.run-id') AS run_id,
       element_at(summary, 'clickstream.published-through') AS published_through
FROM clickstream."fact_clicks$snapshots"
ORDER BY committed_at, snapshot_id
