import csv
import json
from pathlib import Path

import pytest

from ml import statistical_testing
from ml.abtest import experiment as experiments
from ml.abtest import results, tables
from ml.abtest.keeping import Keeper
from ml.abtest.looks import Look, Schedule, Watch, at_once
from ml.experiment.inference import METRICS
from ml.split import parse_split
from tests.fakes import MemoryStore
from tests.ml.abtest.world import HOUR, NEW, OLD, SINCE, SPLIT, live, serve


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    serve(store)
    live(store, SINCE, SINCE + 3 * HOUR, users=150, follow=(0.2, 0.6))
    return store


@pytest.fixture(scope="module")
def looks(store: MemoryStore) -> list[Look]:
    """The first of them is of a time in which nobody had rated anything yet."""
    watch = Watch(store, experiments.under_way(store.routes()), parse_split(SPLIT), lambda _: None)
    return [
        *watch.looks(Schedule(SINCE, HOUR // 30, 1), at_once),
        *watch.looks(Schedule(SINCE, HOUR, 3), at_once),
    ]


@pytest.fixture
def folder(store: MemoryStore, looks: list[Look], tmp_path: Path) -> Path:
    keeper = Keeper(store, experiments.under_way(store.routes()), SPLIT, tmp_path / "new" / "folder")
    for look in looks:
        keeper.add(look)
    keeper.write()
    return tmp_path / "new" / "folder"


def test_the_t_test_takes_the_json_and_leaves_out_looks_without_a_value(
    folder: Path, looks: list[Look], capsys: pytest.CaptureFixture[str]
) -> None:
    read = statistical_testing.read_results(folder / "experiment.json")
    old, new = looks[-1].arms
    assert read["average_rating"]["old"][-1] == old.sum("rating_sum") / old.sum("rating_count")
    assert read["recommendation_accuracy"]["new"][-1] == new.sum("followers") / new.n
    assert len(read["recommendation_accuracy"]["old"]) == 4
    assert len(read["average_rating"]["old"]) == 3
    assert statistical_testing.main([str(folder / "experiment.json")]) == 0
    assert "not the verdict to act on" in capsys.readouterr().out


def test_the_json_tells_models_counts_and_verdict_of_every_look(folder: Path, looks: list[Look]) -> None:
    found = json.loads((folder / "experiment.json").read_text())
    last = found["looks"][-1]
    assert [last["arms"][side]["model"] for side in ("old", "new")] == [OLD.name, NEW.name]
    assert last["arms"]["new"]["users"] == looks[-1].arms[1].n
    assert found["verdict"] == last["verdict"] == str(looks[-1].verdict)
    assert found["looks"][0]["arms"]["old"]["average_rating"] is None
    assert "data of 0 users" in found["looks"][0]["metrics"]["average_rating"]["reason"]
    assert last["split"]["users"] == [arm.n for arm in looks[-1].arms]


def test_the_csv_has_a_row_per_look_and_metric(folder: Path, looks: list[Look]) -> None:
    with (folder / "experiment.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["until"], row["metric"]) for row in rows[4:8]] == [
        ("2022-04-08T10:00:00", metric.key) for metric in METRICS
    ]
    finding = results.plain_finding(looks[-1].verdict.findings[0])
    assert (float(rows[-4]["estimate"]), float(rows[-4]["low"])) == (
        finding["estimate"],
        finding["interval"][0],
    )


def test_every_look_is_in_the_store(folder: Path, store: MemoryStore, looks: list[Look]) -> None:
    kept = store.evaluations(experiments.under_way(store.routes()).name)
    assert [each.until for each in kept] == [look.until for look in looks]
    assert {each.since for each in kept} == {SINCE}
    assert kept[-1].results == json.loads((folder / "experiment.json").read_text())["looks"][-1]


def test_the_four_tables_grow_with_the_looks(store: MemoryStore, looks: list[Look]) -> None:
    experiment = experiments.under_way(store.routes())
    plain = [results.plain_look(experiment, look) for look in looks]
    text = tables.tables(plain)
    for metric in METRICS:
        assert f"\n{metric.title}" in f"\n{text}"
    assert text.count("2022-04-08 12:00:00") == 4
    assert "-" in text.splitlines()[1 + 3 * (len(looks) + 2)]
    assert "(3 earlier looks)" in tables.tables([*plain, *plain, *plain, *plain, plain[0]])


def test_the_verdict_is_said_in_words_with_the_check_of_the_split(
    store: MemoryStore, looks: list[Look]
) -> None:
    text = tables.verdict(results.plain_look(experiments.under_way(store.routes()), looks[-1]))
    assert text.startswith("look 3 of 3, up to 2022-04-08 12:00:00 UTC, users: ")
    assert "VERDICT  new is better in record accuracy" in text
    assert "split: as promised" in text
