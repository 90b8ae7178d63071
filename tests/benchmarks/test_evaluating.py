"""The benchmark's store holds what it says, and its looks see what `ml.online` sees at once."""

from pathlib import Path

from benchmarks.evaluating.measuring import evaluate
from benchmarks.evaluating.world import KNOWN, LISTED, MODELS, WINDOW, store_of
from ml import online
from store.sqlite import SqliteStore


def test_a_day_of_visits_is_evaluated_to_what_it_is_at_once(tmp_path: Path) -> None:
    path = store_of(600, 80, tmp_path)
    store = SqliteStore(str(path))
    requests, watches = store.requests(WINDOW), store.watches(WINDOW)
    assert len(requests) == 600
    assert 540 < len(watches) <= 600
    assert len(store.ratings(WINDOW)) > 60
    assert requests["movies"].str.split(",").str.len().eq(LISTED).all()
    assert len(store.answers(WINDOW)) == 600
    assert set(store.answers(WINDOW)["model"]) == {ref.name for ref in MODELS.values()}

    recommended = online.recommended(requests, store.answers(WINDOW))
    rows = online.per_user(recommended, watches, store.ratings(WINDOW))
    found = evaluate(path, [24])
    assert found["users"] == [measured.users for _, measured in sorted(online.metrics(rows).items())]
    assert online.metrics(rows)[1].record_accuracy > 0.3


def test_lists_move_on_with_each_visit(tmp_path: Path) -> None:
    store = SqliteStore(str(store_of(2000, 10, tmp_path)))
    requests = store.requests(WINDOW)
    lists = requests[requests["user"] == 3].sort_values("time")["movies"].str.split(",").tolist()
    assert lists[0][1:] == lists[1][:-1]
    assert len({movie for each in lists for movie in each}) <= KNOWN
