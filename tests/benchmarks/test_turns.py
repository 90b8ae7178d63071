"""Candidates in turn."""

from collections.abc import Callable

from benchmarks.turns import in_turn, ratio


def test_each_candidate_runs_once_a_round_one_after_the_other() -> None:
    ran: list[str] = []

    def candidate(name: str) -> Callable[[], int]:
        return lambda: ran.append(name) or len(ran)

    assert in_turn({"a": candidate("a"), "b": candidate("b")}, 3) == {"a": [1, 3, 5], "b": [2, 4, 6]}
    assert ran == ["a", "b"] * 3


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:
    assert ratio([1.0, 30.0, 2.0], [2.0, 10.0, 4.0]) == 0.5
