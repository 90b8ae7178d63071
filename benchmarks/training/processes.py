"""Fits in processes of their own, in turn, and whether their neighbours agree."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.datasets import FOLDER, SIZES, VERSION, dataset, matrix
from benchmarks.report import machine
from benchmarks.training.figures import Measured, Run
from benchmarks.training.measuring import Matrix, Neighbours, write
from benchmarks.turns import in_turn

OURS = "ours"
OF_PEERS = Path(".venv-bench/bin/python")
OF_LENSKIT = Path(".venv-bench/lenskit/bin/python")
PEERS = {
    "implicit": OF_PEERS,
    "sparse_dot_topn": OF_PEERS,
    "similaripy": OF_PEERS,
    "LensKit": OF_LENSKIT,
    "scikit-learn": OF_PEERS,
    "scipy in blocks": OF_PEERS,
}
SLOW = ("scikit-learn", "scipy in blocks")
"""Measured in the first round only."""
TOLERANCE = 2e-5
"""How far apart two similarities may be that are the same: some libraries add up in 32 bits."""

_PACKAGES = ("implicit", "sparse-dot-topn", "similaripy", "scikit-learn", "scipy", "lenskit")
_LIST = "from importlib import metadata as m\nfor d in m.distributions(): print(d.name, d.version)"


def measure(size: str, k: int, rounds: int) -> Measured:
    """Everything of one size; ValueError where two disagree about neighbours."""
    facts = machine("numba", "numpy") | {"peers": _versions()}
    folder = _matrix_folder(size)
    with TemporaryDirectory() as scratch:
        out = Path(scratch)
        runs = _all_in_turn(folder, k, rounds, out)
        _check(out)
        runs |= _alone(folder, k, out)
    products = int((np.diff(np.load(folder / "indptr.npy")) ** 2).sum())
    return Measured(size, *SIZES[size], products, facts, runs)


def _all_in_turn(folder: Path, k: int, rounds: int, out: Path) -> dict[str, list[Run]]:
    commands = {OURS: _ours("plain", folder, k, out / OURS)}
    commands |= {name: _peer(name, python, folder, k, out / name) for name, python in PEERS.items()}
    candidates = {name: partial(_run, name, command) for name, command in commands.items()}
    found = in_turn(candidates, 1)
    more = in_turn({name: run for name, run in candidates.items() if name not in SLOW}, rounds - 1)
    return {name: [run for run in runs + more.get(name, []) if run] for name, runs in found.items()}


def _alone(folder: Path, k: int, out: Path) -> dict[str, list[Run]]:
    """Our fit with what a run of the others leaves out."""
    plain, usual = _ours("plain", folder, k, out / "alone"), _ours("default", folder, 100, out / "usual")
    with TemporaryDirectory() as empty:
        compiled = _run("ours, compiled first", [*plain, "cold"], NUMBA_CACHE_DIR=empty)
    loaded = _run("ours, compiled code loaded first", [*plain, "cold"])
    settings = _run("ours, default settings, 100 neighbours", usual)
    named = {"ours, compiled first": compiled, "ours, compiled code loaded first": loaded,
             "ours, default settings, 100 neighbours": settings}  # fmt: skip
    return {name: [run] for name, run in named.items() if run}


def _matrix_folder(size: str) -> Path:
    folder = FOLDER / f"{size}-1-v{VERSION}-matrix"
    if not folder.exists():
        data = matrix(dataset(size))
        write(Matrix(data.indptr, data.movie, data.strength // 40), folder)
    return folder


def _ours(kind: str, folder: Path, k: int, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.training.ours", kind, str(folder), str(k), f"{out}.npz"]


def _peer(name: str, python: Path, folder: Path, k: int, out: Path) -> list[str]:
    return [str(python), "-m", "benchmarks.training.peers", name, str(folder), str(k), f"{out}.npz"]


def _run(name: str, command: Sequence[str], **variables: str) -> Run | None:
    """One measurement, None where the library is not installed."""
    if not Path(command[0]).exists():
        print(f"{name}: left out, there is no {command[0]} (`make bench-train` makes it)", file=sys.stderr)
        return None
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}: left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    run = Run(**json.loads(done.stdout))
    print(f"{name}: {run.seconds:.2f} s, {run.cpu:.2f} s of CPU, {run.peak:.0f} MB", file=sys.stderr)
    return run


def _check(folder: Path) -> None:
    found = {path.stem: np.load(path) for path in sorted(folder.glob("*.npz"))}
    (base, *others) = ((name, (each["numbers"], each["similarities"])) for name, each in found.items())
    for name, neighbours in others:
        if fault := differs(neighbours, base[1]):
            raise ValueError(f"{name} and {base[0]} disagree: {fault}")


def differs(one: Neighbours, other: Neighbours) -> str:
    """Where two lists of neighbours differ by more than ties, empty where they do not.

    The similarities are the same by place; and who is more similar than the last of a list is in the other.
    """
    if one[1].shape != other[1].shape:
        return f"{one[1].shape} against {other[1].shape}"
    apart = np.abs(one[1] - other[1]).max(axis=1, initial=0)
    if (apart > TOLERANCE).any():
        return f"similarities of movie {apart.argmax()} differ by {apart.max():.2g}"
    for movie, (numbers, likeness, others) in enumerate(zip(*one, other[0], strict=True)):
        sure = numbers[likeness > likeness[-1] + TOLERANCE]
        if not np.isin(sure, others).all():
            return f"movie {movie} has neighbours {np.setdiff1d(sure, others).tolist()} in one alone"
    return ""


def _versions() -> str:
    """Of the peers, as their environments have them."""
    found: dict[str, str] = {}
    for python in (OF_LENSKIT, OF_PEERS):
        if python.exists():
            listed = subprocess.run([python, "-c", _LIST], capture_output=True, text=True, check=True)
            found |= dict(line.split() for line in listed.stdout.splitlines())
    return ", ".join(f"{name} {version}" for name, version in found.items() if name in _PACKAGES)
