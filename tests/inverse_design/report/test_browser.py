"""The report in a real headless Chromium; skipped, with the reason, where there is none."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inverse_design.properties import PROPERTIES
from inverse_design.report.comparison import render_comparison
from inverse_design.report.page import render
from inverse_design.run.folder import GOES_ON
from inverse_design.study.sections import SurrogateSection
from tests.inverse_design.chromium import comes_true
from tests.inverse_design.report.stand_ins import report_data, study_of


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four runs side by side, as a file to open."""
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    runs = [report_data(study=study_of(name=90 * "n")), *(report_data(study=study_of(seed=seed)) for seed in (2, 3, 4))]
    names = ("a-study-with-a-name-as-long-as-a-hundred-letters-" * 2, "other", "third", "fourth")
    path.write_text(render_comparison(runs, names))
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


def ranks(page: Any) -> list[str]:
    """The candidates of the table as they stand there, those that are shown."""
    rows = "[...document.querySelectorAll('#all tbody tr')].filter((row) => row.offsetParent)"
    return page.evaluate(f"{rows}.map((row) => row.cells[1].textContent)")


def test_the_table_begins_with_hits_and_sorts_by_a_click_and_by_keyboard(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    assert ranks(page) == ["01", "00", "02"], "the hit, what converged, the rest"
    heading = page.locator("#all thead th", has_text="Candidate")
    heading.locator("button").click()
    assert (ranks(page), heading.get_attribute("aria-sort")) == (["00", "01", "02"], "ascending")
    heading.locator("button").press("Enter")
    assert (ranks(page), heading.get_attribute("aria-sort")) == (["02", "01", "00"], "descending")
    page.locator("#all thead th", has_text="Mr").locator("button").click()
    assert ranks(page)[0] == "00"
    assert page.locator("#all th[aria-sort]").count() == 1
    page.locator("#all a", has_text="00").click()
    assert page.evaluate("location.hash") == "#candidate-00"
    assert trouble == []
    page.close()


def test_a_missing_value_stands_last_whichever_way_the_table_is_sorted(browser: Any, tmp_path: Path) -> None:
    data = report_data()
    data.verified[1].properties[7] = np.nan
    path = tmp_path / "report.html"
    path.write_text(render(data))
    page, trouble = opened(browser, path.as_uri(), 1400)
    button = page.locator("#all thead th", has_text="BHmax").locator("button")
    for _ in range(2):
        button.click()
        assert ranks(page)[-1] == "01"
    assert trouble == []
    page.close()


def test_the_table_is_filtered_by_words_and_to_hits(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    page.fill("#filter", "not CONV")
    assert ranks(page) == ["02"]
    assert page.inner_text("#shown") == "1 of 3 shown"
    page.fill("#filter", "")
    page.locator("#hits-only").focus()
    page.keyboard.press("Space")
    assert ranks(page) == ["01"]
    page.fill("#filter", "not converged")
    assert ranks(page) == []
    assert trouble == []
    page.close()


def test_a_candidate_of_the_front_leads_to_its_card_and_escape_lets_go(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    page.locator('.mark[aria-label="Candidate 00, simulated, no hit"] .verified-point').click()
    assert page.evaluate("[location.hash, document.activeElement.id]") == ["#candidate-00", "candidate-00"]
    assert page.inner_text("#preview-title") == "Candidate 00 (kept)"
    page.keyboard.press("Escape")
    assert page.inner_text("#preview-title") == "Candidate 00"
    page.locator('.mark[data-kind="front"][data-index="3"]').dispatch_event("pointerenter")
    assert page.inner_text("#preview-title") == "Pareto point 4"
    page.locator(".mark[aria-label^='Candidate 01, simulated']").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "candidate-01"
    assert trouble == []
    page.close()


SHOWN = "document.querySelectorAll('#front-plot .mark').length"


def test_the_front_is_zoomed_by_wheel_rectangle_buttons_and_keys(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    every = page.evaluate(SHOWN)
    reset = page.locator("#zoom-reset")
    plot = page.locator("#front-plot > svg")
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # a wheel that has just scrolled the page zooms nothing
    box = plot.bounding_box()
    assert reset.is_disabled()
    page.mouse.move(box["x"] + 90, box["y"] + 40)
    for _ in range(4):
        page.mouse.wheel(0, -100)
    comes_true(page, f"{SHOWN} < {every}")
    reset.click()
    assert page.evaluate(SHOWN) == every
    assert reset.is_disabled()
    page.mouse.move(box["x"] + 80, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 100, steps=4)
    page.mouse.up()
    assert page.evaluate(SHOWN) < every
    reset.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(SHOWN) == every
    page.locator("#zoom-in").press("Enter")
    assert reset.is_enabled()
    page.locator("#zoom-out").press("Enter")
    assert reset.is_disabled()
    page.locator('.mark[data-kind="front"][data-index="3"]').focus()
    for _ in range(3):
        page.keyboard.press("+")
    assert page.evaluate(SHOWN) < every
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Pareto point 4, predicted"
    ticks = "[...document.querySelectorAll('#front-plot text')].map((n) => n.textContent).join()"
    before = page.evaluate(ticks)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.evaluate(ticks) != before
    page.locator(".mark").first.focus()
    page.keyboard.press("0")
    assert page.evaluate(SHOWN) == every
    assert trouble == []
    page.close()


def test_ticked_candidates_are_drawn_over_one_another(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    overlay = page.locator("#overlay")
    assert overlay.is_hidden()
    for name in ("00", "02"):
        page.get_by_label(f"Overlay the curve of candidate {name}").press("Space")
    assert page.locator("#overlay-keys li").all_inner_texts() == ["00", "02"]
    names = "[...document.querySelectorAll('#overlay-marks polyline')].map((n) => n.dataset.name)"
    assert set(page.evaluate(names)) == {"Candidate 00", "Candidate 02"}
    colours = "[...document.querySelectorAll('#overlay-marks polyline')].map((n) => getComputedStyle(n).stroke)"
    assert len(set(page.evaluate(colours))) == 2
    second = page.evaluate(colours)[-1]
    page.get_by_label("Overlay the curve of candidate 00").uncheck()
    assert set(page.evaluate(colours)) == {second}, "a candidate keeps its colour"
    page.locator("#all thead th", has_text="Hc").locator("button").click()
    assert page.get_by_label("Overlay the curve of candidate 02").is_checked(), "a tick goes along with its row"
    page.locator("#overlay-clear").click()
    assert overlay.is_hidden()
    assert page.locator(".tick-box:checked").count() == 0
    assert trouble == []
    page.close()


def test_a_curve_says_its_field_and_magnetisation_at_the_pointer_and_by_keyboard(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    plot = page.locator("#candidate-01 .wide svg.plot")
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    at = """(svg) => {
      const [x, y] = svg.querySelector("polyline.simulated").getAttribute("points").split(" ")[20].split(",");
      const place = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
      return [place.x, place.y];
    }"""
    page.mouse.move(*plot.evaluate(at))
    item = report_data().verified[1]
    h, m = re.findall(r"[HM] = (−?[\d.]+)", " ".join(plot.locator(".told-point text").all_text_contents()))
    assert float(m) == pytest.approx(np.interp(float(h.replace("−", "-")), item.h[::-1], item.m[::-1]), abs=2e-3)
    page.mouse.move(5, 5)
    assert plot.locator(".told-point").count() == 0
    plot.focus()
    page.keyboard.press("ArrowRight")
    first = plot.locator(".told-point text").first.text_content()
    page.keyboard.press("ArrowRight")
    assert plot.locator(".told-point text").first.text_content() != first
    assert plot.locator(".told-point text").first.text_content() in page.inner_text("#curve-told"), "also told"
    page.keyboard.press("Escape")
    assert plot.locator(".told-point").count() == 0
    assert trouble == []
    page.close()


def test_parallel_coordinates_have_a_line_a_candidate_over_all_properties(browser: Any, address: str) -> None:
    page, trouble = opened(browser, address, 1400)
    assert page.locator("#lanes .lane-axis").count() == len(PROPERTIES)
    lines = page.locator("#lanes .lane-of")
    assert [lines.nth(i).get_attribute("data-lane") for i in range(lines.count())] == ["0", "1", "2"]
    assert page.locator("#lanes .lane.hit").count() == page.locator("#lanes .lane.failed").count() == 1
    page.locator("#lanes [tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    hc = report_data().verified[0].properties[5]
    assert f"Candidate 00, no hit: Mr 0.75, Hc {float(f'{hc:.4g}'):g}," in page.inner_text("#lane-told")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "candidate-00"
    assert trouble == []
    page.close()


def test_a_page_that_loads_itself_again_keeps_what_its_reader_has_set(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inverse_design.report.page.RELOAD_S", 3)
    path = tmp_path / "report.html"
    path.write_text(render(report_data(reason=GOES_ON)))
    page, trouble = opened(browser, path.as_uri(), 1400)
    path.write_text(render(report_data(reason="1 hit was wanted.")))  # what it finds the next time: it has finished
    page.evaluate("window.before = true")
    page.fill("#filter", "confirmed")
    page.get_by_label("Overlay the curve of candidate 01").check()
    heading = page.locator("#all thead th", has_text="Hc")
    for _ in range(2):
        heading.locator("button").click()
    page.select_option("#front-y", label="Hk90 in H_A")
    page.locator("#zoom-in").click()
    page.locator('.mark[data-kind="front"]').first.dispatch_event("click")
    title = page.inner_text("#preview-title")
    page.evaluate("window.scrollTo({top: 700, behavior: 'instant'})")
    comes_true(page, "window.before === undefined && document.readyState === 'complete'")
    assert page.locator("meta[http-equiv='refresh']").count() == 0
    assert ranks(page) == ["01"]
    assert page.get_by_label("Overlay the curve of candidate 01").is_checked()
    assert page.locator("#overlay-keys li").all_inner_texts() == ["01"]
    assert heading.get_attribute("aria-sort") == "descending"
    assert "Hk90" in page.get_attribute("#front-plot svg", "aria-label")
    assert page.locator("#zoom-reset").is_enabled()
    assert (page.inner_text("#preview-title"), title.endswith("(kept)")) == (title, True)
    assert page.evaluate("window.scrollY") == pytest.approx(700, abs=2)
    assert page.evaluate("history.scrollRestoration") == "manual", "else the browser may scroll after the page"
    assert trouble == []
    page.close()


@pytest.mark.parametrize(("candidates", "points"), [(0, 0), (0, 12), (3, 0)])
def test_a_page_that_lacks_candidates_or_a_front_works(
    browser: Any, tmp_path: Path, candidates: int, points: int
) -> None:
    items = report_data().verified[:candidates]
    path = tmp_path / "report.html"
    path.write_text(render(report_data(items, points=points, rounds=int(points > 0), reason=GOES_ON)))
    page, trouble = opened(browser, path.as_uri(), 1400)
    assert page.locator(".mark").count() > 0 or not (candidates or points)
    assert page.locator("#all tbody tr").count() == page.locator("#lanes .lane-of").count() == candidates
    page.keyboard.press("Escape")
    page.reload()
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
def test_nothing_of_a_comparison_overlaps_or_sticks_out(
    browser: Any, side_by_side: str, width: int, scheme: str
) -> None:
    page, trouble = opened(browser, side_by_side, width, scheme)
    assert page.evaluate(CROSSINGS) == []
    assert page.locator("svg.plot").count() == 2
    assert trouble == []
    page.close()


@pytest.mark.parametrize("count", [2, 6])
def test_nothing_of_a_comparison_is_cut_on_paper(browser: Any, tmp_path: Path, count: int) -> None:
    path = tmp_path / "comparison.html"
    runs = [report_data(study=study_of(seed=seed)) for seed in range(count)]
    path.write_text(render_comparison(runs, ["quickstart", "elements", "free", "mine", "other", "last"][:count]))
    page, trouble = opened(browser, path.as_uri(), 688)
    page.emulate_media(media="print")
    assert page.evaluate(CROSSINGS) == []
    cut = "[...document.querySelectorAll('.scroll')].filter((n) => n.scrollWidth > n.clientWidth + 1)"
    assert page.evaluate(f"{cut}.map((n) => n.ariaLabel)") == []
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
    assert page.locator(".screen:visible").count() == 0, "nobody points at paper"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert trouble == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (900, "light"), (1400, "dark")])
def test_nothing_overlaps_or_sticks_out(browser: Any, address: str, width: int, scheme: str) -> None:
    page, trouble = opened(browser, address, width, scheme)
    page.locator(".tick-box").first.check()
    assert page.evaluate(CROSSINGS) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    assert dark == (scheme == "dark")
    assert trouble == []
    page.close()
