"""Where the nearest movies are found: in this process, or by an engine on many machines."""

import argparse
import sys
from collections.abc import MutableMapping

from ml import knn
from ml.engines import spark
from ml.engines.spark import EngineError

__all__ = ["EngineError", "add_arguments", "chosen"]

HERE, SPARK = "here", "spark"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The choice on a command line."""
    parser.add_argument(
        "--engine", choices=(HERE, SPARK), default=HERE, help="what finds the nearest movies (default: here)"
    )
    parser.add_argument(
        "--master", help="with --engine spark: `local[2]`, or a cluster such as `spark://host:7077`"
    )


def chosen(arguments: argparse.Namespace, environ: MutableMapping[str, str]) -> knn.Nearest:
    """The engine of a command line; ValueError where the two arguments do not fit together.

    Executors run this program's Python unless PYSPARK_PYTHON names theirs.
    """
    if (arguments.engine == SPARK) != bool(arguments.master):
        raise ValueError("--engine spark and --master URL go together")
    if arguments.engine == HERE:
        return knn.here
    environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return spark.nearest(arguments.master)
