"""The report: what it promises its reader, on a page made of drawn structures and invented curves."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from inverse_design.candidates import Candidate
from inverse_design.goals import Goal, objectives
from inverse_design.report import figures
from inverse_design.report.axis_colors import axis_color, hex_color
from inverse_design.report.data import ReportData, achieved, best, on_the_curve
from inverse_design.report.grain_image import LINE_RGB, rgb_map
from inverse_design.report.page import MAX_BYTES, render, write_report
from inverse_design.verification import Verified
from simulation import Microstructure, Nd2Fe14B, Purpose, StructureFamily, anchor_points
from simulation.anchors import ANCHORS

GOALS = (Goal("Mr", 0.80, 0.02), Goal("Hc", 0.36, 0.02), Goal("Hk90", direction="maximize"))
SMALL = StructureFamily(40, 2, (4, 9))
FULL = StructureFamily(320, 2, (16, 256))
EVIL = "<script>alert('x')</script>\"&{{ 7*7 }}"


def verified(structure: Microstructure, remanence: float, coercive_field: float, **changes: Any) -> Verified:
    """A candidate with an invented curve: a smooth fall from 1 through `remanence` to 0 at -`coercive_field`."""
    h = np.round(1 - 0.01 * np.arange(201), 2)
    m = np.where(h > 0, remanence + (0.98 - remanence) * h, remanence * (1 - (-np.minimum(h, 0) / coercive_field) ** 3))
    anchors = anchor_points(h, m).as_array()
    candidate = Candidate(structure, np.zeros(2), np.zeros(2), anchors + 0.01, np.full(6, 0.012))
    whole = Verified(0, candidate, "key", "planar", "cells", True, h, np.maximum(m, -1), anchors)
    return dataclasses.replace(whole, **changes)


def report_data(items: tuple[Verified, ...] | None = None, points: int = 12, **changes: Any) -> ReportData:
    """A whole report: a hit, a miss and an unconverged candidate unless others are given."""
    rng = np.random.default_rng(1)
    draw = [SMALL.draw(1, Purpose.BENCHMARK, i) for i in range(3 + points)]
    if items is None:
        items = (verified(draw[0], 0.75, 0.30), verified(draw[1], 0.80, 0.36),
                 verified(draw[2], 0.80, 0.36, converged=False))  # fmt: skip
    mean = np.array([0.97, 0.8, 0.2, 0.25, 0.3, 0.36]) + 0.02 * rng.normal(size=(points, 6))
    front = pd.DataFrame(objectives(GOALS, mean), columns=[f"objective_{goal.anchor}" for goal in GOALS])
    for i, anchor in enumerate(ANCHORS):
        front[f"{anchor}_predicted"], front[f"{anchor}_std"] = mean[:, i], 0.01
    whole = ReportData(
        name="demo", study_text="name: demo\n", command="python -m inverse_design run demo.yaml", goals=GOALS,
        material=Nd2Fe14B, verified=items, front=front, front_structures=tuple(draw[3:]),
        hypervolume=(np.linspace(0.1, 0.9, 20), np.linspace(0.3, 0.95, 20)),
        losses={"regressor": (np.arange(1, 11), np.geomspace(0.1, 0.01, 10))},
        labels={"count": 100, "converged": 99, "test": 20, "seconds": 12.0}, accuracy={"Mr": 0.016, "Hc": None},
        rounds=2, simulations=len(items), reason="1 hit was wanted.", seconds={"labels": 12.0}, versions={"numpy": "2"},
    )  # fmt: skip
    return dataclasses.replace(whole, **changes)


class Page(HTMLParser):
    """Elements of a page by tag, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def card(html: str, number: int) -> str:
    """The part of the page that is one candidate's."""
    return html.split(f'id="candidate-{number:02d}"')[1].split("</article>")[0]


