"""Publish, promote and roll back models; say which served when."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from ml import routes
from movielog.events import SECOND
from movielog.times import instant, iso
from settings import SettingsError, read_settings
from store import open_store
from store.port import ARMS, REFUSED, ModelRef, Retrain, Route, Store, StoreError


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command on the store's routes; 2 where it cannot be done, with the reason."""
    arguments = _parser().parse_args(argv)
    try:
        with closing(open_store(read_settings(os.environ).store_url)) as store:
            print(_COMMANDS[arguments.command](store, arguments))
    except (StoreError, SettingsError, ValueError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all models, how all retrains ended, the whole ledger of routes")
    publish = commands.add_parser("publish", help="let a stored model serve an arm")
    publish.add_argument("model", help="a name such as KNN_2_2022-04-12, or NAME@DIGEST")
    publish.add_argument("--arm", type=int, choices=ARMS, required=True)
    publish.add_argument("--force", action="store_true", help="even a model that the gate refused")
    promote = commands.add_parser("promote", help="make the challenger (arm 2) the champion (arm 1)")
    rollback = commands.add_parser("rollback", help="undo the last change")
    for command in (publish, promote, rollback):
        command.add_argument("--why", default="by hand", help="goes into the ledger")
    at = commands.add_parser("at", help="what served at a time")
    at.add_argument("time", help="ISO 8601, UTC where no zone is given")
    return parser


def _list(store: Store, _: argparse.Namespace) -> str:
    ledger, retrains = store.routes(), store.retrains()
    now, refused = routes.serving(ledger), _refused(retrains)
    models = [f"{_short(ref)}  {_role(ref, now) or _barred(ref, refused)}".rstrip() for ref in store.models()]
    parts = {
        "models": models,
        "retrains": [_attempt(retrain) for retrain in retrains],
        "routes": [_line(route) for route in ledger],
    }
    return "\n\n".join("\n".join([name, *(lines or ["none"])]) for name, lines in parts.items())


def _refused(retrains: Sequence[Retrain]) -> Mapping[ModelRef, str]:
    """Why the gate refused a model, where the last verdict on it was that."""
    last = {one.model: one for one in retrains if one.model}
    return {ref: f"refused: {'; '.join(one.reasons)}" for ref, one in last.items() if one.outcome == REFUSED}


def _attempt(retrain: Retrain) -> str:
    model = _short(retrain.model) if retrain.model else retrain.name
    return "\n       ".join([f"  {_moment(retrain.started)}  {retrain.outcome:9}  {model}", *retrain.reasons])


def _publish(store: Store, arguments: argparse.Namespace) -> str:
    ref = find_model(store.models(), arguments.model)
    if not arguments.force and (why := _refused(store.retrains()).get(ref)):
        raise StoreError(f"the gate refused {_short(ref)}: {why}; --force publishes it nevertheless")
    return _line(routes.publish(store, arguments.arm, ref, arguments.why))


def _promote(store: Store, arguments: argparse.Namespace) -> str:
    return _line(routes.promote(store, arguments.why))


def _rollback(store: Store, arguments: argparse.Namespace) -> str:
    return _line(routes.roll_back(store, arguments.why))


def _at(store: Store, arguments: argparse.Namespace) -> str:
    route = routes.at(store.routes(), instant(arguments.time))
    if route is None:
        raise StoreError(f"nothing served yet at {arguments.time}")
    return _line(route)


_COMMANDS: Mapping[str, Callable[[Store, argparse.Namespace], str]] = {
    "list": _list,
    "publish": _publish,
    "promote": _promote,
    "rollback": _rollback,
    "at": _at,
}


def find_model(models: Sequence[ModelRef], text: str) -> ModelRef:
    """The newest model of this name, or the one of NAME@DIGEST (a digest's beginning will do)."""
    name, _, digest = text.partition("@")
    found = [ref for ref in models if ref.name == name and ref.digest.startswith(digest)]
    if not found:
        raise StoreError(f"the store has no model {text}; `python -m ml.deploy list` shows what it has")
    return found[-1]


def _line(route: Route) -> str:
    models = "  ".join(f"arm {arm}: {_short(ref)}" for arm, ref in sorted(route.models.items()))
    return f"{route.number:4} {_moment(route.time)}  {route.action:8}  {models}  ({route.who}: {route.why})"


def _moment(time: int) -> str:
    return iso(time // SECOND * SECOND)


def _short(ref: ModelRef) -> str:
    return f"{ref.name}@{ref.digest[:12]}"


def _role(ref: ModelRef, serving: Mapping[int, ModelRef]) -> str:
    arms = [str(arm) for arm, served in sorted(serving.items()) if served == ref]
    return f"serves arm {' and '.join(arms)}" if arms else ""


def _barred(ref: ModelRef, refused: Mapping[ModelRef, str]) -> str:
    return "refused by the gate" if ref in refused else ""


if __name__ == "__main__":
    raise SystemExit(main())
