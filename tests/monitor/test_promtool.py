"""The shipped files before those who read them."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

MONITOR = Path(__file__).parents[2] / "monitor"
SCENARIOS = sorted((Path(__file__).parent / "rules").glob("*.yml"))


def _ask(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration_and_rules(promtool: str) -> None:
    _ask(promtool, "check", "config", "--lint=all", "--lint-fatal", MONITOR / "prometheus.yml")


@pytest.mark.parametrize("scenarios", SCENARIOS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_not_else(promtool: str, scenarios: Path) -> None:
    _ask(promtool, "test", "rules", scenarios)


def test_a_rule_that_is_wrong_is_found(promtool: str, tmp_path: Path) -> None:
    """The scenarios can fail: a limit of 40% makes them."""
    rules = (MONITOR / "first_rule.yml").read_text()
    wrong = rules.replace(
        "job:movielog_requests_late:ratio_rate5m > 0.2", "job:movielog_requests_late:ratio_rate5m > 0.4"
    )
    assert wrong != rules
    for folder in ("monitor", "tests/monitor/rules"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "monitor" / "first_rule.yml").write_text(wrong)
    scenarios = shutil.copy(SCENARIOS[0], tmp_path / "tests" / "monitor" / "rules")
    done = subprocess.run([promtool, "test", "rules", scenarios], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "alertname: SlowAnswers" in done.stderr + done.stdout


def test_alertmanager_takes_its_configuration(amtool: str) -> None:
    _ask(amtool, "check-config", MONITOR / "alertmanager.yml")
