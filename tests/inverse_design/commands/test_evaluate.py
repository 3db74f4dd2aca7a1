"""Pictures of how right a surrogate is: what they show, and what their axes say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inverse_design.commands.evaluate import Compared, loss_curves, whole_curves

MEAN = np.array([0.95, 0.8, 0.2, 0.25, 0.25, 0.3])  # two knees at one field: an avalanche
STD = np.array([0.01, 0.02, 0.05, 0.01, 0.02, 0.02])  # the first knee's reaches beyond the others


def test_the_predicted_curve_goes_through_its_points_and_falls_with_the_field() -> None:
    h, m = np.linspace(1, -0.4, 50), np.linspace(1, -0.4, 50)
    axes = whole_curves([Compared("one", h, m, MEAN, STD)]).axes[0]
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["simulated"], np.column_stack([h, m]))
    field, magnetisation = lines["predicted"].T
    assert (np.diff(field) > 0).all()
    assert (np.diff(magnetisation) >= 0).all()
    points = np.array([(1, 0.95), (0, 0.8), (-0.2, 0.72), (-0.25, 0.64), (-0.25, 0.56), (-0.3, 0)])
    off = np.abs(lines["predicted"][:, None] - points).max(axis=-1).min(axis=0)
    assert off.max() < 1e-4
    vertices = np.asarray(axes.collections[0].get_paths()[0].vertices)
    at_remanence = vertices[np.abs(vertices[:, 0]) < 2e-6, 1]
    assert (at_remanence.min(), at_remanence.max()) == pytest.approx((0.78, 0.82), abs=1e-9)
    assert vertices[:, 0].min() == pytest.approx(-0.32, abs=1e-4)
    assert "H_" in axes.get_xlabel()
    assert "M_" in axes.get_ylabel()


def test_losses_that_were_not_computed_in_an_epoch_leave_no_gap(tmp_path: Path) -> None:
    (tmp_path / "vae.csv").write_text("epoch,loss,squared_error,kl\n1,0.3,0.2,50\n2,0.2,0.1,60\n")
    (tmp_path / "regressor.csv").write_text("epoch,loss,val_loss\n1,0.5,0.4\n2,0.3,\n3,0.2,0.3\n")
    figure = loss_curves({"autoencoder": tmp_path / "vae.csv", "regressors": tmp_path / "regressor.csv"})
    images, labels, divergence = figure.axes
    assert [np.asarray(line.get_ydata()).tolist() for line in images.get_lines()] == [[0.3, 0.2], [0.2, 0.1]]
    assert np.asarray(labels.get_lines()[1].get_xydata()).tolist() == [[1, 0.4], [3, 0.3]]
    assert (images.get_xlabel(), images.get_ylabel()) == ("epoch", "loss per pixel")
    assert "nats" in divergence.get_ylabel()
