import numpy as np
import pandas as pd

from ml.experiment.moments import COLUMNS, MEASURED, Moments, moments_by_arm, user_values, with_requests
from tests.ml.experiment.people import earlier, people


def _same(left: Moments, right: Moments) -> bool:
    sums = np.array_equal(left.sums, right.sums) and np.array_equal(left.products, right.products)
    return left.n == right.n and sums


def test_users_in_two_parts_give_the_moments_of_all() -> None:
    values = user_values(people(np.random.default_rng(1), 500))
    assert _same(Moments.of(values[:123]) + Moments.of(values[123:]), Moments.of(values))


def test_a_changed_user_is_taken_out_and_put_in_again_without_a_trace() -> None:
    rng = np.random.default_rng(2)
    morning, evening = user_values(people(rng, 300)), user_values(people(rng, 300))
    changed = rng.random(300) < 0.2
    now = np.where(changed[:, None], evening, morning)
    updated = Moments.of(morning) - Moments.of(morning[changed]) + Moments.of(evening[changed])
    assert _same(updated, Moments.of(now))


def test_sums_and_products_are_those_of_the_columns() -> None:
    rows = people(np.random.default_rng(3), 50)
    arm = moments_by_arm(rows)[1]
    followers = rows["recommended_and_watched"] > 0
    assert (arm.n, arm.sum("users"), arm.sum("followers")) == (50, 50, followers.sum())
    assert arm.sum("rating_sum") == rows["rating_sum"].sum()
    assert arm.product("watched", "rating_sum") == (rows["watched"] * rows["rating_sum"]).sum()


def test_scatter_is_the_covariance_times_n_less_1() -> None:
    values = user_values(people(np.random.default_rng(4), 80))
    part = Moments.of(values).take(["watched", "requests"])
    at = [COLUMNS.index("watched"), COLUMNS.index("requests")]
    assert np.allclose(part.scatter(), np.cov(values[:, at].T) * 79)


def test_arms_are_kept_apart_and_an_arm_without_users_is_empty() -> None:
    rng = np.random.default_rng(5)
    first, second = people(rng, 30, arm=1), people(rng, 20, arm=2)
    both = moments_by_arm(pd.concat([first, second]))
    assert _same(both[1], Moments.of(user_values(first)))
    assert _same(both[2], Moments.of(user_values(second)))
    assert moments_by_arm(first)[2].n == 0


def test_what_users_did_before_stands_beside_and_strangers_have_zeros() -> None:
    rng = np.random.default_rng(6)
    rows = people(rng, 40)
    before = earlier(rng, rows).iloc[10:].sample(frac=1, random_state=0)
    arm = moments_by_arm(rows, before)[1]
    assert arm.sum("before_users") == 30
    assert arm.sum("before_watched") == before["watched"].sum()
    known = rows.droplevel("arm").loc[before.index]
    assert arm.product("watched", "before_watched") == (known["watched"] * before["watched"]).sum()


def test_requests_are_counted_whether_they_listed_anything_or_not() -> None:
    rows = people(np.random.default_rng(7), 3)[list(MEASURED[1:])]
    recommended = pd.DataFrame([(1, 0, 1), (1, 0, 2), (1, 0, 1), (1, 2, 0)], columns=["arm", "user", "rank"])
    assert with_requests(rows, recommended)["requests"].tolist() == [2, 0, 1]
