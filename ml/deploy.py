"""Publish, promote and roll back models; say which served when."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

from ml import routes
from movielog.events import SECOND
from movielog.times import instant
from settings import SettingsError, read_settings
from store import open_store
from store.port import ARMS, ModelRef, Route, Store, StoreError


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
    commands.add_parser("list", help="all models, and the whole ledger of routes")
    publish = commands.add_parser("publish", help="let a stored model serve an arm")
    publish.add_argument("model", help="a name such as KNN_2_2022-04-12, or NAME@DIGEST")
    publish.add_argument("--arm", type=int, choices=ARMS, required=True)
    promote = commands.add_parser("promote", help="make the challenger (arm 2) the champion (arm 1)")
    rollback = commands.add_parser("rollback", help="undo the last change")
    for command in (publish, promote, rollback):
        command.add_argument("--why", default="by hand", help="goes into the ledger")
    at = commands.add_parser("at", help="what served at a time")
    at.add_argument("time", help="ISO 8601, UTC where no zone is given")
    return parser


def _list(store: Store, _: argparse.Namespace) -> str:
    ledger = store.routes()
    now = routes.serving(ledger)
    models = [f"{_short(ref)}  {_role(ref, now)}".rstrip() for ref in store.models()]
    lines = [_line(route) for route in ledger]
    return "\n".join(["models", *(models or ["none"]), "", "routes", *(lines or ["none"])])


def _publish(store: Store, arguments: argparse.Namespace) -> str:
    ref = find_model(store.models(), arguments.model)
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
    since = datetime.fromtimestamp(route.time / SECOND, UTC).isoformat(timespec="seconds")
    models = "  ".join(f"arm {arm}: {_short(ref)}" for arm, ref in sorted(route.models.items()))
    return f"{route.number:4} {since}  {route.action:8}  {models}  ({route.who}: {route.why})"


def _short(ref: ModelRef) -> str:
    return f"{ref.name}@{ref.digest[:12]}"


def _role(ref: ModelRef, serving: Mapping[int, ModelRef]) -> str:
    arms = [str(arm) for arm, served in sorted(serving.items()) if served == ref]
    return f"serves arm {' and '.join(arms)}" if arms else ""


if __name__ == "__main__":
    raise SystemExit(main())
