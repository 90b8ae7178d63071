"""What is told of a retrain that was watched."""

from benchmarks.retrain import Watched, report, steps

LOG = """\
2026-01-01 10:00:00,105 retrain: KNN_1_2022-04-08: from 2022-04-04 to 2022-04-08
2026-01-01 10:00:02,464 retrain: data read and checked in 2.4 s
2026-01-01 10:00:03,442 retrain: snapshot of 1,000,000 rows written in 1.0 s
2026-01-01 10:00:26,335 retrain: KNN_1_2022-04-08: published
"""


def test_steps_are_what_the_log_says_was_done() -> None:
    assert list(steps(LOG)) == [("data read and checked", 2.4), ("snapshot of 1,000,000 rows written", 1.0)]


def test_the_report_accounts_for_all_of_the_time_and_for_the_highest_use_of_memory() -> None:
    found = report(
        Watched(5.0, 7.0, [("read", 2.4), ("written", 1.0)], [(0, 10), (1, 2500), (2, 30)]), "L", {}
    )
    assert [(goal.measured, goal.reached) for goal in found.goals] == [(5.0, True), (2500, False)]
    rows = dict(found.tables[0].rows)
    assert round(rows["what no step tells of"], 6) == 1.6
    assert rows["all"] == 5.0
