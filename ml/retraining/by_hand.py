"""The first and the last step of the checkout's dvc.yaml: a folder's snapshot, and the gate's verdict.

Nothing is published. `params.yaml` says which model it is.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from ml import artifact, routes, snapshot
from ml.data_checks import faults
from ml.gate import judging
from ml.retraining import inputs, parameters
from ml.retraining.inputs import Order
from ml.retraining.parameters import ParameterError, Parameters
from ml.tracking import MODEL, RATINGS
from ml.training import model_name
from movielog.times import day_of
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import ARMS, Store, StoreError, Window

GATE = "gate.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Do one step; 1 where the window is not fit, 2 where it cannot be done, with the reasons."""
    parser = argparse.ArgumentParser(prog="python -m ml.retraining.by_hand", description=__doc__)
    parser.add_argument("step", choices=_STEPS)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args(argv)
    try:
        settings = read_settings(os.environ)
        given = parameters.read(Path(settings.params), settings.neighbours)
        with closing(open_store(settings.store_url)) as store:
            return _STEPS[arguments.step](store, settings, given, arguments.folder)
    except (StoreError, SettingsError, ParameterError, OSError, ValueError) as error:
        print(f"by_hand: {error}", file=sys.stderr)
        return 2


def _snapshot(store: Store, settings: Settings, given: Parameters, folder: Path) -> int:
    label, window = _asked(store, given)
    table, counts = snapshot.counted(store, window)
    if found := faults(counts, 0, window, given.data):
        print("the window is not fit to be trained on", *found, sep="\n  ", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    order = Order(model_name(label, window), label, window, given.knn, settings.split)
    inputs.write(table, order, folder)
    print(order.name)
    return 0


def _asked(store: Store, given: Parameters) -> tuple[int, Window]:
    asked, newest = given.by_hand, store.newest()
    if asked.label not in ARMS:
        raise ValueError(f"by_hand.label is {asked.label}; expected 1 or 2")
    if newest is None:
        raise ValueError("the store holds no events; fill it: python -m movielog.ingest")
    return asked.label, Window.until(
        date.fromisoformat(asked.until) if asked.until else day_of(newest), asked.days
    )


def _judge(store: Store, _: Settings, given: Parameters, folder: Path) -> int:
    said, table = inputs.read(folder), snapshot.read(folder / RATINGS)
    with TemporaryDirectory() as cache:
        other = judging.serving(
            store, routes.both(routes.serving(store.routes())).get(said.label), Path(cache)
        )
        verdict = judging.examined(artifact.load(folder / MODEL), other, table, store, given.gate)
    print(said.name, *(verdict.reasons or ["would pass the gate"]), sep="\n  ")
    told = {"passes": not verdict.reasons, **verdict.figures}
    (folder / GATE).write_text(json.dumps(told, indent=1) + "\n")
    return 0


_STEPS = {"snapshot": _snapshot, "judge": _judge}


if __name__ == "__main__":
    raise SystemExit(main())
