"""The commands of `python -m ml.provenance`: what they print, and their exit status."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial

import pandas as pd

from ml.provenance import account as accounting
from ml.provenance import reproduce as making_again
from ml.provenance import trace as tracing
from ml.provenance.archive import Archive
from ml.provenance.reproduce import Comparison
from ml.provenance.retrain import retrain as train_again
from ml.provenance.served import Served, answer_of, find, likely_models, rows
from ml.split import parse_split
from ml.tracking import TrackingError, tag_of
from store.port import Answer, ModelRef, Store, Window

IDENTICAL = "identical"
_SHOWN = 20
_END = 2**63 - 1


@dataclass(frozen=True)
class Desk:
    """What a command works on: `archive` may be the reason why there is none, `split` is the rule now."""

    store: Store
    archive: Archive | str
    split: str

    @property
    def sources(self) -> tracing.Sources:
        """Says where a model comes from."""
        return partial(tracing.source, self.archive)

    @property
    def repository(self) -> Archive:
        """The archive; TrackingError where there is none."""
        if isinstance(self.archive, str):
            raise TrackingError(self.archive)
        return self.archive


def opened(stack: ExitStack, opening: Callable[[], AbstractContextManager[Archive]]) -> Archive | str:
    """An archive for as long as the stack lasts, or the reason why there is none."""
    try:
        return stack.enter_context(opening())
    except TrackingError as error:
        return str(error)


def trace(desk: Desk, arguments: argparse.Namespace) -> int:
    """Print how one answer came about."""
    found = tracing.trace(desk.store, desk.sources, desk.split, arguments.user, arguments.at)
    print(tracing.text(found))
    return 0


def reproduce(desk: Desk, arguments: argparse.Namespace) -> int:
    """Make one answer or many again; whether all are identical."""
    if arguments.since is None:
        served = find(desk.store, arguments.user, arguments.at)
        if served.answer is None:
            return _try(desk, served)
        answers: Sequence[Answer] = [served.answer]
    else:
        answers = _chosen(desk.store, arguments)
    return _verdict([_said(each) for each in making_again.reproduce(desk.repository, answers)])


def account(desk: Desk, arguments: argparse.Namespace) -> int:
    """Print how many answers of a span are recorded, and how many are to be inferred."""
    print(accounting.text(accounting.account(desk.store, parse_split(desk.split), _span(arguments))))
    return 0


def _span(arguments: argparse.Namespace) -> Window:
    return Window(arguments.since, _END if arguments.until is None else arguments.until + 1)


def _chosen(store: Store, arguments: argparse.Namespace) -> Sequence[Answer]:
    """The recorded answers of a span, or some of them."""
    frame = store.answers(_span(arguments), arguments.user)
    if frame.empty:
        raise ValueError("the service recorded no answer in that time")
    if arguments.sample and arguments.sample < len(frame):
        frame = _sampled(frame, arguments.sample, arguments.seed)
    return [answer_of(row) for row in rows(frame)]


def _sampled(frame: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    """The same rows for the same seed, whatever the order."""
    return frame.sort_values(["time", "user"]).sample(size, random_state=seed)


def _try(desk: Desk, served: Served) -> int:
    """Make an answer again of which there is no record: it is identical where one attempt is."""
    print("the service's record of this answer is missing: the log has its movies, the model is inferred")
    arm = parse_split(desk.split).arm(served.user)
    models = likely_models(desk.store.routes(), arm, served.asked)
    if not models:
        raise TrackingError("no route was in force then, so that no model can be named")
    history = desk.store.history(served.user)
    tries = making_again.reproduce_unrecorded(desk.repository, served, models, history)
    alike = [_said(each) for each in tries]
    if not any(alike):
        print("what the user had done by then is not recorded, so that this need not be the models' fault")
    return _verdict(alike[-1:])


def _said(found: Comparison) -> bool:
    """Print how answers of a model compare; whether they are identical."""
    same = "differs" if found.differences else IDENTICAL
    count = f"{found.answers} answer{'s' * (found.answers != 1)}"
    print(f"{tag_of(found.model)}: files from the DVC remote checked, {count}: {same}", flush=True)
    _list(found.differences)
    return not found.differences


def _list(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        print(f"  {line}")
    if len(lines) > _SHOWN:
        print(f"  and {len(lines) - _SHOWN} more")


def _verdict(alike: Sequence[bool]) -> int:
    print(IDENTICAL if all(alike) else "not identical")
    return 0 if all(alike) else 1


def retrain(desk: Desk, arguments: argparse.Namespace) -> int:
    """Train the model of an answer again; whether it is identical."""
    found = tracing.trace(desk.store, desk.sources, desk.split, arguments.user, arguments.at)
    if not found.models:
        raise TrackingError("no route was in force then, so that no model can be named")
    return _verdict([_retrained(desk.repository, model) for model in found.models])


def _retrained(archive: Archive, model: ModelRef) -> bool:
    again = train_again(archive, model)
    same = "differs" if again.differences else f"trained again, {IDENTICAL}"
    print(f"{tag_of(model)}, SHA-256 {model.digest}: {same}")
    _list([*again.remarks, *again.differences])
    return not again.differences
