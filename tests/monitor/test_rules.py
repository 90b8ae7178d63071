"""What holds of every rule; whether it fires when it should is asked of promtool."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "monitor" / "first_rule.yml").read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
JOBS = [
    job["job_name"]
    for job in yaml.safe_load((ROOT / "monitor" / "prometheus.yml").read_text())["scrape_configs"]
]


def _tested() -> dict[str, set[bool]]:
    """For each alert that promtool is asked about whether it fires, does not, or both."""
    found: dict[str, set[bool]] = {}
    for page in sorted((ROOT / "tests" / "monitor" / "rules").glob("*.yml")):
        for test in yaml.safe_load(page.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                found.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    return found


def _headings() -> set[str]:
    page = (ROOT / "docs" / "runbook.md").read_text()
    return {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.*)$", page, re.MULTILINE)}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert re.search(r"\$(value|labels)", alert["annotations"]["summary"])
    page, _, heading = alert["annotations"]["runbook_url"].partition("#")
    assert page == "docs/runbook.md"
    assert heading == alert["alert"].lower()
    assert heading in _headings()


def test_the_runbook_tells_of_nothing_that_is_no_alert() -> None:
    assert {alert["alert"].lower() for alert in ALERTS} == _headings() - {"how-to-read-this-page"}


@pytest.mark.parametrize("name", sorted({alert["alert"] for alert in ALERTS}))
def test_promtool_is_asked_whether_it_fires_and_whether_it_does_not(name: str) -> None:
    assert _tested()[name] == {True, False}


def test_a_recording_rule_has_its_level_metric_and_operation_in_its_name_and_is_used() -> None:
    pages = [page.read_text() for page in (ROOT / "monitor" / "grafana" / "dashboards").glob("*.json")]
    expressions = [rule["expr"] for rule in RULES] + pages
    for name in (rule["record"] for rule in RULES if "record" in rule):
        assert re.fullmatch(r"job:[a-z_]+:(sum|(ratio_)?rate\d+[mhd])", name)
        assert any(name in expression for expression in expressions), f"{name} is not used"


def test_every_job_that_a_rule_names_is_scraped() -> None:
    named = {job for rule in RULES for job in re.findall(r'job="([^"]*)"', rule["expr"])}
    assert named <= set(JOBS)
