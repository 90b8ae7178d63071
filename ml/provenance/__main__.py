"""Where an answer comes from, and whether the same comes out when it is made again."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from ml.provenance import commands
from ml.provenance.archive import open_archive
from ml.provenance.served import NoAnswerError
from ml.tracking import TrackingError
from movielog.times import instant, last_instant
from settings import SettingsError, read_settings
from store import open_store
from store.port import StoreError

_EPILOG = (
    "Times are ISO 8601, UTC where no zone is given, and stand for all of the day, minute or second that "
    "they name: --at 2022-04-12T15:09 means the newest answer before 15:10. The exit status is 0 where all "
    "is identical, 1 where something differs, 2 where it cannot be done."
)
_COMMANDS = {
    "trace": ("say how an answer came about", commands.trace),
    "reproduce": (
        "fetch an answer's data and model from the DVC remote, make it again and compare",
        commands.reproduce,
    ),
    "retrain": ("train an answer's model again from its data and compare", commands.retrain),
    "account": ("count the requests of the log of which the service has no record", commands.account),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; 0 for identical, 1 for different, 2 where it cannot be done."""
    arguments = _arguments(argv)
    try:
        settings = read_settings(os.environ)
        with ExitStack() as stack:
            store = stack.enter_context(closing(open_store(settings.store_url)))
            place = arguments.repository or settings.provenance
            archive = commands.opened(stack, lambda: open_archive(place, arguments.remote))
            return _COMMANDS[arguments.command][1](commands.Desk(store, archive, settings.split), arguments)
    except (NoAnswerError, StoreError, TrackingError, SettingsError, ValueError) as error:
        print(f"provenance: {error}", file=sys.stderr)
        return 2


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.provenance", description=__doc__, epilog=_EPILOG)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, (does, _) in _COMMANDS.items():
        command = subparsers.add_parser(name, help=does, description=does, epilog=_EPILOG)
        _add_repository(command)
        if name != "account":
            _add_answer(command)
        if name in ("account", "reproduce"):
            _add_span(command, sampled=name == "reproduce")
    arguments = parser.parse_args(argv)
    if lacking := _lacking(arguments):
        parser.error(f"{arguments.command} needs {lacking}")
    return arguments


def _lacking(arguments: argparse.Namespace) -> str:
    """What a command cannot do without."""
    given = vars(arguments)
    if given.get("since") is not None or None not in (given.get("user"), given.get("at")):
        return ""
    if "user" not in given:
        return "--since"
    return "--user and --at" + (" or, for many answers, --since" if "since" in given else "")


def _add_answer(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", type=_number(0), help="who was answered")
    command.add_argument("--at", type=_time(last_instant), metavar="TIME", help="when")


def _add_repository(command: argparse.ArgumentParser) -> None:
    command.add_argument("--repository", help="path or URL of the provenance repository")
    command.add_argument("--remote", help="URL of the DVC remote, where the repository names another")


def _add_span(command: argparse.ArgumentParser, sampled: bool) -> None:
    group = command.add_argument_group("many answers")
    group.add_argument("--since", type=_time(instant), metavar="TIME", help="from this time on")
    group.add_argument("--until", type=_time(last_instant), metavar="TIME", help="up to this one")
    if sampled:
        group.add_argument(
            "--sample", type=_number(1), metavar="N", help="so many of them at most, at random"
        )
        group.add_argument("--seed", type=_number(0), default=1, help="which ones (default: 1)")


def _time(read: Callable[[str], int]) -> Callable[[str], int]:
    def checked(text: str) -> int:
        try:
            return read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2022-04-12T15:09") from None

    return checked


def _number(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
        return int(text)

    return read


if __name__ == "__main__":
    raise SystemExit(main())
