"""What a model is made from, as two files: `ratings.csv`, and `data.json`, which says all else."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import pandas as pd

from ml import snapshot
from ml.knn import Params
from ml.tracking import DATA, RATINGS
from movielog.times import day_of, nanoseconds
from store.port import Window

ROOT = Path(__file__).resolve().parents[2]

_CODE = ("--", ".", ":!dvc.lock")
"""dvc.lock tells what `dvc repro` was run on here."""
_LIBRARIES = ("dvc", "llvmlite", "numba", "numpy", "pandas", "pyarrow", "scipy")


@dataclass(frozen=True)
class Inputs:
    """What `data.json` says. `commit` is the code's, `unknown` where there is none, and `dirty` whether the
    code differed from it; `snapshot` has rows, users, movies and the sha256 of ratings.csv."""

    name: str
    label: int
    window: Window
    params: Params
    split: str
    commit: str
    dirty: bool
    python: str
    libraries: Mapping[str, str]
    created: str
    snapshot: Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """Which model is to be made: its `name`, and the `split` in force."""

    name: str
    label: int
    window: Window
    params: Params
    split: str


def write(table: pd.DataFrame, order: Order, folder: Path) -> Inputs:
    """Write a snapshot and all else that its model is made from into a folder."""
    snapshot.write(table, folder / RATINGS)
    commit, dirty = code(ROOT)
    inputs = Inputs(
        order.name,
        order.label,
        order.window,
        order.params,
        order.split,
        commit,
        dirty,
        python_version(),
        {library: version(library) for library in _LIBRARIES},
        datetime.now(UTC).isoformat(timespec="seconds"),
        _described(table, folder / RATINGS),
    )
    said = asdict(inputs) | {"window": _window_said(order.window)}
    (folder / DATA).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    return inputs


def read(folder: Path) -> Inputs:
    """What the folder's `data.json` says; ValueError where it is none."""
    path = folder / DATA
    try:
        said = json.loads(path.read_text())
        window = Window(said["window"]["start_ns"], said["window"]["end_ns"])
        return Inputs(**(said | {"window": window, "params": Params(**said["params"])}))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not what a retrain writes ({error!r})") from None


def code(root: Path) -> tuple[str, bool]:
    """The commit of the code in `root`, and whether the code differs from it."""
    built = root / "GIT_COMMIT"
    if built.exists():
        return built.read_text().strip(), False
    try:
        return _git(root, "rev-parse", "HEAD"), bool(_git(root, "status", "--porcelain", *_CODE))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _described(table: pd.DataFrame, path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    counts = {"rows": len(table), "users": table["user"].nunique(), "movies": table["movie"].nunique()}
    return {**counts, "sha256": sha256}


def _window_said(window: Window) -> Mapping[str, Any]:
    start, end = (datetime.combine(day_of(time), datetime.min.time(), UTC) for time in window)
    assert (nanoseconds(start), nanoseconds(end)) == window
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "start_ns": window.start,
        "end_ns": window.end,
    }
