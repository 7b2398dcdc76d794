"""Themes of feedback: what the classifier makes of texts, and the gate that it has to pass."""

import importlib.util
import random
import re
import shutil
from pathlib import Path
from types import ModuleType

import duckdb
import pyarrow.parquet as pq
import pytest

from orchestration.dbt import DBT_PROJECT
from tests.conftest import Job, dbt

EXAMPLES = (
    ("sso", "blocking", "Without single sign-on we cannot buy"),
    ("sso", "wish", "Single sign-on would be nice"),
    ("reports", "painful", "Monthly reports take us hours"),
    ("reports", "wish", "Better reports would be nice"),
    ("unclassified", "praise", "Thank you for the quick help"),
    ("unclassified", "none", "Where is the invoice"),
)
MIXED = "Monthly reports take us hours. Thank you! And single sign-on would be nice."


@pytest.fixture(scope="module")
def themes() -> ModuleType:
    path = DBT_PROJECT / "models" / "intermediate" / "int_text_themes.py"
    spec = importlib.util.spec_from_file_location("int_text_themes", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def labelled(themes: ModuleType, *texts: str) -> list[dict]:
    found: list[dict] = themes.labelled(list(texts), *map(list, zip(*EXAMPLES, strict=True)))
    return found


def test_each_sentence_has_a_theme_and_the_weights_of_a_text_sum_to_one(
    themes: ModuleType,
) -> None:
    rows = labelled(themes, MIXED)
    assert {row["theme"]: row["weight"] for row in rows} == {"reports": 0.5, "sso": 0.5}
    assert {row["severity"] for row in rows} == {"painful"}
    assert all(row["confidence"] >= themes.LEAST_CONFIDENCE for row in rows)


def test_a_text_about_nothing_known_stays_without_a_theme(themes: ModuleType) -> None:
    [row] = labelled(themes, "Thank you for the quick help!")
    assert (row["theme"], row["weight"], row["severity"]) == ("unclassified", 1.0, "praise")
    [row] = labelled(themes, "xyzzy")
    assert (row["theme"], row["confidence"]) == ("unclassified", None)


def test_a_severity_that_is_a_guess_is_no_need(themes: ModuleType) -> None:
    [row] = labelled(themes, "xyzzy")
    assert row["severity"] == "none"


def test_without_examples_nothing_has_a_theme(themes: ModuleType) -> None:
    [row] = themes.labelled(["Single sign-on"], [], [], [])
    assert (row["theme"], row["severity"]) == ("unclassified", "none")


def test_the_same_texts_give_the_same_rows_in_any_company(themes: ModuleType) -> None:
    others = ["Reports", "Where is my single sign-on?"]
    alone = [row for row in labelled(themes, MIXED) if row["text"] == MIXED]
    assert [row for row in labelled(themes, *others, MIXED) if row["text"] == MIXED] == alone


def test_other_examples_are_another_version(themes: ModuleType) -> None:
    version = labelled(themes, MIXED)[0]["method_version"]
    columns = [list(column) for column in zip(*EXAMPLES[:-1], strict=True)]
    assert themes.labelled([MIXED], *columns)[0]["method_version"] != version


def gold_of_the_company(job: Job) -> dict[str, str]:
    """The theme that was meant by each text, with its addresses as a reader sees them."""
    items = pq.read_table(job.company / "business" / "feedback.parquet").to_pylist()
    labels = pq.read_table(job.company / "business" / "feedback_labels.parquet").to_pylist()
    theme_of = {row["feedback_id"]: row["theme"] for row in labels}
    return {
        re.sub(r"[\w.+-]+@[\w.-]+\w", "[email]", item["text"]): theme_of[item["feedback_id"]]
        for item in items
    }


def macro_f1(pairs: list[tuple[str, str]]) -> float:
    scores = []
    for theme in {meant for meant, _ in pairs}:
        hits = sum(meant == found == theme for meant, found in pairs)
        either = sum(meant == theme for meant, _ in pairs) + sum(f == theme for _, f in pairs)
        scores.append(2 * hits / either)
    return sum(scores) / len(scores)


@pytest.mark.parametrize("fixture", ["built", pytest.param("built_lite", marks=pytest.mark.slow)])
def test_published_themes_are_those_that_were_meant(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    job: Job = request.getfixturevalue(fixture)
    meant = gold_of_the_company(job)
    said = job.query("select text, theme from research.feedback where not is_solicited")
    pairs = [(meant[text], theme) for text, theme in said if text in meant]
    assert len(pairs) >= 0.9 * len(said) > 0
    assert macro_f1(pairs) >= 0.85


def test_themes_learnt_from_shuffled_labels_are_not_published(built: Job, tmp_path: Path) -> None:
    warehouse = tmp_path / "productops.duckdb"
    shutil.copy(built.data / "warehouse" / "productops.duckdb", warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute(
            "select count(*) from research.feedback where theme <> 'unclassified'"
        ).fetchone() != (0,)
        rows = connection.execute("select text, theme from seeds.theme_examples").fetchall()
        themes = [theme for _, theme in sorted(rows)]
        random.Random(7).shuffle(themes)
        connection.executemany(
            "update seeds.theme_examples set theme = ? where text = ?",
            [(theme, text) for theme, (text, _) in zip(themes, sorted(rows), strict=True)],
        )
    models = ("int_text_themes", "int_theme_scores", "int_theme_quality")
    dbt(warehouse, "run", "--select", *models, "feedback", "theme_quality")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [(found, weight, items)] = connection.execute(
            "select list(distinct theme), sum(weight), count(distinct item_id)"
            " from research.feedback"
        ).fetchall()
        shown = connection.execute(
            "select macro_f1 < least_macro_f1, is_published from research.theme_quality"
            " where theme = 'all'"
        ).fetchall()
    assert (found, weight) == (["unclassified"], items)
    assert shown == [(True, False)]
