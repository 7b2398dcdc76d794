"""Two figures that must agree within a budget, as a Great Expectations expectation."""

from collections.abc import Mapping
from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.expectations import UnexpectedRowsExpectation
from great_expectations.render.components import LegacyDiagnosticRendererType
from great_expectations.render.renderer.renderer import renderer

# Rows that a result carries: enough to see a pattern, few enough to read.
SHOWN = 5

ALLOWED = {
    "both": "abs(observed - expected) <= {budget}",
    "at_least": "observed >= expected - {budget}",
    "at_most": "observed <= expected + {budget}",
}


class ExpectFiguresToAgree(UnexpectedRowsExpectation):
    """The query tells both figures of every scope; the worst come back, with how many there are.

    One statement and not two: GX's own expectation runs its query once for the rows and once
    more to count them, and a comparison of raw events is too dear for that.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    # GX's own validator prints advice to standard output when a query does not name its batch.
    # Comparisons span tables, and name theirs.
    @pydantic.validator("unexpected_rows_query")
    def _validate_query(cls, query: str) -> str:  # noqa: N805
        return query

    def _validate(
        self,
        metrics: dict,
        runtime_configuration: dict | None = None,
        execution_engine: Any = None,
    ) -> dict:
        rows = metrics["unexpected_rows_query.table"]
        worst = rows[0] if rows else {"compared": 0, "unexpected": 0}
        return {
            "success": worst["unexpected"] == 0,
            "result": {
                "observed_value": worst["unexpected"],
                "details": {
                    **{key: value for key, value in worst.items() if key != "is_unexpected"},
                    "unexpected_rows": [
                        {key: row[key] for key in ("scope", "expected", "observed")}
                        for row in rows
                        if row["is_unexpected"]
                    ],
                },
            },
        }

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: Any = None,
        result: Any = None,
        runtime_configuration: dict | None = None,
    ) -> str:
        """Show in Data Docs the figures, where GX would show the number of violations only."""
        details = (result.result if result is not None else {}).get("details")
        if not details:
            return "--"
        rows = details["unexpected_rows"] or ([details] if "scope" in details else [])
        shown = [f"{row['scope']}: {row['observed']}, expected {row['expected']}" for row in rows]
        return "; ".join([f"{details['unexpected']} of {details['compared']} beyond", *shown])


def judged(kwargs: Mapping[str, Any]) -> str:
    """Return the SQL that compares the figures of a suite's query, the worst scope first."""
    share, tolerance = kwargs.get("tolerance_share", 0), kwargs.get("tolerance", 0)
    allowed = ALLOWED[kwargs.get("direction", "both")].format(
        budget=f"({tolerance} + {share} * abs(expected))"
    )
    query = kwargs["query"].strip().rstrip(";")
    statement = f"""with figures as (
{query}
),
judged as (
    select scope, expected, observed,
        -- A figure that is not there agrees with nothing.
        not coalesce({allowed}, false) as is_unexpected
    from figures
)
select scope, expected, observed, is_unexpected,
    count(*) over () as compared,
    count(*) filter (where is_unexpected) over () as unexpected,
    min(cast(scope as varchar)) filter (where is_unexpected) over () as first_scope,
    max(cast(scope as varchar)) filter (where is_unexpected) over () as last_scope
from judged
order by is_unexpected desc, abs(observed - expected) desc nulls first, scope
limit {SHOWN}"""
    # GX formats its queries with str.format.
    return statement.replace("{", "{{").replace("}", "}}")
