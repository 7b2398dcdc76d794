"""The cases pass, and a macro that is wrong on purpose turns some of its cases red."""

import shutil
from pathlib import Path

import pytest

from tests.conformance.__main__ import PROJECT, main

EXAMPLES = Path(__file__).with_name("examples")

# One mistake for each family of cases: the file, what is right in it, and what is not.
MISTAKES = {
    "attribution": ("attribution.sql", "0.2 / (touch_count - 2)", "0.3 / (touch_count - 2)"),
    "channels": ("channels.sql", "entries.gclid is not null", "false"),
    "funnels": ("periods.sql", "interval '{{ seconds }} seconds'", "interval '1 second'"),
    "lifecycle": ("lifecycle.sql", "then 'returning'", "then 'resurrecting'"),
    "mrr": ("revenue.sql", "then 'churn'", "then 'contraction'"),
    "paths": ("paths.sql", "place + 1", "place + 2"),
    "prioritization": ("scores.sql", "{{ confidence }} /", "1 /"),
    "retention": ("retention.sql", "returns.position - cohorts.position", "returns.position"),
    "sales": ("scores.sql", "{{ win_rate }} /", "1 /"),
    "sessions": ("sessions.sql", "inactivity_minutes * 60", "inactivity_minutes * 30"),
    "stickiness": ("stickiness.sql", "having {{ criteria }}", ""),
    "surveys": ("surveys.sql", "score >= 9", "score >= 8"),
    "trends": ("active_users.sql", '"week": 7', '"week": 8'),
}
# Another for each family that is asked in two ways: in the way that plain questions take.
OTHER_MISTAKES = {
    "attribution": ("attribution.sql", "1.0 / touch_count", "0.9 / touch_count"),
    "funnels": (
        "funnels.sql",
        "where is_next and t_{{ level }} <=",
        "where is_next or t_{{ level }} <=",
    ),
    "retention": ("retention.sql", 'place + 2")', 'place + 3")'),
    "sessions": (
        "sessions.sql",
        "unit_before = unit",
        "unit_before <= unit",
    ),
    "trends": ("periods.sql", 'number ~ " % 60"', 'number ~ " % 30"'),
}
# What DuckDB is asked in a way of its own; without it, in that of other engines.
DUCKDB_PLANS = {
    "order.sql": ["duckdb__in_order", "duckdb__over_in_order", "duckdb__of_last_events"],
    "periods.sql": ["duckdb__distinct_buckets"],
}


def families() -> set[str]:
    return {folder.name for folder in EXAMPLES.iterdir()}


def test_the_cases_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(EXAMPLES)]) == 0
    count = len(list(EXAMPLES.rglob("*.json")))
    assert capsys.readouterr().out.splitlines()[-1] == f"{count} passed, 0 failed"


@pytest.mark.parametrize("mistakes", [MISTAKES, OTHER_MISTAKES], ids=["first", "other"])
def test_a_mistake_in_a_macro_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mistakes: dict[str, tuple[str, str, str]]
) -> None:
    macros = tmp_path / "macros"
    shutil.copytree(PROJECT / "macros", macros)
    for name, right, wrong in mistakes.values():
        path = macros / "metrics" / name
        assert right in path.read_text(), (name, right)
        path.write_text(path.read_text().replace(right, wrong))
    assert main([str(EXAMPLES), "--macros", str(macros)]) == 1
    failed = [line.split()[1] for line in capsys.readouterr().out.splitlines() if "FAIL" in line]
    assert {name.split("/")[0].rstrip(";") for name in failed} == mistakes.keys()


def test_every_family_has_its_mistake() -> None:
    assert MISTAKES.keys() == families()


def test_the_cases_pass_without_the_plans_of_duckdb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    macros = tmp_path / "macros"
    shutil.copytree(PROJECT / "macros", macros)
    for name, plans in DUCKDB_PLANS.items():
        path = macros / "metrics" / name
        for plan in plans:
            assert f"macro {plan}(" in path.read_text(), (name, plan)
            path.write_text(path.read_text().replace(plan, plan.replace("duckdb", "nobody")))
    assert main([str(EXAMPLES), "--macros", str(macros)]) == 0
    assert ", 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not there"),
        ("[]", "is no case"),
        ("{}", "is no case: KeyError: 'expected'"),
    ],
)
def test_what_is_no_case_is_named(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "case.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit, match=words):
        main([str(path)])


def test_a_metric_nobody_knows_fails_its_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case.json"
    path.write_text('{"id": "x", "metric": "vibes", "query": {}, "expected": {"value": 1}}')
    assert main([str(path)]) == 1
    assert "FAIL  x; cannot be asked" in capsys.readouterr().out
