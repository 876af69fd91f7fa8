-- Who may what: analysts read, a loader writes the hot tables, an operator looks after them.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Run it once, by an administrator, after the tables and views are made, and not in a transaction: rights on an
-- external schema cannot be given in one. A person gets them by GRANT ROLE clickstream_analyst TO name, and reads maps
-- by ALTER USER name SET json_serialization_enable TO true.
--
-- Whoever made the views has to have rights on what they read, and keeps them: a view that is not bound is read by its
-- owner's rights. On an external schema USAGE is the right on all its tables.
--
-- Caution: outside of Redshift all of them act as one IAM role, which Terraform makes (modules/query) and which reads
-- alone. It reads the folders of the tables, of the receipts and of the raw objects, and the Glue databases of both;
-- UNLOAD, CREATE EXTERNAL TABLE, INSERT into the lake and the database of the models fail with it. So does COPY of a
-- manifest that lies elsewhere. Do not widen it for one person: everyone here would have it.
CREATE ROLE clickstream_analyst;
CREATE ROLE clickstream_loader;
CREATE ROLE clickstream_operator;

GRANT USAGE ON SCHEMA lake TO ROLE clickstream_analyst;
GRANT USAGE ON SCHEMA mart TO ROLE clickstream_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA mart TO ROLE clickstream_analyst;
ALTER DEFAULT PRIVILEGES IN SCHEMA mart GRANT SELECT ON TABLES TO ROLE clickstream_analyst;

GRANT USAGE ON SCHEMA lake TO ROLE clickstream_loader;
GRANT USAGE ON SCHEMA hot TO ROLE clickstream_loader;
GRANT TEMPORARY ON DATABASE clickstream TO ROLE clickstream_loader;
GRANT SELECT, INSERT, DELETE ON hot.fact_clicks TO ROLE clickstream_loader;
GRANT SELECT, INSERT, DELETE ON hot.dim_users TO ROLE clickstream_loader;
GRANT SELECT, INSERT, DELETE ON hot.dim_users_history TO ROLE clickstream_loader;
GRANT SELECT, INSERT, DELETE ON hot.dim_user_agents TO ROLE clickstream_loader;
GRANT SELECT, INSERT, DELETE ON hot.loaded_hours TO ROLE clickstream_loader;
GRANT SELECT, UPDATE ON hot.boundary TO ROLE clickstream_loader;
GRANT SELECT ON hot.stale_hours TO ROLE clickstream_loader;

GRANT ROLE clickstream_analyst TO ROLE clickstream_operator;
GRANT ROLE clickstream_loader TO ROLE clickstream_operator;
GRANT CREATE ON SCHEMA mart TO ROLE clickstream_operator;
GRANT VACUUM TO ROLE clickstream_operator;
GRANT ANALYZE TO ROLE clickstream_operator;
GRANT ROLE sys:monitor TO ROLE clickstream_operator;
