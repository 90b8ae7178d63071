"""Offline quality: a floor on real ratings where MOVIELENS_DIR has them, else on made ones."""

import os
import warnings
from pathlib import Path

import pytest

from ml import offline
from ml.baselines import nearest, popularity
from ml.evaluation import held_out, last_fifth, quality
from ml.knn import Params
from ml.matrix import interactions, snapshot
from tests.ml.worlds import tastes, watches

MOVIELENS = os.environ.get("MOVIELENS_DIR")
RATINGS = "1,10,4.0,100\n1,20,3.5,200\n2,10,1.0,300\n"


def test_the_knn_foretells_much_better_than_popularity() -> None:
    if not MOVIELENS:
        warnings.warn("MOVIELENS_DIR is not set: quality is checked on made ratings only", stacklevel=1)
    known, later = last_fifth(snapshot(tastes(500, 200), watches([])))
    held = held_out(later)
    found, popular = (
        quality(nearest(interactions(known), Params()), held),
        quality(popularity(interactions(known)), held),
    )
    assert found.recall > 1.3 * popular.recall
    assert found.ndcg > 1.3 * popular.ndcg


@pytest.mark.skipif(not MOVIELENS, reason="MOVIELENS_DIR is not set")
def test_quality_on_movielens_small_is_not_below_its_floor() -> None:
    known, later = last_fifth(offline.read_movielens(Path(MOVIELENS or "")))
    found = quality(nearest(interactions(known), Params()), held_out(later))
    assert found.users == 671, "the floor is for the MovieLens folder of 671 users"
    assert found.recall >= 0.170
    assert found.ndcg >= 0.150


@pytest.mark.parametrize("header", ["userId,movieId,rating,timestamp", "user_id,movie_id,rating,timestamp"])
def test_ratings_are_read_under_either_header(tmp_path: Path, header: str) -> None:
    (tmp_path / "ratings.csv").write_text(f"{header}\n{RATINGS}")
    table = offline.read_movielens(tmp_path)
    assert table["movie"].tolist() == ["10", "20", "10"]
    assert table["time"].tolist() == [100 * 10**9, 200 * 10**9, 300 * 10**9]


def test_a_folder_without_ratings_is_a_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offline.main(["--data", str(tmp_path)]) == 2
    (tmp_path / "ratings.csv").write_text("a,b\n1,2\n")
    assert offline.main(["--data", str(tmp_path)]) == 2
    assert "its columns are a, b" in capsys.readouterr().err


def test_the_table_names_every_recommender(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{u},{m[1:]},{r},{t}" for u, m, t, r in tastes(40, 50).itertuples(index=False)]
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + "\n".join(rows))
    assert offline.main(["--data", str(tmp_path), "--neighbours", "7"]) == 0
    printed = capsys.readouterr().out
    for name in ("popularity", "plain cosine", "implicit, BM25", "EASE, penalty 200", "KNN, 7 neighbours"):
        assert name in printed
