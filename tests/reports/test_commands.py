"""The `productops` command, on what the nightly job published."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from reports import published
from reports.__main__ import main
from reports.status import MISSED, NOTHING, OK, WRONG, status
from tests.conftest import Job


@pytest.fixture(autouse=True)
def data(built: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(built.data / "serving", tmp_path / "serving", symlinks=True)
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_status_says_what_is_fresh_and_that_nothing_is_wrong(
    built: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = told(capsys, "status")
    assert code == OK
    assert built.published.resolve().parent.name in said
    for source in ("posthog", "hubspot", "typeform"):
        assert f"{source:<12} fresh" in said
    assert "published at" in said
    assert "Nothing is wrong." in said


def test_a_missed_night_makes_everything_stale() -> None:
    found = status(datetime.now(UTC) + MISSED + timedelta(minutes=1))
    assert found.code == WRONG
    assert {source["state"] for source in found.sources} == {"stale"}
    assert {problem["what"] for problem in found.problems} >= {"No night ran", "posthog is stale"}


def test_nothing_published_is_a_code_of_its_own(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "serving" / "current").unlink()
    code, said = told(capsys, "status")
    assert code == NOTHING
    assert "nothing is published" in said
    code, said = told(capsys, "publications")
    assert code == 2
    assert "make run" in said


def test_a_file_that_is_none_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = (data / "serving" / "current" / "productops.duckdb").resolve()
    path.chmod(0o644)
    path.write_text("no database")
    code, said = told(capsys, "status", "--json")
    assert code == NOTHING
    assert "cannot be read" in json.loads(said)["readers_see"]


def test_the_settings_of_the_checkout_say_where_to_look(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / ".env").write_text(f"PRODUCTOPS_DATA={data / 'elsewhere'}")
    monkeypatch.setattr(published, "ROOT", data)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED")
    monkeypatch.delenv("PRODUCTOPS_DATA")
    code, said = told(capsys, "publications")
    assert code == 2
    assert str(data / "elsewhere") in said


@pytest.mark.parametrize(
    "command",
    [("status",), ("publications", "--json"), ("metric", "wau", "--by", "day", "--format", "csv")],
)
def test_a_reader_who_has_seen_enough_is_no_error(command: Sequence[str], data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "reports", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PRODUCTOPS_DATA": str(data)},
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)


def test_publications_names_the_file_that_can_be_opened(
    built: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = told(capsys, "publications", "--json")
    [publication] = json.loads(said)
    assert code == 0
    assert Path(publication["file"]).exists()
    assert publication["is_current"]
    assert publication["publication_id"] in told(capsys, "publications")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["diff", "current", "2019"], "'2019' names no publication"),
        (["diff", "current", "previous"], "'previous' names no publication"),
        (["diff", "current", "2"], None),
        (["diff", "current", "current", "--metric", "profit"], "'profit' is no metric"),
    ],
)
def test_what_is_not_known_is_named(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str | None
) -> None:
    code, said = told(capsys, *arguments)
    assert code == (0 if words is None else 2)
    assert (words or "") in said


def test_that_nothing_moved_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "diff", "current", "current")
    assert code == 0
    assert said == "no metric moved between current and current\n"


def test_an_unmoved_metric_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "diff", "current", "current", "--metric", "signups", "--json")
    [found] = json.loads(said)
    assert code == 0
    assert found["adds_up"]
    assert found["before"] == found["after"]


@pytest.mark.parametrize("who", ["acct_00001", "BrightLoop1.example", "bright loop", "loop"])
def test_an_account_is_found_by_what_people_call_it(
    who: str, built: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = told(capsys, "account", who, "--format", "json")
    assert code == 0
    found = json.loads(said)
    [(mrr, people)] = built.query(
        "select mrr_usd, people_count from sales.account_360 where account_id = 'acct_00001'"
    )
    assert found["account"][0]["mrr_usd"] == str(mrr)
    assert found["account"][0]["people_count"] == people
    assert {row["feature_name"] for row in found["features"]} == {
        name
        for (name,) in built.query(
            "select feature_name from product.feature_adoption_weekly"
            " inner join core.features using (feature_id) where account_id = 'acct_00001'"
        )
    }


def test_an_account_is_told_in_the_form_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, table = told(capsys, "account", "acct_00001")
    assert "Bright Loop" in table
    _, markdown = told(capsys, "account", "acct_00001", "--format", "md")
    assert "| account_name | Bright Loop |" in markdown
    _, csv = told(capsys, "account", "acct_00001", "--format", "csv")
    assert "account,1,account_name,Bright Loop" in csv.splitlines()


def test_a_name_of_none_or_of_several_is_answered_with_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = told(capsys, "account", "nonesuch")
    assert code == 2
    assert "no account is known by 'nonesuch'" in said
    code, said = told(capsys, "account", "r")
    assert code == 1
    assert "2 accounts fit 'r': Bright Loop (acct_00001), Quiet Harbor" in said


def test_needs_are_ranked_by_money_beside_mentions(
    built: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = told(capsys, "needs", "--format", "json")
    assert code == 0
    found, rest = json.loads(said).values()
    expected = built.query(
        "select theme_name, cast(allocated_arr_usd as varchar), mention_count"
        " from research.unmet_needs_monthly"
        " where segment = 'all' and theme <> 'unclassified' and month_start = ("
        "   select max(month_start) from research.unmet_needs_monthly)"
        " order by allocated_arr_usd desc, mention_count desc, theme"
    )
    seen = [(row["need"], row["allocated_arr_usd"], row["mention_count"]) for row in found]
    assert seen == expected
    assert seen
    assert [row["by_arr"] for row in found] == list(range(1, len(found) + 1))
    assert rest[0]["themes_are_published"] is True


def test_needs_are_told_in_the_form_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, table = told(capsys, "needs")
    assert "SSO and SCIM" in table
    _, markdown = told(capsys, "needs", "--format", "md", "--month", "2026-06")
    assert "## needs of 2026-06, segment all" in markdown
    _, csv = told(capsys, "needs", "--format", "csv", "--n", "1")
    assert csv.count(",1,need,") == 1
    assert ",2,need," not in csv


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--month", "1999-01"], "no needs are known of 1999-01; give a month from 2026-06"),
        (["--segment", "huge"], "no segment is called 'huge'; known are all"),
    ],
)
def test_a_month_or_segment_without_needs_is_answered_with_those_that_have_some(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, said = told(capsys, "needs", *arguments)
    assert code == 2
    assert words in said


@pytest.mark.parametrize("arguments", [["--month", "June"], ["--n", "0"], ["--n", "-3"]])
def test_what_is_no_month_or_number_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        told(capsys, "needs", *arguments)
    assert stopped.value.code == 2
    assert f"{arguments[1]!r} is no" in capsys.readouterr().err


@pytest.fixture
def study(data: Path) -> None:
    """A study that may ask one of three; the tiny company's research has none."""
    file = (data / "serving" / "current" / "productops.duckdb").resolve()
    file.chmod(0o644)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "insert into research.studies by name select 'study_07' as study_id,"
            " 'How agencies plan' as study_name, 0 as request_count, 0 as asked_count"
        )
        connection.execute(
            "insert into research.recruiting_pool by name select 'study_07' as study_id,"
            " 'panellist ' || number as panellist_id, 'smb' as segment, now() as joined_at,"
            " true as has_consent, number as contact_count, false as is_asked,"
            " number = 1 as is_eligible, if(number = 1, 1, null) as place,"
            " if(number = 1, null, 'contacted_too_often') as exclusion_reason"
            " from range(1, 4) as panel(number)"
        )


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize("said", ["study_07", "STUDY_07", "S-07", "s7", "agencies plan"])
def test_a_study_is_told_whom_to_ask(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = told(capsys, "recruit", "--study", said, "--n", "1", "--format", "json")
    found = json.loads(answer)
    assert code == 0
    assert found["study"][0]["study_id"] == "study_07"
    assert [row["panellist_id"] for row in found["ask"]] == ["panellist 1"]
    assert found["may not be asked"] == [{"reason": "contacted_too_often", "people": 2}]


@pytest.mark.usefixtures("study")
def test_too_few_to_ask_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = told(capsys, "recruit", "--study", "S-07", "--n", "2")
    assert code == 1
    assert "only 1 of 2 may be asked" in answer


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--study", "S-99"], "no study is known by 'S-99'"),
        (["--study", "s", "--n", "0"], "'0' is"),
    ],
)
def test_what_a_study_cannot_be_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    try:
        code, said = told(capsys, "recruit", *arguments)
    except SystemExit as stopped:
        code, said = stopped.code, capsys.readouterr().err
    assert code == 2
    assert words in said


