"""The report: what it promises its reader."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from inverse_design.report.data import achieved, foretold, internal_field, on_the_curve
from inverse_design.report.figures import candidate_figure
from inverse_design.report.page import MAX_BYTES, RELOAD_S, render
from inverse_design.run.folder import GOES_ON
from inverse_design.study.sections import SurrogateSection
from inverse_design.study.study import Study
from simulation import ANCHORS, Nd2Fe14B, Purpose, StructureFamily
from tests.inverse_design.report.stand_ins import SMALL, report_data, study_of, verified

FULL = StructureFamily(320, 2, (16, 256))
EVIL = "<script>alert('x')</script>\"&{{ 7*7 }}"


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
    html = render(report_data((item,), study=study_of(name=EVIL), command=EVIL, reason=EVIL,
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
        assert address.startswith(("data:", "#", "candidates/", "figures/", "tables/", "verified.csv", "front.csv")), (
            address
        )
    assert "@import" not in html
    assert "url(" not in html
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_the_page_of_24_full_candidates_and_400_points_stays_below_8_mb() -> None:
    drawn = [FULL.draw(2, Purpose.BENCHMARK, i) for i in range(24)]
    items = tuple(verified(structure, 0.8, 0.36) for structure in drawn)
    html = render(report_data(items, points=400, front_fields=np.array(([s.angle_rad for s in drawn] * 17)[:400])))
    assert len(html.encode()) <= MAX_BYTES <= 8_000_000
    assert [f'id="candidate-{i:02d}"' in html for i in range(25)] == [True] * 24 + [False]
    pictures = [a["src"] for a in Page(html).all("img") if a.get("class") == "grains"]
    assert len(pictures) == 24
    assert all(p.startswith("data:image/png;base64,") for p in pictures)


def test_maps_of_pareto_points_give_way_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    from inverse_design.report import page

    whole = report_data()
    empty = len(render(dataclasses.replace(whole, front_fields=None)).encode())
    monkeypatch.setattr(page, "MAX_BYTES", empty + 2500)
    html = render(whole)
    assert len(html.encode()) <= empty + 2500
    told = json.loads(re.search(r'id="report-data">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    assert 0 < len(told["front"]["image"]) < len(told["front"]["predicted"]) == 12


def test_the_page_of_a_run_loads_itself_again_only_while_the_run_goes_on() -> None:
    def refreshed(reason: str) -> list[str]:
        metas = Page(render(report_data(reason=reason))).all("meta")
        return [a["content"] for a in metas if a.get("http-equiv") == "refresh"]

    assert refreshed(GOES_ON) == [str(RELOAD_S)]
    assert refreshed("1 hit was wanted.") == refreshed("") == []
    assert "The loop stopped" not in render(report_data(reason=GOES_ON))


def test_the_table_has_every_candidate_by_rank_with_a_link_to_its_card() -> None:
    html = render(report_data())
    table = html.split('id="all"')[1].split("</table>")[0]
    assert re.findall(r'href="#candidate-(\d+)"', table) == ["01", "00", "02"]
    assert table.count("✓ hit, confirmed") == 1
    assert table.count('class="meets') == 2, "Mr and Hc of the hit; what has not converged meets nothing"


def test_a_missing_anchor_is_called_missing() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    item.anchors[5] = np.nan
    html = render(report_data((item,)))
    row = card(html, 0).split('<th scope="row">Hc ')[1].split("</tr>")[0]
    assert "missing" in row
    assert "✗ missed" in row
    assert not re.search(r"\bnan\b", html, re.I)


def test_a_card_shows_the_curve_inside_and_where_the_reversal_starts() -> None:
    data = report_data()
    field = np.full(data.verified[1].candidate.structure.shape, -0.36)
    field[0, 0] = -0.1
    html = render(dataclasses.replace(data, reversals={1: field}))
    assert "the first of them at −0.1, half of them by −0.36" in card(html, 1)
    assert "reversal starts" not in card(html, 0)
    assert card(html, 1).count('<polyline class="internal"') == card(html, 1).count('<polyline class="simulated"') == 2


def test_the_field_inside_is_the_applied_one_less_half_the_magnetisation() -> None:
    """At remanence the magnet stands at -M/2, at the coercive field in the applied field alone."""
    inside = internal_field(np.array([0.0, -0.3]), np.array([0.8, 0.0]), Nd2Fe14B)
    half_ms = Nd2Fe14B.Js_T / (4e-7 * np.pi) / 2
    np.testing.assert_allclose(inside * Nd2Fe14B.H_A_A_per_m, [-0.8 * half_ms, -0.3 * Nd2Fe14B.H_A_A_per_m], rtol=1e-6)


def test_exported_files_are_linked() -> None:
    html = render(report_data(exports={1: ["structure.ovf"]}))
    assert 'href="candidates/01/structure.ovf"' in card(html, 1)
    assert "structure.ovf" not in card(html, 0)


def test_what_came_trained_is_said_to_have_come_trained() -> None:
    pretrained = study_of(surrogate=SurrogateSection(pretrained="nd2fe14b"))
    assert "The surrogate nd2fe14b was trained before this run" in render(report_data(study=pretrained))
    assert "was trained before" not in render(report_data())


def test_an_unconverged_candidate_is_shown_and_counts_for_nothing() -> None:
    data = report_data()
    html = render(data)
    assert "not converged" in card(html, 2)
    assert "✓ hit" not in card(html, 2)
    assert "✓ hit" in card(html, 1)
    assert "not converged" not in card(html, 1)
    assert data.best_number == 1
    alone = dataclasses.replace(data, verified=data.verified[2:])
    assert alone.best_number is None
    assert "None of the 1 simulated candidate" in achieved(alone)


def test_how_many_were_to_hit_is_held_against_how_many_did() -> None:
    data = report_data()
    assert foretold(data) == ""
    told = [
        dataclasses.replace(item, candidate=dataclasses.replace(item.candidate, hit_probability=probability))
        for item, probability in zip(data.verified, (0.25, 0.5), strict=False)
    ]
    came = sum(item.is_hit(data.goals) for item in told)
    assert foretold(dataclasses.replace(data, verified=tuple(told))) == (
        f"By the probabilities that the 2 searched candidates were chosen with, 0.75 of them were to meet every target "
        f"and bound when simulated; {came} did."
    )


def test_the_first_sentence_says_what_was_achieved() -> None:
    data = report_data()
    assert achieved(data) == (
        "1 of the 3 simulated candidates meets every target and bound, on cells half as large and with free spins too; "
        "the best is candidate 01. 1 did not converge and counts for nothing."
    )
    miss = dataclasses.replace(data, verified=data.verified[:1])
    assert "misses Mr by 0.03 Ms and Hc by 0.04 H_A." in achieved(miss)
    assert achieved(dataclasses.replace(data, verified=())) == "No candidate has been simulated yet."
    looked_up = dataclasses.replace(miss, labelled={"count": 80, "hits": 0, "best": {}})
    assert achieved(looked_up).endswith("Of the 80 structures labelled before, none meets every target and bound.")


def by_cells(**rules: object) -> Study:
    """A study of the paper's mesh."""
    study = study_of()
    written = study.model_dump(mode="json") | {"labels": {"discretization": "cells"}, "verification": rules}
    return Study.model_validate(written)


