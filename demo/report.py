"""What the demo shows while it runs: what to try, then a line every few seconds."""

import argparse
import os
import time
from collections.abc import Sequence

import requests

from demo import ready
from ml import online
from movielog.events import DAY, SECOND
from movielog.times import day_of
from settings import Settings, read_settings
from store import open_store
from store.port import Store, Window

EVERY_SECONDS = 5
LONGEST = 3600 * SECOND
"""What a line tells of at most, so that it costs the same however long the demo runs."""
NEVER = 2**63 - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Wait for the first answer, print the block, then report until ended."""
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    settings, url = read_settings(os.environ), os.environ["DEMO_URL"]
    start = time.time_ns()
    store = open_store(settings.store_url)
    try:
        ready.wait(url)
        answer = requests.get(f"{url}/recommend/{_some_user(store)}", timeout=5)
        pages = [os.environ["DEMO_STATUS_URL"], *os.environ.get("DEMO_WATCHERS", "").split()]
        print(block(url, os.environ["DEMO_SETTINGS"], pages, answer), flush=True)
        while True:
            time.sleep(EVERY_SECONDS)
            since = max(start, time.time_ns() - LONGEST)
            print(line(store, Window(since, NEVER), settings), flush=True)
    except KeyboardInterrupt:
        return 0
    finally:
        store.close()


def block(url: str, script: str, pages: Sequence[str], answer: requests.Response) -> str:
    """The URLs, and a sample request with its answer.

    `script` sets a shell's variables for the demo; `pages` are the status page, Prometheus, Alertmanager.
    """
    status, *watchers = pages
    headers = "   ".join(f"{name}: {answer.headers[name]}" for name in ("X-Model", "X-Arm", "X-Rung"))
    return "\n".join(
        [
            "=" * 78,
            f"Recommendations   {url}/recommend/<userid>",
            f"Health, metrics   {url}/readyz   {url}/metrics",
            f"Status page       {status}",
            *[f"Metrics, alerts   {'   '.join(watchers)}"] * bool(watchers),
            f"Retrain by hand   . {script}; ml/svd.sh 2 {day_of(time.time_ns())}",
            "",
            f"$ curl -i {answer.url}",
            f"{answer.status_code}   {headers}",
            answer.text.strip(),
            "",
            "A line every few seconds follows; Ctrl-C ends everything.",
            "=" * 78,
        ]
    )


def line(store: Store, window: Window, settings: Settings) -> str:
    """Events, requests, punctuality and both arms' online metrics in the window."""
    asked, watches, ratings = store.requests(window), store.watches(window), store.ratings(window)
    recommended = online.recommended(asked, store.answers(window))
    arms = online.metrics(online.per_user(recommended, watches, ratings))
    in_time = (asked["status"] == 200) & (asked["millis"] <= settings.deadline_ms)
    share = f"{in_time.mean():.1%}" if len(asked) else "-"
    events = int(watches["minutes"].sum()) + len(ratings) + len(asked)
    told = [f"events {events}", f"requests {len(asked)}", f"within {settings.deadline_ms} ms {share}"]
    return " | ".join(told + [_arm(arm, measured) for arm, measured in arms.items()])


def _arm(arm: int, measured: online.OnlineMetrics) -> str:
    return (
        f"arm {arm}: record acc {measured.record_accuracy:.3f}, "
        f"recom acc {measured.recommendation_accuracy:.3f}, "
        f"rating {measured.average_rating:.2f}, top {measured.average_top_rating:.2f}"
    )


def _some_user(store: Store) -> int:
    newest = store.newest() or 0
    return int(store.watches(Window(newest - DAY, newest + 1))["user"].min())


if __name__ == "__main__":
    raise SystemExit(main())
