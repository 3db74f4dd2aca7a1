"""What the page says of a structure, as HTML; every text that is not ours is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from inverse_design.explore.finding import Answer
from inverse_design.explore.state import Session
from inverse_design.goals import Goal, distance
from inverse_design.properties import STRUCTURE, UNITS, Column
from simulation.anchors import ANCHORS
from simulation.labels.label import Label
from simulation.pictures.grain_image import png_data_uri


def values_table(session: Session) -> str:
    """The anchor points, and what else is wanted: wanted, predicted, simulated, and by each further simulation."""
    found, simulated, checks = session.expected(), _simulated(session), session.known().checks
    heads = ["predicted", *(["simulated"] if simulated is not None else []), *checks]
    wanted = Markup("<th>wanted</th>") if session.goals else ""
    head = Markup("<tr><th></th>{}{}</tr>").format(wanted, _join("<th>{}</th>", heads))
    rows = []
    for name in (*ANCHORS, *(name for name in session.goals if name not in ANCHORS)):
        i, goal = Column[name], session.goals.get(name)
        digits = 1 if session.ranges[name][2] > 0.1 else 3
        told = f"{found.mean[0, i]:.{digits}f}"
        if name not in STRUCTURE:
            told += f" ± {found.std[0, i]:.3f}"
        cells = [Markup("<td class='predicted'>{}</td>").format(told)]
        values = [] if simulated is None else [simulated[i]]
        if name in ANCHORS:
            values += [check.anchors[name] if check.converged else math.nan for check in checks.values()]
        cells += [_value(value, goal, digits + 1) for value in values]
        cells += [Markup("<td></td>")] * (len(heads) - len(cells))
        between = "" if goal is None else f"{goal[0]:.{digits}f} to {goal[1]:.{digits}f}"
        asked = Markup("<td>{}</td>").format(between)
        first = Markup("<th scope='row'>{} <span class='soft'>{}</span></th>").format(
            name.removesuffix("_deg").removesuffix("_nm").replace("_", " "), UNITS[name]
        )
        rows.append(Markup("<tr>{}{}{}</tr>").format(first, asked if session.goals else "", _join("{}", cells)))
    return str(Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(head, _join("{}", rows)))


def _simulated(session: Session) -> np.ndarray | None:
    """(13,) as simulated; without a curve the anchor points alone."""
    values, anchors = session.properties(), session.anchors()
    if values is not None or anchors is None:
        return values
    return np.concatenate([anchors, np.full(len(Column) - len(anchors), np.nan)])


def _value(value: float, goal: tuple[float, float] | None, digits: int) -> Markup:
    if not math.isfinite(value):
        return Markup("<td class='soft'>missing</td>")
    kind = "simulated" if goal is None else "meets" if goal[0] <= value <= goal[1] else "misses"
    return Markup("<td class='{}'>{}</td>").format(kind, f"{value:.{digits}f}")


def _join(pattern: str, items: list[str] | list[Markup]) -> Markup:
    return Markup("").join(Markup(pattern).format(item) for item in items)  # noqa: S704 - patterns of this module


def origin(session: Session) -> str:
    """What is shown."""
    structure = session.shown.structure
    words = Markup("<p><strong>{}</strong> <span class='soft'>{} grains</span></p>")
    return str(words.format(session.shown.words, structure.grains))


def worth(session: Session, at_rest: bool = True) -> str:
    """What the prediction is worth: how unlike the structure is what is known, and, where nothing moves, how far the
    nearest is."""
    found = session.prediction()
    said = []
    if session.anchors() is not None:
        said.append(Markup("This very structure was simulated."))
    elif at_rest:
        nearest, away = session.nearest()
        if nearest >= 0:
            name = session.atlas.points[nearest].name
            said.append(Markup("Nearest simulated: {}, {:.1f}° of axis away.").format(name, away))
    else:
        said.append(Markup("Nearest simulated: …"))
    if math.isfinite(found.novelty):
        outside = found.novelty > 1
        where = "unlike what the surrogate knows: little more than a guess" if outside else "inside of what is known"
        kind = "warning" if outside else "soft"
        said.append(Markup("<span class='{}'>Novelty {:.2f}, {}.</span>").format(kind, found.novelty, where))
    if session.goals:
        words = Markup("Meets all goals with a probability of <strong>{:.0f}\u00a0%</strong>.")
        said.append(words.format(100 * session.chance()))
    return str(Markup("<p>{}</p>").format(Markup(" ").join(said)))


def axis(session: Session) -> str:
    """The chosen grain."""
    if session.grain is None or session.axis_deg is None:
        return "<p class='soft'>Click a grain and drag to turn its easy axis; or press space, then the arrow keys.</p>"
    share = np.mean(session.shown.structure.grain_id == session.grain)
    words = Markup("<p>Grain {}: axis {:.0f}° off the field, {:.1f} % of the area.</p>")
    return str(words.format(session.grain + 1, session.axis_deg, 100 * share))


def outcome(label: Label, what: str) -> str:
    """What came of a simulation, as a sentence."""
    if not label.converged:
        return f"{what}: {label.outcome}, of no use as a label ({label.reason})"
    return f"{what}: Mr {label.anchors.Mr:.4f} Ms, Hc {label.anchors.Hc:.4f} H_A, {label.wall_s:.1f} s"


def answer(number: int, found: Answer, goals: Sequence[Goal]) -> str:
    """A picture and what was simulated of it."""
    picture = png_data_uri(found.structure, 160)
    misses = distance(goals, found.properties[None])[0]
    said = "meets all goals" if found.hit else f"misses by {misses:.2g} times the tolerance"
    names = dict.fromkeys(("Mr", "Hc", *(goal.quantity for goal in goals)))
    values = ", ".join(f"{name} {found.properties[Column[name]]:.3f}" for name in names)
    return str(
        Markup("<img src='{}' alt='Grains of answer {}'><p><strong>{}</strong></p><p class='soft'>{}; {}</p>").format(
            picture, number, said, found.words, values
        )
    )


def escaped(words: str) -> str:
    """A plain text as HTML."""
    return str(escape(words))


def plain_axis(session: Session) -> str:
    """The chosen grain, for a screen reader."""
    if session.grain is None or session.axis_deg is None:
        return "No grain chosen."
    return f"Grain {session.grain + 1}, axis {session.axis_deg:.0f} degrees."
