"""The part of Linear's GraphQL schema that the simulator has data for, in Linear's own types."""

from functools import cache

from graphql import GraphQLSchema, build_schema

# What a connection lists, by the field of Query that gives it, and what its filter may name beside
# id and the two times that everything has.
TYPES = {
    "customers": "Customer",
    "customerNeeds": "CustomerNeed",
    "issues": "Issue",
    "projects": "Project",
    "teams": "Team",
    "workflowStates": "WorkflowState",
}
_DATES, _DATES_OR_NULL = "DateComparator", "NullableDateComparator"
_FILTERS = {
    "Issue": {
        "id": "IssueIDComparator",
        "archivedAt": _DATES_OR_NULL,
        "startedAt": _DATES_OR_NULL,
        "completedAt": _DATES_OR_NULL,
        "canceledAt": _DATES_OR_NULL,
    },
    "Project": {
        "startedAt": _DATES_OR_NULL,
        "completedAt": _DATES_OR_NULL,
        "canceledAt": _DATES_OR_NULL,
    },
}
_NODE = {"id": "ID!", "createdAt": "DateTime!", "updatedAt": "DateTime!", "archivedAt": "DateTime"}
FIELDS = {
    "Customer": {
        "name": "String!",
        "domains": "[String!]!",
        "externalIds": "[String!]!",
        "revenue": "Int",
        "size": "Float",
        "approximateNeedCount": "Float!",
        "slugId": "String!",
        "url": "String!",
    },
    "CustomerNeed": {
        "body": "String",
        "priority": "Float!",
        "customer": "Customer",
        "issue": "Issue",
        "project": "Project",
        "url": "String",
    },
    "Issue": {
        "identifier": "String!",
        "number": "Float!",
        "title": "String!",
        "priority": "Float!",
        "priorityLabel": "String!",
        "estimate": "Float",
        "state": "WorkflowState!",
        "team": "Team!",
        "project": "Project",
        "startedAt": "DateTime",
        "completedAt": "DateTime",
        "canceledAt": "DateTime",
        "trashed": "Boolean",
        "customerTicketCount": "Int!",
        "url": "String!",
    },
    "Project": {
        "name": "String!",
        "description": "String!",
        "slugId": "String!",
        "state": "String!",
        "priority": "Int!",
        "progress": "Float!",
        "startDate": "TimelessDate",
        "targetDate": "TimelessDate",
        "startedAt": "DateTime",
        "completedAt": "DateTime",
        "canceledAt": "DateTime",
        "trashed": "Boolean",
        "url": "String!",
    },
    "Team": {"key": "String!", "name": "String!", "displayName": "String!", "timezone": "String!"},
    "WorkflowState": {
        "name": "String!",
        "type": "String!",
        "position": "Float!",
        "color": "String!",
        "team": "Team!",
    },
}


@cache
def schema(without: str = "") -> GraphQLSchema:
    """The schema, or what is left of it once a field (`Issue.estimate`) was taken away."""
    return build_schema("\n".join([_COMMON, _query(TYPES), *_types(without)]))


def _types(without: str) -> list[str]:
    found = []
    for name, own in FIELDS.items():
        fields = {k: v for k, v in {**_NODE, **own}.items() if f"{name}.{k}" != without}
        if name == "Team":
            fields["issueCount(includeArchived: Boolean)"] = "Int!"
        filters = {
            "id": "IDComparator",
            **dict.fromkeys(("createdAt", "updatedAt"), "DateComparator"),
        }
        filters |= _FILTERS.get(name, {})
        filters |= dict.fromkeys(("and", "or"), f"[{name}Filter!]")
        found += [
            _block(f"type {name}", fields),
            _block(f"input {name}Filter", filters),
            _block(f"type {name}Edge", {"cursor": "String!", "node": f"{name}!"}),
            _block(
                f"type {name}Connection",
                {"edges": f"[{name}Edge!]!", "nodes": f"[{name}!]!", "pageInfo": "PageInfo!"},
            ),
        ]
    return found


def _query(types: dict[str, str]) -> str:
    paging = "first: Int, after: String, last: Int, before: String"
    more = "includeArchived: Boolean, orderBy: PaginationOrderBy"
    listed = {
        f"{field}(filter: {name}Filter, {paging}, {more})": f"{name}Connection!"
        for field, name in types.items()
    }
    return _block("type Query", {**listed, "viewer": "User!"})


def _block(head: str, fields: dict[str, str]) -> str:
    return "\n".join([f"{head} {{", *(f"  {name}: {kind}" for name, kind in fields.items()), "}"])


_IDS = "{ eq: ID neq: ID in: [ID!] nin: [ID!] }"
_COMPARED = " ".join(
    f"{each}: DateTimeOrDuration" for each in ("eq", "neq", "gt", "gte", "lt", "lte")
)
_COMMON = f"""
scalar DateTime
scalar DateTimeOrDuration
scalar TimelessDate
enum PaginationOrderBy {{ createdAt updatedAt }}
type PageInfo {{
  startCursor: String endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean!
}}
type User {{ id: ID! name: String! email: String! displayName: String! active: Boolean! }}
input IDComparator {_IDS}
input IssueIDComparator {_IDS}
input {_DATES} {{ {_COMPARED} }}
input {_DATES_OR_NULL} {{ {_COMPARED} null: Boolean }}
"""
