"""Answers made again from what the DVC remote has, and compared item by item with what was answered."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from ml import artifact
from ml.knn import KnnModel
from ml.provenance.archive import Archive
from ml.provenance.records import faults, files_of
from ml.provenance.served import MILLISECOND, Served
from ml.tracking import MODEL
from movielog.times import iso
from store.port import Answer, ModelRef, Seen


@dataclass(frozen=True)
class Comparison:
    """Answers of one model made again; `differences` has a sentence for each thing that is not the same."""

    model: ModelRef
    answers: int
    differences: Sequence[str]


@dataclass(frozen=True)
class Run:
    """A run's files in `folder` as they came from the remote, what is wrong with them, and their model, None
    where it is broken or not the one that was asked for."""

    folder: Path
    faults: Sequence[str]
    model: KnnModel | None


@contextmanager
def fetched(archive: Archive, ref: ModelRef) -> Iterator[Run]:
    """The run that made a model, brought from the DVC remote and checked, for as long as the block lasts.

    NoRunError where no tracked run made it, other TrackingErrors where its files cannot be had.
    """
    tag = archive.tag(ref)
    with TemporaryDirectory(prefix="provenance-") as root:
        folder = Path(root) / ref.name
        archive.fetch(tag, folder)
        wrong = faults(files_of(archive.lock(tag)), Path(root))
        model, broken = _loaded(folder / MODEL, ref.digest)
        yield Run(folder, [*wrong, *broken], model)


def _loaded(folder: Path, digest: str) -> tuple[KnnModel | None, Sequence[str]]:
    try:
        return artifact.load(folder, digest), ()
    except artifact.BrokenModel as error:
        return None, [str(error)]


def reproduce(archive: Archive, answers: Iterable[Answer]) -> Iterator[Comparison]:
    """Make recorded answers again, model by model, each model fetched once. Errors as in `fetched`."""
    ordered = sorted(answers, key=lambda each: (each.model, each.time))
    for ref, group in groupby(ordered, key=lambda each: each.model):
        of_model = list(group)
        with fetched(archive, ref) as run:
            yield Comparison(ref, len(of_model), [*run.faults, *_differences(run.model, of_model)])


def _differences(model: KnnModel | None, answers: Sequence[Answer]) -> Iterable[str]:
    if model is not None:
        for answer in answers:
            yield from compare(model, answer)


def compare(model: KnnModel, answer: Answer) -> Sequence[str]:
    """How an answer differs from what the model says to the same user with the same fresh events."""
    movies, rung = model.recommend(answer.user, answer.fresh)
    head = f"user {answer.user} at {iso(answer.time)}Z"
    other_rung = [] if rung == answer.rung else [f"{head}, rung: answered {answer.rung}, now {rung}"]
    return [*other_rung, *(f"{head}, {line}" for line in _by_place(answer.movies, movies))]


def _by_place(answered: Sequence[str], now: Sequence[str]) -> Iterable[str]:
    for place, (one, other) in enumerate(zip_longest(answered, now, fillvalue="nothing"), 1):
        if one != other:
            yield f"place {place}: answered {one}, now {other}"


def reproduce_unrecorded(
    archive: Archive, served: Served, models: Sequence[ModelRef], history: Sequence[Seen]
) -> Iterator[Comparison]:
    """Try what can have given an answer that only the log knows of; the first that gives the same movies is
    the last.

    Each model is tried with what the user had certainly done by then, and with nothing, as when the store
    was away.
    """
    began = served.time - served.asked.millis * MILLISECOND
    before = [seen for seen in history if seen.last_time < began]
    for ref in models:
        with fetched(archive, ref) as run:
            differences = [*run.faults, *_closest(run.model, served, before)]
            yield Comparison(ref, 1, differences)
        if not differences:
            return


def _closest(model: KnnModel | None, served: Served, history: Sequence[Seen]) -> Sequence[str]:
    if model is None:
        return ()
    tries = [
        list(_by_place(served.movies, model.recommend(served.user, fresh).movies))
        for fresh in (model.fresh(served.user, history), {})
    ]
    return min(tries, key=len)
