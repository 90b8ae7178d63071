"""The parts of `make bench-serve` that need no server."""

import numpy as np
import pytest

from benchmarks.serving import figures, scoring
from benchmarks.serving.load import GIVEN_UP, Peak
from benchmarks.serving.measuring import Memory
from benchmarks.serving.stack import balancing
from ml.knn import Params, fit
from store.port import Window
from tests.ml.worlds import matrix, tastes


@pytest.fixture(scope="module")
def arrays() -> scoring.Arrays:
    data = matrix(tastes(300, 120))
    return scoring.Arrays(*fit(data, Params(neighbours=20), "KNN_1_2022-04-08", Window(0, 1)).tables)


@pytest.mark.parametrize("way", ["ours", "scipy"])
def test_every_way_to_score_finds_movies_of_the_same_scores(arrays: scoring.Arrays, way: str) -> None:
    base, other = scoring.numpy(arrays), scoring.WAYS[way](arrays)
    for row in range(0, 300, 7):
        scores = scoring._scores(arrays, row)
        assert np.allclose(scores[base(row)], scores[other(row)], atol=1e-5)


def test_the_balancer_is_the_stacks_own_with_other_addresses(tmp_path) -> None:
    text = balancing([8001, 8002], 4321, tmp_path)
    assert "server 127.0.0.1:8001 max_fails=0;\nserver 127.0.0.1:8002 max_fails=0;" in text
    assert "listen 127.0.0.1:4321;" in text
    assert "proxy_next_upstream_timeout 380ms;" in text
    assert f"client_body_temp_path {tmp_path}/body;" in text
    assert "resolver " not in text
    assert "recom_service" not in text


def test_a_view_is_compared_with_the_constant_one_of_the_same_round() -> None:
    peaks = {
        "constant view": [Peak(100, 1.0, 1, 1, 0), Peak(200, 1.0, 1, 1, 0), Peak(50, 1.0, 1, 1, 0)],
        "ours": [Peak(90, 2.0, 1, 1, 0), Peak(180, 3.0, 1, 1, 0), Peak(10, 4.0, 1, 1, 0)],
    }
    assert figures.against(peaks, "ours", "rate") == 0.9
    assert figures.against(peaks, "ours", "cpu") == 3.0


def test_failed_requests_are_slower_than_all_others_and_counted() -> None:
    assert figures.quantiles([1.0] * 98 + [GIVEN_UP] * 2) == [1.0, 1.0, GIVEN_UP, GIVEN_UP, 2.0]


def test_copies_are_counted_in_the_models_size() -> None:
    assert figures.copies(Memory(80.0, 88.0, [1.0, 2.0])) == pytest.approx(1.1)
