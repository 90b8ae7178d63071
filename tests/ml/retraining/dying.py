"""The scheduler, killed by SIGKILL in the middle of one step: `python -m tests.ml.retraining.dying STEP`."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from ml import automatic_retrain, routes, snapshot, tracking
from ml.retraining import lease

LEASE_SECONDS = 4.0


def main(step: str) -> int:
    """Look for what is due, as `python -m ml.automatic_retrain`, up to the step that kills."""
    lease.SECONDS = LEASE_SECONDS
    if step != "no":
        STEPS[step]()
    return automatic_retrain.main(["--every", "0.3"])


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _half_a_snapshot(_: Any, path: Path) -> None:
    path.write_text("user,movie,time,minutes,rating\n1,")
    _die()


def _in_snapshot() -> None:
    snapshot.write = _half_a_snapshot


def _in_train() -> None:
    """While DVC makes the stage, which goes on without us."""

    def once_the_stage_is_there() -> None:
        file = Path(os.environ["PROVENANCE"], "dvc.yaml")
        while not (file.exists() and "KNN_" in file.read_text()):
            time.sleep(0.01)
        _die()

    threading.Thread(target=once_the_stage_is_there, daemon=True).start()


def _in_check() -> None:
    """While the model is on trial in its own process."""
    start = SpawnProcess.start
    SpawnProcess.start = lambda self: (start(self), _die())  # type: ignore[method-assign]


def _before_the_route() -> None:
    routes.publish = _die


def _after_the_route() -> None:
    publish = routes.publish
    routes.publish = lambda *given: (publish(*given), _die())[0]  # type: ignore[return-value]


def _in_push() -> None:
    run = tracking._run

    def until_it_pushes(command: Sequence[str], folder: Path, inherited: Sequence[int]) -> Any:
        if '["push"' not in command[-1]:
            return run(command, folder, inherited)
        subprocess.Popen(command, cwd=folder, pass_fds=inherited)
        return _die()

    tracking._run = until_it_pushes


STEPS: dict[str, Callable[[], None]] = {
    "snapshot": _in_snapshot,
    "train": _in_train,
    "check": _in_check,
    "before the route": _before_the_route,
    "after the route": _after_the_route,
    "push": _in_push,
}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
