"""Pages say what the published file says, or why they say nothing."""

import hashlib
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards import figures
from dashboards.blocks import Block, Page, pages
from dashboards.build import build
from tests.conftest import Job

BLOCKS = [(page, block) for page in pages() for block in page.blocks]


def names(blocks: Sequence[tuple[Page, Block]]) -> list[str]:
    return [f"{page.name}.{block.name}" for page, block in blocks]


class Parts(HTMLParser):
    """The elements of a page with their attributes, and the data in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, Any] = {}
        self.feed(path.read_text())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][1].get("id") == "data" and data.strip():
            self.data |= json.loads(data)

    def values(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.elements if name in attrs]


def site(file: Path, folder: Path, **options: Any) -> dict[str, Parts]:
    built = build(file, folder, **options)
    return {name: Parts(folder / f"{name}.html") for name in [*built.pages, "marts", "index"]}


def rows(file: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def tiny(built: Job, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parts]:
    return site(built.published.resolve(), tmp_path_factory.mktemp("tiny") / "site")


@pytest.fixture(scope="module")
def empty_file(built: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company that has connected nothing: every mart, and no row in any."""
    path = tmp_path_factory.mktemp("empty") / "productops.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{built.published.resolve()}' as published (read_only)")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall():
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(
                f"create table {schema}.{table} as from published.{schema}.{table} limit 0"
            )
        connection.execute("detach published")
    return path


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=names(BLOCKS))
def test_every_query_runs_on_what_is_published(
    tiny: dict[str, Parts], page: Page, block: Block
) -> None:
    found = tiny[page.name].data["blocks"][block.name]
    assert found["state"] in {"full", "empty"}, found["message"]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=names(BLOCKS))
def test_every_figure_is_defined(tiny: dict[str, Parts], page: Page, block: Block) -> None:
    found = tiny[page.name].data["blocks"][block.name]
    assert [each["name"] for each in found["columns"] if not each["definition"]] == []


def test_a_company_without_rows_has_readable_pages(empty_file: Path, tmp_path: Path) -> None:
    parts = site(empty_file, tmp_path / "site")
    states = {
        (name, block): found["state"]
        for name, page in parts.items()
        for block, found in page.data.get("blocks", {}).items()
    }
    assert {*states.values()} <= {"empty", "full"}
    text = (tmp_path / "site" / "product.html").read_text()
    assert "there are no such rows in product.engagement_daily" in text
    assert "This file has no record of publications" in text
    assert "Every check passed." in (tmp_path / "site" / "health.html").read_text()


def test_a_file_without_tables_says_so_in_each_place(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "productops.duckdb")):
        pass
    parts = site(tmp_path / "productops.duckdb", tmp_path / "site")
    for page, block in BLOCKS:
        found = parts[page.name].data["blocks"][block.name]
        assert (found["state"], found["message"]) == (
            "absent",
            f"This publication has no table {block.marts[0]}.",
        )


# What a page shows, and the same asked of the marts another way.
EQUAL = {
    "product.active_people": "select active_date, segment, product_dau, product_wau, product_mau"
    " from product.engagement_daily where plan = 'all' and channel = 'all'",
    "sales.mrr_bridge": "select month_start, sum(new_mrr_usd), sum(reactivation_mrr_usd),"
    " sum(expansion_mrr_usd), sum(contraction_mrr_usd), sum(churn_mrr_usd), bool_and(is_complete)"
    " from sales.mrr_movements group by all",
    "sales.pipeline": "select snapshot_date, stage_label, sum(amount_usd)"
    " from sales.pipeline_daily where isodow(snapshot_date) = 7 group by all",
    "marketing.signups": "select date_trunc('month', signed_up_date)::date, count(*)"
    " from marketing.signups group by all",
    "health.quarantined": "select count(*) from"
    " (select distinct source, table_name, row_key from core.quarantine)",
}


@pytest.mark.parametrize(("name", "sql"), EQUAL.items())
def test_figures_are_those_of_the_marts(
    tiny: dict[str, Parts], built: Job, name: str, sql: str
) -> None:
    page, block = name.split(".")
    shown = tiny[page].data["blocks"][block]["rows"]
    expected = [[figures._plain(value) for value in row] for row in built.query(sql)]
    assert len(expected) > 0
    assert sorted(map(str, without_idle(shown))) == sorted(map(str, without_idle(expected)))


