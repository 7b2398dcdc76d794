"""Every id events are sent under: users, their anonymous ids, visitors who never sign up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.lanternfish.people import Activity, People
from simulator.lanternfish.randomness import stream, uuid_list

VISITORS = 6_000
_ID_SPACE = 100_000


@dataclass(frozen=True)
class Identities:
    """Ids in the order users, anonymous ids, visitors; a `who` is an index into them.

    `owner` is the user behind an anonymous id; `separate` marks the anonymous ids that had a
    person of their own until the user logged in, so that their person is merged away.
    """

    distinct_id: list[str]
    person_id: list[str]
    users: int
    owner: NDArray[np.int64]
    second: NDArray[np.bool_]
    separate: NDArray[np.bool_]

    def anonymous(self) -> NDArray[np.int64]:
        return self.users + np.arange(len(self.owner))

    def visitors(self) -> NDArray[np.int64]:
        return np.arange(self.users + len(self.owner), len(self.distinct_id))


def build(seed: int, replica: int, people: People, activity: Activity) -> Identities:
    rng = stream(seed, replica, "identities")
    counts = np.where(activity.seen(), people.anonymous_ids, 0)
    owner = np.repeat(np.arange(len(people)), counts)
    second = np.zeros(len(owner), bool)
    second[1:] = owner[1:] == owner[:-1]
    separate = second | (rng.random(len(owner)) < 0.4)
    base = replica * _ID_SPACE
    numbers = base + np.arange(len(owner))
    strangers = base + np.arange(VISITORS)
    apart = uuid_list(numbers, seed, "anonymous person")
    persons = [apart[n] if separate[n] else people.person_id[owner[n]] for n in range(len(owner))]
    return Identities(
        distinct_id=people.user_id
        + uuid_list(numbers, seed, "anonymous id")
        + uuid_list(strangers, seed, "visitor id"),
        person_id=people.person_id + persons + uuid_list(strangers, seed, "visitor person"),
        users=len(people),
        owner=owner,
        second=second,
        separate=separate,
    )
