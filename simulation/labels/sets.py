"""Sets of labels as files: shipped ones by name, and label stores; as tables, with curves and structures on demand.

A set is one compressed `.npz` without objects. It does not hold the grain maps: a structure is drawn again from the
set's family, seed and index, and is only handed out if it is the one that was labelled (a checksum each), because a
generator's stream may change between NumPy releases.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.anchors import ANCHORS, AnchorPoints
from simulation.arrays import MAX_BYTES, read_npz
from simulation.errors import InputError
from simulation.files import replacing
from simulation.labels.label import Conditions, Job, Label, Outcome, Specification
from simulation.labels.reference_curves import ReferenceCurves
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose, StructureFamily

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
SPLITS = ("train", "test", "reserve")
CHECKSUM_BYTES = 8
MAX_LABELS = 10**7
"""Of a study, and so of a set."""


@dataclass(frozen=True, eq=False, repr=False)
class LabelSet:
    """Labels of one family under one set of conditions, in the order of their index.

    Attributes:
        family, seed: what the structures are drawn from, for the purpose "labels".
        conditions: material, sweep, backend and settings, as JSON.
        index: (n,) of each structure.
        checksum: (n, 8) uint8, the first bytes of each structure's content hash.
        grains, misorientation_rad: (n,) as drawn.
        split: (n,) position in `SPLITS`.
        anchors: (n, 6).
        h: (k,) the longest sweep; a curve has the first of these fields.
        m: the curves' magnetisations one behind the other, float32.
        fields: (n,) length of each curve.
        evaluations: (n,) long-range field evaluations.
    """

    family: StructureFamily
    seed: int
    conditions: str
    index: np.ndarray
    checksum: np.ndarray
    grains: np.ndarray
    misorientation_rad: np.ndarray
    split: np.ndarray
    anchors: np.ndarray
    h: np.ndarray
    m: np.ndarray
    fields: np.ndarray
    evaluations: np.ndarray

    def __repr__(self) -> str:
        counts = ", ".join(f"{int((self.split == i).sum())} {name}" for i, name in enumerate(SPLITS))
        return f"<LabelSet: {len(self.index)} labels ({counts}) of {self.family}, seed {self.seed}>"

    @classmethod
    def of_labels(cls, labels: Iterable[Label], splits: Sequence[tuple[str, int]] = ()) -> LabelSet:
        """Pack converged labels of sampled structures.

        Args:
            labels: of one family, seed and set of conditions.
            splits: (name, how many) indices, from 0 on, whether or not each has a label; those beyond are "train".

        Raises:
            InputError: if there are none, or of several kinds.
        """
        kept = [label for label in labels if label.outcome is Outcome.CONVERGED and label.specification]
        kept.sort(key=lambda label: label.specification.index if label.specification else 0)
        sources = [label.specification for label in kept if label.specification]
        kinds = {(s.family, s.seed, s.purpose, label.conditions.key) for s, label in zip(sources, kept, strict=True)}
        if len(kinds) != 1 or sources[0].purpose is not Purpose.LABELS:
            raise InputError(
                f"a label set holds labels of one family, seed and set of conditions, got {len(kinds)} kinds"
            )
        index = np.array([source.index for source in sources], np.uint32)
        ends = np.cumsum([count for _, count in splits])
        codes = [SPLITS.index(name) for name, _ in splits] + [SPLITS.index("train")]
        drawn = [label.drawn for label in kept]
        longest = max(kept, key=lambda label: len(label.h))
        return cls(
            family=sources[0].family,
            seed=sources[0].seed,
            conditions=kept[0].conditions.to_json(),
            index=index,
            checksum=np.array([_checksum(label.structure_hash) for label in kept]),
            grains=np.array([grains for grains, _ in drawn], np.uint16),
            misorientation_rad=np.array([angle for _, angle in drawn]),
            split=np.array(codes, np.uint8)[np.searchsorted(ends, index, side="right")],
            anchors=np.array([label.anchors.as_array() for label in kept]),
            h=longest.h,
            m=np.concatenate([label.m for label in kept]).astype(np.float32),
            fields=np.array([len(label.h) for label in kept], np.uint16),
            evaluations=np.array([label.evaluations for label in kept], np.uint32),
        )

    def save(self, path: Path) -> None:
        """Write the set to an .npz file."""
        arrays: dict[str, Any] = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        about = {"format": FORMAT, "family": self.family.as_plain(), "seed": self.seed, "conditions": self.conditions}
        with replacing(path) as partial:
            np.savez_compressed(partial, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: Path) -> LabelSet:
        """Read what `save` wrote.

        Raises:
            InputError: if the file is missing, damaged or of another version.
        """
        try:
            fields = read_npz(path, ("fields",), max_bytes=8 * MAX_LABELS)["fields"]
            most = max(10**6, 64 * fields.size, 8 * int(fields.sum(dtype=np.int64)))  # of a set of so many fields
            arrays: dict[str, Any] = read_npz(path, ("about", *_KINDS), max_bytes=min(most, MAX_BYTES))
            about = json.loads(str(arrays.pop("about")))
            if about.pop("format") != FORMAT:
                raise InputError(f"{path}: a label set of another version of this package")
            _check_arrays(arrays)
            Conditions.from_json(about["conditions"]).key  # noqa: B018, of what cannot be one there is none
            if isinstance(about["seed"], bool) or not isinstance(about["seed"], int) or about["seed"] < 0:
                raise InputError(f"seed must be a whole number of at least 0, got {str(about['seed'])[:40]}")
            family = StructureFamily.from_plain(about.pop("family"))
            return cls(family=family, **about, **arrays)
        except FileNotFoundError:
            raise InputError(f"{path}: no such label set") from None
        except InputError as error:
            raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path}: not a readable label set: {' '.join(str(error).split())[:200]}") from None

    def frame(self) -> pd.DataFrame:
        """The table of `load_labels`."""
        import pandas as pd

        columns = {
            "grains": self.grains.astype(int),
            "misorientation_rad": self.misorientation_rad,
            "split": np.array(SPLITS)[self.split],
        }
        columns |= {anchor: self.anchors[:, i] for i, anchor in enumerate(ANCHORS)}
        return pd.DataFrame(columns, index=pd.Index(self.index.astype(int), name="id"))

    def structure(self, identity: int) -> Microstructure:
        """The structure of one id, drawn again.

        Raises:
            InputError: if there is no such id, or the draw no longer gives the structure that was labelled.
        """
        row = self._row(identity)
        structure = self.family.draw(self.seed, Purpose.LABELS, int(identity))
        if not np.array_equal(_checksum(structure.content_hash), self.checksum[row]):
            raise InputError(
                f"structure {identity}: this release of NumPy ({np.__version__}) draws another structure than the one "
                "that was labelled; use the release named on the set's card"
            )
        return structure

    def curve(self, identity: int) -> tuple[np.ndarray, np.ndarray]:
        """h and m of one id."""
        row = self._row(identity)
        start = int(self.fields[:row].sum(dtype=np.int64))
        length = int(self.fields[row])
        return self.h[:length], self.m[start : start + length].astype(np.float64)

    def labels(self) -> Iterator[Label]:
        """The labels as a store keeps them, structures drawn and checked: to go on from a set instead of from nothing.

        Curves come back in the set's single precision; anchors and evaluations as they were.
        """
        return (self.label(int(identity)) for identity in self.index)

    def label(self, identity: int) -> Label:
        """The label of one id, see `labels`."""
        conditions = Conditions.from_json(self.conditions)
        row, structure_hash = self._row(identity), self.structure(identity).content_hash
        source = Specification(self.family, self.seed, Purpose.LABELS, identity)
        job = Job(conditions.label_key(structure_hash), structure_hash, source, conditions)
        h, m = self.curve(identity)
        label = job.label(h, m, [0] * len(h), "", int(self.evaluations[row]), 0.0)
        return replace(label, anchors=AnchorPoints(*(float(value) for value in self.anchors[row])))

    def _row(self, identity: int) -> int:
        found = np.flatnonzero(self.index == identity)
        if found.size == 0:
            raise InputError(f"no label of id {identity} in this set of {len(self.index)}")
        return int(found[0])


_KINDS = {"index": "u", "checksum": "u", "grains": "u", "misorientation_rad": "f", "split": "u", "anchors": "f",
          "h": "f", "m": "f", "fields": "u", "evaluations": "u"}  # fmt: skip
"""The arrays of a set and the kinds of numbers they hold."""


def _check_arrays(arrays: dict[str, np.ndarray]) -> None:
    """Refuse arrays that do not belong together, before one is used.

    Raises:
        InputError: that names what is wrong.
    """
    n, fields = arrays["index"].size, arrays["fields"]
    shapes = dict.fromkeys(_KINDS, (n,)) | {"checksum": (n, CHECKSUM_BYTES), "anchors": (n, len(ANCHORS))}
    shapes |= {"h": (int(fields.max(initial=0)),), "m": (int(fields.sum(dtype=np.int64)),)}
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS[name] or array.shape != shapes[name]:
            raise InputError(f"{name} does not fit the rest of the label set (shape {array.shape}, {array.dtype})")
    h, m, anchors = arrays["h"], arrays["m"], arrays["anchors"]
    if not (np.isfinite(h).all() and np.isfinite(m).all()) or (np.diff(h) >= 0).any() or (np.abs(m) > 1 + 1e-6).any():
        raise InputError("h must fall and m lie within -1 to 1 Ms")
    if not (np.abs(anchors[:, :2]) <= 1 + 1e-6).all() or (anchors[:, 2:] < 0).any() or np.isinf(anchors).any():
        raise InputError("anchors must be magnetisations within -1 to 1 Ms and fields of at least 0, or missing")
    angle = arrays["misorientation_rad"]
    if not ((angle >= 0) & (angle <= np.pi + 1e-9)).all():
        raise InputError("misorientation_rad must lie within 0 to pi")
    if arrays["split"].max(initial=0) >= len(SPLITS):
        raise InputError(f"split must name one of {', '.join(SPLITS)}")


def load_label_set(name_or_path: str | Path) -> LabelSet:
    """A shipped set by name ("nd2fe14b-elements", ...), a set's file, or the labels of a store or a run.

    Raises:
        InputError: if there is none.
    """
    found = _find(name_or_path)
    if isinstance(found, ReferenceCurves):
        raise InputError(f"{name_or_path} holds curves of another solver, not a label set")
    return found


def load_labels(name_or_path: str | Path) -> pd.DataFrame:
    """Labels as a table: index id; grains, misorientation_rad, split (train, test, reserve), the six anchors.

    Args:
        name_or_path: what `load_label_set` takes, or "nd2fe14b-fidimag": curves of fidimag, for comparison.

    Raises:
        InputError: if there are none.
    """
    return _find(name_or_path).frame()


def load_structures(name_or_path: str | Path, ids: Iterable[int]) -> list[Microstructure]:
    """The structures of some ids of what `load_labels` reads.

    Raises:
        InputError: if there are no such labels or ids, or NumPy draws other structures than it did.
    """
    labels = _find(name_or_path)
    return [labels.structure(int(identity)) for identity in ids]


def _find(name_or_path: str | Path) -> LabelSet | ReferenceCurves:
    shipped = _shipped()
    path = shipped.get(str(name_or_path), Path(name_or_path))
    if path.suffix == ".npz":
        return LabelSet.load(path)
    if path.is_dir() and path == shipped.get(str(name_or_path)):
        return ReferenceCurves(path)
    if path.is_dir():
        path = path / "labels.sqlite"
    if path.suffix != ".sqlite":
        names = ", ".join(sorted(shipped)) or "none"
        raise InputError(f"no label set {str(name_or_path)!r}: neither a file nor shipped ({names})")
    from simulation.labels.store import LabelStore

    with LabelStore(path, read_only=True) as store:
        return LabelSet.of_labels(store.labels(outcome=Outcome.CONVERGED))


def _shipped() -> dict[str, Path]:
    """Sets and folders of curves by name: studies/NAME/NAME.npz, NAME-elements.npz, NAME-free.npz, NAME-fidimag."""
    folder = Path(str(importlib.resources.files("studies")))
    named = [path for end in (".npz", "-elements.npz", "-free.npz", "-fidimag") for path in folder.glob(f"*/*{end}")]
    return {path.stem: path for path in named if path.stem.partition("-")[0] == path.parent.name}


def _checksum(content_hash: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(content_hash[: 2 * CHECKSUM_BYTES]), np.uint8)
