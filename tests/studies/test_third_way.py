"""The benchmark of confirmed hits: a row for each that counts, by cells where the square is small."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from inverse_design.run.design import Design
from inverse_design.study.sections import Microstructures
from simulation import LabelStore, Purpose
from studies.benchmarks.third_way import FACTOR, main, third_way
from tests.inverse_design.report.stand_ins import SMALL, study_of, verified


@pytest.mark.slow
def test_hits_that_count_are_simulated_on_cells_a_third_as_large(tmp_path: Path) -> None:
    drawn = [SMALL.draw(1, Purpose.BENCHMARK, i) for i in range(3)]
    items = (
        verified(drawn[0], 0.80, 0.36, confirmed=True),
        verified(drawn[1], 0.80, 0.36, confirmed=False),
        verified(drawn[2], 0.70, 0.30),
    )
    with LabelStore(tmp_path / "labels.sqlite") as store:
        table = third_way(
            Design(study_of(microstructures=Microstructures(size_nm=40)), tmp_path, verified=items), store, 1
        )
        (label,) = store.labels()
    assert table["candidate"].tolist() == [0]
    assert table["discretization"].tolist() == ["cells"]
    assert table["cell_nm"].tolist() == [pytest.approx(2 / FACTOR, abs=1e-4)]
    assert label.structure_hash == drawn[0].refine(FACTOR).content_hash
    assert table["Hc_third"][0] == pytest.approx(label.anchors.Hc, abs=1e-5)
    assert table["Hc"][0] == pytest.approx(items[0].anchors[5], abs=1e-5)
    assert table["hit"][0] == (abs(label.anchors.Mr - 0.8) <= 0.02 and abs(label.anchors.Hc - 0.36) <= 0.02)


def test_the_share_is_of_forty_hits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"study": "a", "candidate": 0, "source": "turned", "hit": True}
    row |= {name: 0.5 for anchor in ("Mr", "Hk90", "Hc") for name in (anchor, f"{anchor}_third")}
    for hits, count, met in ((40, 40, True), (36, 40, True), (35, 40, False), (39, 39, False)):
        table = pd.DataFrame([row | {"hit": i < hits} for i in range(count)])
        table.to_csv(tmp_path / "t.csv", index=False)
        assert main(["--table", str(tmp_path / "t.csv")]) == (not met)
        assert f"{hits} of {count} confirmed hits still hit" in capsys.readouterr().out
