"""The loops of serving, compiled by numba: the best movies for one user."""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Tables(NamedTuple):
    """A model's arrays. Row r is the part from `indptr[r]` to `indptr[r + 1]` of `movie` and `weight`; the
    similar movies of m are row m of `neighbours` and `similarities`, best first, up to a similarity of 0."""

    users: Array
    indptr: Array
    movie: Array
    weight: Array
    neighbours: Array
    similarities: Array


class Scratch(NamedTuple):
    """Room for one call at a time: `scores` (float32, a number per movie, all 0 between calls) and `touched`
    (uint32, a number per movie)."""

    scores: Array
    touched: Array


@numba.njit(cache=True)
def row_of(users: Array, user: int) -> int:
    """The place of a user among ascending ones, -1 for an unknown user."""
    place = int(np.searchsorted(users, user))
    return place if place < users.size and users[place] == user else -1


@numba.njit(cache=True)
def best(tables: Tables, scratch: Scratch, row: int, fresh: tuple[Array, Array], chosen: Array) -> int:
    """Fill `chosen` (int64) with the best movies outside a row (-1 for none) and `fresh`; return how many.

    `fresh` are movies (int64) and weights (float32), 0 where the movie is only kept out. The score of j is
    the sum over the history's h of weight(h) * similarity(h, j); highest first, equal ones by number; movies
    without a score follow by number, the popular ones first.
    """
    count = _add_all(tables, scratch, row, fresh)
    touched = scratch.touched[:count]
    filled = _highest(scratch.scores, touched, chosen)
    filled = _popular(scratch.scores, chosen, filled)
    for movie in touched:
        scratch.scores[movie] = 0
    return filled


@numba.njit(cache=True)
def _add_all(tables: Tables, scratch: Scratch, row: int, fresh: tuple[Array, Array]) -> int:
    """Add up the scores and set those of the history to -1; return how many movies have one now."""
    movies, weights = fresh
    start, end = (tables.indptr[row], tables.indptr[row + 1]) if row >= 0 else (0, 0)
    count = 0
    for at in range(start, end):
        weight = np.float32(tables.weight[at]) / np.float32(200)
        count = _add(tables, scratch, tables.movie[at], weight, count)
    for at in range(movies.size):
        count = _add(tables, scratch, movies[at], weights[at], count)
    for at in range(start, end):
        count = _keep_out(scratch, tables.movie[at], count)
    for movie in movies:
        count = _keep_out(scratch, movie, count)
    return count


@numba.njit(cache=True)
def _add(tables: Tables, scratch: Scratch, movie: int, weight: np.float32, count: int) -> int:
    if weight <= 0:
        return count
    for rank in range(tables.neighbours.shape[1]):
        similarity = tables.similarities[movie, rank]
        if similarity == 0:
            break
        other = tables.neighbours[movie, rank]
        if scratch.scores[other] == 0:
            scratch.touched[count] = other
            count += 1
        scratch.scores[other] += weight * similarity
    return count


@numba.njit(cache=True)
def _keep_out(scratch: Scratch, movie: int, count: int) -> int:
    if scratch.scores[movie] == 0:
        scratch.touched[count] = movie
        count += 1
    scratch.scores[movie] = -1
    return count


@numba.njit(cache=True)
def _highest(scores: Array, touched: Array, chosen: Array) -> int:
    """Insert into `chosen` in order; return how many."""
    filled = 0
    for movie in touched:
        score = scores[movie]
        if score <= 0 or (filled == chosen.size and not _before(scores, movie, chosen[filled - 1])):
            continue
        place = min(filled, chosen.size - 1)
        filled = place + 1
        while place > 0 and _before(scores, movie, chosen[place - 1]):
            chosen[place] = chosen[place - 1]
            place -= 1
        chosen[place] = movie
    return filled


@numba.njit(cache=True)
def _before(scores: Array, one: int, other: int) -> bool:
    return scores[one] > scores[other] or (scores[one] == scores[other] and one < other)


@numba.njit(cache=True)
def _popular(scores: Array, chosen: Array, filled: int) -> int:
    """Go on with movies that have no score, by number; return how many are chosen now."""
    for movie in range(scores.size):
        if filled == chosen.size:
            break
        if scores[movie] == 0:
            chosen[filled] = movie
            filled += 1
    return filled
