"""The routes ledger: which model serves which arm, since when, by whose decision."""

import getpass
import time
from collections.abc import Callable, Mapping, Sequence

from store.port import ARMS, ModelRef, Route, RouteConflict, Store, StoreError

CHAMPION, CHALLENGER = 1, 2
"""The arms: the proven model, and the one that has to prove itself."""

Table = Mapping[int, ModelRef]


def serving(routes: Sequence[Route]) -> Table:
    """The models by arm now; empty before the first route."""
    return routes[-1].models if routes else {}


def both(table: Table) -> Table:
    """The model of either arm, where one has none of its own the other's; empty for an empty table."""
    return {arm: table.get(arm, next(iter(table.values()))) for arm in ARMS} if table else {}


def at(routes: Sequence[Route], moment: int) -> Route | None:
    """The route in force at a time in ns, None where there was none yet."""
    return next((route for route in reversed(routes) if route.time <= moment), None)


def running(routes: Sequence[Route]) -> Route | None:
    """The route by which an arm last got another model: what began the experiment that runs now."""
    tables = [{}, *(route.models for route in routes)]
    changes = (route for route, before in zip(routes, tables, strict=False) if route.models != before)
    return next(reversed(list(changes)), None)


def publish(store: Store, arm: int, ref: ModelRef, why: str) -> Route:
    """Let a model serve an arm from now on."""
    return _change(store, "publish", why, lambda routes: {**serving(routes), arm: ref})


def promote(store: Store, why: str) -> Route:
    """Make the challenger the champion; it serves both arms until the next challenger comes."""
    return _change(
        store, "promote", why, lambda routes: {CHAMPION: _challenger(routes), CHALLENGER: _challenger(routes)}
    )


def roll_back(store: Store, why: str) -> Route:
    """Undo the last change that is not undone yet; again, and the one before it."""
    return _change(store, "rollback", why, lambda routes: _before(routes).models)


def _challenger(routes: Sequence[Route]) -> ModelRef:
    try:
        return serving(routes)[CHALLENGER]
    except KeyError:
        raise StoreError("there is no challenger to promote: no model serves arm 2") from None


def _before(routes: Sequence[Route]) -> Route:
    standing: list[Route] = []
    for route in routes:
        if route.action == "rollback":
            standing.pop()
        else:
            standing.append(route)
    if len(standing) < 2:
        raise StoreError("there is nothing to roll back to: the routes hold no earlier state")
    return standing[-2]


def _change(store: Store, action: str, why: str, table: Callable[[Sequence[Route]], Table]) -> Route:
    """Append what `table` makes of the ledger; made again where somebody else was quicker."""
    while True:
        routes = store.routes()
        route = Route(len(routes) + 1, time.time_ns(), table(routes), action, getpass.getuser(), why)
        try:
            store.add_route(route)
        except RouteConflict:
            continue
        return route
