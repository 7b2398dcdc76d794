"""The vendors' own contracts as judges: what is sent is refused or answered as they say."""

import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
import requests
import schemathesis
from graphql import GraphQLSchema, build_schema, graphql_sync, parse, validate
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette

from ingestion.linear import QUERIES, Kind
from simulator import intercom, linear
from simulator.linear_schema import schema as linear_schema
from simulator.server import running, serving
from tests.simulator.conftest import MakeApp
from tests.simulator.small_company import GITHUB, HUBSPOT, POSTHOG, SURVEYMONKEY, TYPEFORM

VENDORS = ("posthog", "hubspot", "typeform", "surveymonkey")
# Intercom's file requires hardly anything, so that it judges real calls and refused tokens alone.
# GitHub's names no refusal for half of its lists, so what breaks it is not sent.
FUZZED = (*VENDORS, "github")
JUDGED = (*FUZZED, "intercom")
INTERCOM = {"Authorization": f"Bearer {intercom.TOKEN}", "Intercom-Version": "2.15"}
TOKENS = {
    "posthog": POSTHOG,
    "hubspot": HUBSPOT,
    "typeform": TYPEFORM,
    "surveymonkey": SURVEYMONKEY,
    "intercom": INTERCOM,
    "github": GITHUB,
}
EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
]
COUNT = (
    "SELECT toDate(timestamp) AS day, count(DISTINCT uuid) AS events FROM events"
    " WHERE timestamp >= toDateTime('2026-06-01 00:00:00', 'UTC')"
    " GROUP BY day ORDER BY day LIMIT 50000"
)
EXPORTS = "/api/environments/{project_id}/file_download_batch_exports"
EXPORT = {
    "model": "events",
    "file": {"format": "Parquet"},
    "data_interval_start": "2026-06-27T00:00:00Z",
    "data_interval_end": "2026-06-30T00:00:00Z",
}
# Paths of the contract that this server has no data for; they answer 404 in the vendor's shape.
REQUESTS = (
    "BatchReadInputSimplePublicObjectId",
    "Filter",
    "FilterGroup",
    "PublicObjectSearchRequest",
    "SimplePublicObjectId",
)
NOT_SERVED = (
    *("/events/", "/persons/", "/cohorts/", "/query/{id}/"),
    # Of Intercom: lists without a search, and what nothing here reads.
    *("/contacts", "/conversations", "/companies/scroll", "/tickets/search"),
    *("/tags", "/data_attributes"),
    # Of GitHub: what nothing here reads.
    *("/issues/comments", "/actions/runs"),
)


@dataclass
class Target:
    """One vendor: its contract, its server, and real values for every path parameter."""

    name: str
    contract: dict[str, Any]
    app: Starlette
    url: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, headers=TOKENS[self.name], allow_redirects=False)

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=TOKENS[self.name])

    def drift(self, kind: str) -> None:
        fault = {"vendor": self.name, "kind": "drift", "drift": kind, "times": -1}
        armed = requests.post(f"{self.url}/__sim/faults", json=[fault])
        assert armed.json() == {"armed": 1}


