"""What customers wrote to a company, as the cases that its support tools keep of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.company import Company
from simulator.wire import Row

# Where a case goes by the channel of what was said.
CHANNELS = {"zendesk": "support", "intercom": "in_app"}
SUBJECT_LENGTH = 60
# Ids made from texts begin here, so that no number that a folder gives is met.
FIRST_MADE = 10**10


def number(kind: str, text: str) -> int:
    """The whole number that a tool numbers its records with; one that is a number stays it."""
    if text.isdigit() and len(text) < 11:
        return int(text)
    return FIRST_MADE + int(hashlib.sha256(f"{kind}:{text}".encode()).hexdigest()[:9], 16)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


@dataclass(frozen=True)
class Requester:
    """Somebody who wrote, known to the tool from their first case on."""

    key: str
    user_id: str | None
    email: str | None
    name: str
    account_id: str | None
    first_seen: datetime
    deleted_at: datetime | None


@dataclass(frozen=True)
class Customer:
    """The company of somebody who wrote."""

    account_id: str
    name: str
    domain: str | None
    first_seen: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Case:
    """One thing that somebody wrote, and what became of it."""

    key: str
    requester: str
    account_id: str | None
    subject: str
    text: str
    priority: str | None
    tags: tuple[str, ...]
    created: datetime
    replied: datetime | None
    solved: datetime | None
    rating: int | None
    comment: str | None
    rated: datetime
    told: datetime | None
    deleted: datetime | None


class Desk:
    """The cases of one tool, with the people and companies that they name."""

    def __init__(self, company: Company, tool: str) -> None:
        said = [row for row in company.feedback if row["channel"] == CHANNELS[tool]]
        said.sort(key=lambda row: (row["created_at"], row["feedback_id"]))
        people = {row["user_id"]: row for row in company.people}
        accounts = {row["account_id"]: row for row in company.accounts}
        self.cases: list[Case] = []
        self.requesters: dict[str, Requester] = {}
        self.customers: dict[str, Customer] = {}
        for row in said:
            who = self._requester(row, people.get(row["user_id"], {}))
            case = _case(row, who)
            if case.account_id:
                self._customer(case.account_id, case.created, accounts)
            self.cases.append(case)

    @property
    def is_rated(self) -> bool:
        """Whether customers are asked how they liked it at all."""
        return any(case.rating for case in self.cases)

    def _requester(self, row: Row, known: Row) -> Requester:
        email = row["email"] or known.get("email")
        key = row["user_id"] or email or row["feedback_id"]
        name = row["full_name"] or known.get("full_name")
        return self.requesters.setdefault(
            key,
            Requester(
                key=key,
                user_id=row["user_id"],
                email=email,
                name=name or (email or key).partition("@")[0],
                account_id=row["account_id"] or known.get("account_id"),
                first_seen=row["created_at"],
                deleted_at=known.get("deleted_at"),
            ),
        )

    def _customer(self, account_id: str, first_seen: datetime, accounts: dict[str, Row]) -> None:
        row = accounts.get(account_id, {})
        made = Customer(
            account_id=account_id,
            name=row.get("name") or account_id,
            domain=row.get("domain"),
            first_seen=first_seen,
            closed_at=row.get("closed_at"),
        )
        self.customers.setdefault(account_id, made)


def _case(row: Row, who: Requester) -> Case:
    tags = (tag.strip() for tag in (row["tags"] or "").split(";"))
    return Case(
        key=row["feedback_id"],
        requester=who.key,
        account_id=row["account_id"] or who.account_id,
        subject=row["subject"] or _beginning(row["text"]),
        text=row["text"],
        priority=row["priority"],
        tags=tuple(tag for tag in tags if tag),
        created=row["created_at"],
        replied=row["replied_at"] or row["solved_at"],
        solved=row["solved_at"],
        rating=row["rating"],
        comment=row["rating_comment"],
        rated=row["rated_at"],
        told=row["told_at"],
        deleted=row["deleted_at"],
    )


def _beginning(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= SUBJECT_LENGTH else f"{line[: SUBJECT_LENGTH - 1]}…"


def past(moment: datetime | None, now: datetime, wait: timedelta = timedelta(0)) -> bool:
    return moment is not None and moment + wait <= now
