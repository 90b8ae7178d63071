"""One fit measured in a process of its own. Needs NumPy and SciPy alone: peers have other environments."""

import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Array = npt.NDArray[Any]
Neighbours = tuple[Array, Array]
"""Numbers and similarities, movies x k, the best first; -1 and 0 where there are fewer."""

WARM_USERS = 2_000
"""A fit of so few users comes first, so that nothing is loaded or compiled while the clock runs."""


class Matrix(NamedTuple):
    """Users x movies in rows (CSR); `stars` are 1 to 5 (uint8), `movie` uint16 or uint32."""

    indptr: Array
    movie: Array
    stars: Array

    def first(self, users: int) -> "Matrix":
        """The rows of the first users."""
        end = self.indptr[min(users, self.indptr.size - 1)]
        return Matrix(self.indptr[: users + 1], self.movie[:end], self.stars[:end])


def read(folder: Path) -> Matrix:
    """The matrix that `write` kept."""
    return Matrix(*(np.load(folder / f"{name}.npy") for name in Matrix._fields))


def write(matrix: Matrix, folder: Path) -> None:
    """Keep a matrix where every environment can read it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in matrix._asdict().items():
        np.save(folder / f"{name}.npy", values)


def measured(fit: Callable[[Any], Any], data: Any) -> tuple[dict[str, float], Any]:
    """Wall and CPU seconds of a fit, its peak in MB above what was there before; and what it returns."""
    before, cpu, started = _start_peak(), time.process_time(), time.perf_counter()
    found = fit(data)
    seconds, spent = time.perf_counter() - started, time.process_time() - cpu
    return {"seconds": seconds, "cpu": spent, "peak": _peak() - before}, found


def _start_peak() -> float:
    """Forget the highest use of memory so far; the use now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def finish(figures: dict[str, float], neighbours: Neighbours, out: Path) -> None:
    """Hand both to the process that asked."""
    np.savez(out, numbers=neighbours[0], similarities=neighbours[1])
    print(json.dumps(figures | {"threads": float(len(os.sched_getaffinity(0)))}))


def of_sparse(similar: sp.csr_matrix, k: int) -> Neighbours:
    """The k most similar of each row that are not the row itself."""
    rows = similar.tocsr()
    numbers, similarities = np.full((rows.shape[0], k), -1), np.zeros((rows.shape[0], k), np.float32)
    for row in range(rows.shape[0]):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        of, values = rows.indices[part], rows.data[part]
        best = [at for at in np.argsort(-values, kind="stable") if of[at] != row and values[at] > 0][:k]
        numbers[row, : len(best)], similarities[row, : len(best)] = of[best], values[best]
    return numbers, similarities
