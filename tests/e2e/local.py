"""Prometheus and Alertmanager on the shipped files, told where things are on this machine.

Besides addresses some waiting is cut short, and none of the ranges that rules look back over: targets and
rules are asked every second, SlowAnswers must hold for five of them rather than a minute, and Alertmanager
sends at once what it would gather for ten seconds, and a minute afterwards.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

MONITOR = Path(__file__).parents[2] / "monitor"


def _shipped(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((MONITOR / name).read_text())
    return loaded


def prometheus_file(folder: Path, targets: Mapping[str, Sequence[str]], alertmanager: str) -> Path:
    """The configuration with each job's targets, as HOST:PORT; the rules beside it."""
    config = _shipped("prometheus.yml")
    config["global"] = dict.fromkeys(config["global"], "1s")
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alertmanager]}]
    config["scrape_configs"] = [
        {"job_name": job["job_name"], "static_configs": [{"targets": list(targets[job["job_name"]])}]}
        for job in config["scrape_configs"]
    ]
    (folder / "first_rule.yml").write_text(yaml.safe_dump(_impatient(_shipped("first_rule.yml"))))
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    return file


def _impatient(rules: dict[str, Any]) -> dict[str, Any]:
    for group in rules["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            if rule.get("alert") == "SlowAnswers":
                rule["for"] = "5s"
    return rules


def alertmanager_file(folder: Path, status_page: str) -> Path:
    """The configuration with the status page's URL for alerts."""
    text, file = (MONITOR / "alertmanager.yml").read_text(), folder / "alertmanager.yml"
    changes = {"http://api_monitor:9101/alerts": status_page, "group_wait: 10s": "group_wait: 0s"}
    for shipped, here in (changes | {"group_interval: 1m": "group_interval: 1s"}).items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, here)
    file.write_text(text)
    return file
