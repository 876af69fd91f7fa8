-- The ledger of the compaction counts on its own; both are as of one snapshot.
select hours.event_hour, hours.facts as expected, engagement.events as found
from {{ ref('published_hours') }} as hours
full outer join {{ ref('engagement_hourly') }} as engagement on engagement.event_hour = hours.event_hour
where coalesce(hours.facts, 0) <> coalesce(engagement.events, 0)
