"""The split rule decides every experiment, so its assignments are pinned here for ever."""

from hashlib import sha256

import pytest

from ml.split import parse_split

USERS = range(20_000)


def test_assignments_of_the_hash_never_change():
    split = parse_split("hash:marquee:50")
    assert [split.arm(user) for user in range(20)] == [
        2,
        2,
        1,
        1,
        1,
        2,
        1,
        2,
        2,
        2,
        2,
        1,
        2,
        2,
        2,
        2,
        2,
        1,
        2,
        1,
    ]
    assert [split.arm(user) for user in (10**18 - 1, 2**63 - 1)] == [2, 2]


@pytest.mark.parametrize("percent", ["0", "0.5", "10", "50", "99.25", "100"])
def test_the_hash_is_what_its_docstring_says(percent):
    split = parse_split(f"hash:é-1:{percent}")
    for user in range(500):
        number = int(sha256(f"é-1:{user}".encode()).hexdigest()[:16], 16)
        assert split.arm(user) == (2 if number / 2**64 < float(percent) / 100 else 1)


@pytest.mark.parametrize("percent", [0, 1, 10, 50, 90, 100])
def test_arm_2_gets_its_percentage(percent):
    split = parse_split(f"hash:marquee:{percent}")
    share = sum(split.arm(user) == 2 for user in USERS) / len(USERS)
    spread = 4 * (percent / 100 * (1 - percent / 100) / len(USERS)) ** 0.5
    assert abs(share - percent / 100) <= spread
    assert split.share2 == percent / 100


def test_raising_the_percentage_moves_nobody_back_to_arm_1():
    low, high = parse_split("hash:marquee:20"), parse_split("hash:marquee:30")
    assert {u for u in USERS if low.arm(u) == 2} < {u for u in USERS if high.arm(u) == 2}


def test_another_salt_is_an_independent_split():
    a, b = parse_split("hash:a:50"), parse_split("hash:b:50")
    agree = sum(a.arm(user) == b.arm(user) for user in USERS) / len(USERS)
    assert 0.48 < agree < 0.52


def test_an_odd_first_digit_is_arm_1():
    split = parse_split("first-digit")
    assert {user: split.arm(user) for user in (0, 1, 2, 19, 29, 31, 40, 999, 800)} == {
        0: 2, 1: 1, 2: 2, 19: 1, 29: 2, 31: 1, 40: 2, 999: 1, 800: 2,
    }  # fmt: skip
    assert split.share2 is None


def test_users_below_the_threshold_are_arm_1():
    split = parse_split("threshold:5000")
    assert [split.arm(user) for user in (0, 4999, 5000, 10**18 - 1)] == [1, 1, 2, 2]
    assert split.share2 is None


@pytest.mark.parametrize(
    "text",
    ["", "hash", "hash:50", "hash::50", "hash:a:101", "hash:a:-1", "hash:a:1e1", "hash:a:nan",
     "hash:a:\u0665", "hash:a:b:50", "hash:a:50 ", "first-digit:1", "threshold", "threshold:",
     "threshold:-1", "threshold:5_000", "threshold:5000\n", "coin"],
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="expected"):
        parse_split(text)


def test_a_split_cannot_be_changed_and_equals_its_like():
    split = parse_split("hash:marquee:50")
    with pytest.raises(AttributeError):
        split.salt = "other"
    assert split == parse_split("hash:marquee:50") != parse_split("hash:marquee:51")
