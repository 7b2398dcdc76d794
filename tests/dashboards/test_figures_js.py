"""What a browser does with a block's rows: filters, sums, formats; asked of Node if it is here."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "dashboards" / "assets" / "figures.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(not NODE, reason="needs a JavaScript engine outside of a browser")

COLUMNS = [
    {"name": "day", "label": "Day", "kind": "date", "unit": ""},
    {"name": "segment", "label": "Segment", "kind": "text", "unit": ""},
    {"name": "won", "label": "Won", "kind": "number", "unit": ""},
    {"name": "asked", "label": "Asked", "kind": "number", "unit": ""},
]
ROWS = [
    ["2026-01-02", "smb", 1, 4],
    ["2026-01-01", "smb", 2, 4],
    ["2026-01-01", "mid", 3, 16],
    ["2026-01-02", "mid", None, 0],
]
BLOCK = {
    "chart": "line", "columns": COLUMNS, "rows": ROWS, "x": "day", "y": ["won"], "by": "",
    "over": "", "low": "", "high": "", "date": "", "segment": "segment", "complete": "",
    "additive": True, "compare": 1,
}  # fmt: skip
ALL = {"from": "", "to": "", "segment": "all"}


def asked(function: str, *arguments: Any) -> Any:
    code = (
        "const f = require(process.argv[1]); const given = JSON.parse(process.argv[3]);"
        "process.stdout.write(JSON.stringify(f[process.argv[2]](...given) ?? null))"
    )
    done = subprocess.run(
        [NODE or "", "-e", code, str(SCRIPT), function, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def drawn(filters: dict, **change: Any) -> dict:
    found = asked("frame", {**BLOCK, **change}, filters)
    return {
        each["name"]: dict(zip(found["x"], [cell["value"] for cell in each["cells"]], strict=True))
        for each in found["series"]
    }


def test_what_adds_up_is_summed_over_segments_in_order_of_time() -> None:
    assert drawn(ALL) == {"Won": {"2026-01-01": 5, "2026-01-02": 1}}
    assert list(drawn(ALL)["Won"]) == ["2026-01-01", "2026-01-02"]


def test_a_share_is_of_sums_and_never_a_mean_of_shares() -> None:
    assert drawn(ALL, over="asked") == {"Won": {"2026-01-01": 0.25, "2026-01-02": 0.25}}
    assert drawn({**ALL, "segment": "mid"}, over="asked")["Won"]["2026-01-02"] is None


def test_the_filters_hold_for_rows() -> None:
    assert drawn({**ALL, "segment": "smb"}) == {"Won": {"2026-01-01": 2, "2026-01-02": 1}}
    assert drawn({**ALL, "from": "2026-01-02"}) == {"Won": {"2026-01-02": 1}}
    assert drawn({**ALL, "to": "2026-01-01"}) == {"Won": {"2026-01-01": 5}}
    assert drawn({**ALL, "from": "2027-01-01"}) == {}


def test_what_does_not_add_up_takes_the_rows_of_all() -> None:
    rows = [*ROWS, ["2026-01-01", "all", 4, 0]]
    change = {"additive": False, "rows": rows}
    assert drawn(ALL, **change) == {"Won": {"2026-01-01": 4}}
    assert drawn({**ALL, "segment": "mid"}, **change)["Won"]["2026-01-01"] == 3


def test_a_series_for_each_value_of_by() -> None:
    assert drawn(ALL, by="segment") == {
        "smb": {"2026-01-01": 2, "2026-01-02": 1},
        "mid": {"2026-01-01": 3, "2026-01-02": None},
    }


def test_a_number_is_of_the_newest_period_that_is_over() -> None:
    columns = [*COLUMNS, {"name": "over", "label": "Over", "kind": "truth", "unit": ""}]
    rows = [["2026-01-01", "a", 1, 1, True], ["2026-02-01", "a", 2, 1, True],
            ["2026-03-01", "a", 9, 1, False]]  # fmt: skip
    block = {**BLOCK, "columns": columns, "rows": rows, "complete": "over"}
    found = asked("newest", block, ALL)
    assert (found["last"]["name"], found["last"]["value"]) == ("Feb 2026", 2)
    assert (found["before"]["name"], found["before"]["value"]) == ("Jan 2026", 1)


@pytest.mark.parametrize(
    ("value", "unit", "compact", "text"),
    [
        (1234567.891, "usd", False, "$1,234,568"),
        (1234567.891, "usd", True, "$1.2M"),
        (-5.5, "usd", False, "−$5.5"),
        (0.1234, "share", False, "12.3 %"),
        (0.1234, "share", True, "12 %"),
        (0.0042, "share", True, "0.4 %"),
        (1234567, "people", False, "1,234,567"),
        (2.345, "", False, "2.35"),
        (None, "usd", False, "–"),
        (True, "", False, "yes"),
        ("mid_market", "", False, "mid market"),
        ("acc_000123", "", False, "acc_000123"),
    ],
)
def test_figures_are_written_as_people_write_them(
    value: Any, unit: str, compact: bool, text: str
) -> None:
    assert asked("format", value, unit, compact) == text


def test_days_that_all_begin_a_month_are_months() -> None:
    assert asked("labels", ["2026-01-01", "2026-02-01"], "date") == ["Jan 2026", "Feb 2026"]
    assert asked("labels", ["2026-01-01", "2026-02-02"], "date") == ["1 Jan 2026", "2 Feb 2026"]


def test_a_period_ends_with_the_newest_data_and_not_today() -> None:
    assert asked("period", "90", "2026-07-01T02:00:00") == {
        "from": "2026-04-03",
        "to": "2026-07-01",
    }
    assert asked("period", "all", "2026-07-01T02:00:00") == {"from": "", "to": ""}


def test_a_missed_night_is_told() -> None:
    noon = 1783080000000  # 2026-07-03 12:00 UTC
    assert asked("overdue", "2026-07-02T03:00:00", noon) == ""
    assert asked("overdue", "2026-07-01T23:00:00", noon) == "37 hours"
    assert asked("overdue", "2026-06-30T02:00:00", noon) == "3 days"
