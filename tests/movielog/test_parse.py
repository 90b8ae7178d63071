from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielog.events import SECOND, Event, Rated, Requested, Watched
from movielog.format import format_event
from movielog.parse import LAST_MINUTE, LONGEST_LINE, MalformedLine, parse_line

SAMPLES = (Path(__file__).parent / "movielog-lines.txt").read_bytes()
SOUND, DAMAGED = (part.strip(b"\n").split(b"\n") for part in SAMPLES.split(b"# --- damaged\n"))
REASONS = {
    "line too long",
    "too few fields",
    "bad user",
    "bad time",
    "unknown request",
    "bad movie",
    "bad minute",
    "bad rating",
    "bad recommendation request",
    "bad status",
    "bad duration",
    "bad result",
    "bad text",
}
END = int(datetime(2262, 1, 1, tzinfo=UTC).timestamp()) * SECOND

times = st.integers(0, END - 1) | st.integers(0, END // SECOND - 1).map(SECOND.__mul__)
users = st.integers(0, 10**18 - 1)
movies = st.text("abcxyzABZ0189+-._'=éßжλ中ก", min_size=1, max_size=30)
servers = st.text("abc.:-0189é", min_size=1, max_size=30)
errors = st.text("ab :,=;/é", max_size=40).map("Connection refused: ".__add__)
watched = st.builds(Watched, times, users, movies, st.integers(0, LAST_MINUTE))
rated = st.builds(Rated, times, users, movies, st.integers(2, 10).map(lambda halves: halves / 2))
millis = st.integers(0, 10**18 - 1)
lists = st.lists(movies, max_size=25).map(tuple)
answered = st.builds(Requested, times, users, servers, st.integers(0, 999), lists, st.just(""), millis)
failures = st.integers(0, 999).filter((200).__ne__)
failed = st.builds(Requested, times, users, servers, failures, st.just(()), errors, millis)
events = st.one_of(watched, rated, answered, failed)


def reason(line: bytes) -> str:
    with pytest.raises(MalformedLine) as caught:
        parse_line(line)
    return caught.value.reason


def rated_at(time: str) -> int:
    return parse_line(f"{time},7,GET /rate/up+2009=5".encode()).time


def requested(result: str, status: str = "200") -> Requested:
    line = f"2022-02-08T18:06:56,7,recommendation request h:8082, status {status}, result: {result}, 12 ms"
    event = parse_line(line.encode())
    assert isinstance(event, Requested)
    return event


@pytest.mark.parametrize("line", SOUND)
def test_every_sound_sample_parses(line: bytes) -> None:
    assert str(parse_line(line).user).encode() == line.split(b",")[1]


@pytest.mark.parametrize("line", DAMAGED)
def test_every_damaged_sample_has_a_reason(line: bytes) -> None:
    assert reason(line) in REASONS


def test_the_three_kinds_are_read_field_by_field() -> None:
    noon = int(datetime(2022, 2, 23, 12, tzinfo=UTC).timestamp()) * SECOND
    start = b"2022-02-23T12:00:00,284508,"
    assert parse_line(start + b"GET /data/m/up+2009/24.mpg") == Watched(noon, 284508, "up+2009", 24)
    assert parse_line(start + b"GET /rate/up+2009=4.5") == Rated(noon, 284508, "up+2009", 4.5)
    line = start + b"recommendation request h:8082, status 200, result: up+2009, heat+1995, 133 ms"
    expected = Requested(noon, 284508, "h:8082", 200, ("up+2009", "heat+1995"), "", 133)
    assert parse_line(line) == expected


def test_repetitions_stay_in_a_result() -> None:
    sample = parse_line(SOUND[7])
    assert isinstance(sample, Requested)
    assert (len(sample.movies), len(set(sample.movies))) == (20, 19)


def test_a_failed_request_carries_its_movies_or_its_error() -> None:
    listed, refused = parse_line(SOUND[9]), parse_line(SOUND[10])
    assert isinstance(listed, Requested) and isinstance(refused, Requested)
    assert (listed.status, len(listed.movies), listed.error) == (0, 20, "")
    error = "Connection refused: fall2020-comp598-1.cs.mcgill.ca/132.206.51.156:8082"
    assert (refused.status, refused.movies, refused.error) == (0, (), error)


def test_an_error_keeps_its_commas_and_colons() -> None:
    assert requested("a: b, c,, 7 ms, d", "500").error == "a: b, c,, 7 ms, d"


def test_items_are_separated_by_a_comma_with_or_without_a_space() -> None:
    assert requested("a,b, c").movies == ("a", "b", "c")


def test_an_empty_answer_is_an_answer() -> None:
    assert requested("") == requested("")._replace(status=200, movies=(), error="")


@pytest.mark.parametrize("result", ["a b", "a,,b", "a,", "<html>", "a\tb"])
def test_a_successful_request_needs_a_list_of_movies(result: str) -> None:
    with pytest.raises(MalformedLine, match="bad result"):
        requested(result)


@given(events)
def test_a_formatted_event_parses_as_itself(event: Event) -> None:
    assert parse_line(format_event(event)) == event


@given(events, st.sampled_from([b"\r", b"\n", b"\r\n"]))
def test_a_line_break_at_the_end_is_tolerated(event: Event, ending: bytes) -> None:
    assert parse_line(format_event(event) + ending) == event


@given(st.datetimes(datetime(1970, 1, 2), datetime(2261, 12, 30)), st.integers(-1439, 1439))
def test_zones_are_taken_off(local: datetime, east: int) -> None:
    sign, (hours, minutes) = "-" if east < 0 else "+", divmod(abs(east), 60)
    utc = local.replace(tzinfo=UTC) - timedelta(minutes=east)
    expected = (utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    for colon in ("", ":"):
        assert rated_at(f"{local.isoformat()}{sign}{hours:02}{colon}{minutes:02}") == expected


@given(st.text("0123456789", min_size=1, max_size=9), st.sampled_from(["", "Z", "+00:00", "-00"]))
def test_fractions_of_up_to_nine_digits_are_exact(digits: str, zone: str) -> None:
    assert rated_at(f"1970-01-01T00:01:01.{digits}{zone}") == 61 * SECOND + int(digits.ljust(9, "0"))


@pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
def test_seconds_may_be_left_out(zone: str) -> None:
    assert rated_at(f"1970-01-01T00:01{zone}") == 60 * SECOND


@pytest.mark.parametrize(
    "time",
    [
        "",
        "2022-02-23",
        "2022-02-23 10:00:00",
        "2022-02-30T10:00:00",
        "2022-02-23T24:00:00",
        "2022-02-23T10:60:00",
        "2022-02-23T10:00:60",
        "2022-02-23T10:00:00.",
        "2022-02-23T10:00:00.1234567890",
        "2022-02-23T10:00:00+24:00",
        "2022-02-23T10:00:00Z+01",
        "2022-02-23T10:00.5",
        "2022-2-23T10:00:00",
        "\u0662022-02-23T10:00:00",
        "0000-01-01T00:00:00",
        "1969-12-31T23:59:59",
        "1970-01-01T00:30:00+01:00",
        "2262-01-01T00:00:00",
        "2261-12-31T23:30:00-01:00",
    ],
)
def test_what_is_no_time_from_1970_to_2261_is_a_bad_time(time: str) -> None:
    assert reason(f"{time},7,GET /rate/up+2009=5".encode()) == "bad time"


@pytest.mark.parametrize("user", ["", " 7", "7 ", "+7", "-7", "1_000", "\u0667", "7.0", "9" * 19, "9" * 5000])
def test_what_int_would_take_is_still_a_bad_user(user: str) -> None:
    assert reason(f"2022-02-23T10:00:00,{user},GET /rate/up+2009=5".encode()) == "bad user"


@pytest.mark.parametrize("minute", ["", "1441", " 1", "+1", "1_0", "\u0667", "-1", "1.5", "9" * 5000])
def test_minutes_are_whole_and_at_most_a_day(minute: str) -> None:
    assert reason(f"2022-02-23T10:00:00,7,GET /data/m/up+2009/{minute}.mpg".encode()) == "bad minute"


def test_leading_zeros_are_only_zeros() -> None:
    assert parse_line(b"2022-02-23T10:00:00,007,GET /data/m/up+2009/009.mpg")[1:] == (7, "up+2009", 9)


@pytest.mark.parametrize(
    "rating", ["", "0", "0.5", "5.5", "6", "-3", "3.7", "3.25", "nan", "1e0", " 3", "\u0663"]
)
def test_ratings_are_1_to_5_in_halves(rating: str) -> None:
    assert reason(f"2022-02-23T10:00:00,7,GET /rate/up+2009={rating}".encode()) == "bad rating"


@pytest.mark.parametrize(
    "movie", ["a=b=+1990", "amélie+2001", "千と千尋+2001", "कभी+2001", "wall·e+2008", "ocean's"]
)
def test_ids_may_hold_equals_signs_apostrophes_and_foreign_letters(movie: str) -> None:
    assert parse_line(f"2022-02-23T10:00:00,7,GET /rate/{movie}=3".encode())[2] == movie
    assert parse_line(f"2022-02-23T10:00:00,7,GET /data/m/{movie}/3.mpg".encode())[2] == movie
    assert requested(f"{movie}, {movie}").movies == (movie, movie)


@pytest.mark.parametrize(
    "movie",
    [
        b"",
        b" ",
        b"a b",
        b"a/b",
        b"a,b",
        b"a\x00b",
        b"a\x7f",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xe2\x80\xa8",
        b"a" * 1025,
    ],
)
def test_other_bytes_are_no_id(movie: bytes) -> None:
    assert reason(b"2022-02-23T10:00:00,7,GET /data/m/" + movie + b"/3.mpg") == "bad movie"


def test_a_line_of_a_mebibyte_is_refused_unread() -> None:
    start, end = b"2022-02-23T10:00:00,7,GET /data/m/up+2009/", b"3.mpg"
    longest = start + b"0" * (LONGEST_LINE - len(start) - len(end)) + end
    assert reason(longest) == "bad minute"
    assert reason(longest + b" ") == "line too long"
    assert reason(b"7" * 2**20) == "line too long"


@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_malformed(line: bytes) -> None:
    assert_parsed_or_malformed(line)


@given(
    st.sampled_from(SOUND), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 9), st.binary(max_size=6)))
)
def test_any_damage_leaves_an_event_or_a_malformed_line(
    line: bytes, damage: list[tuple[int, int, bytes]]
) -> None:
    for at, cut, put in damage:
        line = line[:at] + put + line[at + cut :]
    assert_parsed_or_malformed(line)


STARTS = [b"GET /data/m/", b"GET /rate/", b"recommendation request h", b", status 200", b", result: "]
SCRAPS = [b",", b"=", b"/", b" ", b":", b"\x00", b"\xff", b"\xc3\xa9", b"9" * 30, b".mpg", b" ms", b"+01:00"]
pieces = st.sampled_from([*STARTS, *SCRAPS, b"2022-02-23T10:00:00", b",7,"])


@given(st.lists(pieces, max_size=20))
def test_any_order_of_the_languages_pieces_is_an_event_or_malformed(parts: list[bytes]) -> None:
    assert_parsed_or_malformed(b"".join(parts))
    assert_parsed_or_malformed(b"2022-02-23T10:00:00,7," + b"".join(parts))


def assert_parsed_or_malformed(line: bytes) -> None:
    """What parses must be a valid event, so that it survives being written again."""
    try:
        event = parse_line(line)
    except MalformedLine as malformed:
        assert malformed.reason in REASONS
        assert str(malformed).startswith(malformed.reason)
    else:
        assert parse_line(format_event(event)) == event
