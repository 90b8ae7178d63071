"""The engine that a command line chooses."""

import argparse
import sys

import pytest

from ml import engines, knn


def _chosen(*words: str, environ: dict[str, str] | None = None) -> knn.Nearest:
    parser = argparse.ArgumentParser()
    engines.add_arguments(parser)
    return engines.chosen(parser.parse_args(words), {} if environ is None else environ)


def test_without_a_word_it_is_this_process() -> None:
    assert _chosen() is knn.here


@pytest.mark.parametrize("words", [["--engine", "spark"], ["--master", "local[2]"]])
def test_spark_and_its_master_go_together(words: list[str]) -> None:
    with pytest.raises(ValueError, match="--engine spark and --master URL go together"):
        _chosen(*words)


def test_executors_run_this_python_unless_another_one_is_named() -> None:
    unset, named = {}, {"PYSPARK_PYTHON": "/opt/python"}
    for environ in (unset, named):
        assert _chosen("--engine", "spark", "--master", "local[2]", environ=environ) is not knn.here
    assert unset == {"PYSPARK_PYTHON": sys.executable}
    assert named == {"PYSPARK_PYTHON": "/opt/python"}


def test_without_pyspark_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    found = _chosen("--engine", "spark", "--master", "local[2]")
    with pytest.raises(engines.EngineError, match=r"requirements-spark\.txt"):
        found(None, None, None, 1)