def test_a_release_says_what_it_was_and_whom_it_mattered_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = told(capsys, "release", "r-2026.6.1", "--format", "json")
    sections = json.loads(said)
    assert code == 0
    assert list(sections) == [
        *("release", "what came of it", "to whom it mattered", "asked and not told")
    ]
    assert sections["release"][0]["release_tag"] == "R-2026.6.1"
    _, said = told(capsys, "release", "--n", "1", "--format", "csv")
    assert said.splitlines()[1].startswith("lanternfish/app,R-2026.6.1-hotfix.1,2026-06-15,")


def test_an_item_that_came_without_a_release_is_found_by_its_name(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = (data / "serving" / "current" / "productops.duckdb").resolve()
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into delivery.shipped_items by name select 'p1' as roadmap_item_id,"
            " 'A portal' as roadmap_item, timestamp '2026-06-20' as shipped_at,"
            " timestamp '2026-06-20' as completed_at, date '2026-06-20' as shipped_date,"
            " date '2026-09-14' as outcome_date"
        )
        connection.execute(
            "insert into product.release_accounts by name select 'p1' as roadmap_item_id,"
            " account_id, date '2026-06-20' as shipped_date, 'smb' as segment, true as has_asked,"
            " 1 as mention_count, 1 as thread_count, false as is_told, 120 as arr_usd"
            " from core.accounts order by account_id limit 1"
        )
    code, said = told(capsys, "release", "portal", "--format", "json")
    sections = json.loads(said)
    assert (code, sections["release"]) == (0, [])
    [owed] = sections["asked and not told"]
    assert (owed["roadmap_item"], owed["can_be_answered"]) == ("A portal", True)


@pytest.mark.parametrize(
    ("what", "code", "says"),
    [
        ("nothing", 2, "no release is known by 'nothing'"),
        ("R-2026", 1, "2 releases fit 'R-2026': lanternfish/app R-2026.6.1-hotfix.1"),
    ],
)
def test_a_release_of_no_name_or_of_several_is_answered_with_what_to_do(
    what: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answered, said = told(capsys, "release", what)
    assert answered == code
    assert says in said
