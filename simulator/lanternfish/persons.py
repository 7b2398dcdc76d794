"""PostHog's persons as a log: first sight, log-in, merge, changed property, deletion."""

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish import tables
from simulator.lanternfish.accounts import CAMPAIGN
from simulator.lanternfish.journeys import Meetings, World, founders
from simulator.lanternfish.marketing import page_view
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, DAYS, END_US, SECOND, START_US

DELETED_COUNT = 12
# PostHog gives the version of a deletion a head start, so that nothing written before wins.
_DELETION_VERSIONS = 100
_ROLES = ("account manager", "designer", "owner", "project manager", "strategist")
SCHEMA = tables.schema(
    distinct_id="text",
    person_id="text",
    properties="text",
    person_distinct_id_version="int",
    person_version="int",
    created_at="moment",
    inserted_at="moment",
    is_deleted="flag",
)


def log(world: World, meetings: Meetings) -> list[Row]:
    """All rows in the order they arrive."""
    rng = world.rng("persons")
    first = world.first_opened()
    chosen = _deletions(world, rng)
    changes = rng.random(len(world.people)) < 0.05
    change_share = rng.random(len(world.people))
    founding = set(founders(world).tolist())
    anonymous = _by_owner(world.identities.owner, len(world.people))
    rows: list[Row] = []
    for user in np.flatnonzero(world.activity.seen()).tolist():
        began = int(first[user]) - 60 * SECOND
        story = _Story(world, meetings, user, anonymous[user], began, user in founding)
        changed = began + DAY + int(change_share[user] * (END_US - began - DAY))
        if changes[user] and changed < END_US and user not in chosen:
            role = _ROLES[user % len(_ROLES)]
            story.moments.append((changed, "change", role))
        if user in chosen:
            story.moments.append((chosen[user], "delete", ""))
        rows += story.tell()
    return sorted(rows, key=lambda row: (row["inserted_at"], row["distinct_id"]))


def _by_owner(owner: NDArray[np.int64], users: int) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(users)]
    for number, user in enumerate(owner.tolist()):
        found[user].append(number)
    return found


def _deletions(world: World, rng: np.random.Generator) -> dict[int, int]:
    """Users who asked to be forgotten after they had left; three of them in the last nights."""
    last_day = np.full(len(world.people), -1)
    np.maximum.at(last_day, world.activity.user, world.activity.day)
    gone = np.flatnonzero((last_day >= 0) & (last_day < DAYS - 40) & ~world.people.creator)
    gone = gone[world.outside(gone)]
    chosen = rng.choice(gone, DELETED_COUNT, replace=False).tolist()
    when = {user: int(last_day[user]) + 1 + int(rng.integers(0, 30)) for user in chosen}
    when |= {user: DAYS - 3 + number for number, user in enumerate(chosen[:3])}
    return {user: START_US + day * DAY + 10 * 3_600 * SECOND for user, day in when.items()}


class _Story:
    """What happens to one user's person, from first sight to the last change."""

    def __init__(
        self,
        world: World,
        meetings: Meetings,
        user: int,
        anonymous: list[int],
        began: int,
        founder: bool,
    ) -> None:
        self.world, self.user = world, user
        self.person = world.people.person_id[user]
        self.properties: dict[str, str] = {}
        self.first_page = _initial(world, user) if founder else {}
        self.version: dict[str, int] = {}
        self.person_version = -1
        self.created: int | None = None
        self.moments: list[tuple[int, str, str]] = []
        for number in anonymous:
            self.moments.append((int(meetings.seen[number]), "visit", str(number)))
            self.moments.append((int(meetings.identified[number]), "identify", str(number)))
        if not anonymous:
            self.moments.append((began, "log in", ""))

    def tell(self) -> list[Row]:
        rows: list[Row] = []
        for at, kind, detail in sorted(self.moments):
            rows += self._step(at, kind, detail)
        return rows

    def _step(self, at: int, kind: str, detail: str) -> list[Row]:
        if kind == "visit":
            return self._visit(at, int(detail))
        self.person_version += 1
        self.created = self.created or at
        people = self.world.people
        user_id = people.user_id[self.user]
        if kind == "delete":
            self.properties = {}
            for distinct_id in self.version:
                self.version[distinct_id] += _DELETION_VERSIONS
        else:
            name = f"{people.first_name[self.user]} {people.last_name[self.user]}"
            self.properties |= {"email": people.email[self.user], "name": name, **self.first_page}
            self.version.setdefault(user_id, 0)
        if kind == "identify":
            self._tie(int(detail))
        if kind == "change":
            self.properties["role"] = detail
        return [self._row(at, known, kind == "delete") for known in self.version]

    def _visit(self, at: int, number: int) -> list[Row]:
        """An anonymous id appears: with the user's person to be, or with one of its own."""
        ids = self.world.identities
        anonymous = ids.distinct_id[ids.users + number]
        if not ids.separate[number]:
            self.person_version += 1
            self.created = at
            self.version[anonymous] = 0
            self.properties |= self.first_page
            return [self._row(at, anonymous, False)]
        row = self._row(at, anonymous, False)
        own = {
            "person_id": ids.person_id[ids.users + number],
            "properties": _text({} if ids.second[number] else self.first_page),
            "person_version": 0,
            "person_distinct_id_version": 0,
            "created_at": at,
        }
        return [{**row, **own}]

    def _tie(self, number: int) -> None:
        ids = self.world.identities
        if ids.separate[number]:
            self.version[ids.distinct_id[ids.users + number]] = 1

    def _row(self, at: int, distinct_id: str, deleted: bool) -> Row:
        return {
            "distinct_id": distinct_id,
            "person_id": self.person,
            "properties": _text(self.properties),
            "person_distinct_id_version": self.version.get(distinct_id, 0),
            "person_version": max(self.person_version, 0),
            "created_at": self.created if self.created is not None else at,
            "inserted_at": at + 6 * SECOND,
            "is_deleted": deleted,
        }


def _text(properties: Mapping[str, str]) -> str:
    return json.dumps(properties, separators=(",", ":"))


def _initial(world: World, user: int) -> dict[str, str]:
    """The properties PostHog keeps of a founder's first page."""
    account = world.people.account[user]
    campaign = bool(world.accounts.kind[account] == CAMPAIGN)
    page = page_view(int(world.accounts.channel[account]), user, campaign)
    kept = ("utm_source", "utm_medium", "$referring_domain")
    return {f"$initial_{name.lstrip('$')}": page[name] for name in kept if name in page}
