-- Links of a record that was put into the bin go with it at HubSpot, but nobody tells the record at
-- the other end, whose links were read before and stay as they were read.
with
    source as (select * from {{ source("hubspot", "associations") }}),

    binned as (
        {% for object_type in ["companies", "contacts", "deals"] %}
            select '{{ object_type }}' as object_type, id
            from {{ source("hubspot", object_type) }}
            where archived
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select source.from_type, source.from_id, source.to_type, source.to_id, source.label
from source
left join
    binned as from_bin on source.from_type = from_bin.object_type and source.from_id = from_bin.id
left join binned as to_bin on source.to_type = to_bin.object_type and source.to_id = to_bin.id
-- A link without a target says that a record has none left.
where source.to_id <> '' and from_bin.id is null and to_bin.id is null
