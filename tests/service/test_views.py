import logging
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml.split import parse_split
from movielog.events import Rated
from service.app import create_app
from store.port import Batch, ModelRef, Store, Window
from tests.service import world

SPLIT = parse_split("hash:marquee:50")
ALL_TIME = Window(0, 2**62)


def test_an_answer_is_what_the_arms_model_says(client, store, early, late, tmp_path: Path):
    for user in [*world.USERS[:100], world.UNKNOWN_USER]:
        response = client.get(f"/recommend/{user}")
        ref = {1: early, 2: late}[SPLIT.arm(user)]
        movies, rung = world.expected(store, ref, tmp_path / "own", user)
        assert (response.status_code, response.text.split(",")) == (200, movies)
        assert response.headers["X-Model"] == ref.name
        assert response.headers["X-Arm"] == str(SPLIT.arm(user))
        assert response.headers["X-Rung"] == rung


def test_an_answer_is_one_line_of_distinct_movies_that_the_user_has_not_seen(client, store):
    for user in [*world.USERS[:100], world.UNKNOWN_USER]:
        response = client.get(f"/recommend/{user}")
        movies = response.text.split(",")
        assert response.content_type == "text/plain; charset=utf-8"
        assert "\n" not in response.text
        assert 1 <= len(movies) == len(set(movies)) <= 20
        assert not set(movies) & world.seen(store, user)


def test_all_three_rungs_occur(client):
    rungs = {client.get(f"/recommend/{user}").headers["X-Rung"] for user in [*world.USERS, 999_999]}
    assert rungs == {"knn", "recent", "popular"}


def test_a_movie_rated_a_moment_ago_is_not_recommended_again(client: FlaskClient, store: Store):
    for user in [3, 4, world.UNKNOWN_USER]:
        first, second = client.get(f"/recommend/{user}").text.split(",")[:2]
        store.record(Batch(ratings=[Rated(world.LATE.end, user, first, 5.0)]))
        now = client.get(f"/recommend/{user}").text.split(",")
        assert first not in now
        assert second in now or user == world.UNKNOWN_USER


def test_the_first_event_of_an_unknown_user_counts_at_once(client: FlaskClient, store: Store):
    before = client.get("/recommend/888888")
    store.record(Batch(ratings=[Rated(world.LATE.end, 888888, "movie+5+1955", 5.0)]))
    after = client.get("/recommend/888888")
    assert (before.headers["X-Rung"], after.headers["X-Rung"]) == ("popular", "recent")
    assert before.text != after.text


def test_what_was_answered_is_recorded(app: Flask, client: FlaskClient, store: Store, early, late):
    given = {}
    for user in [*world.USERS[:150], world.UNKNOWN_USER]:
        response = client.get(f"/recommend/{user}")
        given[user] = (
            response.headers["X-Model"],
            response.headers["X-Arm"],
            response.headers["X-Rung"],
            response.text,
        )
    app.extensions["answering"].recorder.flush()
    frame = store.answers(ALL_TIME)
    told = {
        row.user: (row.model, str(row.arm), row.rung, row.movies) for row in frame.itertuples(index=False)
    }
    assert told == given
    assert len(frame) == len(given)
    assert set(frame["digest"]) == {early.digest, late.digest}


def test_an_explanation_names_the_answer_and_the_movies_that_brought_each_in(client, store):
    for user in [*world.USERS[:30], world.UNKNOWN_USER]:
        answer = client.get(f"/recommend/{user}")
        told = client.get(f"/explain/{user}").json
        assert [each["movie"] for each in told["movies"]] == answer.text.split(",")
        named = (str(told["arm"]), told["model"], told["rung"])
        assert named == tuple(answer.headers[name] for name in ("X-Arm", "X-Model", "X-Rung"))
        for each in told["movies"]:
            scores = [part["score"] for part in each["because"]]
            assert scores == sorted(scores, reverse=True)
            assert {part["movie"] for part in each["because"]} <= world.seen(store, user)
    assert told["rung"] == "popular"
    assert all(each["because"] == [] for each in told["movies"])


def test_the_parts_of_an_explanation_order_the_movies_as_the_answer_does(client):
    told = client.get("/explain/3").json
    sums = [sum(part["score"] for part in each["because"]) for each in told["movies"]]
    brought_in = [total for total in sums if total > 0]
    assert len(brought_in) > 5
    assert brought_in == pytest.approx(sorted(brought_in, reverse=True))


def test_an_explanation_is_not_recorded_as_an_answer(app: Flask, client: FlaskClient, store: Store):
    client.get("/explain/3")
    app.extensions["answering"].recorder.flush()
    assert store.answers(ALL_TIME).empty
    assert "recommend_requests_total{" not in client.get("/metrics").text


def test_head_tells_what_get_does_without_the_movies(client: FlaskClient):
    for user in [*world.USERS[:20], world.UNKNOWN_USER]:
        got, head = client.get(f"/recommend/{user}"), client.head(f"/recommend/{user}")
        assert (head.status_code, head.data) == (200, b"")
        assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize(
    "user", ["abc", "-1", "1_000", "1" * 19, "1" * 5000, " 7", "%37%20", "\u0663", "1.0", "0x1", "1,2", "%00"]
)
def test_a_wrong_id_is_told_so(client, user):
    response = client.get(f"/recommend/{user}")
    assert response.status_code == client.get(f"/explain/{user}").status_code == 400
    assert "expected 1 to 18 digits" in response.text
    assert len(response.text) < 300
    assert response.content_type.startswith("text/plain")


@pytest.mark.parametrize("user", ["0", "007", "9" * 18])
def test_every_id_of_up_to_18_digits_is_answered(client, user):
    assert client.get(f"/recommend/{user}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/recommend", "/recommend/", "/recommend//", "/recommend/1/2", "//recommend/1"]
)
def test_an_unknown_page_is_a_404_that_names_the_pages(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "/recommend/<userid>" in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_writing_is_not_allowed(client, method):
    response = client.open("/recommend/1", method=method)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert "GET" in response.text


def test_an_unexpected_error_is_one_line_and_logged_once(app: Flask, caplog):
    app.add_url_rule("/broken/<user>", view_func=lambda user: user / 0)
    response = app.test_client().get("/broken/17")
    assert response.status_code == 500
    assert "\n" not in response.text
    assert "TypeError" not in response.text
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "user=17 path=/broken/17" in record.getMessage()
    assert record.exc_info


def test_without_a_model_the_service_lives_and_says_why_it_is_not_ready(folder: Path, store: Store):
    app = create_app(world.settings(folder), store)
    client = app.test_client()
    answer, ready = client.get("/recommend/1"), client.get("/readyz")
    assert (answer.status_code, ready.status_code) == (503, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert "no model is loaded" in answer.text == ready.text
    assert client.get("/healthz").status_code == 200
    app.extensions["answering"].close()


def test_a_store_that_cannot_be_opened_is_the_reason_given(tmp_path: Path):
    (tmp_path / "marquee.db").write_text("this is no database, it is a text of some length" * 100)
    app = create_app(world.settings(tmp_path))
    assert "marquee.db" in app.test_client().get("/readyz").text
    app.extensions["answering"].close()


def test_ready_names_the_models(client: FlaskClient, early: ModelRef, late: ModelRef):
    assert client.get("/readyz").text == f"arm 1: {early.name}, arm 2: {late.name}"


def test_a_service_starts_without_what_only_training_needs():
    code = "import sys, service.app, store.sqlite, store.mongo; print({'pandas', 'pyarrow'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
