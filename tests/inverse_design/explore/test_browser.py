"""The explorer in a real headless Chromium; skipped, with the reason, where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inverse_design.explore import look
from inverse_design.explore.goals_panel import GoalsPanel
from inverse_design.explore.server import Explorer
from simulation import LabelStore, Microstructure
from tests.inverse_design import chromium
from tests.inverse_design.explore.conftest import served
from tests.inverse_design.explore.stand_ins import atlas

PATIENCE_S = 120
"""On a machine that is busy with other things; and a solver that was never used here compiles itself first."""

Opened = tuple[Any, list[str]]


def comes_true(page: Any, condition: str) -> None:
    chromium.comes_true(page, condition, PATIENCE_S)


def opened(browser: Any, explorer: Explorer, width: int = 1400) -> Opened:
    """The page in a window of some width, and what went wrong or came from elsewhere while it was open."""
    page = browser.new_page(viewport={"width": width, "height": 1100})
    page.set_default_timeout(1000 * PATIENCE_S)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("warning", "error") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((explorer.address, "data:")) else
            trouble.append(request.url))  # fmt: skip
    page.goto(explorer.address)
    comes_true(page, "document.documentElement.dataset.ready === '1'")
    comes_true(page, f"{of('origin', 'text')}.includes('label')")
    return page, trouble


@pytest.fixture(scope="module")
def visit(browser: Any, explorer: Explorer) -> Iterator[Opened]:
    """One visit for many tests, because Bokeh's scripts take a second to load."""
    found = opened(browser, explorer)
    yield found
    found[0].close()


@pytest.fixture
def page(visit: Opened) -> Iterator[Any]:
    """The visit, in which nothing may go wrong."""
    yield visit[0]
    assert visit[1] == []


def of(name: str, attribute: str) -> str:
    """What a model of the page has, as a script."""
    return f"Bokeh.documents[0].get_model_by_name({json.dumps(name)}).{attribute}"


def place(page: Any, name: str) -> Any:
    """The plot of a name, in sight."""
    found = page.locator(f"[data-keys={name}]")
    found.scroll_into_view_if_needed()
    return found


def pixels(page: Any, name: str, x: float, y: float) -> tuple[float, float]:
    """Where a place of a plot is in the window."""
    found = page.evaluate(f"""() => {{
      const view = Bokeh.index.find_one_by_id({of(name, "id")}), at = view.el.getBoundingClientRect();
      return [at.x + view.frame.x_scale.compute({x}), at.y + view.frame.y_scale.compute({y})];
    }}""")
    return found[0], found[1]


def picture(page: Any) -> str:
    """The pixels of the grains."""
    return str(page.evaluate(f"Array.from({of('grains', 'renderers[0].data_source.data.image[0]')}).join()"))


def type_end(page: Any, end: str, name: str) -> None:
    page.get_by_label(end, exact=True).fill(name)
    page.keyboard.press("Enter")
    comes_true(page, f"{of('origin', 'text')}.includes('{name}<')")


def test_a_slider_morphs_between_two_picked_structures_and_the_curve_follows(page: Any) -> None:
    type_end(page, "B", "label 7")
    type_end(page, "A", "label 2")
    pictures, curves = [picture(page)], [page.evaluate(f"{of('curve', 'renderers[1].data_source.data.m')}.join()")]
    page.locator(".noUi-handle").first.focus()
    for key, percent in (("ArrowRight", 1), ("ArrowRight", 2), ("PageUp", 7)):
        page.keyboard.press(key)
        comes_true(page, f"{of('origin', 'text')}.includes('>{percent} % of the way from label 2 to label 7<')")
        pictures.append(picture(page))
        curves.append(page.evaluate(f"{of('curve', 'renderers[1].data_source.data.m')}.join()"))
    assert len(set(pictures)) == len(set(curves)) == 4
    assert page.evaluate(of("morph", "value")) == 0.07
    page.keyboard.press("End")
    comes_true(page, f"{of('origin', 'text')}.includes('label 7<')")
    comes_true(page, f"{of('curve', 'renderers[4].data_source.data.h.length')} > 10")


def test_a_point_of_the_map_is_picked_by_mouse_and_by_keyboard(page: Any) -> None:
    box = place(page, "map").bounding_box()
    x, y = (float(values[3]) for values in (atlas().table[:, 5], atlas().table[:, 1]))
    here = pixels(page, "map", x, y)
    assert box["y"] < here[1] < box["y"] + box["height"]
    page.mouse.click(*here)
    comes_true(page, f"{of('end-A', 'value')} === 'label 3'")
    page.keyboard.press("b")
    comes_true(page, f"{of('end', 'active')} === 1")
    before = page.evaluate(of("end-B", "value"))
    order = np.argsort(atlas().table[:, 5], kind="stable").tolist()
    following = order[(order.index(int(before.split()[1])) + 1) % len(order)]
    page.keyboard.press("ArrowRight")
    comes_true(page, f"{of('end-B', 'value')} === 'label {following}'")


