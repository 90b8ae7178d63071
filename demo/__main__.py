"""The whole loop on one machine: history, ingest, two models, services, an audience, a report."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from demo.plan import ROOT, Plan, make_plan, taken
from demo.prepare import prepare


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare the demo, then become the process runner, which Ctrl-C ends with all it started."""
    arguments = _parser().parse_args(argv)
    given = (arguments.port, arguments.service_port, arguments.metrics_port)
    plan = make_plan(arguments.folder, *given, arguments.movielens)
    if busy := {port: variable for port, variable in plan.ports.items() if taken(port)}:
        return _say_taken(busy)
    environment = os.environ | plan.environment(os.environ["PATH"])
    try:
        prepare(plan, environment)
    except subprocess.CalledProcessError as error:
        print(f"the demo stops: `{' '.join(error.cmd[2:])}` failed, see above", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return _become_runner(plan, environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=4000, help="where recommendations are served")
    parser.add_argument("--service-port", type=int, default=8082, help="first of the two behind nginx")
    parser.add_argument("--metrics-port", type=int, default=9101, help="first of the four of the jobs")
    parser.add_argument("--movielens", type=Path, help="a MovieLens folder: its ratings become the history")
    parser.add_argument("--folder", type=Path, default=ROOT / "data" / "demo", help="where the data are kept")
    return parser


def _say_taken(busy: Mapping[int, str]) -> int:
    for port, variable in busy.items():
        print(f"port {port} is taken: choose another with `make demo {variable}=...`", file=sys.stderr)
    return 2


def _become_runner(plan: Plan, environment: Mapping[str, str]) -> NoReturn:
    honcho = str(Path(sys.executable).with_name("honcho"))
    counts = ",".join(f"{name}={count}" for name, count in plan.processes().items())
    os.chdir(ROOT)
    first = str(plan.service_ports[0])
    os.execve(honcho, [honcho, "start", "--port", first, "--concurrency", counts], environment)


if __name__ == "__main__":
    raise SystemExit(main())
