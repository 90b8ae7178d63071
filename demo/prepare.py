"""What must be there before the demo's processes start: history, the history in the store, two models."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from demo.plan import ROOT, Plan
from movielog.events import DAY
from movielog.times import day_of
from store import open_store
from store.port import ARMS

HISTORY_DAYS = 6


def prepare(plan: Plan, environment: Mapping[str, str]) -> None:
    """Bring the demo's folder to the point where it can serve; what is there already is kept."""
    for folder in (plan.folder, plan.folder / "temp"):
        folder.mkdir(parents=True, exist_ok=True)
    _write_balancer(plan)
    if not plan.log.exists():
        _write_history(plan, environment)
    _run(["movielog.ingest", "--once"], environment)
    for training in _missing_trainings(environment["STORE_URL"]):
        _run(training, environment)


def _write_balancer(plan: Plan) -> None:
    servers = "\n".join(f"        server 127.0.0.1:{port} max_fails=0;" for port in plan.service_ports)
    template = (Path(__file__).parent / "nginx.conf").read_text()
    text = template.replace("@SERVERS@", servers).replace("@PORT@", str(plan.port))
    (plan.folder / "nginx.conf").write_text(text)


def _write_history(plan: Plan, environment: Mapping[str, str]) -> None:
    part = plan.log.with_suffix(".part")
    part.unlink(missing_ok=True)
    until = datetime.now(UTC).isoformat(timespec="seconds")
    span = ["--log", f"file://{part}", "--days", str(HISTORY_DAYS), "--until", until]
    source = (
        ["movielog.movielens", str(plan.movielens)] if plan.movielens else ["movielog.simulate", "history"]
    )
    _run([*source, *span], environment)
    part.rename(plan.log)


def _missing_trainings(store_url: str) -> Sequence[Sequence[str]]:
    """Arm 1 gets the older model, trained as if a day earlier, so that the two arms differ."""
    with closing(open_store(store_url)) as store:
        routes, newest = store.routes(), store.newest() or 0
    missing = [arm for arm in ARMS if not routes or arm not in routes[-1].models]
    return [
        ["ml.KNN_recommendation", str(arm), "--until", str(day_of(newest - DAY * (arm == 1)))]
        for arm in missing
    ]


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    print(f"-- {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", *command], env=environment, cwd=ROOT, check=True)
