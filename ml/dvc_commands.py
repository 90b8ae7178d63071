"""Several DVC commands in one process, since DVC takes seconds to start."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run commands, a JSON list of lists of arguments, up to the first that fails; its exit status.

    What they run finds this Python as `python` and this code beside it, wherever it is run.
    """
    from dvc.cli import main as dvc

    (commands,) = sys.argv[1:] if argv is None else argv
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    os.environ["PYTHONPATH"] = str(ROOT)
    return next((status for command in json.loads(commands) if (status := dvc(command))), 0)


if __name__ == "__main__":
    raise SystemExit(main())
