"""The same map of grains in the files of other programs: by these programs where Python has them, else by hand from the
documentation of their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulation import Microstructure
from simulation.formats.ovf import unit_vectors

STEP_UM = 0.05


def euler_of(angle_rad: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(..., 3) Bunge angles of crystals whose c axis lies in the plane at these angles from +y towards +x."""
    phi2 = rng.uniform(0, 2 * np.pi, angle_rad.shape)
    return np.stack([np.pi - angle_rad, np.full(angle_rad.shape, np.pi / 2), phi2], axis=-1)


def from_the_top(structure: Microstructure, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) Euler angles of the cells as microscopes list them: the upper row first; a crystal's phi2 is its own."""
    euler = euler_of(structure.grain_angle_rad, rng)
    return euler[structure.grain_id[::-1].ravel()]


def crystal_map(structure: Microstructure, rng: np.random.Generator, step_um: float = STEP_UM):
    """As orix has it."""
    from diffpy.structure import Lattice, Structure
    from orix.crystal_map import CrystalMap, Phase, PhaseList
    from orix.quaternion import Rotation

    ny, nx = structure.shape
    row, column = np.divmod(np.arange(ny * nx), nx)
    lattice = Structure(lattice=Lattice(8.8, 8.8, 12.2, 90, 90, 90))
    phase = Phase(name="Nd2Fe14B", point_group="4/mmm", structure=lattice)
    return CrystalMap(
        Rotation.from_euler(from_the_top(structure, rng)),
        phase_id=np.zeros(ny * nx, dtype=int),
        x=column * step_um,
        y=row * step_um,
        phase_list=PhaseList(phase),
        prop={"ci": np.ones(ny * nx), "iq": np.ones(ny * nx)},
        scan_unit="um",
    )


def write_ctf(
    path: Path,
    euler_rad: np.ndarray,
    shape: tuple[int, int],
    step_um: float = STEP_UM,
    phases: str = "",
    phase: np.ndarray | None = None,
    comma: bool = False,
) -> Path:
    """A Channel Text File; `phase` (n,) 0 where nothing was indexed, `comma` for decimal commas."""
    ny, nx = shape
    phase = np.ones(ny * nx, dtype=int) if phase is None else phase
    phases = phases or "8.800;8.800;12.200\t90.000;90.000;90.000\tNd2Fe14B\t5\t136\t\t\tH\xf6hne, 1984"
    lines = ["Channel Text File", "Prj\tmap", "Author\tunknown", "JobMode\tGrid", f"XCells\t{nx}", f"YCells\t{ny}"]
    lines += [f"XStep\t{step_um}", f"YStep\t{step_um}", "AcqE1\t0", "AcqE2\t0", "AcqE3\t0"]
    lines += ["Euler angles refer to Sample Coordinate system (CS0)!\tMag\t1000\tTiltAngle\t70"]
    lines += [f"Phases\t{len(phases.splitlines())}", *phases.splitlines()]
    lines += ["Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS"]
    for n, (a, b, c) in enumerate(np.degrees(euler_rad).tolist()):
        y, x = divmod(n, nx)
        place, euler = f"{x * step_um:.4f}\t{y * step_um:.4f}", f"{a:.4f}\t{b:.4f}\t{c:.4f}"
        lines.append(f"{phase[n]}\t{place}\t8\t0\t{euler}\t0.5\t100\t200")
    text = "\n".join(lines) + "\n"
    text = text.replace(".", ",") if comma else text
    path.write_bytes(text.encode("latin-1"))
    return path


def write_h5oina(path: Path, structure: Microstructure, rng: np.random.Generator) -> Path:
    """Oxford Instruments' specification, what is mandatory of it."""
    import h5py

    ny, nx = structure.shape
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Format Version"], file["Index"] = "Oxford Instruments", "5.0", ["1"]
        data, header = file.create_group("1/EBSD/Data"), file.create_group("1/EBSD/Header")
        data["Euler"] = from_the_top(structure, rng).astype(np.float32)
        data["Phase"] = np.ones((ny * nx, 1), dtype=np.uint8)
        for axis, cells in (("X", nx), ("Y", ny)):
            header[f"{axis} Cells"], header[f"{axis} Step"] = np.array([cells]), np.array([STEP_UM], dtype=np.float32)
        phase = header.create_group("Phases/1")
        phase["Phase Name"], phase["Reference"] = ["Nd2Fe14B"], ["none"]
        phase["Lattice Angles"] = np.full((1, 3), np.pi / 2, dtype=np.float32)
        phase["Lattice Dimensions"] = np.array([[8.8, 8.8, 12.2]], dtype=np.float32)
        phase["Laue Group"] = np.array([5])
    return path


