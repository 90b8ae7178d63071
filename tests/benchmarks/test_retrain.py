"""What is told of a retrain that was watched."""

from benchmarks.retrain import Sample, Step, Watched, report, steps

LOG = b"""\
2026-01-01 10:00:00,105 retrain: KNN_1_2022-04-08: from 2022-04-04 to 2022-04-08
2026-01-01 10:00:02,464 retrain: data read and checked in 2.4 s
2026-01-01 10:00:03,442 retrain: snapshot of 1,000,000 rows written in 1.0 s
2026-01-01 10:00:26,335 retrain: KNN_1_2022-04-08: published
"""


def test_steps_are_what_the_log_says_was_done() -> None:
    assert [(each.what, each.seconds) for each in steps(LOG, [])] == [
        ("data read and checked", 2.4),
        ("snapshot of 1,000,000 rows written", 1.0),
    ]


def test_a_step_has_the_memory_from_when_the_one_before_was_told_of() -> None:
    read = LOG.index(b"2.4 s\n") + len(b"2.4 s\n")
    samples = [(1, 900, 0), (2, 800, read - 1), (3, 300, read), (4, 500, read + 9), (5, 2000, len(LOG))]
    found = steps(LOG, [Sample(*each) for each in samples])
    assert [each.memory for each in found] == [900, 500]


def test_the_report_accounts_for_all_of_the_time_and_for_the_highest_use_of_memory() -> None:
    found = report(
        Watched(
            5.0,
            7.0,
            [Step("read", 2.4, 2500), Step("written", 1.0, 30)],
            [Sample(0, 10, 0), Sample(1, 2500, 0), Sample(2, 30, 9)],
        ),
        "L",
        {},
    )
    assert [(goal.measured, goal.reached) for goal in found.goals] == [(5.0, True), (2500, False)]
    rows = {what: figures for what, *figures in found.tables[0].rows}
    assert rows["read"] == [2.4, 2500]
    assert round(rows["what no step tells of"][0], 6) == 1.6
    assert rows["all"] == [5.0, 2500]
