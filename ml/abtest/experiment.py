"""Which experiment it is: two models, since when, and what was before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml import routes
from movielog.events import DAY
from movielog.times import iso
from store.port import ModelRef, Route, StoreError, Window

LONGEST_BEFORE = 14 * DAY
"""How far back the users' behaviour before the experiment is looked at, in ns."""

_BEGINNING = 0


@dataclass(frozen=True)
class Experiment:
    """What served arms 1 and 2 from `since` (ns) on.

    `before` is the time just before in which all users were served alike, None where they were not: what
    users did before different models tells of these models too, and must not be taken for their habits.
    """

    since: int
    models: Mapping[int, ModelRef]
    before: Window | None

    @property
    def name(self) -> str:
        """The same for the same models and start; the identity of its evaluations in the store."""
        old, new = (f"{ref.name}@{ref.digest[:12]}" for _, ref in sorted(self.models.items()))
        return f"{old} against {new} since {iso(self.since)}"


def under_way(ledger: Sequence[Route]) -> Experiment:
    """The experiment since an arm last got another model; StoreError where no model serves."""
    began = routes.running(ledger)
    if began is None:
        raise StoreError("no model serves yet, so that there is nothing to compare")
    return _of(ledger, began, began.time)


def since(ledger: Sequence[Route], start: int) -> Experiment:
    """Of what served at a time in the past; StoreError where nothing did."""
    route = routes.at(ledger, start)
    if route is None:
        first = f"the first model served from {iso(ledger[0].time)} on" if ledger else "no model ever served"
        raise StoreError(f"nothing served yet at {iso(start)}: {first}")
    return _of(ledger, route, start)


def _of(ledger: Sequence[Route], route: Route, start: int) -> Experiment:
    return Experiment(start, routes.both(route.models), _alike_before(ledger, start))


def changes_within(ledger: Sequence[Route], window: Window) -> Sequence[Route]:
    """Routes by which an arm got another model after the window's start."""
    there = [route for route in ledger if route.time < window.end]
    later = zip(there[1:], there, strict=False)
    return [
        route for route, last in later if route.time > window.start and not _same(route.models, last.models)
    ]


def _same(one: routes.Table, other: routes.Table) -> bool:
    return routes.both(one) == routes.both(other)


def _alike_before(ledger: Sequence[Route], start: int) -> Window | None:
    since = start
    for route in reversed([route for route in ledger if route.time < start]):
        if len(set(route.models.values())) > 1:
            break
        since = route.time
    else:
        since = _BEGINNING
    return Window(max(since, start - LONGEST_BEFORE), start) if since < start else None
