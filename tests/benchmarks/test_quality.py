"""What is told of the quality of recommenders."""

from benchmarks.quality import report, rows
from benchmarks.report import Table

PRINTED = """\
671 users, 8,000 movies, 80000 ratings, 19000 held out
                         recall@20   nDCG@20   seconds
popularity                  0.0940    0.0850       0.1
implicit, cosine        left out: the library implicit is not installed
EASE, penalty 50            0.1680    0.1480       3.1
KNN, 100 neighbours         0.1770    0.1400       0.2
"""


def test_every_line_with_figures_is_a_row() -> None:
    found = list(rows(PRINTED))
    assert [row[0] for row in found] == ["popularity", "EASE, penalty 50", "KNN, 100 neighbours"]
    assert found[1][1:] == ["0.1680", "0.1480", "3.1"]


def test_the_goals_are_those_of_the_knn_on_the_first_table() -> None:
    goals = report([Table("", (), list(rows(PRINTED)))], {}).goals
    assert [(goal.measured, goal.reached) for goal in goals] == [(0.177, True), (0.14, False)]
