"""Two weeks of a log whose users come back every day and keep to their tastes."""

import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from ml.retraining import parameters
from ml.retraining.inputs import ROOT
from ml.retraining.retrainer import Retrainer
from movielog.events import DAY, SECOND, Rated
from settings import Settings, read_settings
from store import open_store
from store.port import Batch, Store, Window

FIRST = Window.until(date(2022, 4, 4), 1).start
DAYS, USERS, KINDS, MOVIES_PER_KIND = 14, 150, 5, 60


def two_weeks(seed: int = 1) -> list[Rated]:
    """Ratings from 2022-04-04 to 2022-04-17: about two a user and day, five of six of the user's own kind."""
    chance = np.random.default_rng(seed)
    rows = []
    for user in range(1, USERS + 1):
        liking = np.where(np.arange(KINDS) == user % KINDS, 5.0, 1.0 / (KINDS - 1))
        weights = np.outer(liking, 1 / np.arange(8, 8 + MOVIES_PER_KIND)).ravel()
        count = chance.poisson(2 * DAYS) + 3
        movies = chance.choice(len(weights), count, replace=False, p=weights / weights.sum())
        times = FIRST + chance.integers(0, DAYS * DAY // SECOND, count) * SECOND
        stars = np.where(movies // MOVIES_PER_KIND == user % KINDS, 5.0, 3.0)
        rows += [Rated(int(t), user, f"m{m}", float(s)) for m, t, s in zip(movies, times, stars, strict=True)]
    return rows


def fill(store: Store, until: str, since: str = "2022-04-04") -> None:
    """Record the days from `since` to `until`, both included."""
    start, end = (Window.until(date.fromisoformat(day), 1) for day in (since, until))
    store.record(Batch(ratings=[rated for rated in two_weeks() if start.start <= rated.time < end.end]))


class Place:
    """A store, a provenance repository and a DVC remote in a folder, and the settings that name them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store_url = f"sqlite://{folder}/marquee.db"
        self.environment = {
            "STORE_URL": self.store_url,
            "PROVENANCE": str(folder / "provenance"),
            "DVC_REMOTE": str(folder / "remote"),
            "PARAMS": str(folder / "params.yaml"),
        }
        self.write_parameters({})

    def write_parameters(self, gate: Mapping[str, Any]) -> None:
        """The project's own, but for the gate: it has fewer users here and so wider intervals."""
        given = yaml.safe_load((ROOT / "params.yaml").read_text())
        given["gate"] |= {"margin": 0.3, **gate}
        (self.folder / "params.yaml").write_text(yaml.safe_dump(given))

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    def store(self) -> Store:
        return open_store(self.store_url)

    def retrainer(self) -> Retrainer:
        """A new one, with metrics of its own."""
        self.registry = CollectorRegistry()
        return Retrainer(self.settings, parameters.read(Path(self.settings.params)), self.registry)

    def page(self) -> str:
        """The metrics of the newest retrainer."""
        return generate_latest(self.registry).decode()

    def stages(self) -> list[str]:
        """The stages of the repository's newest commit."""
        return list(yaml.safe_load(self.git("show", "HEAD:dvc.yaml"))["stages"])

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder / "provenance"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
