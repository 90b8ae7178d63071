"""The demo's Prometheus and Alertmanager look where its processes are, and nowhere in the stack."""

from pathlib import Path

import yaml

from demo import watching
from demo.plan import JOBS, WATCHERS, Plan

ADDRESSES = {job: [f"127.0.0.1:{number}"] for number, job in enumerate((*JOBS, "recom_service"), 1)}


def _plan(watchers: dict[str, str]) -> Plan:
    return Plan(Path("/data"), 4000, 8082, 9101, None, None, watchers)


def test_every_job_is_asked_at_its_address_here() -> None:
    config = watching.prometheus(ADDRESSES, "127.0.0.1:9")
    asked = {job.pop("job_name"): job.pop("static_configs") for job in config["scrape_configs"]}
    assert asked == {
        job: [{"targets": targets}] for job, targets in {**ADDRESSES, "alertmanager": ["127.0.0.1:9"]}.items()
    }
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["127.0.0.1:9"]}]}]
    assert not any(config["scrape_configs"])


def test_the_rules_are_the_shipped_ones() -> None:
    [rules] = watching.prometheus(ADDRESSES, "127.0.0.1:9")["rule_files"]
    assert Path(rules).samefile(watching.MONITOR / "first_rule.yml")


def test_alerts_go_to_the_status_page_here() -> None:
    shipped = yaml.safe_load((watching.MONITOR / "alertmanager.yml").read_text())
    here = yaml.safe_load(watching.alertmanager("http://127.0.0.1:9103"))
    assert here["receivers"][0]["webhook_configs"] == [{"url": "http://127.0.0.1:9103/alerts"}]
    assert {**here, "receivers": shipped["receivers"]} == shipped


def test_watchers_listen_on_ports_of_their_own_and_only_where_they_are_installed() -> None:
    plan = _plan(dict.fromkeys(WATCHERS, "/bin/true"))
    assert set(plan.watch_ports.values()) == {9105, 9106}
    assert {9105, 9106} <= set(plan.ports)
    assert all(plan.processes()[name] == 1 for name in WATCHERS)

    without = _plan({})
    assert not {9105, 9106} & set(without.ports)
    assert all(without.processes()[name] == 0 for name in WATCHERS)
    assert not [name for name in without.environment("/bin") if "PROMETHEUS" in name or "WATCH" in name]
