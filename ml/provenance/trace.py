"""All that is known of how an answer came about, and what of it is only inferred."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ml import routes
from ml.provenance.archive import Archive
from ml.provenance.records import File, Record, record
from ml.provenance.served import Served, find, likely_models, model_of
from ml.split import parse_split
from ml.tracking import TrackingError
from movielog.events import SECOND
from movielog.times import iso
from store.port import ModelRef, Route, Store


@dataclass(frozen=True)
class Trace:
    """An answer and where it comes from.

    `rule` is the split that is set now, `rule_arm` the arm that it gives the user. `models` is the model that
    the service recorded, or those that can have answered, the likeliest first; `sources` has what is known of
    each, or why nothing is.
    """

    served: Served
    arm: int
    rule: str
    rule_arm: int
    ledger: Sequence[Route]
    models: Sequence[ModelRef]
    sources: Sequence[Record | str]


Sources = Callable[[ModelRef], Record | str]
"""Says where a model comes from, or why that is not known."""


def trace(store: Store, sources: Sources, rule: str, user: int, until: int) -> Trace:
    """Trace the newest answer to a user up to a time in ns; NoAnswerError where there is none."""
    served, ledger, rule_arm = find(store, user, until), store.routes(), parse_split(rule).arm(user)
    arm = served.answer.arm if served.answer else rule_arm
    models = [served.answer.model] if served.answer else likely_models(ledger, arm, served.asked)
    return Trace(served, arm, rule, rule_arm, ledger, models, [sources(model) for model in models])


def source(archive: Archive | str, model: ModelRef) -> Record | str:
    """The tracked run that made a model, or why none is known: `archive` may be the reason."""
    if isinstance(archive, str):
        return archive
    try:
        return record(archive, model)
    except TrackingError as error:
        return str(error)


def text(found: Trace) -> str:
    """A trace for people, a fact a line."""
    served = found.served
    lines = [
        ("answer", f"user {served.user} at {iso(served.time)}Z"),
        *_accounts(served),
        ("arm", _arm(found)),
        *(("model", f"{model.name}, SHA-256 {model.digest}") for model in found.models),
        *_doubt(found),
        *_routes(found),
    ]
    for known in found.sources:
        lines += _source(known)
    return "\n".join(f"{name:12}{fact}" for name, fact in [*lines, *_answered(served)])


Lines = Iterable[tuple[str, str]]


def _accounts(served: Served) -> Lines:
    if served.answer:
        yield "recorded", "by the service: arm, model, rung, fresh events and movies"
    else:
        yield "recorded", "only by the log: the service's own record is not in the store (dropped, or lost"
        yield "", "with a killed worker, or on its way for about a second)"
        yield "inferred", "arm, from the split rule; model, from the routes"
    yield "log", _log(served)


def _log(served: Served) -> str:
    asked = served.request
    if asked is None:
        return "no line tells of it (its caller left, or ingest is behind)"
    return f"{iso(asked.time)}Z, {asked.server}, status {asked.status} after {asked.millis} ms, these movies"


def _arm(found: Trace) -> str:
    said = f"{found.arm}: the split {found.rule} puts user {found.served.user} "
    if found.arm == found.rule_arm:
        return f"{said}there"
    return f"{said}into arm {found.rule_arm}, so another split was set then"


def _doubt(found: Trace) -> Lines:
    if len(found.models) > 1:
        yield "", "either of these: the route changed at about that time; `reproduce` tries both"
    if not found.models:
        yield "model", "none can be named: no route was in force"


def _routes(found: Trace) -> Lines:
    route = routes.at(found.ledger, found.served.time)
    if route is None:
        first = (
            f"the first one is of {iso(found.ledger[0].time)}Z" if found.ledger else "there is none at all"
        )
        yield "route", f"none was in force: {first}"
        return
    yield "route", _route(route, found.ledger)
    if found.served.answer and model_of(route, found.arm) != found.served.answer.model:
        yield from _other_route(found, route)


def _route(route: Route, ledger: Sequence[Route]) -> str:
    until = next((f" until {iso(next_.time)}Z" for next_ in ledger if next_.number == route.number + 1), "")
    return f"{route.number} since {iso(route.time)}Z{until}: {route.action} by {route.who}: {route.why}"


def _other_route(found: Trace, newest: Route) -> Lines:
    """Why a replica answered from another model than the route in force names."""
    age = (found.served.time - newest.time) / SECOND
    before = [route for route in found.ledger if route.number < newest.number]
    model = found.models[0]
    yield "", f"which was {age:.3f} s old and names another model for arm {found.arm}"
    named = next((route for route in reversed(before) if model_of(route, found.arm) == model), None)
    if named is None:
        yield "", "and no earlier route names this one: the ledger does not explain it"
        return
    yield "", f"the replica still followed route {named.number}, or had to refuse the newer model"
    yield "route", _route(named, found.ledger)


def _source(known: Record | str) -> Lines:
    if isinstance(known, str):
        yield "run", f"unknown: {known}"
        return
    yield "stage", f"{known.stage}, tag {known.tag}, commit {known.commit[:12]}"
    yield "command", known.command
    yield from (("file", _file(file)) for file in known.files)
    yield from (("data.json", known.missing),) if known.missing else _data(known)


def _file(file: File) -> str:
    number = f" in {file.files} files" if file.files else ""
    return f"{file.path}, MD5 {file.md5}, {file.size:,} bytes{number}"


def _data(known: Record) -> Lines:
    data = known.data
    window = data.get("window", {})
    yield "window", f"{window.get('start')} to {window.get('end')}"
    yield "params", _pairs(data.get("params", {}))
    yield "snapshot", _pairs(data.get("snapshot", {}))
    yield "code", f"{data.get('commit')}{' with uncommitted changes' if data.get('dirty') else ''}"
    yield "created", str(data.get("created"))
    yield "python", str(data.get("python"))
    yield "libraries", _pairs(data.get("libraries", {}))


def _pairs(named: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())


def _answered(served: Served) -> Lines:
    if served.answer:
        yield "rung", served.answer.rung
        yield "fresh", _pairs(dict(served.answer.fresh)) or "nothing"
    yield "movies", ", ".join(served.movies) or "none"
