"""The shipped files of Prometheus and Alertmanager as the tests want them.

Besides addresses some waiting is cut short, and none of the ranges that rules look back over: targets and
rules are asked every second, SlowAnswers must hold for five of them rather than a minute, and Alertmanager
sends at once what it would gather for ten seconds, and a minute afterwards.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from demo import watching


def prometheus_file(folder: Path, targets: Mapping[str, Sequence[str]], alertmanager: str) -> Path:
    """The configuration with each job's targets, as HOST:PORT; the rules beside it."""
    config = watching.prometheus(targets, alertmanager)
    config["global"] = dict.fromkeys(config["global"], "1s")
    [rules] = config["rule_files"]
    config["rule_files"] = ["first_rule.yml"]
    (folder / "first_rule.yml").write_text(_impatient(Path(rules)))
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    return file


def _impatient(file: Path) -> str:
    rules: dict[str, Any] = yaml.safe_load(file.read_text())
    for group in rules["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            if rule.get("alert") == "SlowAnswers":
                rule["for"] = "5s"
    return yaml.safe_dump(rules)


def alertmanager_file(folder: Path, status_page: str) -> Path:
    """The configuration with the status page at http://HOST:PORT."""
    text, file = watching.alertmanager(status_page), folder / "alertmanager.yml"
    for shipped, here in {
        "group_wait: 10s": "group_wait: 0s",
        "group_interval: 1m": "group_interval: 1s",
    }.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, here)
    file.write_text(text)
    return file
