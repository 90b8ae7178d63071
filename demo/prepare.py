"""What must be there before the demo's processes start: history, the history in the store, two models."""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import yaml

from demo import watching
from demo.plan import ROOT, Plan
from movielog.events import DAY
from movielog.times import day_of
from settings import Settings
from store import open_store
from store.port import ARMS

HISTORY_DAYS = 6


def prepare(plan: Plan, environment: Mapping[str, str]) -> None:
    """Bring the demo's folder to the point where it can serve; what is there already is kept."""
    for folder in (plan.folder, plan.folder / "temp"):
        folder.mkdir(parents=True, exist_ok=True)
    _write_balancer(plan)
    _write_watchers(plan)
    _write_settings(plan, environment)
    if not plan.log.exists():
        _write_history(plan, environment)
    _run(["movielog.ingest", "--once"], environment)
    for arm, until in _missing(environment["STORE_URL"]).items():
        _train(arm, until, environment)


def _write_settings(plan: Plan, environment: Mapping[str, str]) -> None:
    """For commands by hand on the demo's data."""
    names = [field.name.upper() for field in fields(Settings)]
    lines = [f"export {name}={shlex.quote(environment[name])}\n" for name in names if name in environment]
    plan.settings.write_text("".join(lines))


def _write_balancer(plan: Plan) -> None:
    servers = "\n".join(f"        server 127.0.0.1:{port} max_fails=0;" for port in plan.service_ports)
    template = (Path(__file__).parent / "nginx.conf").read_text()
    text = template.replace("@SERVERS@", servers).replace("@PORT@", str(plan.port))
    (plan.folder / "nginx.conf").write_text(text)


def _write_watchers(plan: Plan) -> None:
    if not plan.watchers:
        return
    jobs = {job: [f"127.0.0.1:{port}"] for job, port in plan.metrics_ports.items()}
    services = [f"127.0.0.1:{port}" for port in plan.service_ports]
    alertmanager = f"127.0.0.1:{plan.watch_ports['alertmanager']}"
    config = watching.prometheus(jobs | {"recom_service": services}, alertmanager)
    (plan.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    status_page = f"http://{jobs['api_monitor'][0]}"
    (plan.folder / "alertmanager.yml").write_text(watching.alertmanager(status_page))


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


def _missing(store_url: str) -> Mapping[int, str]:
    """The last day of the window for each arm without a model; a day earlier for arm 1, so they differ."""
    with closing(open_store(store_url)) as store:
        routes, newest = store.routes(), store.newest() or 0
    missing = [arm for arm in ARMS if not routes or arm not in routes[-1].models]
    return {arm: str(day_of(newest - DAY * (arm == 1))) for arm in missing}


def _train(arm: int, until: str, environment: Mapping[str, str]) -> None:
    """Where the gate refuses the model it serves nevertheless: there is nothing else to show.

    Of ratings squeezed into six days it cannot say much, since hardly any user comes back on another day.
    """
    retrain = ["ml.automatic_retrain", "--once", "--label", str(arm), "--now", until]
    if _run(retrain, environment, allowed=(0, 1)):
        why = "the demo's first model, whatever the gate says"
        model = f"KNN_{arm}_{until}"
        _run(["ml.deploy", "publish", model, "--arm", str(arm), "--force", "--why", why], environment)


def _run(command: Sequence[str], environment: Mapping[str, str], allowed: Sequence[int] = (0,)) -> int:
    """Run a module; CalledProcessError for a status that is not allowed."""
    print(f"-- {' '.join(command)}", flush=True)
    done = subprocess.run([sys.executable, "-m", *command], env=environment, cwd=ROOT, check=False)
    if done.returncode not in allowed:
        done.check_returncode()
    return done.returncode
