"""A small world with a past: tracked models, routes to them, answers from them, and lines of the log."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml import artifact
from ml.knn import KnnModel, Params
from ml.provenance.archive import Archive
from ml.retraining import inputs, train
from ml.snapshot import take
from ml.split import parse_split
from ml.tracking import MODEL, Repository, tag_of
from ml.training import model_name
from movielog.events import SECOND, Rated, Requested
from store import open_store
from store.port import Answer, Batch, ModelRef, Route, Seen, Store, Window
from tests.service.world import EARLY, LATE, MOVIES, USERS, filled_store

NOON = LATE.end + 43_200 * SECOND
HOUR = 3600 * SECOND
SPLIT = "hash:marquee:50"
ARM = parse_split(SPLIT).arm


@dataclass
class Past:
    """All of it in `folder`: the store, the provenance repository, its DVC remote.

    `early` served arm 1 from noon on, `late` arm 2 an hour later, `later` in its place another hour later.
    """

    folder: Path
    refs: list[ModelRef] = field(default_factory=list)

    @property
    def early(self) -> ModelRef:
        return self.refs[0]

    @property
    def late(self) -> ModelRef:
        return self.refs[1]

    @property
    def later(self) -> ModelRef:
        """A model of the same name as `late`, of other data."""
        return self.refs[2]

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def remote(self) -> Path:
        return self.folder / "remote"

    def archive(self) -> Archive:
        return Archive(self.repository)

    def store(self) -> Store:
        return open_store(f"sqlite://{self.folder}/marquee.db")

    def model(self, ref: ModelRef) -> KnnModel:
        """The model as its run left it, past DVC and Git."""
        return artifact.load(self.folder / "kept" / ref.digest)

    def copied(self, folder: Path) -> "Past":
        """The same past, to be spoilt."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        copy = Past(folder, self.refs)
        with Repository(copy.repository, str(copy.remote)).in_hand():
            return copy


def make(folder: Path) -> Past:
    """A past without an answer."""
    past = Past(folder)
    store = filled_store(folder)
    repository = Repository(past.repository, str(past.remote))
    with repository.in_hand():
        for label, window in ((1, EARLY), (2, LATE), (2, LATE)):
            ref = _tracked(store, repository, label, window)
            past.refs.append(ref)
            shutil.copytree(repository.folder / ref.name / MODEL, folder / "kept" / ref.digest)
            more = [Rated(LATE.start, len(past.refs), movie, 5.0) for movie in MOVIES[:40]]
            store.record(Batch(ratings=more))
        assert repository.push() == []
    _add_routes(past, store)
    store.close()
    return past


def _tracked(store: Store, repository: Repository, label: int, window: Window) -> ModelRef:
    name, params = model_name(label, window), Params(neighbours=20)
    folder = repository.start(name)
    inputs.write(take(store, window), inputs.Order(name, label, window, params, SPLIT), folder)
    repository.run(name, ["python", "-m", train.__name__, name])
    ref = artifact.ref_of(folder / MODEL)
    repository.keep(ref, f"run {name}")
    return ref


def _add_routes(past: Past, store: Store) -> None:
    tables = ({1: past.early}, {1: past.early, 2: past.late}, {1: past.early, 2: past.later})
    for number, models in enumerate(tables, 1):
        time = NOON + (number - 1) * HOUR
        store.add_route(Route(number, time, models, "publish", "ada", f"reason {number}"))


def some_answers(past: Past, ref: ModelRef, time: int, seed: int, count: int = 60) -> Sequence[Answer]:
    """Answers of a model as the service gives them, a second apart, to users of all kinds: with a row in the
    model or without, with a history or without, of movies that the model knows or not."""
    chance, model = random.Random(seed), past.model(ref)
    return [_answer(chance, ref, model, time + n * SECOND) for n in range(count)]


def _answer(chance: random.Random, ref: ModelRef, model: KnnModel, time: int) -> Answer:
    user = chance.choice(USERS) if chance.random() < 0.6 else chance.randrange(10**6, 10**12)
    fresh = model.fresh(user, _history(chance, time) if chance.random() < 0.7 else [])
    movies, rung = model.recommend(user, fresh)
    return Answer(time, user, ARM(user), ref, rung, movies, fresh)


def _history(chance: random.Random, until: int) -> list[Seen]:
    movies = chance.sample([*MOVIES, "unheard+of", "o=o"], chance.randrange(1, 12))
    return [
        Seen(
            movie,
            chance.choice([EARLY.start - 1, until - chance.randrange(1, HOUR)]),
            chance.randrange(0, 200),
            chance.choice([None, 1.0, 3.5, 5.0]),
        )
        for movie in movies
    ]


def line_of(answer: Answer, millis: int = 12) -> Requested:
    """The log's line of an answer."""
    end = answer.time // 10**6 * 10**6 + 2 * 10**6
    return Requested(end, answer.user, "127.0.0.1:4000", 200, answer.movies, "", millis)


def stored(past: Past, ref: ModelRef, part: str) -> Path:
    """The remote's copy of a part of a model's run."""
    lock = past.archive().lock(tag_of(ref))
    md5 = next(each["md5"] for each in (*lock["deps"], *lock["outs"]) if each["path"].endswith(part))
    return past.remote / "files" / "md5" / md5[:2] / md5[2:]


def flip(file: Path, seed: int) -> None:
    """Turn one bit of a file over."""
    content = bytearray(file.read_bytes())
    content[random.Random(seed).randrange(len(content))] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