def write_tesr(
    path: Path, structure: Microstructure, form: str = "ascii", descriptor: str = "rodrigues:active"
) -> Path:
    """Neper's raster tessellation."""
    from scipy.spatial.transform import Rotation

    ny, nx = structure.shape
    turn = Rotation.from_euler("ZXZ", euler_of(structure.grain_angle_rad, np.random.default_rng(3)))
    turn = turn.inv() if descriptor.endswith("passive") else turn
    values = {
        "rodrigues": lambda: turn.as_quat(scalar_first=True)[:, 1:] / turn.as_quat(scalar_first=True)[:, :1],
        "quaternion": lambda: turn.as_quat(scalar_first=True),
        "euler-bunge": lambda: turn.as_euler("ZXZ", degrees=True),
        "euler-kocks": lambda: turn.as_euler("ZXZ", degrees=True) * [1, 1, -1] + np.array([-90, 0, 90]),
        "euler-roe": lambda: turn.as_euler("ZXZ", degrees=True) + np.array([-90, 0, 90]),
        "rotmat": lambda: turn.inv().as_matrix().reshape(-1, 9),
        "axis-angle": lambda: np.column_stack(
            [turn.as_rotvec() / turn.magnitude()[:, None], np.degrees(turn.magnitude())]
        ),
    }[descriptor.partition(":")[0]]()
    head = f"***tesr\n **format\n   2.1\n **general\n   2\n   {nx} {ny}\n   0.05 0.05\n"
    head += f" **cell\n   {len(values)}\n  *id\n   "
    head += " ".join(map(str, range(1, len(values) + 1))) + f"\n  *ori\n   {descriptor}\n"
    head += "".join("   " + " ".join(f"{value:.12f}" for value in row) + "\n" for row in values)
    head += f"  *crysym\n   4/mmm\n **data\n   {form}\n"
    ids = structure.grain_id.ravel() + 1
    kinds = {"binary8": "u1", "binary16": "<u2", "binary16_big": ">u2", "binary32": "<i4"}
    data = (" ".join(map(str, ids))).encode() if form == "ascii" else ids.astype(kinds[form]).tobytes()
    path.write_bytes(head.encode() + data + b"\n***end\n")
    return path


def write_axes(path: Path, structure: Microstructure, first: int = 0) -> Path:
    """A table of the axes of grains."""
    rows = [f"{n},{angle!r}" for n, angle in enumerate(np.degrees(structure.grain_angle_rad).tolist(), first)]
    path.write_text("id,angle_deg\n" + "\n".join(rows) + "\n")
    return path


def write_points(path: Path, structure: Microstructure, what: str, rng: np.random.Generator) -> Path:
    """A line a cell: DREAM3D's names, or ours."""
    ny, nx = structure.shape
    row, column = np.divmod(np.arange(ny * nx), nx)
    x, y = (column + 0.5) * STEP_UM, (row + 0.5) * STEP_UM
    grain = structure.grain_id.ravel()
    euler = euler_of(structure.grain_angle_rad, rng)[grain]
    columns = {
        "euler": ("x (um),y (um),EulerAngles_0,EulerAngles_1,EulerAngles_2", [x, y, *euler.T]),
        "ids": ("x_um,y_um,FeatureIds", [x, y, grain + 1]),
        "angle": ("x_nm,y_nm,angle_deg", [x * 1e3, y * 1e3, np.degrees(structure.angle_rad.ravel())]),
        "direction": ("x_um,y_um,kx,ky,kz", [x, y, *unit_vectors(structure.angle_rad).reshape(-1, 3).T]),
    }
    names, values = columns[what]
    lines = [",".join(f"{value:.12g}" for value in line) for line in zip(*values, strict=True)]
    path.write_text("\n".join([names, *lines]) + "\n")
    return path
