"""How ids, people, accounts and CRM records hang together, as of a moment."""

import re
from collections import defaultdict

from simulator.truth.persons import Persons
from simulator.truth.records import Records

_USER = re.compile(r"^user_\d+$")


def count_identity(records: Records, persons: Persons, now: int) -> dict:
    ids_of: dict[str, list[str]] = defaultdict(list)
    for distinct_id, person in persons.person_of.items():
        if person is not None:
            ids_of[person].append(distinct_id)
    customers = {person: ids for person, ids in ids_of.items() if person not in persons.internal}
    anonymous = [
        sum(not _USER.match(each) for each in ids)
        for ids in customers.values()
        if any(_USER.match(each) for each in ids)
    ]
    accounts = records.rows("business/accounts", ("signed_up_at", "is_internal"))
    twins, merged = _count_companies(records, now)
    gone = [each for each, person in persons.person_of.items() if person is None]
    return {
        "accounts": sum(not internal and signed <= now for signed, internal in accounts),
        "people": len(set(ids_of) - persons.internal),
        "anonymous_ids": sum(anonymous),
        "people_with_two_anonymous_ids": sum(count == 2 for count in anonymous),
        "duplicate_companies": twins,
        "merged_companies": merged,
        "aliased_emails": _count_aliased(records, now),
        "deleted_persons": sum(bool(_USER.match(each)) for each in gone),
        "internal_people": len(persons.internal & set(ids_of)),
    }


def bare_domain(text: str | None) -> str:
    return (text or "").strip().lower().removeprefix("www.")


def _count_companies(records: Records, now: int) -> tuple[int, int]:
    """Companies beyond the first of their domain (merged ones too), and those merged by now."""
    columns = ("id", "updated_at", "domain", "merged_into", "merged_at")
    domain_of: dict[str, str] = {}
    merged: set[str] = set()
    for key, updated, domain, into, at in records.rows("hubspot/companies", columns):
        if updated <= now:
            domain_of[key] = bare_domain(domain)
        if into and at is not None and at <= now:
            merged.add(key)
    holders: dict[str, int] = defaultdict(int)
    for domain in domain_of.values():
        if domain:
            holders[domain] += 1
    return sum(count - 1 for count in holders.values()), len(merged)


def _count_aliased(records: Records, now: int) -> int:
    """Live contacts that go by more than one address."""
    columns = (
        "id",
        "updated_at",
        "archived_at",
        "merged_into",
        "merged_at",
        "hs_additional_emails",
    )
    last: dict[str, tuple] = {}
    gone: set[str] = set()
    for key, updated, archived, into, at, more in records.rows("hubspot/contacts", columns):
        if updated <= now and (key not in last or updated >= last[key][0]):
            last[key] = (updated, more)
        if (archived is not None and archived <= now) or (into and at is not None and at <= now):
            gone.add(key)
    return sum(bool(more) for key, (_, more) in last.items() if key not in gone)
