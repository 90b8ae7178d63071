"""A made-up audience: kinds of movies, titles to match, users with a few favourite kinds."""

from collections.abc import Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from movielog.audience.model import Audience, Floats

_NOUNS: Mapping[str, str] = {
    "crime": "alibi heist detective witness informer verdict safe getaway racket cartel hideout suspect",
    "space": "galaxy comet orbit planet nebula starship colony asteroid signal eclipse robot cosmonaut",
    "love": "kiss wedding letter summer bride waltz valentine proposal stranger honeymoon dance heart",
    "war": "battalion front sergeant trench bomber submarine armistice brigade siege colonel bridge medal",
    "west": "saddle sheriff canyon outlaw wagon herd ranch bounty rifle saloon prairie mule",
    "fright": "ghoul cellar scream vampire coffin curse asylum werewolf graveyard shadow possession zombie",
    "laughs": "fool flat vacation landlord butler mishap joker clown reunion neighbour party uncle",
    "family": "puppy treehouse dragon toymaker unicorn elf kitten snowman circus wizard bear penguin",
    "music": "ballad orchestra encore saxophone opera choir melody rhapsody drummer cabaret tango overture",
    "sport": "knockout penalty marathon coach pitcher racetrack champion goalkeeper regatta rookie derby cup",
    "history": "emperor crown crusade pharaoh musketeer palace uprising duchess knight castle viking throne",
    "spies": "dossier cipher passport embassy defector microfilm mole courier border alias consul agent",
}
_WORDS = """
    lost silent golden broken last hidden crimson midnight endless burning frozen distant secret lonely
    wild electric forgotten savage gentle restless crooked second final hollow scarlet velvet iron
    stolen perfect invisible sleeping wandering bitter brave little great dark lucky fatal strange
"""
_FIRST_YEAR, _LAST_YEAR = 1931, 2023

MOST_MOVIES = 100_000
"""A made-up audience has no titles for more."""
_USERS_PER_ID = 10
"""Ids are scattered over this many times as many numbers as there are users."""


def invented(users: int, movies: int, seed: int) -> Audience:
    """The audience of a seed. Movies fall into 12 kinds, some into two; popularity is Zipf's, activity
    log-normal. ValueError for less than one user or movie or more than `MOST_MOVIES`."""
    if users < 1 or not 1 <= movies <= MOST_MOVIES:
        raise ValueError(f"an audience has at least one user and from 1 to {MOST_MOVIES} movies")
    rng = np.random.default_rng(seed)
    main = rng.integers(len(_NOUNS), size=movies)
    quality = rng.normal(0, 1, movies)
    return Audience(
        users=np.sort(rng.choice(_USERS_PER_ID * users, users, replace=False) + 1),
        movies=_titles(main, rng),
        lengths=rng.normal(105, 18, movies).clip(60, 200).astype(np.int64),
        popularity=_popularity(quality, rng),
        activity=_shares(rng.lognormal(0, 1, users)),
        tastes=_tastes(users, rng),
        kinds=_kinds(main, rng),
        kindness=rng.normal(-1.6, 0.3, users),
        quality=0.5 * quality,
    )


def _titles(main: NDArray[np.int64], rng: Generator) -> tuple[str, ...]:
    """Different titles, with words of each movie's kind."""
    nouns, words = [nouns.split() for nouns in _NOUNS.values()], _WORDS.split()
    per_kind = len(words) * len(nouns[0]) * (_LAST_YEAR - _FIRST_YEAR + 1)
    numbers = np.zeros_like(main)
    for kind in range(len(nouns)):
        numbers[main == kind] = rng.choice(per_kind, int((main == kind).sum()), replace=False)
    return tuple(_title(words, nouns[kind], int(number)) for kind, number in zip(main, numbers, strict=True))


def _title(words: list[str], nouns: list[str], number: int) -> str:
    number, word = divmod(number, len(words))
    year, noun = divmod(number, len(nouns))
    return f"the+{words[word]}+{nouns[noun]}+{_FIRST_YEAR + year}"


def _popularity(quality: Floats, rng: Generator) -> Floats:
    """Zipf's law with exponent 0.8; the better movies tend to be the more popular ones."""
    rank = np.empty(len(quality))
    rank[np.argsort(-(quality + rng.normal(0, 1.5, len(quality))))] = np.arange(1, len(quality) + 1)
    return _shares(rank**-0.8)


def _tastes(users: int, rng: Generator) -> Floats:
    """The favourite kind counts 3.4, the others less: most users have one to three favourites."""
    weights = rng.dirichlet(np.full(len(_NOUNS), 0.2), users)
    return np.asarray(3.4 * weights / weights.max(axis=1, keepdims=True))


def _kinds(main: NDArray[np.int64], rng: Generator) -> Floats:
    """1 for a movie's main kind, and for two movies of five a half for another."""
    kinds = np.zeros((len(main), len(_NOUNS)))
    second = (main + rng.integers(1, len(_NOUNS), len(main))) % len(_NOUNS)
    kinds[np.arange(len(main)), second] = np.where(rng.random(len(main)) < 0.4, 0.5, 0.0)
    kinds[np.arange(len(main)), main] = 1.0
    return kinds


def _shares(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum())