def contract(name: str) -> dict[str, Any]:
    folder = os.environ.get("VENDOR_CONTRACTS")
    if not folder:
        pytest.skip("VENDOR_CONTRACTS is not set: name the folder of the vendors' contracts")
    [path] = (Path(folder) / name).glob("*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    # SurveyMonkey's server has its version in the address, and the paths do not name it.
    base = urlsplit(found["servers"][0]["url"]).path.rstrip("/") if found.get("servers") else ""
    found["paths"] = {base + path: operations for path, operations in found["paths"].items()}
    found.pop("servers", None)
    # GitHub's parameters stand by name under the components.
    shared = found.get("components", {}).get("parameters", {})
    for operation in (each for path in found["paths"].values() for each in path.values()):
        operation["parameters"] = [
            shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            for each in operation.get("parameters", [])
        ]
    return found


Targeting = Callable[[str], Target]


@pytest.fixture
def target(make_app: MakeApp) -> Iterator[Targeting]:
    with ExitStack() as stack:

        def make(name: str) -> Target:
            schema, app = contract(name), make_app()
            made = Target(name, schema, app, stack.enter_context(running(app)))
            made.values = {
                "objectType": ["contacts", "companies", "deals"],
                "project_id": ["1"],
                "form_id": ["npsForm"],
                "survey_id": ["901"],
                "conversation_id": ["601"],
                "owner": ["lanternfish"],
                "repo": ["app"],
                "part": ["0"],
                "run_id": [finished_run(made)] if name == "posthog" else [],
            }
            return made

        yield make


def finished_run(target: Target) -> str:
    base = EXPORTS.format(project_id=1)
    run_id: str = target.post(base, EXPORT).json()["id"]
    for _ in range(3):
        target.get(f"{base}/{run_id}")
    return run_id


def pinned(target: Target) -> dict[str, Any]:
    """The contract with real paths: with random ones every answer is a correct 404."""
    paths = {
        path: operations
        for template, operations in target.contract["paths"].items()
        if not template.endswith(NOT_SERVED)
        for path, operations in filled(template, operations, target.values)
    }
    schema = {**copy.deepcopy(target.contract), "paths": closed(paths)}
    named = schema["components"]["schemas"]
    named |= {name: closed(named[name], request=True) for name in REQUESTS if name in named}
    return schema


def filled(template: str, operations: dict, values: dict) -> Iterator[tuple[str, dict]]:
    names = re.findall(r"{(\w+)}", template)
    if not names:
        yield template, operations
        return
    without = {
        method: {
            **operation,
            "parameters": [p for p in operation.get("parameters", []) if p["name"] != names[0]],
        }
        for method, operation in operations.items()
    }
    # The older paths lead to the same code: one type is enough there.
    for value in values[names[0]][: 1 if "/v3/" in template else None]:
        yield from filled(template.replace(f"{{{names[0]}}}", value), without, values)


def closed(node: object, *, request: bool = False) -> object:
    """Request bodies that take documented keys only, which is how strict this server is."""
    if isinstance(node, list):
        return [closed(item, request=request) for item in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: closed(value, request=request or key == "requestBody") for key, value in node.items()
    }
    if request and "properties" in found and found.get("type") == "object":
        found["additionalProperties"] = False
    return found


def usable(schema: dict[str, Any]) -> dict[str, Any]:
    """The contract narrowed to requests that mean something, so that they must be accepted."""
    schemas = schema["components"]["schemas"]
    text = {"type": "string", "enum": ["hs_object_id", "createdate"]}
    number = {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}
    if "Filter" in schemas:
        compare = {"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}
        schemas["Filter"] = {
            "oneOf": [
                shape(propertyName=text, operator={"enum": sorted(compare)}, value=number),
                shape(
                    propertyName=text,
                    operator={"enum": ["BETWEEN"]},
                    value=number,
                    highValue=number,
                ),
                shape(
                    propertyName=text,
                    operator={"enum": ["IN", "NOT_IN"]},
                    values={"type": "array", "items": number, "minItems": 1, "maxItems": 5},
                ),
                shape(propertyName=text, operator={"enum": ["HAS_PROPERTY", "NOT_HAS_PROPERTY"]}),
            ]
        }
        schemas["FilterGroup"]["properties"]["filters"]["maxItems"] = 3
        search = schemas["PublicObjectSearchRequest"]["properties"]
        direction = {"enum": ["ASCENDING", "DESCENDING"]}
        search["sorts"]["items"] = shape(propertyName=text, direction=direction)
        search["after"] = {"enum": ["0", "10"]}
        # A search body has at most 3,000 characters, which the contract cannot say.
        search["query"]["maxLength"] = 50
        search["properties"] |= {"maxItems": 5, "items": {"type": "string", "maxLength": 20}}
        batch = schemas["BatchReadInputSimplePublicObjectId"]["properties"]
        batch["idProperty"] = {"enum": ["hs_object_id"]}
        batch["inputs"]["maxItems"] = 50
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            narrow(path, operation)
    return schema


def shape(**properties: dict) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def narrow(path: str, operation: dict[str, Any]) -> None:
    times = {"since": "2026-06-01T00:00:00", "until": "2026-07-01T00:00:00"}
    begin, end = times.values()
    spans = [f"{side}_{kind}_at" for side in ("start", "end") for kind in ("created", "modified")]
    fixed: dict[str, list[str]] = {
        **{name: [begin if name.startswith("start") else end] for name in spans},
        **{name: [value] for name, value in times.items()},
        "after": ["token010"] if "responses" in path else ["1010"],
        "before": [],
        "sort": [],
        "response_type": ["completed", "partial,completed"],
        "associations": ["companies", "deals"],
    }
    kept = []
    for parameter in operation.get("parameters", []):
        values = fixed.get(parameter["name"])
        narrowed: dict[str, Any] = {"type": "string", "enum": values}
        if values and parameter["schema"].get("type") == "array":
            narrowed = {"type": "array", "items": narrowed}
        if values != []:
            kept.append({**parameter, **({"schema": narrowed} if values else {})})
        if parameter["name"] in ("limit", "offset", "page") and not parameter["schema"].get(
            "maximum"
        ):
            kept[-1]["schema"] = {"type": "integer", "minimum": 1, "maximum": 1000}
    operation["parameters"] = kept
    # With history the page is smaller, which the contract cannot say.
    if "propertiesWithHistory" in [p["name"] for p in kept]:
        limit = next(p for p in kept if p["name"] == "limit")
        limit["schema"] = {"type": "integer", "minimum": 1, "maximum": 50}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body and path.endswith("/query/"):
        query = shape(kind={"enum": ["HogQLQuery"]}, query={"enum": [COUNT]})
        body["schema"] = shape(query=query)
    if body and path.endswith("file_download_batch_exports"):
        properties = body["schema"]["properties"]
        properties["data_interval_start"] = {"enum": [EXPORT["data_interval_start"]]}
        properties["data_interval_end"] = {"enum": [EXPORT["data_interval_end"]]}
        options = properties["file"]["properties"]
        options["max_size_mb"]["minimum"] = 1
        options["compression"]["enum"] = ["gzip", "brotli"]
        properties["model"]["enum"] = ["events"]


def violable(schema: dict[str, Any]) -> dict[str, Any]:
    """The contract without lists in the query: on the wire any text is a list of texts."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [p for p in parameters if p["schema"]["type"] != "array"]
    return schema


def fuzz(target: Target, schema: dict[str, Any], mode: GenerationMode) -> dict[str, set[int]]:
    """Send generated requests to every operation; the statuses each of them answered with."""
    loaded = schemathesis.openapi.from_dict(schema)
    loaded.app = target.app
    operations = [found.ok() for found in loaded.get_all_operations()]
    return {operation.label: probe(target, operation, mode) for operation in operations}


def probe(target: Target, operation: schemathesis.APIOperation, mode: GenerationMode) -> set[int]:
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        response = case.call(headers=TOKENS[target.name], allow_redirects=False)
        seen.add(response.status_code)
        if mode is GenerationMode.POSITIVE or not is_query_within(case, response.request.url):
            case.validate_response(response, checks=CHECKS)
        make_room(target)

    check()
    return seen


def is_query_within(case: schemathesis.Case, url: str) -> bool:
    """Whether what was sent keeps the contract although it was meant to break it.

    A parameter of an empty list is gone on the wire, and the missing token is put back by us.
    """
    if case.method != "GET":
        return False
    known = {each["name"]: each["schema"] for each in case.operation.definition.raw["parameters"]}
    sent = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return all(name in known and is_value_within(known[name], text) for name, text in sent)


def is_value_within(schema: dict[str, Any], text: str) -> bool:
    kinds = {"integer": int, "boolean": {"true": True, "false": False}.__getitem__}
    try:
        value = kinds.get(schema["type"], str)(text)
    except (ValueError, KeyError):
        return False
    return bool(jsonschema.Draft7Validator(schema).is_valid(value))


def make_room(target: Target) -> None:
    """Export runs of earlier cases end, so that the limit on running ones is not met."""
    if target.name == "posthog":
        for run in target.app.state.world.posthog._runs.values():
            run.polls = 3


@pytest.mark.parametrize("name", FUZZED)
def test_requests_within_the_contract_are_accepted(name: str, target: Targeting) -> None:
    vendor = target(name)
    statuses = fuzz(vendor, usable(pinned(vendor)), GenerationMode.POSITIVE)
    # An operation that never succeeded was not tested, whatever the checks said.
    assert [label for label, seen in statuses.items() if min(seen) >= 400] == []


@pytest.mark.parametrize("name", VENDORS)
def test_requests_outside_the_contract_are_refused(name: str, target: Targeting) -> None:
    vendor = target(name)
    statuses = fuzz(vendor, violable(pinned(vendor)), GenerationMode.NEGATIVE)
    assert any(400 in seen for seen in statuses.values())


@pytest.mark.parametrize("name", FUZZED)
@pytest.mark.parametrize("kind", ["changed-type", "dropped-column"])
def test_drift_breaks_the_contract(name: str, kind: str, target: Targeting) -> None:
    vendor = target(name)
    if (name, kind) == ("typeform", "dropped-column"):
        # Responses require nothing; the list of forms does.
        vendor.contract["paths"] = {"/forms": vendor.contract["paths"]["/forms"]}
    vendor.drift(kind)
    with pytest.raises(FailureGroup, match="schema"):
        fuzz(vendor, usable(pinned(vendor)), GenerationMode.POSITIVE)


@dataclass(frozen=True)
class Call:
    """A request a connector really makes, and the operation of the contract it belongs to."""

    vendor: str
    template: str
    path: str
    body: object = None
    status: int = 200


def objects(kind: str, prefix: str) -> Iterator[Call]:
    template = f"/crm/{prefix}/{{objectType}}"
    here = f"/crm/{prefix}/{kind}"
    history = {"properties": [], "propertiesWithHistory": ["dealstage", "lifecyclestage"]}
    ids = {"contacts": ["1000", "1003"], "companies": ["9001"], "deals": ["5001", "5002"]}
    inputs = [{"id": identifier} for identifier in ids[kind]]
    yield Call("hubspot", template, f"{here}?limit=100&associations=contacts,companies,deals")
    yield Call("hubspot", template, f"{here}?limit=50&propertiesWithHistory=lifecyclestage,amount")
    yield Call("hubspot", template, f"{here}?limit=100&archived=true")
    yield Call("hubspot", template, f"{here}?limit=101", status=400)
    yield Call("hubspot", f"{template}/search", f"{here}/search", {"limit": 200})
    yield Call("hubspot", f"{template}/search", f"{here}/search", {"limit": 201}, 400)
    batch, read = f"{template}/batch/read", f"{here}/batch/read"
    yield Call("hubspot", batch, read, {"inputs": inputs, **history})
    missing = [*inputs, {"id": "77"}]
    yield Call("hubspot", batch, read, {"inputs": missing, **history}, 207)


def calls() -> Iterator[Call]:
    for prefix in ("objects/2026-09", "v3/objects"):
        for kind in ("contacts", "companies", "deals"):
            yield from objects(kind, prefix)
    for path in ("/crm/owners/2026-09", "/crm/v3/owners/"):
        yield Call("hubspot", path, path)
        yield Call("hubspot", path, f"{path}?archived=true")
    for name in ("pipelines", "properties"):
        for path in (f"/crm/{name}/2026-09", f"/crm/v3/{name}"):
            yield Call("hubspot", f"{path}/{{objectType}}", f"{path}/deals")
            yield Call("hubspot", f"{path}/{{objectType}}", f"{path}/contacts")
    surveys = "/api/projects/{project_id}/surveys/"
    yield Call("posthog", surveys, "/api/projects/1/surveys/")
    yield Call("posthog", surveys, "/api/projects/1/surveys/?limit=1&offset=1")
    yield Call("posthog", surveys, "/api/projects/2/surveys/", status=404)
    query = {"query": {"kind": "HogQLQuery", "query": COUNT}}
    path = "/api/projects/{project_id}/query/"
    yield Call("posthog", path, "/api/projects/1/query/", query)
    yield Call("posthog", path, "/api/projects/1/query/", {"query": {}}, 400)
    exports = EXPORTS.format(project_id=1)
    yield Call("posthog", EXPORTS, exports, EXPORT, 202)
    yield Call("posthog", EXPORTS, exports, {**EXPORT, "model": "people"}, 400)
    yield Call("posthog", f"{EXPORTS}/{{run_id}}", f"{exports}/RUN")
    yield Call("posthog", f"{EXPORTS}/{{run_id}}", f"{exports}/{'0' * 8}", status=404)
    yield Call("typeform", "/forms", "/forms")
    yield Call("typeform", "/forms", "/forms?page_size=201", status=400)
    yield Call("typeform", "/forms/{form_id}", "/forms/npsForm")
    yield Call("typeform", "/forms/{form_id}", "/forms/none", status=404)
    yield Call("typeform", "/workspaces", "/workspaces")
    yield from monkeys()
    yield from messages()
    yield from lists_of_code()
    answers = "/forms/{form_id}/responses"
    yield Call("typeform", answers, "/forms/npsForm/responses?page_size=1000")
    yield Call("typeform", answers, "/forms/npsForm/responses?response_type=partial")
    yield Call("typeform", answers, "/forms/npsForm/responses?page_size=1001", status=400)


def monkeys() -> Iterator[Call]:
    surveys, one = "/v3/surveys", "/v3/surveys/{survey_id}"
    yield Call("surveymonkey", surveys, f"{surveys}?per_page=1000&include=response_count")
    yield Call("surveymonkey", f"{one}/details", "/v3/surveys/901/details")
    bulk = "/v3/surveys/901/responses/bulk?sort_by=date_modified&sort_order=ASC&per_page=100"
    for query in ("", "&start_modified_at=2026-06-30T10:00:05", "&status=overquota&page=2"):
        yield Call("surveymonkey", f"{one}/responses/bulk", bulk + query)


def lists_of_code() -> Iterator[Call]:
    template, here = "/repos/{owner}/{repo}", "/repos/lanternfish/app"
    changed = "state=all&sort=updated&direction=desc&per_page=100"
    for name, query in (
        ("releases", "per_page=100"),
        ("deployments", "environment=production&per_page=1&page=2"),
        ("pulls", changed),
        ("issues", f"{changed}&since=2026-06-01T00:00:00Z"),
    ):
        yield Call("github", f"{template}/{name}", f"{here}/{name}?{query}")
    for name in ("pulls", "issues"):
        yield Call("github", f"{template}/{name}", f"{here}/{name}?state=gone", status=422)
    for name in ("releases", "issues"):
        yield Call("github", f"{template}/{name}", f"/repos/lanternfish/none/{name}", status=404)


def messages() -> Iterator[Call]:
    begun = {"field": "created_at", "operator": ">", "value": 86_399}
    several = {"operator": "AND", "value": [begun, {**begun, "operator": "<", "value": 10**10}]}
    for kind in ("conversations", "contacts"):
        path = f"/{kind}/search"
        for query in (begun, several):
            pagination = {"per_page": 1}
            yield Call("intercom", path, path, {"query": query, "pagination": pagination})
    one = "/conversations/{conversation_id}"
    for number in (601, 602, 603):
        yield Call("intercom", one, f"/conversations/{number}")
    yield Call("intercom", one, "/conversations/77", status=404)
    yield Call("intercom", "/companies/list", "/companies/list?page=1&per_page=60&order=asc", {})
    yield Call("intercom", "/admins", "/admins")


RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FORMATS = jsonschema.FormatChecker(["uuid"])


@FORMATS.checks("date-time")
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or RFC3339.fullmatch(value) is not None


def json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says nullable where JSON Schema lists null among the types."""
    if isinstance(node, list):
        return [json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: json_schema(value) for key, value in node.items()}
    if found.pop("nullable", None) is True:
        if "$ref" in found:
            return {"anyOf": [found, {"type": "null"}]}
        if "type" in found:
            found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found


def answered(vendor: Target, call: Call) -> requests.Response:
    path = call.path.replace("RUN", (vendor.values["run_id"] or [""])[0])
    return vendor.get(path) if call.body is None else vendor.post(path, call.body)


def faults_in(vendor: Target, call: Call) -> list[str]:
    """What the contract has to say against the answer to a real call."""
    response = answered(vendor, call)
    assert response.status_code == call.status, response.text
    operation = vendor.contract["paths"][call.template]["get" if call.body is None else "post"]
    told = operation["responses"][str(call.status)]
    if "$ref" in told:
        told = vendor.contract["components"]["responses"][told["$ref"].rpartition("/")[2]]
    content = told["content"]["application/json"]
    schema = json_schema({**content["schema"], "components": vendor.contract["components"]})
    validator = jsonschema.Draft7Validator(schema, format_checker=FORMATS)
    return [fault.message for fault in validator.iter_errors(response.json())]


@pytest.mark.parametrize("name", JUDGED)
def test_real_calls_are_answered_as_the_contract_says(name: str, target: Targeting) -> None:
    vendor = target(name)
    wrong = {
        call.path: found
        for call in calls()
        if call.vendor == name and (found := faults_in(vendor, call))
    }
    assert wrong == {}


@pytest.mark.parametrize("name", JUDGED)
def test_every_operation_refuses_a_missing_and_a_wrong_token(name: str, target: Targeting) -> None:
    vendor = target(name)
    schema = pinned(vendor)
    refused = {
        requests.request(method, vendor.url + path, headers=headers, json={}).status_code
        for path, operations in schema["paths"].items()
        for method in operations
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "pat-demo"})
    }
    assert refused == {401}


