"""Answers that the service could not give are faults."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from ml.gate.answers import ask
from ml.knn import KnnModel, Recommendation
from tests.ml.gate.world import BAR, model, table

_made = cache(model)


@dataclass(frozen=True)
class Spoilt:
    """A model whose answers are changed."""

    model: KnnModel
    kind: str

    def __getattr__(self, name: str) -> object:
        return getattr(self.model, name)

    def recommend(self, user: int, fresh: dict[str, float], count: int) -> Recommendation:
        movies, rung = self.model.recommend(user, fresh, count)
        seen = next(iter(self.model.row(user)), movies[0])
        changed = {
            "short": movies[:-1],
            "twice": (*movies[:-1], movies[0]),
            "seen": (*movies[:-1], seen),
            "unknown": (*movies[:-1], "who+knows"),
        }
        return Recommendation(changed[self.kind], rung)


def test_a_good_models_answers_have_no_faults() -> None:
    verdict = ask(_made(12), table(12), BAR)
    assert verdict.reasons == ()
    assert verdict.figures["asked"] == BAR.sample_users + 1
    assert verdict.figures["slowest_answer_seconds"] > 0


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("short", "19 movies in place of 20"),
        ("twice", "a movie twice"),
        ("seen", "a movie that was seen"),
        ("unknown", "a movie that is not known"),
    ],
)
def test_a_fault_is_named_with_its_user(kind: str, told: str) -> None:
    reasons = ask(Spoilt(_made(12), kind), table(12), BAR).reasons  # type: ignore[arg-type]
    assert told in reasons[0]
    assert reasons[0].startswith("user ")
    assert len(reasons) == 4
    assert reasons[-1].startswith("and ")


def test_an_answer_that_took_too_long_is_a_fault() -> None:
    (reason,) = ask(_made(12), table(12), replace(BAR, answer_ms=0)).reasons
    assert "at most 0 are allowed" in reason


def test_a_model_of_few_movies_may_answer_with_all_that_are_left() -> None:
    rows = table(12)
    few = rows[rows["movie"].isin(rows["movie"].value_counts().index[:15])].copy()
    few["movie"] = few["movie"].cat.remove_unused_categories()
    assert ask(model(12, few), few, BAR).reasons == ()


def test_the_sample_is_the_same_every_time() -> None:
    asked: list[list[int]] = [[], []]
    for users in asked:
        watched = Spoilt(_made(12), "twice")
        object.__setattr__(watched, "recommend", _noting(_made(12), users))
        ask(watched, table(12), BAR)  # type: ignore[arg-type]
    assert asked[0] == asked[1]
    assert len(np.unique(asked[0])) == BAR.sample_users + 1


def _noting(made: KnnModel, users: list[int]):
    def recommend(user: int, fresh: dict[str, float], count: int) -> Recommendation:
        users.append(user)
        return made.recommend(user, fresh, count)

    return recommend
