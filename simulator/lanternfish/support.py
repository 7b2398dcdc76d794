"""How support dealt with what customers wrote: answers, ratings, word that it is there now."""

from collections.abc import Iterator

import numpy as np

from simulator.lanternfish import delivery
from simulator.lanternfish.feedback import CHANNELS, NAMES, Feedback, severity_name
from simulator.lanternfish.journeys import World
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, END_US, HOUR

# Support answers these; what was said in a call or in the community has no course.
ANSWERED = ("support", "in_app")
SOLVED, RATED, PLEASED, COMMENTED, DELETED = 0.92, 0.35, 0.82, 0.4, 0.01
# Of those who asked before it was there, how many hear of it: the big launches had a list.
_TOLD = {"sso_scim": 0.72, "client_portal": 0.45, "integrations": 0.2, "performance": 0.1}
# By severity: how likely each priority is. Agents set it by tone, so that it tells little.
PRIORITIES = ("low", "normal", "high", "urgent")
_PRIORITY_SHARES = {
    "blocking": (0.0, 0.2, 0.8, 1.0),
    "painful": (0.1, 0.8, 1.0, 1.0),
    "wish": (0.6, 1.0, 1.0, 1.0),
}
TAGS = ("feature_request", "how_to", "vip", "follow_up")
# People sign, say who helped them, and leave a number: none of it may reach a reader.
_COMMENTS = {
    True: (
        "Quick and friendly, thank you.",
        "Thanks Mona! Best, {name}",
        "Solved within the hour. {name}",
    ),
    False: (
        "Took too long.",
        "Not solved for us, please call me on +49 30 5550{digits}. {name}",
        "Still waiting; write to {email}.",
    ),
}


def courses(world: World, said: Feedback) -> Iterator[Row]:
    """What became of each item, in the order of the items."""
    rng = stream(world.seed, world.replica, "support")
    count = len(said.at)
    chance = rng.random((6, count))
    hours = np.exp(rng.normal(np.log([[3.0], [26.0], [20.0]]), [[0.9], [0.8], [0.7]], (3, count)))
    choice = rng.integers(0, 10_000, (3, count))
    told = _told(world, said)
    for n in range(count):
        if CHANNELS[said.channel[n]] not in ANSWERED:
            yield {}
            continue
        severity = severity_name(int(said.severity[n]))
        replied = int(said.at[n]) + _seconds(hours[0, n])
        solved = replied + _seconds(hours[1, n])
        row: dict[str, object] = {
            "priority": PRIORITIES[
                int(np.searchsorted(_PRIORITY_SHARES[severity], chance[0, n], side="right"))
            ],
            "tags": TAGS[choice[0, n] % len(TAGS)] if chance[1, n] < 0.7 else None,
            "replied_at": replied,
        }
        if chance[2, n] < SOLVED:
            row["solved_at"] = solved
            if chance[3, n] < RATED:
                row |= _rating(world, said, n, chance[4:, n], choice[1:, n])
                row["rated_at"] = solved + DAY + _seconds(hours[2, n])
        if choice[2, n] < DELETED * 10_000:
            row["deleted_at"] = int(said.at[n]) + 20 * DAY
        elif told.get(n, 0) > solved:
            row["told_at"] = told[n]
        yield row


def _told(world: World, said: Feedback) -> dict[int, int]:
    """When support came back to who had asked for what has shipped since, by place of the item."""
    rng = stream(world.seed, world.replica, "told")
    chance, days = rng.random(len(said.at)), rng.exponential(9.0, len(said.at))
    shipped = delivery.shipped()
    found = {}
    for n, theme in enumerate(NAMES[place] for place in said.theme):
        there = shipped.get(theme)
        if there is not None and said.at[n] < there and chance[n] < _TOLD.get(theme, 0.0):
            at = there + 2 * HOUR + _seconds(24 * days[n])
            if at < END_US:
                found[n] = at
    return found


def _seconds(hours: float) -> int:
    return round(hours * 3_600) * (HOUR // 3_600)


def _rating(
    world: World, said: Feedback, n: int, chance: np.ndarray, choice: np.ndarray
) -> dict[str, object]:
    user = said.user[n]
    is_pleased = bool(chance[0] < PLEASED)
    low = 4 if is_pleased else 1
    found: dict[str, object] = {"rating": low + int(choice[0]) % (2 if is_pleased else 3)}
    if chance[1] < COMMENTED:
        said_so = _COMMENTS[is_pleased][int(choice[0]) // 10 % 3]
        found["rating_comment"] = said_so.format(
            name=world.people.first_name[user],
            email=world.people.email[user],
            digits=f"{int(choice[0]):04d}",
        )
    return found
