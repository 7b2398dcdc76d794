"""HubSpot's own Python client as an independent reader of the simulator."""

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.contacts import ApiException
from hubspot.crm.objects import (
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectId,
)

from tests.simulator.small_company import CONTACTS


@pytest.fixture
def client(vendors: str) -> HubSpot:
    return HubSpot(access_token="pat-demo", host=vendors)


def test_it_pages_all_live_and_all_archived_contacts(client: HubSpot) -> None:
    live = client.crm.contacts.get_all(properties=["email", "plan_seats"])
    archived = client.crm.contacts.get_all(archived=True)
    assert [row.id for row in live] == [
        str(1000 + number) for number in range(CONTACTS) if number not in (4, 5)
    ]
    assert live[7].properties["email"] == "user9@acme.example"
    assert [(row.id, row.archived, row.archived_at.isoformat()) for row in archived] == [
        ("1004", True, "2026-05-01T00:00:00+00:00")
    ]


def test_it_searches_page_by_page(client: HubSpot) -> None:
    found: list[str] = []
    after: str | None = None
    while after != "done":
        request = PublicObjectSearchRequest(
            filter_groups=[
                {
                    "filters": [
                        {"propertyName": "plan_seats", "operator": "GTE", "value": "100"},
                    ]
                }
            ],
            sorts=["-plan_seats"],
            properties=["plan_seats"],
            limit=60,
            after=after,
        )
        page = client.crm.contacts.search_api.do_search(public_object_search_request=request)
        found += [row.properties["plan_seats"] for row in page.results]
        after = page.paging.next.after if page.paging else "done"
    assert page.total == 150
    assert found == [str(seats) for seats in range(249, 99, -1)]


def test_it_reads_a_batch_with_history(client: HubSpot) -> None:
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id="5001"), SimplePublicObjectId(id="5002")],
        properties=["dealname"],
        properties_with_history=["dealstage"],
    )
    batch = client.crm.objects.batch_api.read(
        "deals", batch_read_input_simple_public_object_id=wanted, archived=False
    )
    stages = {
        row.id: [entry.value for entry in row.properties_with_history["dealstage"]]
        for row in batch.results
    }
    assert batch.status == "COMPLETE"
    assert stages == {
        "5001": ["closedwon", "contractsent", "appointmentscheduled"],
        "5002": ["appointmentscheduled"],
    }


def test_it_reads_associations_in_a_list_and_in_a_batch(client: HubSpot) -> None:
    deal = client.crm.deals.basic_api.get_by_id("5001", associations=["companies", "contacts"])
    request = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": "5001"}])
    batch = client.crm.associations.v4.batch_api.get_page(
        "deals", "contacts", batch_input_public_fetch_associations_batch_request=request
    )
    linked = {
        kind: [link.id for link in found.results] for kind, found in deal.associations.items()
    }
    assert linked == {"companies": ["9001"], "contacts": ["1000"]}
    assert [to.to_object_id for to in batch.results[0].to] == ["1000"]


def test_it_reads_owners_pipelines_and_properties(client: HubSpot) -> None:
    owners = client.crm.owners.get_all()
    archived = client.crm.owners.owners_api.get_page(archived=True)
    pipelines = client.crm.pipelines.pipelines_api.get_all("deals")
    properties = client.crm.properties.core_api.get_all("contacts")
    assert [owner.email for owner in owners] == ["ann@small.example"]
    assert [owner.email for owner in archived.results] == ["bob@small.example"]
    assert [stage.id for stage in pipelines.results[0].stages] == [
        "appointmentscheduled",
        "contractsent",
        "closedwon",
    ]
    assert {p.name: p.type for p in properties.results}["plan_seats"] == "number"


def test_it_raises_what_the_vendor_refuses(client: HubSpot, vendors: str) -> None:
    def status(call: object, *arguments: object, **named: object) -> int:
        assert callable(call)
        with pytest.raises(Exception, match="Reason") as raised:
            call(*arguments, **named)
        return int(raised.value.status)  # type: ignore[attr-defined]

    contacts = client.crm.contacts.basic_api
    stranger = HubSpot(access_token="pat-other", host=vendors).crm.contacts.basic_api
    assert status(contacts.get_page, limit=101) == 400
    assert status(stranger.get_page) == 401
    assert status(contacts.get_by_id, "77") == 404
    with pytest.raises(ApiException):
        contacts.get_page(limit=101)
