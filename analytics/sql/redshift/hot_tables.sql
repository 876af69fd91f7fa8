-- The tables that are kept in Redshift: recent facts, the dimensions, which hours are loaded, and what is hot.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Columns are those of the data files, in their order, so that COPY can fill them by place. All are spread by user_id:
-- a join of facts with users, or of a user's events with each other, needs no data of another node. Facts are sorted by
-- event_timestamp, by which a condition on time reads few blocks. Encodings are Redshift's choice.
--
-- loaded_hours: the version of each hour that was loaded, as the table hours of the lake numbers them; null for an hour
-- that holds nothing. boundary is one row: facts from hot_from on and before hot_until are answered by the hot table,
-- all others by the lake. Both are equal while nothing is hot. loaded_from and loaded_until are the hours of the last
-- load. Never delete the row.
CREATE TABLE IF NOT EXISTS hot.fact_clicks (
  click_id        VARCHAR(16384) NOT NULL,
  user_id         VARCHAR(16384) NOT NULL,
  session_id      VARCHAR(16384) NOT NULL,
  event_type      VARCHAR(16384) NOT NULL,
  event_timestamp TIMESTAMP NOT NULL,
  device_type     VARCHAR(16384),
  page_url        VARCHAR(16384),
  referrer_url    VARCHAR(16384),
  metadata        SUPER NOT NULL,
  year            INTEGER NOT NULL,
  month           INTEGER NOT NULL,
  day             INTEGER NOT NULL,
  hour            INTEGER NOT NULL,
  producer_id     VARCHAR(16384),
  producer_seq    BIGINT,
  source_object   VARCHAR(1024) NOT NULL,
  source_line     BIGINT NOT NULL
)
DISTSTYLE KEY DISTKEY (user_id)
SORTKEY (event_timestamp);

CREATE TABLE IF NOT EXISTS hot.dim_users (
  user_id            VARCHAR(16384) NOT NULL,
  country            VARCHAR(16384),
  signup_date        DATE,
  device_preferences SUPER NOT NULL,
  device_events      SUPER NOT NULL,
  last_seen          TIMESTAMP NOT NULL,
  first_seen         TIMESTAMP NOT NULL,
  events             BIGINT NOT NULL
)
DISTSTYLE KEY DISTKEY (user_id)
SORTKEY (user_id);

CREATE TABLE IF NOT EXISTS hot.dim_users_history (
  user_id     VARCHAR(16384) NOT NULL,
  country     VARCHAR(16384),
  signup_date DATE,
  valid_from  TIMESTAMP NOT NULL,
  valid_to    TIMESTAMP
)
DISTSTYLE KEY DISTKEY (user_id)
SORTKEY (user_id, valid_from);

CREATE TABLE IF NOT EXISTS hot.dim_user_agents (
  user_agent      VARCHAR(16384) NOT NULL,
  browser         VARCHAR(16384) NOT NULL,
  browser_version VARCHAR(16384),
  os              VARCHAR(16384) NOT NULL,
  os_version      VARCHAR(16384),
  device          VARCHAR(16384) NOT NULL,
  is_bot          BOOLEAN NOT NULL,
  rules_version   VARCHAR(16384) NOT NULL
)
DISTSTYLE ALL
SORTKEY (user_agent);

CREATE TABLE IF NOT EXISTS hot.loaded_hours (
  event_hour TIMESTAMP NOT NULL,
  version    BIGINT,
  facts      BIGINT NOT NULL,
  loaded_at  TIMESTAMP NOT NULL DEFAULT GETDATE()
)
DISTSTYLE ALL
SORTKEY (event_hour);

CREATE TABLE IF NOT EXISTS hot.boundary (
  hot_from     TIMESTAMP NOT NULL,
  hot_until    TIMESTAMP NOT NULL,
  loaded_from  TIMESTAMP NOT NULL,
  loaded_until TIMESTAMP NOT NULL,
  moved_at     TIMESTAMP NOT NULL
)
DISTSTYLE ALL;

INSERT INTO hot.boundary (hot_from, hot_until, loaded_from, loaded_until, moved_at)
SELECT nothing, nothing, nothing, nothing, GETDATE()
FROM (SELECT TIMESTAMP '2000-01-01 00:00:00' AS nothing) AS range_of
WHERE NOT EXISTS (SELECT 1 FROM hot.boundary);
