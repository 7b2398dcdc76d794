select feature_id, min(feature_name) as feature_name, count(*) as event_name_count
from {{ ref("feature_events") }}
group by feature_id