def test_the_first_sentence_goes_by_the_strictest_that_was_simulated() -> None:
    data = report_data()
    refuted = [dataclasses.replace(item, confirmed=False if item.converged else None) for item in data.verified]
    said = achieved(dataclasses.replace(data, verified=tuple(refuted)))
    assert said.startswith("None of the 3 simulated candidates meets every target and bound.")
    assert "1 more does by elements of 2 nm but not in every further simulation, and counts for none." in said
    plain = tuple(dataclasses.replace(item, confirmed=None) for item in data.verified)
    paper = dataclasses.replace(data, verified=plain, study=by_cells())
    assert "meets every target and bound by cells of 2 nm, the paper's mesh, not confirmed; the best is" in achieved(
        paper
    )
    html = render(paper)
    assert "✓ hit, not confirmed" in card(html, 1)
    assert "by cells of 2 nm" in html.split("</header>")[0]
    assert "too coarse" not in html


def test_a_card_says_where_its_structure_comes_from_and_what_it_is_on_other_meshes() -> None:
    data = report_data()
    hit = data.verified[1]
    turned = np.zeros(len(hit.candidate.structure.grain_angle_rad))
    turned[0] = 22.5
    candidate = dataclasses.replace(
        hit.candidate, source="turned", parent="label:1234", rotated_deg=turned, nearest="label:7", nearest_deg=1.25
    )
    items = (data.verified[0], dataclasses.replace(hit, candidate=candidate))
    finer = dataclasses.replace(hit, candidate=dataclasses.replace(candidate, structure=candidate.structure.refine(2)))
    html = render(dataclasses.replace(data, verified=items, confirmations=((1, finer),)))
    said = card(html, 1)
    assert "Label 1234 with the axis of one grain turned: 1 of " in said
    assert "grains turned, by 22.5 degrees, " in said
    assert "differs by 1.25 degrees of axis" in said
    assert "✓ hit, confirmed" in said
    assert "<td>1 nm</td>" in said
    assert "no hit" in card(html, 0)


