"""Wait until the services answer."""

import argparse
import time
from collections.abc import Sequence

import requests

_AGAIN_SECONDS = 0.3


def wait(url: str) -> None:
    """Return as soon as the service at this URL is ready to answer."""
    while not _ready(url):
        time.sleep(_AGAIN_SECONDS)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False  # it is still starting


def main(argv: Sequence[str] | None = None) -> int:
    """Wait, for a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    try:
        wait(parser.parse_args(argv).url)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
