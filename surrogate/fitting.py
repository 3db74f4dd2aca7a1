"""The training loop that autoencoder and regressor share: schedule, early stop, history, checkpoints."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from simulation import InputError
from simulation.files import write_text
from surrogate.backend import keras
from surrogate.checkpoint import Checkpoint
from surrogate.settings import Schedule

Progress = Callable[[int, int, dict[str, float]], None]
"""Called as progress(done, total, losses) with the number of steps and the losses of the epoch so far."""

History = list[dict[str, float]]
"""One row an epoch: epoch, loss, ..., val_loss where validated."""


class Batches(Protocol):
    """What a training learns from."""

    steps_per_epoch: int

    def batch(self, epoch: int, step: int) -> tuple[Any, ...]:
        """Arguments of `train_on_batch`; a function of its arguments alone, so that a resumed run sees the same."""

    def before_step(self, step: int) -> None:
        """Called with the number of steps done, e.g. to warm a weight up."""

    def validate(self, epoch: int) -> dict[str, float]:
        """Validation losses after an epoch, `val_loss` among them; empty if none are due."""


@dataclass
class _State:
    """Where a training stands."""

    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    history: History = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = 0
    best: list[np.ndarray] = field(default_factory=list)
    stopped: bool = False


def fit(
    model: Any,
    batches: Batches,
    schedule: Schedule,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train a compiled model; resumes from the checkpoint if it holds a state of this training.

    A resumed training ends with the same weights as an undisturbed one: weights, optimiser, random state, position
    and the best weights so far are restored, and batches are functions of their number.
    """
    model.optimizer.build(model.trainable_variables)
    state = _restored(model, checkpoint)
    per_epoch = batches.steps_per_epoch
    total = schedule.epochs * per_epoch
    while state.step < total and not state.stopped:
        batches.before_step(state.step)
        model.optimizer.learning_rate = schedule.rate(state.step, total)
        epoch, within = divmod(state.step, per_epoch)
        losses = model.train_on_batch(*batches.batch(epoch, within), return_dict=True)
        state.sums = {name: state.sums.get(name, 0.0) + float(value) for name, value in losses.items()}
        state.step += 1
        mean = {name: value / (within + 1) for name, value in state.sums.items()}
        if not math.isfinite(mean["loss"]):
            raise InputError(f"the training diverged in epoch {epoch + 1}: try a smaller learning_rate")
        if within + 1 == per_epoch:
            _end_epoch(model, batches, schedule, state, epoch + 1, mean)
        if progress is not None:
            progress(state.step, total, {**mean, **_last_validation(state)})
        if checkpoint is not None and checkpoint.due():
            _save(model, checkpoint, state)
    if state.best and schedule.patience is not None:
        _assign(model.variables, state.best)
    if checkpoint is not None:
        state.stopped = True
        _save(model, checkpoint, state)
    return state.history


def _end_epoch(
    model: Any, batches: Batches, schedule: Schedule, state: _State, epoch: int, mean: dict[str, float]
) -> None:
    validation = batches.validate(epoch)
    state.history.append({"epoch": epoch, **mean, **validation})
    state.sums = {}
    if "val_loss" not in validation or schedule.patience is None:
        return
    if validation["val_loss"] < state.best_loss:
        state.best_loss, state.best_epoch, state.best = validation["val_loss"], epoch, _values(model.variables)
    elif epoch - state.best_epoch >= schedule.patience:
        state.stopped = True


def _last_validation(state: _State) -> dict[str, float]:
    for row in reversed(state.history):
        if "val_loss" in row:
            return {"val_loss": row["val_loss"]}
    return {}


def _save(model: Any, checkpoint: Checkpoint, state: _State) -> None:
    arrays = {"model": _values(model.variables), "optimizer": _values(model.optimizer.variables), "best": state.best}
    record = {name: getattr(state, name) for name in ("step", "sums", "history", "best_loss", "best_epoch", "stopped")}
    checkpoint.save(arrays, record)


def _restored(model: Any, checkpoint: Checkpoint | None) -> _State:
    saved = checkpoint.load() if checkpoint is not None else None
    if saved is None:
        return _State()
    arrays, record = saved
    pairs = ((model.variables, arrays.get("model", [])), (model.optimizer.variables, arrays.get("optimizer", [])))
    for variables, values in pairs:
        if [tuple(v.shape) for v in variables] != [a.shape for a in values]:
            return _State()  # of another version of the network: start anew
    for variables, values in pairs:
        _assign(variables, values)
    return _State(**record, best=arrays.get("best", []))


def _values(variables: list[Any]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def _assign(variables: list[Any], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def save_history(history: History, path: str | Path) -> None:
    """Write a history as CSV, one row an epoch, empty where a loss was not computed."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: (int(v) if k == "epoch" else f"{v:.6g}") for k, v in row.items()} for row in history)
    write_text(path, text.getvalue())