def without_idle(found: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows in which something happened: months without any may be listed or not."""
    numbers = [[float(v) if type(v) is int else v for v in row] for row in found]
    return [row for row in numbers if any(value for value in row if type(value) is float)]


def test_nps_and_its_interval_are_the_textbook_s(tiny: dict[str, Parts], built: Job) -> None:
    """(p - d) and 1.96 standard errors, by the shares of promoters and detractors."""
    shown = tiny["customers"].data["blocks"]["nps_by_wave"]
    at = {each["name"]: place for place, each in enumerate(shown["columns"])}
    expected = {}
    for wave, n, promoters, detractors in built.query(
        "select wave, count(*), count(*) filter (score >= 9), count(*) filter (score <= 6)"
        " from research.survey_responses where metric = 'nps' and is_counted group by 1"
    ):
        p, d = promoters / n, detractors / n
        error = 1.96 * ((p + d - (p - d) ** 2) / n) ** 0.5
        expected[wave] = (p - d, error if n > 1 else None)
    found = {row[at["wave"]]: row for row in shown["rows"] if row[at["segment"]] == "all"}
    assert found.keys() == expected.keys()
    for wave, (nps, error) in expected.items():
        row = found[wave]
        assert row[at["nps"]] == pytest.approx(100 * nps)
        if error is not None:
            assert row[at["nps_low"]] == pytest.approx(100 * (nps - error))
            assert row[at["nps_high"]] == pytest.approx(100 * (nps + error))


def test_csat_and_its_interval_are_the_textbook_s(tiny: dict[str, Parts], built: Job) -> None:
    """The share of the two best answers and 1.96 standard errors of a share, within 0 and 1."""
    shown = tiny["customers"].data["blocks"]["csat"]
    at = {each["name"]: place for place, each in enumerate(shown["columns"])}
    expected = {}
    for wave, n, satisfied in built.query(
        "select wave, count(*), count(*) filter (score >= 4)"
        " from research.survey_responses where metric = 'csat' and is_counted group by 1"
    ):
        share = satisfied / n
        error = 1.96 * (share * (1 - share) / n) ** 0.5
        expected[wave] = [share, n, max(share - error, 0), min(share + error, 1)]
    columns = ("csat", "answer_count", "csat_low", "csat_high")
    found = {
        row[at["wave"]]: [row[at[column]] for column in columns]
        for row in shown["rows"]
        if row[at["segment"]] == "all"
    }
    assert found.keys() == expected.keys() != set()
    for wave, figures_of_wave in expected.items():
        assert found[wave] == pytest.approx(figures_of_wave)


def one_block(**given: Any) -> list[Page]:
    given = {"title": "T", "question": "Q?", "marts": ("sales.deals",), "chart": "bar"} | given
    block = Block(name="b", x="x", y=("y",), **given)
    return [Page("p", "Page", "Why?", 1, (block,))]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "productops.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema sales; create table sales.deals (x varchar, y int)")
        connection.execute("insert into sales.deals values ('a', 1), ('a', 2), ('all', 3)")
        connection.execute("comment on column sales.deals.y is 'How  many.'")
    return path


WRONG = [
    ({"sql": "select x, z from sales.deals"}, r"Its query failed: .*\"z\" not found"),
    ({"sql": "select 1 as x from sales.deals"}, r"gives no column y; it gives x"),
    ({"sql": "from sales.deals"}, r"may not be summed, and has several rows for one x; group"),
    (
        {"sql": "from sales.deals", "additive": True, "segment": "x"},
        r"summed over x; leave out rows of 'all'",
    ),
    (
        {"sql": "select i as x, i as y from range(20001) as r(i)", "additive": True},
        r"gives 20,001 rows; group them to 20,000 or fewer",
    ),
    ({"sql": "from read_csv('/etc/passwd')"}, r"Its query failed: Permission Error"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_block_that_cannot_be_shown_says_so_in_its_place_only(
    file: Path, tmp_path: Path, given: dict, message: str
) -> None:
    good = Block(
        "good", "T", "Q?", ("sales.deals",), "from sales.deals", "bar", ("y",), "x", additive=True
    )
    [page] = one_block(**given)
    found = build(
        file, tmp_path / "site", [Page("p", "Page", "Why?", 1, (*page.blocks, good))]
    ).failed
    assert [*found] == ["p.yml, block 'b'"]
    assert re.search(message, found["p.yml, block 'b'"])
    shown = Parts(tmp_path / "site" / "p.html").data["blocks"]
    assert (shown["b"]["state"], shown["good"]["state"]) == ("failed", "full")


def test_a_mart_s_words_define_its_figures(file: Path, tmp_path: Path) -> None:
    parts = site(file, tmp_path / "site", shown=one_block(sql="from sales.deals", additive=True))
    columns = parts["p"].data["blocks"]["b"]["columns"]
    assert [(each["name"], each["kind"]) for each in columns] == [("x", "text"), ("y", "number")]
    assert columns[1]["definition"] == "How many."
    assert "How many." in (tmp_path / "site" / "marts.html").read_text()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("closing_mrr_usd", "Closing MRR"),
        ("dropped_feature_count", "Dropped features"),
        ("opportunity_count", "Opportunities"),
        ("people_count", "People"),
        ("is_won", "Is won"),
    ],
)
def test_a_column_without_a_label_is_named_in_words(name: str, label: str) -> None:
    assert figures._label(name) == label


def test_a_long_table_is_cut_and_says_so(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "TABLE_ROWS", 2)
    parts = site(file, tmp_path / "site", shown=one_block(sql="from sales.deals", chart="table"))
    found = parts["p"].data["blocks"]["b"]
    assert (len(found["rows"]), found["left_out"]) == (2, 1)


def test_no_text_of_a_customer_becomes_part_of_a_page(file: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("insert into sales.deals values ('</script><img src=x>', 5)")
        connection.execute("comment on table sales.deals is '<b>bold</b>'")
    parts = site(file, tmp_path / "site", shown=one_block(sql="from sales.deals", additive=True))
    assert parts["p"].data["blocks"]["b"]["rows"][-1] == ["</script><img src=x>", 5]
    for page in parts.values():
        assert {"img", "b"}.isdisjoint({tag for tag, attrs in page.elements if "src" in attrs})
    assert "<b>bold" not in (tmp_path / "site" / "marts.html").read_text()


@pytest.mark.parametrize("name", [*(page.name for page in pages()), "marts", "index"])
def test_pages_ask_no_other_host_and_lead_only_to_what_is_there(
    tiny: dict[str, Parts], name: str
) -> None:
    targets = {*tiny[name].values("href"), *tiny[name].values("src")}
    assert [each for each in targets if re.match(r"^([a-z]+:|//)", each)] == []
    addresses = {f"{page}.html" for page in tiny} | {
        f"{page}.html#{identity}" for page, parts in tiny.items() for identity in parts.values("id")
    }
    files = {path.name for path in Path(__file__).parents[2].glob("dashboards/assets/*")}
    files |= {"echarts.min.js", "echarts-NOTICE.txt", "echarts-LICENSE.txt"}
    files |= {f"#{identity}" for identity in tiny[name].values("id")}
    assert targets - addresses - files == set()


def test_ids_are_unique_and_every_described_by_leads_somewhere(tiny: dict[str, Parts]) -> None:
    for parts in tiny.values():
        ids = parts.values("id")
        assert len(ids) == len({*ids})
        described = {*parts.values("aria-describedby"), *parts.values("aria-labelledby")}
        assert described <= {*ids}


def test_the_site_is_small(built: Job, tmp_path: Path) -> None:
    made = build(built.published.resolve(), tmp_path / "site")
    assert 1024**2 < made.size < 10 * 1024**2


def test_echarts_is_the_file_that_its_folder_says() -> None:
    folder = Path(__file__).parents[2] / "dashboards" / "vendor"
    digest = hashlib.sha256((folder / "echarts.min.js").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text()
