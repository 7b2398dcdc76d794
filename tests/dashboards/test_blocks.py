"""A page file that makes no sense is refused by name, with what to do."""

from pathlib import Path

import pytest
import yaml

from dashboards.blocks import PageError, pages

BLOCK = {
    "name": "deals",
    "title": "Deals",
    "question": "How many deals are open?",
    "mart": "sales.deals",
    "sql": "select is_won, count(*) as deal_count from sales.deals group by 1",
    "chart": "bar",
    "x": "is_won",
    "y": "deal_count",
    "additive": True,
}
PAGE = {"title": "Sales", "question": "What do we sell?", "order": 1}


def write(folder: Path, page: dict, name: str = "sales.yml") -> Path:
    (folder / name).write_text(yaml.safe_dump(page))
    return folder


def test_a_block_is_what_its_file_says(tmp_path: Path) -> None:
    [page] = pages(write(tmp_path, {**PAGE, "blocks": [BLOCK]}))
    [block] = page.blocks
    assert (page.name, page.title, block.marts, block.y) == (
        "sales",
        "Sales",
        ("sales.deals",),
        ("deal_count",),
    )


def test_pages_come_in_the_order_of_the_menu(tmp_path: Path) -> None:
    write(tmp_path, {**PAGE, "order": 2, "blocks": [BLOCK]}, "a.yml")
    write(tmp_path, {**PAGE, "blocks": [BLOCK]}, "b.yml")
    assert [page.name for page in pages(tmp_path)] == ["b", "a"]
    write(tmp_path, {**PAGE, "blocks": [BLOCK]}, "c.yml")
    with pytest.raises(PageError, match="two pages have the order 1; give each its own"):
        pages(tmp_path)


WRONG_BLOCKS = [
    ({"mart": None}, r"mart is None; give a text or a list"),
    ({"mart": "deals"}, r"mart is \['deals'\]; name them as schema\.table"),
    ({"mart": ["sales.deals", "core.people"]}, r"does not read core\.people; take it out"),
    # The beginning of a mart's name is not its name.
    ({"mart": "sales.deal"}, r"does not read sales\.deal; take it out"),
    (
        {"sql": "select * from sales.deals join core.accounts using (account_id)"},
        r"reads core\.accounts too; name it in mart",
    ),
    ({"sql": "select (from sales.deals"}, r"its query cannot be read"),
    ({"chart": "pie"}, r"chart is 'pie'; choose one of line, bar"),
    ({"chart": "heatmap"}, r"a heatmap needs 'by'; name the column"),
    ({"chart": "errorbars", "additive": False}, r"a errorbars needs 'high'"),
    (
        {"chart": "errorbars", "low": "a", "high": "b"},
        r"intervals do not add up; say additive: false",
    ),
    ({"y": ["a", "b"], "over": "c"}, r"y has 2 columns; .* it is one"),
    ({"over": "c", "additive": False}, r"over divides sums, .* say additive: true"),
    ({"additive": "yes please"}, r"additive is 'yes please'; say true or false"),
    ({"compare": 0}, r"compare is 0; give a number of rows"),
    ({"x": ["a"]}, r"x is \['a'\]; give one text"),
    ({"y": 5}, r"y is 5; give a text or a list of texts"),
    ({"name": "Open deals"}, r"a name is an address; use small letters"),
    ({"search": "is_won"}, r"only a table can be searched; take search out"),
    ({"columns": ["a"]}, r"columns is \['a'\]; write `column:"),
    ({"columns": {"a": {"colour": "red"}}}, r"column 'a' has the unknown key 'colour'; known: def"),
    ({"colour": "red"}, r"has the unknown key 'colour'; known: additive"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_BLOCKS)
def test_a_wrong_block_is_named_with_its_remedy(tmp_path: Path, change: dict, message: str) -> None:
    write(tmp_path, {**PAGE, "blocks": [{**BLOCK, **change}]})
    with pytest.raises(PageError, match=r"^sales\.yml, block .*" + message):
        pages(tmp_path)


@pytest.mark.parametrize("key", sorted({*BLOCK} - {"x", "y", "additive"}))
def test_what_a_block_lacks_is_named(tmp_path: Path, key: str) -> None:
    write(tmp_path, {**PAGE, "blocks": [{k: v for k, v in BLOCK.items() if k != key}]})
    with pytest.raises(PageError, match=rf"^sales\.yml, block .* lacks '{key}'; add it"):
        pages(tmp_path)


WRONG_PAGES = [
    ("[", r"sales\.yml is no YAML"),
    ("", r"sales\.yml holds no page; begin with the keys blocks, order"),
    (yaml.safe_dump(PAGE), r"sales\.yml lacks 'blocks'; add it"),
    (yaml.safe_dump({**PAGE, "blocks": []}), r"blocks is no list; write each as"),
    (yaml.safe_dump({**PAGE, "order": "last", "blocks": [BLOCK]}), r"order is 'last'; give"),
    (yaml.safe_dump({**PAGE, "blocks": ["deals"]}), r"block 1 is 'deals'; write it as keys"),
    (
        yaml.safe_dump({**PAGE, "blocks": [BLOCK, BLOCK]}),
        r"two blocks are called 'deals'; rename one",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG_PAGES)
def test_a_wrong_page_is_named_with_its_remedy(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sales.yml").write_text(text)
    with pytest.raises(PageError, match=message):
        pages(tmp_path)
