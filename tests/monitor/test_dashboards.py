"""What every panel owes its reader; that it shows data is asked of a real Prometheus."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

GRAFANA = Path(__file__).parents[2] / "monitor" / "grafana"
PAGES = sorted((GRAFANA / "dashboards").glob("*.json"))
DASHBOARDS = {page.stem: json.loads(page.read_text()) for page in PAGES}
SOURCES = {
    source["uid"]: source["type"]
    for source in yaml.safe_load((GRAFANA / "datasources" / "prometheus.yml").read_text())["datasources"]
}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]


def _sources(value: Any) -> Iterator[dict[str, str]]:
    """Everything that is named as a source of data at any depth."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, child in children:
        if name == "datasource":
            yield child
        else:
            yield from _sources(child)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_in_what_unit_and_what_is_good(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert re.fullmatch(r"[A-Za-z0-9].{30,}\.", panel["description"])
    assert defaults["unit"]
    first, *others = defaults["thresholds"]["steps"]
    assert first["value"] is None
    limits = [step["value"] for step in others]
    assert limits == sorted(limits)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_the_provisioned_source_under_names_of_its_own(panel: dict[str, Any]) -> None:
    targets = panel["targets"]
    assert targets
    assert len({target["refId"] for target in targets}) == len(targets)
    assert len({target["legendFormat"] for target in targets}) == len(targets)
    sources = list(_sources(panel))
    assert len(sources) == 1 + len(targets)
    assert all(SOURCES[source["uid"]] == source["type"] for source in sources)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_marks_each_change_of_a_model(name: str) -> None:
    [changes] = DASHBOARDS[name]["annotations"]["list"]
    assert "recommend_model_info" in changes["expr"]
    assert changes["datasource"]["uid"] in SOURCES


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap_and_have_numbers_of_their_own(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [cell for panel in panels for cell in _cells(**panel["gridPos"])]
    assert len(set(taken)) == len(taken)
    assert {x for x, _ in taken} <= set(range(24))


def _cells(x: int, y: int, w: int, h: int) -> list[tuple[int, int]]:
    return [(x + across, y + down) for across in range(w) for down in range(h)]


def test_dashboards_have_titles_and_ids_of_their_own() -> None:
    for key in ("uid", "title"):
        assert len({dashboard[key] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS) == 2


def test_grafana_finds_the_dashboards_where_the_compose_file_mounts_them() -> None:
    compose = yaml.safe_load((GRAFANA.parents[1] / "docker-compose.yml").read_text())
    [mount] = [
        volume for volume in compose["services"]["grafana"]["volumes"] if volume.startswith("./monitor/")
    ]
    folder, inside, _ = mount.split(":")
    [provider] = yaml.safe_load((GRAFANA / "dashboards" / "marquee.yml").read_text())["providers"]
    assert Path(provider["options"]["path"]).relative_to(inside) == Path("dashboards")
    assert (GRAFANA.parents[1] / folder).resolve() == GRAFANA