LINEAR = "linear/schema.pruned.graphql"


@pytest.fixture(scope="module")
def linears_own() -> GraphQLSchema:
    folder = os.environ.get("VENDOR_CONTRACTS")
    if not folder:
        pytest.skip("VENDOR_CONTRACTS is not set: name the folder of the vendors' contracts")
    return build_schema((Path(folder) / LINEAR).read_text(), assume_valid_sdl=True)


def test_all_that_is_served_as_linear_has_linears_names_and_types(
    linears_own: GraphQLSchema,
) -> None:
    def described(schema: GraphQLSchema) -> dict[str, str]:
        found = {}
        for name, kind in schema.type_map.items():
            for field_name, field_of in getattr(kind, "fields", {}).items():
                found[f"{name}.{field_name}"] = str(field_of.type)
                for argument, value in getattr(field_of, "args", {}).items():
                    found[f"{name}.{field_name}({argument})"] = str(value.type)
        return {key: kind for key, kind in found.items() if not key.startswith("__")}

    served, theirs = described(linear_schema()), described(linears_own)
    assert {key: theirs.get(key) for key in served} == served


@pytest.mark.parametrize("kind", QUERIES, ids=lambda kind: kind.field)
def test_linear_would_answer_what_we_ask_with_what_we_are_answered(
    linears_own: GraphQLSchema, tiny_company: Path, kind: Kind
) -> None:
    query = kind.query(())
    assert validate(linears_own, parse(query)) == []
    bound = {"gte": "2026-01-01T00:00:00+00:00"}
    wanted = {"or": [{"updatedAt": bound}, {"archivedAt": bound}]}
    asked = {"first": 250, "after": None, "filter": wanted if kind.field == "issues" else None}
    body = {"query": query, "variables": asked}
    with serving(tiny_company) as url:
        key = {"Authorization": linear.TOKEN}
        answer = requests.post(f"{url}/graphql", json=body, headers=key).json()["data"]
    assert answer[kind.field]["nodes"]
    # Their schema hands our answer out again, which fails where a type is not theirs.
    again = graphql_sync(linears_own, query, answer, variable_values=asked)
    assert (again.errors, again.data) == (None, answer)
