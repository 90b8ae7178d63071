"""The manifests are what Kubernetes' schemas allow, and say the same as the compose file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

kubernetes_validate = pytest.importorskip("kubernetes_validate")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))


def _resources() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for resource in yaml.safe_load_all(path.read_text()):
            yield f"{path.stem}-{resource['kind']}-{resource['metadata']['name']}", resource


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in _resources():
        if "template" in resource.get("spec", {}):
            yield name, resource["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("name", "resource"), list(_resources()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_manifest_is_valid(name: str, resource: dict[str, Any]) -> None:
    kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
    assert name.endswith("Namespace-marquee") or resource["metadata"]["namespace"] == "marquee"


@pytest.mark.parametrize(
    ("name", "pod"), list(_pods()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_pod_runs_as_an_ordinary_user_on_a_read_only_root(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"], name
    for container in pod["containers"] + pod.get("initContainers", []):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["resources"]["limits"]["memory"]


def test_the_images_are_those_of_the_compose_file() -> None:
    composed = set(re.findall(r"^    image: (\S+)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))
    used = {container["image"] for _, pod in _pods() for container in pod["containers"]}
    assert used - {"marquee:latest"} <= composed


def test_every_process_of_the_compose_file_but_the_audience_has_a_manifest() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {
        name: tuple(service.get("command", ()))
        for name, service in services.items()
        if service["image"].startswith("marquee:") and name != "audience"
    }
    containers = [container for _, pod in _pods() for container in pod["containers"]]
    used = {
        tuple(container.get("command", ()))
        for container in containers
        if container["image"].startswith("marquee:")
    }
    assert used == set(ours.values())
