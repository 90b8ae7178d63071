"""Whom Alertmanager tells, without and with a webhook of the operator's own."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

MONITOR = Path(__file__).parents[2] / "monitor"
STATUS_PAGE = "http://api_monitor:9101/alerts"


def _started(tmp_path: Path, url: str) -> "subprocess.CompletedProcess[str]":
    """What a program that shows its configuration, arguments and environment says."""
    program = tmp_path / "program"
    program.write_text(
        '#!/bin/sh\ncat "${1#--config.file=}"\nls -l "${1#--config.file=}" >&2\nshift\nenv >&2; echo "$@" >&2'
    )
    program.chmod(0o755)
    command = [
        "sh",
        MONITOR / "alertmanager.sh",
        MONITOR / "alertmanager.yml",
        program,
        "--storage.path=/here",
    ]
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "ALERT_WEBHOOK_URL": url}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def _webhooks(configuration: str) -> list[str]:
    parsed: dict[str, Any] = yaml.safe_load(configuration)
    [receiver] = parsed["receivers"]
    assert parsed["route"]["receiver"] == receiver["name"]
    return [webhook["url"] for webhook in receiver["webhook_configs"]]


def test_without_a_url_the_status_page_alone_is_told(tmp_path: Path) -> None:
    said = _started(tmp_path, "")
    assert _webhooks(said.stdout) == [STATUS_PAGE]
    assert "--storage.path=/here" in said.stderr


@pytest.mark.parametrize(
    "url", ["https://hooks.example/T0/B0?x=1&y=#z", 'http://127.0.0.1:9/it\'s "quoted": {not: yaml}']
)
def test_a_url_is_told_as_well_and_stands_nowhere_but_in_a_private_file(tmp_path: Path, url: str) -> None:
    said = _started(tmp_path, url)
    assert _webhooks(said.stdout) == [STATUS_PAGE, url]
    assert said.stderr.startswith("-rw------- ")
    assert url not in said.stderr


def test_what_is_no_url_is_refused_without_showing_it(tmp_path: Path) -> None:
    said = _started(tmp_path, "hunter2")
    assert said.returncode == 2
    assert said.stderr == "ALERT_WEBHOOK_URL: expected http://... or https://...\n"
