"""Small vector plots for the page: drawn in its text colour and themes, sized by their view box.

Every text passes through `Markup.format`, which escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

TICK = 4
BREAK = 12
"""Width of a break in an axis."""


@dataclass(frozen=True)
class Frame:
    """A rectangle of data coordinates on a canvas of `width` x `height` units.

    Attributes:
        x, y: (low, high) of the data; `log_y` draws y by its decimal logarithm.
        cut: (low, high) of x that is left out; both sides of the break have the same scale.
        left, right, top, bottom: margins for axis labels.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 460
    height: float = 300
    left: float = 54
    right: float = 14
    top: float = 12
    bottom: float = 48
    log_y: bool = False
    cut: tuple[float, float] | None = None

    @property
    def pieces(self) -> tuple[tuple[float, float, float, float], ...]:
        """(low, high) of x and the canvas coordinates of both, of each side of the break."""
        start, end = self.left, self.width - self.right
        if self.cut is None:
            return ((*self.x, start, end),)
        below, above = self.cut[0] - self.x[0], self.x[1] - self.cut[1]
        stop = start + (end - start - BREAK) * below / (below + above)
        return ((self.x[0], self.cut[0], start, stop), (self.cut[1], self.x[1], stop + BREAK, end))

    def px(self, x: float) -> float:
        """Canvas coordinate of a data x; what lies in the break comes to its upper end."""
        low, high, start, end = next((piece for piece in self.pieces if x <= piece[1]), self.pieces[-1])
        if self.cut is not None and low == self.cut[1]:
            x = max(x, low)
        return round(start + (x - low) / ((high - low) or 1) * (end - start), 2)

    def py(self, y: float) -> float:
        """Canvas coordinate of a data y."""
        low, high, value = (math.log10(max(v, 1e-300)) if self.log_y else v for v in (*self.y, y))
        share = (value - low) / ((high - low) or 1)
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 2)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the plotting area."""
        return self.left, self.top, self.width - self.right, self.height - self.bottom


def figure(frame: Frame, title: str, *parts: Markup, css: str = "plot") -> Markup:
    """A whole picture; `title` is what a screen reader says."""
    return Markup(
        '<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(css, frame.width, frame.height, title, Markup("").join(parts))


def axes(
    frame: Frame, x_label: str, y_label: str, x_ticks: Sequence[float] | None = None, whole: bool = False
) -> Markup:
    """The box with ticks and labels below and at the left; `whole` keeps y to whole numbers."""
    left, top, right, bottom = frame.box
    parts = [Markup('<rect class="box" x="{}" y="{}" width="{:g}" height="{:g}"/>').format(
        left, top, right - left, bottom - top)]  # fmt: skip
    for x in _ticks_of_pieces(frame, 1.0) if x_ticks is None else x_ticks:
        parts.append(line(frame.px(x), bottom, frame.px(x), bottom + TICK, "tick"))
        parts.append(text(frame.px(x), bottom + 19, number(x), "middle"))
    y_ticks = log_ticks(*frame.y) if frame.log_y else ticks(*frame.y, 5 if frame.height > 200 else 4)
    for y in (y for y in y_ticks if not whole or y == round(y)):
        parts.append(line(left - TICK, frame.py(y), left, frame.py(y), "tick"))
        parts.append(text(left - 7, frame.py(y) + 4, number(y), "end"))
    parts.append(text((left + right) / 2, frame.height - 8, x_label, "middle", "label"))
    parts.append(upright(11, (top + bottom) / 2, y_label))
    if frame.cut is not None:
        parts += [_break(frame.pieces[0][3], y) for y in (top, bottom)]
    return Markup("").join(parts)


def _break(x: float, y: float) -> Markup:
    """Two strokes across an axis where a part of it is left out."""
    return Markup('<path class="break" d="M{0:g} {2:g}h{1:g}"/>').format(x, BREAK, y) + Markup("").join(
        line(at - 2.5, y + 5, at + 2.5, y - 5, "tick") for at in (x, x + BREAK)
    )


def _ticks_of_pieces(frame: Frame, scale: float) -> list[float]:
    """Ticks in data coordinates times a factor; beyond a break, where there is little room, the last one only."""
    low, high, _, _ = frame.pieces[0]
    found = ticks(low * scale, high * scale, 6)
    for low, high, _, _ in frame.pieces[1:]:
        step = found[1] - found[0] if len(found) > 1 else high - low
        last = math.floor(high * scale / step) * step
        found += [round(last, 12)] if last >= low * scale else []
    return found


def second_axes(frame: Frame, x_scale: float, x_label: str, y_scale: float, y_label: str) -> Markup:
    """Ticks and labels above and at the right: the data times a factor (other units)."""
    left, top, right, bottom = frame.box
    parts = []
    for value in _ticks_of_pieces(frame, x_scale):
        x = frame.px(value / x_scale)
        parts += [line(x, top - TICK, x, top, "tick"), text(x, top - 8, number(value), "middle")]
    for value in ticks(frame.y[0] * y_scale, frame.y[1] * y_scale, 5):
        y = frame.py(value / y_scale)
        parts += [line(right, y, right + TICK, y, "tick"), text(right + 7, y + 4, number(value), "start")]
    parts.append(text((left + right) / 2, 12, x_label, "middle", "label"))
    parts.append(upright(frame.width - 5, (top + bottom) / 2, y_label))
    return Markup("").join(parts)


def curve(frame: Frame, x: np.ndarray, y: np.ndarray, css: str) -> Markup:
    """A polyline through the finite points; it ends where it leaves the frame."""
    x, y = within(frame, x, y)
    lines = []
    for low, high, _, _ in frame.pieces:
        piece = (x >= low) & (x <= high)
        points = " ".join(f"{frame.px(a):g},{frame.py(b):g}" for a, b in zip(x[piece], y[piece], strict=True))
        lines.append(Markup('<polyline class="{}" points="{}"/>').format(css, points))
    return Markup("").join(lines)


def within(frame: Frame, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The finite points of a curve inside a frame's x, up to where it falls below the frame's y."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    keep = np.isfinite(x) & np.isfinite(y) & (x >= frame.x[0]) & (x <= frame.x[1])
    x, y = x[keep], y[keep]
    outside = np.flatnonzero(y < frame.y[0])
    if outside.size and outside[0] > 0:
        i, low = int(outside[0]), frame.y[0]
        leave = x[i - 1] + (low - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1])
        x, y = np.append(x[:i], leave), np.append(y[:i], low)
    return x, y


def area(frame: Frame, x: tuple[float, float], y: tuple[float, float], css: str, style: str = "") -> Markup:
    """A rectangle of data coordinates, cut at the frame."""
    x0, x1 = (frame.px(min(max(v, frame.x[0]), frame.x[1])) for v in x)
    y0, y1 = (frame.py(min(max(v, frame.y[0]), frame.y[1])) for v in y)
    return Markup('<rect class="{}" x="{}" y="{}" width="{:g}" height="{:g}"{}/>').format(
        css, min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0), Markup(' style="{}"').format(style) if style else ""
    )


def error_point(frame: Frame, x: float, y: float, dx: float, dy: float, css: str, title: str) -> Markup:
    """A dot with error bars of one standard deviation."""
    low, high = frame.px(x - dx), frame.px(x + dx)
    down, up = frame.py(y - dy), frame.py(y + dy)
    bars = line(low, frame.py(y), high, frame.py(y), "bar") if dx > 0 else Markup("")
    if dy > 0:
        bars += line(frame.px(x), down, frame.px(x), up, "bar")
    return Markup('<g class="{}">{}<circle cx="{}" cy="{}" r="4"><title>{}</title></circle></g>').format(
        css, bars, frame.px(x), frame.py(y), title
    )


def dot(frame: Frame, x: float, y: float, css: str, radius: float) -> Markup:
    """A round mark at data coordinates."""
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{:g}"/>').format(css, frame.px(x), frame.py(y), radius)


def symbols(words: str) -> Markup:
    """Escaped text in which the units H_A and Ms have their subscripts, for SVG."""
    sub = Markup('{}<tspan dy="3" font-size="80%">{}</tspan><tspan dy="-3">\u200b</tspan>')
    return escape(words).replace("H_A", sub.format("H", "A")).replace("Ms", sub.format("M", "s"))


def line(x0: float, y0: float, x1: float, y1: float, css: str) -> Markup:
    """A straight line in canvas coordinates."""
    return Markup('<line class="{}" x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}"/>').format(css, x0, y0, x1, y1)


def text(x: float, y: float, words: str, anchor: str, css: str = "") -> Markup:
    """A text in canvas coordinates; anchor: start, middle or end."""
    return Markup('<text class="{}" x="{:g}" y="{:g}" text-anchor="{}">{}</text>').format(
        css, x, y, anchor, symbols(words)
    )


def upright(x: float, y: float, words: str) -> Markup:
    """An axis label turned by 90 degrees about (x, y)."""
    return Markup(
        '<text class="label" x="{:g}" y="{:g}" text-anchor="middle" transform="rotate(-90 {:g} {:g})">{}</text>'
    ).format(x, y, x, y, symbols(words))


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) within [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten within [low, high], with 2 and 5 times them where those are few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        found = [f * 10.0**e for e in exponents for f in factors if low <= f * 10.0**e <= high]
        if len(found) >= 3:
            break
    return found


def number(value: float) -> str:
    """A tick's text, with a real minus sign."""
    return f"{value:.6g}".replace("-", "−")


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """(low, high) of finite values and a margin; (0, 1) where there are none."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    margin = share * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin
