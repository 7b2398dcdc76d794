"""Who is who, as of a moment: the person behind each id, and who is one of our own."""

import json
from dataclasses import dataclass

from simulator.truth.records import Records

INTERNAL_DOMAIN = "lanternfish.example"
FREE_MAIL = {"gmail.com", "outlook.com", "yahoo.com", "proton.me", "gmx.de"}


@dataclass(frozen=True)
class Persons:
    """`person_of` gives None for a deleted person; an id it lacks is a person of its own."""

    person_of: dict[str, str | None]
    email: dict[str, str]
    internal: set[str]

    def of_email(self) -> dict[str, str]:
        return {email: person for person, email in self.email.items()}


def count_persons(records: Records, now: int) -> Persons:
    """Of each id the row with the highest version, of each person the last e-mail address."""
    columns = (
        "distinct_id",
        "person_id",
        "properties",
        "person_distinct_id_version",
        "person_version",
        "inserted_at",
        "is_deleted",
    )
    best: dict[str, tuple] = {}
    latest: dict[str, tuple] = {}
    rows = records.rows("posthog/persons", columns)
    for number, (distinct_id, person, text, id_version, version, inserted, gone) in enumerate(rows):
        if inserted is not None and inserted > now:
            continue
        order = (int(id_version or 0), int(version or 0), inserted or 0, number)
        if distinct_id not in best or order > best[distinct_id][0]:
            best[distinct_id] = (order, None if gone else person)
        properties = json.loads(text) if text else {}
        last = (int(version or 0), inserted or 0, number)
        if person not in latest or last > latest[person][0]:
            latest[person] = (last, str(properties.get("email") or "").strip().lower())
    email = {person: address for person, (_, address) in latest.items() if address}
    return Persons(
        person_of={distinct_id: person for distinct_id, (_, person) in best.items()},
        email=email,
        internal={
            person for person, address in email.items() if address.endswith(f"@{INTERNAL_DOMAIN}")
        },
    )