def test_a_grain_is_turned_by_dragging_and_by_keyboard_and_back_again(page: Any) -> None:
    type_end(page, "A", "label 4")
    before, predicted = picture(page), page.evaluate(of("values", "text"))
    grains = place(page, "grains")
    box = grains.bounding_box()
    x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"]
    page.mouse.click(x, y)
    comes_true(page, f"{of('chosen', 'text')}.startsWith('<p>Grain ')")
    angle = page.evaluate(of("axis", "value"))
    page.mouse.move(x, y - 20)
    page.mouse.down()
    page.mouse.move(x + 40, y + 25, steps=6)
    page.mouse.up()
    comes_true(page, f"Math.abs({of('axis', 'value')} - {angle}) > 5")
    comes_true(page, f"{of('origin', 'text')}.includes('label 4, edited')")
    comes_true(page, f"/Nearest simulated: label 4, \\d/.test({of('worth', 'text')})")
    assert "Novelty" in page.evaluate(of("worth", "text"))
    assert picture(page) != before
    assert page.evaluate(of("values", "text")) != predicted
    turned = page.evaluate(of("axis", "value"))
    page.keyboard.press("Shift+ArrowRight")
    comes_true(page, f"Math.abs((({of('axis', 'value')} - {turned}) % 180 + 180) % 180 - 10) < 0.2")
    assert "degrees" in page.evaluate(of("told", "text")), "a screen reader is told"
    page.keyboard.press("u")
    comes_true(page, f"Math.abs({of('axis', 'value')} - {turned}) < 0.2")
    page.get_by_role("button", name="Undo").click()
    comes_true(page, f"Math.abs({of('axis', 'value')} - {angle}) < 0.2")
    assert picture(page) == before
    page.get_by_role("button", name="Redo").click()
    comes_true(page, f"Math.abs({of('axis', 'value')} - {turned}) < 0.2")


def test_simulate_lays_the_curve_on_the_prediction_and_shows_the_reversal(
    page: Any, explorer: Explorer, folder: Path
) -> None:
    type_end(page, "A", "label 4")
    place(page, "grains").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    comes_true(page, f"{of('origin', 'text')}.includes('edited')")
    assert page.evaluate(of("curve", "renderers[4].data_source.data.h.length")) == 0
    page.get_by_role("button", name="Simulate").click()
    comes_true(page, f"{of('told', 'text')}.includes('simulated: Mr ')")
    comes_true(page, f"{of('curve', 'renderers[4].data_source.data.h.length')} > 10")
    comes_true(page, f"{of('values', 'text')}.includes('simulated')")
    box = place(page, "curve").bounding_box()
    images = set()
    for share in (0.55, 0.75, 0.9):
        before = page.evaluate(of("state", "text"))
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        comes_true(
            page, f"{of('state', 'text')} !== {json.dumps(before)} && {of('state', 'text')}.includes('the state at')"
        )
        images.add(page.evaluate(f"Array.from({of('moment', 'renderers[0].data_source.data.image[0]')}).join()"))
    assert len(images) == 3
    assert re.search(r"H = −?[\d.]+ H_A, M = [\d.]+ Ms", page.evaluate(of("state", "text")))
    field = page.evaluate(of("field", "value"))
    page.get_by_role("button", name="Play the reversal").click()
    comes_true(page, f"{of('field', 'value')} < -0.1 && {of('field', 'value')} !== {field}")
    comes_true(page, f"{of('play', 'label')} === 'Play the reversal'")
    for name, words in (("By free spins", "free spins"), ("By a finer mesh", "finer mesh")):
        page.get_by_role("button", name=name).click()
        comes_true(page, f"{of('told', 'text')}.includes('{words}: Mr ')")
        comes_true(page, f"{of('values', 'text')}.includes('{words}')")
    page.get_by_role("button", name="Keep as a label").click()
    comes_true(page, f"{of('told', 'text')}.includes('kept in')")
    with LabelStore(folder.parent / "labels.sqlite", read_only=True) as store:
        assert len(store) == 1


