"""Prometheus and Alertmanager on the shipped files, told where things are on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

MONITOR = Path(__file__).parents[1] / "monitor"

_STATUS_PAGE = "http://api_monitor:9101"


def prometheus(targets: Mapping[str, Sequence[str]], alertmanager: str) -> dict[str, Any]:
    """The shipped configuration; `targets` of each job and `alertmanager` as HOST:PORT."""
    config: dict[str, Any] = yaml.safe_load((MONITOR / "prometheus.yml").read_text())
    config["rule_files"] = [str(MONITOR / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"] = [_at([alertmanager])]
    everywhere = {**targets, "alertmanager": [alertmanager]}
    config["scrape_configs"] = [
        {"job_name": name} | _at(everywhere[name])
        for name in (job["job_name"] for job in config["scrape_configs"])
    ]
    return config


def _at(addresses: Sequence[str]) -> dict[str, Any]:
    return {"static_configs": [{"targets": list(addresses)}]}


def alertmanager(status_page: str) -> str:
    """The shipped configuration, which tells the status page at `status_page`, as http://HOST:PORT."""
    return (MONITOR / "alertmanager.yml").read_text().replace(_STATUS_PAGE, status_page)