def test_a_card_draws_the_curves_of_all_simulations_of_its_candidate_and_says_where_the_plane_gives_way() -> None:
    """The plane's curve, and beside it what a finer mesh and free spins make of the same grains."""
    data = report_data()
    first, hit, _ = data.verified
    free = verified(hit.candidate.structure, 0.78, 0.24, spins="free", discretization="elements")
    finer = verified(hit.candidate.structure.refine(2), 0.78, 0.23, spins="free", converged=False)
    told = dataclasses.replace(
        data, confirmations=((1, finer), (1, free)), plane_unstable_h={0: float("nan"), 1: -0.12}
    )
    html = render(told)
    said, other = card(html, 1), card(html, 0)
    assert said.count('<polyline class="check check-0"') == said.count('<polyline class="check check-1"') > 0
    for words in (
        "planar spins, cells of 2 nm",
        "free spins, cells of 1 nm (not converged)",
        "free spins, elements of 2",
    ):
        assert words in said
    assert "planar, elements, free spins" in said
    assert "The plane is unstable from -0.12 H<sub>A</sub> on: spins would leave it there if they could." in said
    assert "check-0" not in other
    assert "The plane is" not in other
    left = dataclasses.replace(told, verified=(first, dataclasses.replace(hit, spins="free")))
    assert "on, where spins have left it." in card(render(left), 1)
    (axes,) = [axes for axes in candidate_figure(1, hit, told).axes if axes.get_legend()]
    legend = axes.get_legend_handles_labels()[1]
    assert {"planar spins, cells of 2 nm", "free spins, cells of 1 nm", "free spins, elements of 2 nm"} <= set(legend)


def test_what_the_numbers_cannot_be_trusted_for_is_in_the_report() -> None:
    written = study_of().model_dump(mode="json") | {"microstructures": {"size_nm": 80, "cell_nm": 5, "grains": [4, 32]}}
    html = render(report_data(study=Study.model_validate(written)))
    assert "cells of 5 nm are" in html
    assert "too coarse by elements" in html


def test_a_measured_curve_stands_behind_each_candidates_and_measured_pairs_by_themselves() -> None:
    data = report_data()
    hit = data.verified[1]
    points = [[float(h), float(m)] for h, m in zip(hit.h, hit.m, strict=True)]
    written = study_of().model_dump(mode="json")
    written["curve"] = {"file": "loop.csv", "tolerance": 0.02, "points": points}
    written["verification"]["correction"] = {"Mr": -0.02}
    pairs = pd.DataFrame({f"{a}_residual": [-0.02, -0.03] if a == "Mr" else [np.nan] * 2 for a in ANCHORS})
    html = render(dataclasses.replace(data, study=Study.model_validate(written), measured_pairs=pairs))
    assert "rms distance from loop.csv ≤ 0.02" in html
    assert '<li><span class="key measured-key"></span>measured</li>' in html
    assert 'class="measured"' in card(html, 1)
    assert "0.0000" in card(html, 1).split("curve <small>rms</small>")[1][:200]
    said = html.split("<h3>Measured pairs</h3>")[1]
    assert "-0.0250" in said.split("</table>")[0]
    assert "<td>-0.0200</td>" in said.split("</table>")[0]
    plain = render(data)
    assert 'measured-key"' not in plain
    assert "Measured pairs" not in plain


def test_a_report_without_candidates_or_front_is_a_page() -> None:
    empty = report_data((), points=0, hypervolume=(), losses={}, labels={}, accuracy={}, seconds={}, reason="")
    assert "No candidate has been simulated yet." in render(empty)


def test_among_hits_the_best_is_the_one_that_went_furthest_where_as_large_as_possible_was_asked() -> None:
    draw = SMALL.draw(1, Purpose.BENCHMARK, 0)
    near, far = verified(draw, 0.80, 0.360), verified(draw, 0.80, 0.375)
    assert near.anchors[2] < far.anchors[2]
    assert report_data((near, far)).best_number == 1


def test_predicted_knees_stand_on_the_curve_at_their_share_of_the_remanence() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    for name, (h, m, _, _) in on_the_curve(item.anchors).items():
        assert np.interp(h, item.h[::-1], item.m[::-1]) == pytest.approx(m, abs=1e-9), name
    item.anchors[1] = np.nan
    assert set(on_the_curve(item.anchors)) == {"M1", "Hc"}


def test_the_report_needs_no_tensorflow() -> None:
    code = "import sys, inverse_design.report.page; sys.exit(bool({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
