"""Where the compared models come from: the runs that made them, in the provenance repository."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from ml.provenance.archive import open_archive
from ml.provenance.records import Record
from ml.provenance.trace import source
from ml.tracking import TrackingError
from store.port import ModelRef

Origins = Mapping[ModelRef, Record | str]
"""The tracked run of each model, or in a sentence why none is known."""


def origins(place: str, models: Iterable[ModelRef]) -> Origins:
    """From the provenance repository at a path or URL."""
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(open_archive(place))
        except TrackingError as error:
            return dict.fromkeys(models, str(error))
        return {model: source(archive, model) for model in models}