def test_text_of_a_study_is_shown_and_never_run() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36, backend=EVIL, discretization=EVIL)
    html = render(report_data((item,), name=EVIL, study_text=EVIL, command=EVIL, reason=EVIL,
                              versions={EVIL: EVIL}, losses={EVIL: (np.arange(2), np.ones(2))},
                              labels={EVIL: 1.0}, seconds={EVIL: 1.0}))  # fmt: skip
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert(") >= 9, "the text itself must be readable, in each of its places"
    assert "{{ 7*7 }}" in html
    scripts = Page(html).all("script")
    assert scripts == [{"type": "application/json", "id": "report-data"}, {}], "the report's own two and no other"


def test_the_page_loads_nothing_from_anywhere() -> None:
    html = render(report_data())
    page = Page(html)
    loads = [a[key] for _, a in page.elements for key in ("src", "href", "xlink:href", "srcset", "data") if key in a]
    assert loads
    for address in loads:
        assert address.startswith(("data:", "#", "candidates/", "figures/")), address
    assert "@import" not in html
    assert "url(" not in html
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_the_page_of_24_full_candidates_and_400_points_stays_below_8_mb() -> None:
    drawn = [FULL.draw(2, Purpose.BENCHMARK, i) for i in range(24)]
    items = tuple(verified(structure, 0.8, 0.36) for structure in drawn)
    html = render(report_data(items, points=400, front_structures=tuple(drawn * 17)[:400]))
    assert len(html.encode()) <= MAX_BYTES <= 8_000_000
    assert [f'id="candidate-{i:02d}"' in html for i in range(25)] == [True] * 24 + [False]
    pictures = [a["src"] for a in Page(html).all("img") if a.get("class") == "grains"]
    assert len(pictures) == 24
    assert all(p.startswith("data:image/png;base64,") for p in pictures)


def test_maps_of_pareto_points_give_way_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    from inverse_design.report import page

    whole = report_data()
    empty = len(render(dataclasses.replace(whole, front_structures=())).encode())
    monkeypatch.setattr(page, "MAX_BYTES", empty + 2500)
    html = render(whole)
    assert len(html.encode()) <= empty + 2500
    told = json.loads(re.search(r'id="report-data">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    assert 0 < len(told["front"]["image"]) < len(told["front"]["predicted"]) == 12


def test_a_missing_anchor_is_called_missing() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    item.anchors[5] = np.nan
    html = render(report_data((item,)))
    row = card(html, 0).split('<th scope="row">Hc ')[1].split("</tr>")[0]
    assert "missing" in row
    assert "✗ missed" in row
    assert not re.search(r"\bnan\b", html, re.I)


def test_an_unconverged_candidate_is_shown_and_counts_for_nothing() -> None:
    data = report_data()
    html = render(data)
    assert "not converged" in card(html, 2)
    assert "✓ hit" not in card(html, 2)
    assert "✓ hit" in card(html, 1)
    assert "not converged" not in card(html, 1)
    assert best(data) == 1
    alone = dataclasses.replace(data, verified=data.verified[2:])
    assert best(alone) is None
    assert "None of the 1 simulated candidate" in achieved(alone)


def test_the_first_sentence_says_what_was_achieved() -> None:
    data = report_data()
    assert achieved(data) == (
        "1 of the 3 simulated candidates meets every target and bound; the best is candidate 01. "
        "1 did not converge and counts for nothing."
    )
    miss = dataclasses.replace(data, verified=data.verified[:1])
    assert "misses Mr by 0.03 Ms and Hc by 0.04 H_A." in achieved(miss)
    assert achieved(dataclasses.replace(data, verified=())) == "No candidate has been simulated yet."


def test_a_report_without_candidates_or_front_is_a_page() -> None:
    empty = report_data((), points=0, hypervolume=(), losses={}, labels={}, accuracy={}, seconds={}, reason="")
    assert "No candidate has been simulated yet." in render(empty)


def test_among_hits_the_best_is_the_one_that_went_furthest_where_as_large_as_possible_was_asked() -> None:
    draw = SMALL.draw(1, Purpose.BENCHMARK, 0)
    near, far = verified(draw, 0.80, 0.360), verified(draw, 0.80, 0.375)
    assert near.anchors[2] < far.anchors[2]
    assert best(report_data((near, far))) == 1


def test_predicted_knees_stand_on_the_curve_at_their_share_of_the_remanence() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    for name, (h, m, _, _) in on_the_curve(item.anchors).items():
        assert np.interp(h, item.h[::-1], item.m[::-1]) == pytest.approx(m, abs=1e-9), name
    item.anchors[1] = np.nan
    assert set(on_the_curve(item.anchors)) == {"M1", "Hc"}


# What people with full colour vision and with the three dichromacies see of linear sRGB: Machado et al. (2009).
VISION = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip


def cielab(srgb: np.ndarray, vision: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colours as seen by an eye."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ vision.T, 0, 1)
    xyz = linear @ np.array([[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920],
                             [0.1804375, 0.0721750, 0.9503041]]) / [0.95047, 1.0, 1.08883]  # fmt: skip
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("name", VISION)
def test_axes_45_degrees_apart_look_different_to_every_eye(name: str) -> None:
    degrees = np.arange(180)
    lab = cielab(axis_color(np.radians(degrees)), VISION[name])
    apart = np.abs(degrees[:, None] - degrees)
    apart = np.minimum(apart, 180 - apart)
    difference = np.linalg.norm(lab[:, None] - lab, axis=-1)
    assert difference[apart >= 45].min() > 40, "two categories on a map need about 20"
    steps = np.linalg.norm(lab - np.roll(lab, 1, axis=0), axis=1)
    assert steps.max() < 3 * np.median(steps), "no seam, the one between 179 and 0 degrees included"


def test_an_axis_and_its_opposite_have_one_colour() -> None:
    angles = np.linspace(-np.pi / 2, np.pi / 2, 37)
    np.testing.assert_allclose(axis_color(angles), axis_color(angles + np.pi), atol=1e-12)
    assert hex_color(0.3) == hex_color(0.3 - np.pi)


def test_a_grain_map_has_y_upwards_and_one_colour_a_grain() -> None:
    structure = Microstructure(np.array([[0, 0], [1, 2]]), np.radians([0.0, 40.0, -70.0]), 5.0)
    image = rgb_map(structure, 100)
    for row, column, angle in ((75, 25, 0), (75, 75, 0), (25, 25, 40), (25, 75, -70)):
        np.testing.assert_allclose(image[row, column], 255 * axis_color(np.radians(angle)), atol=0.51)
    lines = (image == LINE_RGB).all(axis=-1)
    assert lines[50].all()
    assert lines[:50, 50].all()
    assert not lines[51:].any()


def test_figures_are_named_with_their_units() -> None:
    data = report_data()
    curve = figures.curve_figure(data.verified[1].h, data.verified[1].m, data.verified[1].anchors,
                                 np.full(6, 0.5), np.full(6, 0.1), GOALS, Nd2Fe14B, title="a $ b.npz")  # fmt: skip
    axes = curve.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (r"$H / H_\mathrm{A}$", r"$M / M_\mathrm{s}$")
    second = axes.child_axes
    assert [second[0].get_xlabel(), second[1].get_ylabel()] == ["H in MA/m", r"$\mu_0 M$ in T"]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["goal", "simulated", "its anchor points", "predicted ± 1 std"]
    front = figures.front_figure(data).axes[0]
    assert (front.get_xlabel(), front.get_ylabel()) == (r"Mr in $M_\mathrm{s}$", r"Hc in $H_\mathrm{A}$")
    grains = figures.grain_map(data.verified[0].candidate.structure).axes[0]
    assert (grains.get_xlabel(), grains.get_ylabel()) == ("x in nm", "y in nm (along the field)")
    volume = figures.hypervolume_figure(data.hypervolume).axes[0]
    assert volume.get_xlabel() == "generation"
    assert "no unit" in volume.get_ylabel()
    curve.draw_without_rendering()  # the lone $ of a file's name starts no formula


def test_write_report_leaves_whole_files_and_draws_each_figure_once(tmp_path: Path) -> None:
    data = report_data()
    assert write_report(data, tmp_path) == tmp_path / "report.html"
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    stems = ("front", "hypervolume", "candidate-00", "candidate-01", "candidate-02")
    assert names == {"report.html", *(f"figures/{stem}.{kind}" for stem in stems for kind in ("png", "svg"))}
    with Image.open(tmp_path / "figures" / "candidate-00.png") as picture:
        assert picture.size[0] > 1000
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "figures").iterdir()}
    fewer = dataclasses.replace(data, verified=(data.verified[1], data.verified[1]))
    write_report(fewer, tmp_path)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "figures").iterdir()}
    same = {path.name for path in after if after[path] == before[path]}
    assert same == {"candidate-01.png", "candidate-01.svg", "hypervolume.png", "hypervolume.svg"}
    assert {path.name for path in before} - {path.name for path in after} == {"candidate-02.png", "candidate-02.svg"}


