"""The page as a parser sees it; how it looks was looked at."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ml.abtest import experiment as experiments
from ml.abtest.keeping import Keeper
from ml.abtest.looks import Schedule, Watch, at_once
from ml.experiment.inference import METRICS
from ml.provenance.records import File, Record
from ml.split import parse_split
from store.port import PUBLISHED, Retrain, Window
from tests.fakes import MemoryStore
from tests.ml.abtest.world import HOUR, NEW, OLD, SINCE, SPLIT, live, serve

PNG = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str, attribute: str) -> list[str]:
        """Values of an attribute of all such tags."""
        return [str(found[attribute]) for name, found in self.tags if name == tag and attribute in found]


def _folder(folder: Path, split: str = SPLIT, looks: int = 3, why: str = "") -> Path:
    store = MemoryStore()
    serve(store, why)
    made = Retrain(
        "KNN_2_2022-04-08",
        2,
        Window(SINCE - 5 * 24 * HOUR, SINCE),
        1,
        2,
        PUBLISHED,
        (),
        NEW,
        {"recall": 0.25},
    )
    store.record_retrain(made)
    live(store, SINCE, SINCE + 3 * HOUR, users=150, follow=(0.2, 0.6))
    experiment = experiments.under_way(store.routes())
    data = {
        "commit": "f" * 40,
        "snapshot": {"rows": 13_683, "users": 1_435, "movies": 781},
        "params": {"liking": 0.5},
    }
    files = [File(f"{NEW.name}/model", "5" * 32, 4_096, 9)]
    run = Record(NEW, NEW.name, f"{NEW.name}@bbbb", "c" * 40, "python", files, data)
    keeper = Keeper(store, experiment, split, folder, {NEW: run, OLD: "no tracked run made it"})
    watch = Watch(store, experiment, parse_split(split), lambda _: None)
    for look in watch.looks(Schedule(SINCE, 3 * HOUR // looks, looks), at_once):
        keeper.add(look)
    keeper.write()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _folder(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "experiment.html").read_text()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_verdict_comes_first(page: Page) -> None:
    body = page.text[page.text.index("Experiment: old") :]
    order = [
        "New is better in",
        "What holds of each metric",
        "over time",
        "Did users reach",
        "The four tables",
    ]
    assert [body.index(each) for each in order] == sorted(body.index(each) for each in order)
    assert page.text.count("not the verdict") == 1


def test_it_is_one_file_that_asks_nothing_of_any_network(html: str, page: Page) -> None:
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "image"}
    assert all(target.startswith("#") for target in page.of("a", "href"))
    assert not re.findall(r"url\((?!#)|@import|src=", html)


def test_titles_of_models_lead_to_where_they_come_from(page: Page) -> None:
    ids = {identity for _, found in page.tags if (identity := found.get("id"))}
    links = page.of("a", "href")
    assert links == ["#model-old", "#model-new"]
    assert {link[1:] for link in links} <= ids
    assert OLD.digest in page.text and NEW.digest in page.text
    said = " ".join(page.text.split())
    assert "on 2022-04-03 to 2022-04-08, published" in said
    assert "13,683 rows of 1,435 users and 781 movies" in said
    assert "none known: no tracked run made it" in said
    assert "5" * 32 in said
    assert "recall" in page.text


def test_every_plot_says_what_it_shows_and_is_a_png_too(folder: Path, page: Page) -> None:
    says = page.of("svg", "aria-label")
    assert len(says) == len(METRICS) + 1
    for metric, each in zip(METRICS, says, strict=False):
        assert each.startswith(f"{metric.title} over 3 looks; at the last old ")
    for name in (*(metric.key for metric in METRICS), "split"):
        assert (folder / f"experiment-{name}.png").read_bytes().startswith(PNG)


def test_the_tables_hold_every_look(page: Page) -> None:
    assert page.text.count("2022-04-08 10:00:00") == len(METRICS)


def test_without_a_check_of_the_split_there_is_no_plot_of_it(tmp_path: Path) -> None:
    page = Page((_folder(tmp_path, "first-digit", looks=20) / "experiment.html").read_text())
    assert "not checked" in page.text
    assert not (tmp_path / "experiment-split.png").exists()
    assert "All 20 looks" in page.text


def test_what_people_wrote_into_the_ledger_is_text_not_markup(tmp_path: Path) -> None:
    html = (_folder(tmp_path, why="<b>better</b>") / "experiment.html").read_text()
    assert "&lt;b&gt;better&lt;/b&gt;" in html
    assert "<b>better" not in html
