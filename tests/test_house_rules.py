"""The rules a reader relies on: who imports whom, who reads the environment, what is documented."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import settings

ROOT = Path(__file__).parent.parent
OURS = {"movielog", "store", "ml", "service", "monitor", "demo", "settings"}
MAY_IMPORT = {
    "settings": set[str](),
    "movielog": {"settings"},
    "movielog.ingest": {"settings", "store"},
    "movielog.stopping": {"store.port"},
    "store": {"movielog.events"},
    "ml": {"movielog", "store", "settings"},
    "service": {"movielog.events", "store", "settings", "ml.knn", "ml.artifact", "ml.split", "ml.trial"},
    "monitor": {
        "movielog",
        "store",
        "settings",
        "ml.online",
        "ml.running",
        "ml.experiment",
        "ml.split",
        "ml.routes",
    },
    "demo": {"movielog", "store", "settings", "ml"},
}
DRIVERS = {
    "sqlite3": {"store.sqlite"},
    "pymongo": {"store.mongo"},
    "gridfs": {"store.mongo"},
    "bson": {"store.mongo"},
    "confluent_kafka": {"movielog.topic"},
    "kafka": set[str](),
}


def _modules() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / line for line in listed.stdout.split()]
    return [path for path in paths if path.exists() and _name(path).split(".")[0] in OURS]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _inside(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    name, room = _name(path), _name(path).split(".")[0]
    allowed = MAY_IMPORT.get(name, MAY_IMPORT[room]) | {room}
    wrong = {other for other in _imports(path) if _inside(other, OURS) and not _inside(other, allowed)}
    assert not wrong, f"{name} imports {sorted(wrong)}; its room may import {sorted(allowed)}"


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_drivers_are_imported_only_behind_their_port(path: Path) -> None:
    for driver, homes in DRIVERS.items():
        if _name(path) not in homes:
            assert not any(_inside(other, {driver}) for other in _imports(path)), (
                f"{_name(path)} imports {driver}"
            )


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_only_entry_points_read_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text())
    entries = {"main", "create_app"}
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in entries
    ]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    if _name(path).endswith("gunicorn_conf"):
        return  # gunicorn's configuration is an entry point as a whole
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and id(node) not in inside:
            pytest.fail(f"{path}:{node.lineno} reads the environment outside {sorted(entries)}")


def test_nothing_happens_on_import(tmp_path: Path) -> None:
    names = [_name(path) for path in _modules() if not _name(path).endswith(("__main__", "gunicorn_conf"))]
    code = f"import importlib, threading\nfor name in {names}: importlib.import_module(name)\n"
    code += "assert threading.active_count() == 1, threading.enumerate()"
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True
    )
    assert not list(tmp_path.iterdir())


def test_every_setting_is_in_the_operators_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    missing = [
        name.upper() for name in settings.Settings.__dataclass_fields__ if f"`{name.upper()}`" not in page
    ]
    assert not missing, f"docs/settings.md does not mention {missing}"


def test_every_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        named = set(re.findall(r"`make ([a-z-]+)", page.read_text()))
        assert named <= targets, f"{page.name} names {sorted(named - targets)}"


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