def test_the_report_needs_no_tensorflow() -> None:
    code = "import sys, inverse_design.report.page; sys.exit(bool({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian's package is called chromium)")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report with a hit, a miss and an unconverged candidate, as a file to open."""
    long_name = "a-study-with-a-name-as-long-as-a-hundred-letters-" * 2
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(report_data(name=long_name, command="python -m inverse_design " + 30 * "--set a=b ")))
    return path.as_uri()


def opened(browser: Any, address: str, width: int, scheme: str = "light") -> tuple[Any, list[str]]:
    """The page in a window of some width, and what went wrong or over the network while it loaded."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else trouble.append(request.url)
    )
    page.goto(address)
    return page, trouble


def test_pointing_at_a_mark_shows_its_grains_and_curve(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    pictures = set()
    for index in (3, 7):
        page.locator(f'.mark[data-kind="front"][data-index="{index}"]').dispatch_event("pointerenter")
        assert page.inner_text("#preview-title") == f"Pareto point {index + 1}"
        assert page.evaluate("document.getElementById('preview-image').naturalWidth") >= 160
        assert page.locator("#preview-marks circle").count() == 6
        pictures.add(page.get_attribute("#preview-image", "src"))
    assert len(pictures) == 2
    # A mark alone in its place, by the mouse itself.
    page.locator('.mark[aria-label="Candidate 00, simulated, no hit"] .verified-point').hover()
    assert page.inner_text("#preview-title") == "Candidate 00"
    assert page.locator("#preview-marks polyline").count() == 1
    assert trouble == []
    page.close()


def test_every_mark_is_reached_by_keyboard(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    page.locator(".mark[tabindex='0']").focus()
    page.keyboard.press("Home")
    seen = []
    for _ in range(12 + 2 * 3):
        seen.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("ArrowRight")
    assert len(set(seen)) == len(seen)
    assert {"Pareto point 1, predicted", "Candidate 02, simulated, not converged"} <= set(seen)
    page.keyboard.press("Enter")
    assert page.inner_text("#preview-title").endswith("(kept)")
    page.select_option("#front-y", label="Hk90 in H_A")
    assert "Hk90" in page.get_attribute("#front-plot svg", "aria-label")
    assert trouble == []
    page.close()


CROSSINGS = """() => {
  const wrong = [];
  const edge = document.documentElement.clientWidth;
  const name = (node) => `${node.tagName} ${node.getAttribute("class") || ""}`;
  const cross = (a, b, slack) => {
    const [p, q] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
    return Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1
      && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > slack;
  };
  if (document.documentElement.scrollWidth > edge) wrong.push(`page is ${document.documentElement.scrollWidth} wide`);
  for (const node of document.querySelectorAll("body *")) {
    const box = node.getBoundingClientRect();
    if (box.width && !node.closest(".scroll, pre, .skip") && (box.right > edge + 0.5 || box.left < -0.5))
      wrong.push(`${name(node)} from ${Math.round(box.left)} to ${Math.round(box.right)}`);
  }
  const blocks = "figure, .scroll, .stage, .preview, .preview-grains, .preview-legend, .card > header, .files, "
    + ".facts > div, h1, h2, section > p, header > p, .disc, .choose label";
  const seen = [...document.querySelectorAll(blocks)].filter((node) => node.getClientRects().length);
  for (const a of seen) for (const b of seen)
    if (a !== b && !a.contains(b) && !b.contains(a) && cross(a, b, 1)) wrong.push(`${name(a)} over ${name(b)}`);
  for (const svg of document.querySelectorAll("svg.plot, svg.disc")) {
    const words = [...svg.querySelectorAll("text")];
    words.forEach((a, i) => words.slice(i + 1).forEach((b) => {
      if (cross(a, b, 2))
        wrong.push(`text ${a.textContent} over ${b.textContent} in ${svg.getAttribute("aria-label")}`);
    }));
  }
  return wrong;
}"""


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1400, "dark")])
def test_nothing_overlaps_or_sticks_out(browser: Any, address: str, width: int, scheme: str) -> None:
    page, trouble = opened(browser, address, width, scheme)
    assert page.evaluate(CROSSINGS) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    assert dark == (scheme == "dark")
    assert trouble == []
    page.close()
