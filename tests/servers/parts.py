"""The real parts that tests may ask for."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.servers import broker, database, getting, spark
from tests.servers.getting import MissingPartError


@dataclass(frozen=True)
class Part:
    """`find` says what is there, `get` fetches, installs or builds it; both raise MissingPartError."""

    find: Callable[[], str]
    get: Callable[[], None]


def _programs(*choices: tuple[str, ...]) -> str:
    return ", ".join(getting.program(*names) for names in choices)


def _debian(package: str, *choices: tuple[str, ...]) -> Part:
    """Programs, each under one of several names, that a Debian package brings."""
    return Part(partial(_programs, *choices), partial(getting.install, package))


PARTS = {
    "kafka": Part(broker.find, broker.get),
    "mongo": Part(database.find, database.get),
    "spark": Part(spark.find, spark.get),
    "nginx": _debian("nginx", ("nginx",)),
    "prometheus": _debian("prometheus", ("prometheus",), ("promtool",)),
    "alertmanager": _debian(
        "prometheus-alertmanager", ("prometheus-alertmanager", "alertmanager"), ("amtool",)
    ),
    "chromium": _debian("chromium", ("chromium", "chromium-browser", "google-chrome")),
}


def find(name: str) -> str:
    """What there is of a part; MissingPartError where ONLY_PARTS leaves it out or it is not there."""
    only = chosen("ONLY_PARTS")
    if only and name not in only:
        raise MissingPartError("left out by ONLY_PARTS")
    return PARTS[name].find()


def chosen(variable: str) -> list[str]:
    """The parts that a variable such as `kafka,nginx` names."""
    return [name for name in os.environ.get(variable, "").split(",") if name]
