"""The report in a real headless Chromium; skipped, with the reason, where there is none."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inverse_design.report.comparison import render_comparison
from inverse_design.report.page import render
from inverse_design.study.sections import SurrogateSection
from tests.inverse_design.report.stand_ins import report_data, study_of

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
def pair(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs side by side, as a file to open."""
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    runs = (report_data(study=study_of(name=90 * "n")), report_data(study=study_of(seed=2)))
    path.write_text(render_comparison(runs, ("a-study-with-a-name-as-long-as-a-hundred-letters-" * 2, "other")))
    return path.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report with a hit, a miss and an unconverged candidate, as a file to open."""
    long_name = "a-study-with-a-name-as-long-as-a-hundred-letters-" * 2
    study = study_of(name=long_name, surrogate=SurrogateSection(pretrained="nd2fe14b"))
    path = tmp_path_factory.mktemp("report") / "report.html"
    data = report_data(study=study, command="python -m inverse_design " + 30 * "--set a=b ")
    field = np.full(data.verified[0].candidate.structure.shape, -0.33)
    field[:4] = -0.1
    path.write_text(render(dataclasses.replace(data, reversals={0: field})))
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
        assert page.evaluate("document.getElementById('preview-image').naturalWidth") == 20
        assert page.locator("#preview-marks circle").count() == 6
        pictures.add(page.get_attribute("#preview-image", "src"))
    assert len(pictures) == 2
    # A mark alone in its place, by the mouse itself.
    page.locator('.mark[aria-label="Candidate 00, simulated, no hit"] .verified-point').hover()
    assert page.inner_text("#preview-title") == "Candidate 00"
    assert page.locator("#preview-marks polyline").count() == 2, "the curve on both sides of the broken axis"
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


def test_a_pareto_point_shows_its_decoded_field_and_says_so(browser: Any, tmp_path: Path) -> None:
    data = report_data()
    fields = np.tile(np.linspace(-1.5, 1.5, 20), (5, 20, 1))
    path = tmp_path / "report.html"
    path.write_text(render(dataclasses.replace(data, front_fields=fields)))
    page, trouble = opened(browser, path.as_uri(), 1400)
    for index, known in ((2, True), (8, False), (3, True)):
        page.locator(f'.mark[data-kind="front"][data-index="{index}"]').dispatch_event("pointerenter")
        assert page.locator("#preview-note").is_visible() == known
        if known:
            assert page.evaluate("document.getElementById('preview-image').naturalWidth") == 20
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
def test_nothing_of_a_comparison_overlaps_or_sticks_out(browser: Any, pair: str, width: int, scheme: str) -> None:
    page, trouble = opened(browser, pair, width, scheme)
    assert page.evaluate(CROSSINGS) == []
    assert page.locator("svg.plot").count() == 2
    assert trouble == []
    page.close()


def test_nothing_is_cut_on_paper(browser: Any, address: str) -> None:
    """On A4 between margins, where nothing can be scrolled."""
    page, trouble = opened(browser, address, 688, "dark")
    page.emulate_media(media="print")
    assert page.evaluate(CROSSINGS) == []
    wide = "(n) => n.scrollWidth > n.clientWidth + 1"
    cut = f"[...document.querySelectorAll('.scroll')].filter({wide}).map((n) => n.ariaLabel)"
    assert page.evaluate(cut) == []
    height = page.evaluate("Math.max(...[...document.querySelectorAll('.card')].map((n) => n.offsetHeight))")
    assert height < (29.7 - 2 * 1.2) / 2.54 * 96 / 2, "two cards a page"
    assert page.locator(".screen").is_hidden(), "nobody points at paper"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert trouble == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (900, "light"), (1400, "dark")])
def test_nothing_overlaps_or_sticks_out(browser: Any, address: str, width: int, scheme: str) -> None:
    page, trouble = opened(browser, address, width, scheme)
    assert page.evaluate(CROSSINGS) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    assert dark == (scheme == "dark")
    assert trouble == []
    page.close()
