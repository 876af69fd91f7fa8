-- Sorts, gives room back, and counts anew what the planner goes by; each statement by itself.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Redshift does all of this by itself when it is idle. After a large load or a refresh of many hours it is worth doing
-- at once: rows of a reloaded hour lie unsorted at the end, and the deleted ones are read until VACUUM. Hours that are
-- loaded in order need no sorting. VACUUM cannot be in a transaction. The last statement says where a table stands:
-- unsorted and stats_off are percentages.
--
-- hot.dim_users and hot.dim_users_history are replaced whole by each load_users.sql: each leaves as many deleted rows
-- as there are users.
VACUUM SORT ONLY hot.fact_clicks;

VACUUM DELETE ONLY hot.fact_clicks;

VACUUM DELETE ONLY hot.dim_users;

VACUUM DELETE ONLY hot.dim_users_history;

VACUUM DELETE ONLY hot.dim_user_agents;

ANALYZE hot.fact_clicks PREDICATE COLUMNS;

ANALYZE hot.dim_users PREDICATE COLUMNS;

ANALYZE hot.dim_users_history PREDICATE COLUMNS;

ANALYZE hot.dim_user_agents PREDICATE COLUMNS;

SELECT "schema", "table", tbl_rows, unsorted, stats_off, size AS size_mb
FROM SVV_TABLE_INFO
WHERE "schema" = 'hot'
ORDER BY "table";
