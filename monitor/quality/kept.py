"""What the quality monitor keeps in the store for the status page."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from store.port import Store

_NAME = "model_quality"


def write(store: Store, state: Mapping[str, Any]) -> None:
    """Keep `updated`, `figures` and `samples`, plain JSON, in place of the last ones."""
    store.save_checkpoint(_NAME, zlib.compress(json.dumps(state).encode()))


def read(store: Store) -> dict[str, Any]:
    """`updated`, `figures` and `samples` as they were written; None and empty lists where nothing was."""
    state = store.checkpoint(_NAME)
    if state is None:
        return {"updated": None, "figures": [], "samples": []}
    written: dict[str, Any] = json.loads(zlib.decompress(state))
    return written
