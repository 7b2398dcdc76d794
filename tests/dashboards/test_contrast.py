"""What is read keeps 4.5 to 1 against its ground, and what is seen 3 to 1 (WCAG 2.2, AA)."""

import re
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[2] / "dashboards" / "assets"
CSS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", (ASSETS / "site.css").read_text()))
CHARTS = (ASSETS / "charts.js").read_text()
COLOURS = re.findall(r"#[0-9a-f]{6}", re.findall(r"const COLOURS = (\[.*?\]);", CHARTS)[0])
RAMP = [
    tuple(map(int, each.split(", ")))
    for each in re.findall(r"\[(\d+, \d+, \d+)\]", re.findall(r"const RAMP = (.*);", CHARTS)[0])
]


def rgb(colour: str) -> tuple[int, ...]:
    digits = colour.removeprefix("#")
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    return tuple(int(digits[at : at + 2], 16) for at in (0, 2, 4))


def luminance(colour: tuple[float, ...]) -> float:
    parts = [value / 255 for value in colour]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


READ = [
    *((text, ground) for text in ("ink", "soft", "link", "bad") for ground in ("ground", "paper")),
    ("notice-ink", "notice"),
]


@pytest.mark.parametrize(("text", "ground"), READ)
def test_texts_are_read_on_their_grounds(text: str, ground: str) -> None:
    assert contrast(rgb(CSS[text]), rgb(CSS[ground])) >= 4.5


def test_edges_of_what_is_pressed_and_series_are_seen() -> None:
    assert len(COLOURS) >= 9
    for colour in (CSS["edge"], *COLOURS):
        assert contrast(rgb(colour), rgb(CSS["paper"])) >= 3


def test_figures_in_a_heatmap_are_read_wherever_on_the_ramp() -> None:
    threshold = float(re.findall(r"> ([\d.]+) \? \"#000\" : \"#fff\"", CHARTS)[0])
    low, high = RAMP
    for percent in range(101):
        ground = tuple(a + (b - a) * percent / 100 for a, b in zip(low, high, strict=True))
        text = rgb("#000") if luminance(ground) > threshold else rgb("#fff")
        assert contrast(text, ground) >= 4.5