def test_a_structure_is_saved_into_its_folder_and_nowhere_else(page: Any, folder: Path) -> None:
    type_end(page, "A", "label 4")
    for name, told in (("../escaped", "a name has letters"), ("mine", "wrote mine.npz"), ("mine", "is there already")):
        page.get_by_label("name", exact=True).fill(name)
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Save into").click()
        comes_true(page, f"{of('told', 'text')}.includes('{told}')")
    assert Microstructure.load(folder / "mine.npz") == atlas().structures[4]
    page.get_by_label("format").select_option(label="OVF 2, OOMMF")
    page.get_by_role("button", name="Save into").click()
    comes_true(page, f"{of('told', 'text')}.includes('mine-remanence.ovf')")
    assert {path.name for path in folder.iterdir()} == {"mine.npz", "mine.ovf", "mine-remanence.ovf"}
    assert not list(folder.parent.glob("*escaped*"))


def test_a_goal_is_dragged_and_find_offers_answers(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GoalsPanel, "seconds", 1.0)
    type_end(page, "A", "label 4")
    page.get_by_label("Mr", exact=True).check()
    comes_true(page, f"{of('band-Mr', 'visible')} && {of('goal-Mr', 'visible')}")
    wanted, top = (end - 0.1 for end in page.evaluate(of("band-Mr", "value")))
    for _ in range(10):  # what has not been painted yet cannot be dragged, and a busy page may miss part of the way
        low, high = page.evaluate(of("band-Mr", "value"))
        if abs(low - wanted) < 0.02:
            break
        place(page, "curve")
        (x, y), (_, lower) = (pixels(page, "curve", 0.0, (low + high) / 2 - down) for down in (0.0, low - wanted))
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, lower, steps=25)
        page.mouse.up()
        page.wait_for_timeout(1000)
    comes_true(page, f"Math.abs({of('band-Mr', 'value')}[0] - {wanted}) < 0.02")
    comes_true(page, f"Math.abs({of('band-Mr', 'value')}[1] - {top}) < 0.02")
    comes_true(page, f"{of('worth', 'text')}.includes('Meets all goals')")
    page.get_by_role("button", name="Find").click()
    comes_true(page, f"/\\d answers?, all simulated/.test({of('told', 'text')})")
    comes_true(page, of("answer-1", "visible"))
    (words,) = re.findall(r"<p class='soft'>(.*?); Mr", page.evaluate(of("answer-text-1", "text")))
    page.get_by_role("button", name="Show 2").click()
    comes_true(page, f"{of('origin', 'text')}.includes('>{words}<')")


def test_dark_colours_are_drawn_where_they_are_preferred_and_light_ones_again(browser: Any, explorer: Explorer) -> None:
    """By the page's styles, and by the models of what is drawn on a canvas; on the grains strokes stay as they are."""
    page, trouble = opened(browser, explorer)
    axis, strokes = of("curve", "below[0].axis_label_text_color"), of("grains", "renderers[1].glyph.line_color.value")
    paper = "getComputedStyle(document.body).backgroundColor"
    before = [page.evaluate(what) for what in (axis, strokes, paper)]
    page.emulate_media(color_scheme="dark")
    comes_true(page, f"{axis} === '{look.DARK[look.INK]}'")
    assert page.evaluate(strokes) == before[1] == look.INK
    assert page.evaluate(paper) == "rgb(22, 24, 28)"
    page.emulate_media(color_scheme="light")
    comes_true(page, f"{axis} === '{look.INK}'")
    assert [page.evaluate(what) for what in (axis, strokes, paper)] == before
    assert trouble == []
    page.close()


def test_a_second_page_does_not_disturb_the_first(browser: Any, explorer: Explorer, page: Any) -> None:
    type_end(page, "A", "label 4")
    other, trouble = opened(browser, explorer)
    type_end(other, "A", "label 9")
    other.get_by_label("Hk80", exact=True).check()
    comes_true(other, of("goal-Hk80", "visible"))
    assert "label 4<" in page.evaluate(of("origin", "text"))
    assert not page.evaluate(of("goal-Hk80", "visible"))
    other.close()
    type_end(page, "B", "label 5")
    assert trouble == []


def test_the_page_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    comes_true(page, "document.querySelector('[data-keys=map]').clientWidth < 400")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for name in ("map", "grains", "curve"):
        box = place(page, name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        assert box["width"] > 300
    type_end(page, "A", "label 6")


def test_a_page_whose_server_has_ended_says_so(browser: Any, tmp_path: Path) -> None:
    with served(atlas(), tmp_path / "explored") as explorer:
        page, _ = opened(browser, explorer)
        assert not page.locator("#lost").is_visible()
        assert not page.evaluate(of("keep", "visible")), "shipped labels stay as they are"
    comes_true(page, "!document.getElementById('lost').hidden")
    page.close()
