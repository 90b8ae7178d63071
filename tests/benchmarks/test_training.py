"""The comparison of fits: what is compared is the same thing, and a difference is found."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks.datasets import Size, make, matrix
from benchmarks.training import figures, ours, processes
from benchmarks.training.figures import Measured, Run
from benchmarks.training.measuring import Matrix, Neighbours, measured, of_sparse, read, write
from benchmarks.training.peers import PEERS
from ml import knn
from store.port import Window

K = 12


@pytest.fixture(scope="module")
def data() -> Matrix:
    whole = matrix(make(Size(400, 150, 6_000), seed=1))
    return Matrix(whole.indptr, whole.movie, whole.strength // 40)


def _by_cosine(data: Matrix) -> Neighbours:
    """From a dense product."""
    full = sp.csr_matrix((data.stars.astype(float), data.movie.astype(int), data.indptr)).toarray()
    full /= np.linalg.norm(full, axis=0)
    similar = full.T @ full
    np.fill_diagonal(similar, 0)
    numbers = np.argsort(-similar, axis=1, kind="stable")[:, :K]
    best = np.take_along_axis(similar, numbers, axis=1)
    return np.where(best > 0, numbers, -1), best.astype(np.float32)


@pytest.mark.parametrize("name", ["scikit-learn", "scipy in blocks"])
def test_peers_find_the_neighbours_of_a_dense_product(name: str, data: Matrix) -> None:
    peer = PEERS[name]
    found = peer.neighbours(peer.fit(peer.prepared(data), K), K)
    assert processes.differs(found, _by_cosine(data)) == ""


def test_ours_finds_them_too(data: Matrix) -> None:
    model = knn.fit(ours.interactions(data), ours.params("plain", K), "", Window(0, 0))
    numbers = np.where(model.tables.similarities > 0, model.tables.neighbours.astype(int), -1)
    assert processes.differs((numbers, model.tables.similarities), _by_cosine(data)) == ""


def test_of_a_sparse_product_the_row_itself_is_left_out() -> None:
    similar = sp.csr_matrix(np.array([[1.0, 0.5, 0.7], [0.5, 1.0, 0.0], [0.7, 0.0, 1.0]]))
    numbers, similarities = of_sparse(similar, 2)
    assert numbers.tolist() == [[2, 1], [0, -1], [0, -1]]
    assert np.allclose(similarities, [[0.7, 0.5], [0.5, 0], [0.7, 0]])


LISTS = (np.array([[1, 2, 3]]), np.array([[0.9, 0.5, 0.5]], np.float32))


def test_ties_are_no_difference() -> None:
    assert processes.differs(LISTS, (np.array([[1, 7, 2]]), LISTS[1])) == ""


def test_another_neighbour_or_another_similarity_is() -> None:
    assert "movie 0 has neighbours [1]" in processes.differs(LISTS, (np.array([[4, 2, 3]]), LISTS[1]))
    assert "similarities of movie 0" in processes.differs(LISTS, (LISTS[0], LISTS[1] + np.float32(0.01)))
    assert "against" in processes.differs(LISTS, (LISTS[0][:, :2], LISTS[1][:, :2]))


def test_a_matrix_is_read_as_it_was_written(data: Matrix, tmp_path: Path) -> None:
    write(data, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(read(tmp_path), data, strict=True))
    assert data.first(5).indptr.tolist() == data.indptr[:6].tolist()
    assert data.first(5).movie.size == data.indptr[5]


def test_the_peak_is_what_the_fit_took_above_the_data() -> None:
    held = np.ones(4_000_000)
    figures_, _ = measured(lambda given: float(np.concatenate([given, given]).sum()), held)
    assert 60 < figures_["peak"] < 75


def _measured() -> Measured:
    runs = {
        "ours": [Run(1, 2, 100, 2), Run(3, 4, 110, 2)],
        "implicit": [Run(4, 8, 200, 2), Run(6, 8, 210, 2)],
        "slow": [Run(12, 16, 900, 2)],
    }
    return Measured("L", 10, 5, 40, 200, {"day": "today", "load before": "1", "machine": "this"}, runs)


def test_ratios_are_of_the_same_round() -> None:
    found = _measured()
    assert found.ratio("ours", "seconds") == pytest.approx((0.25 + 0.5) / 2)
    assert found.ratio("slow", "seconds") == 3
    assert found.middle("ours", "peak") == 105


def test_the_report_has_the_goals_and_a_row_for_each_the_fastest_first(tmp_path: Path) -> None:
    figures.keep(_measured(), tmp_path)
    (kept,) = figures.kept(tmp_path)
    assert kept == _measured()
    report = figures.training([kept])
    assert [goal.reached for goal in report.goals] == [True, True]
    assert [row[0] for row in report.tables[0].rows] == ["ours", "implicit", "slow"]
    assert report.plots[0].series["ours"] == [(40, 3)]
    assert report.tables[-1].rows[0][4] == 3 / 200 * 1e9
