"""Get the real servers that tests need, say which there are, then run the tests marked `real`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.servers.getting import MissingPartError
from tests.servers.parts import PARTS


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: expected some of {', '.join(PARTS)}")
    return names


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.run", description=__doc__)
    parser.add_argument(
        "--require", type=_parts, default=[], metavar="PART,PART", help="fail, not skip, where one is missing"
    )
    parser.add_argument(
        "--only", type=_parts, default=[], metavar="PART,PART", help="get these and skip tests of others"
    )
    parser.add_argument("pytest", nargs="*", help="after `--`: arguments of pytest")
    return parser.parse_args(argv)


def _obtained(name: str) -> str:
    """What there is of a part, in a line, after an attempt to get it where it was not there."""
    try:
        return f"ready    {_found_or_got(name)}"
    except MissingPartError as why:
        return f"MISSING  {why}"


def _found_or_got(name: str) -> str:
    try:
        return PARTS[name].find()
    except MissingPartError:
        started = time.monotonic()
        PARTS[name].get()
        return f"{PARTS[name].find()}, got in {time.monotonic() - started:.0f} s"


def main(argv: Sequence[str] | None = None) -> int:
    """Become pytest once the parts are there."""
    arguments = _arguments(argv)
    for name in arguments.only or PARTS:
        print(f"{name:13}{_obtained(name)}", flush=True)
    os.environ["REQUIRE_PARTS"] = ",".join(arguments.require)
    os.environ["ONLY_PARTS"] = ",".join(arguments.only)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", "-m", "real", *arguments.pytest])


if __name__ == "__main__":
    raise SystemExit(main())
