"""How a machine comes by what the servers need: programs found or installed, things built once and kept."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

_POLICY = Path("/usr/sbin/policy-rc.d")
_LIMIT = 900
"""Seconds for one installation or build."""


class MissingPartError(Exception):
    """Why a part is not there, in one sentence."""


def program(*names: str) -> str:
    """Path of the first of the programs that is there; MissingPartError where none is."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = [path for name in names if (path := shutil.which(name, path=folders))]
    if not found:
        raise MissingPartError(f"no {' or '.join(names)} on PATH")
    return found[0]


def install(*packages: str) -> None:
    """Install Debian packages without starting their services; MissingPartError where we cannot."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise MissingPartError(
            f"install {' and '.join(packages)} (Debian's names), or run this as root on Debian"
        )
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    with _services_left_alone():
        run([*apt, "update"])
        run([*apt, "install", "-y", "--no-install-recommends", *packages])


@contextmanager
def _services_left_alone() -> Iterator[None]:
    """Debian starts a package's service at once unless /usr/sbin/policy-rc.d forbids it."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def run(command: Sequence[str], folder: Path | None = None) -> None:
    """Run to the end; MissingPartError with what it said last where it fails."""
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingPartError(f"{command[0]} did not end within {_LIMIT} s") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-5:]
        raise MissingPartError(f"{shorten(' '.join(command), 100)} failed, saying: {' / '.join(said)}")


def keep(name: str, recipe: Path) -> Path:
    """Folder for what is built from the files of the folder `recipe`; another one once a file changes."""
    contents = [path.name.encode() + b"\0" + path.read_bytes() for path in sorted(recipe.iterdir())]
    digest = hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "marquee"
    return Path(os.environ.get("MARQUEE_CACHE") or home) / f"{name}-{digest}"


def fill(folder: Path, build: Callable[[Path], None]) -> None:
    """Build into a folder that then appears whole or not at all, also where two do so at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
        new = Path(parent) / "new"
        new.mkdir()
        build(new)
        if not folder.exists():
            new.rename(folder)
