"""Callers: as many requests as possible, or so many a second whatever the answers take."""

import asyncio
import gc
import os
import random
import re
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.serving.stack import Stack
from tests.servers import getting

_SCRIPT = Path(__file__).parent / "users.lua"
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
GIVEN_UP = 1000.0
"""Milliseconds that a request counts which was not answered with a whole 200."""
CONNECTIONS = 16
_LENGTH = b"Content-Length: "


class Peak(NamedTuple):
    """Requests a second; milliseconds of CPU of all servers a request; the median and 99% in milliseconds;
    requests that were not answered with 200."""

    rate: float
    cpu: float
    middle: float
    p99: float
    failed: float


def peak(stack: Stack, users: int, seconds: float, seed: int = 1) -> Peak:
    """By wrk, on 16 connections."""
    environ = os.environ | {"USERS": str(users), "SEED": str(seed)}
    address = f"http://127.0.0.1:{stack.port}/"
    wrk = [_wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency", "-s", str(_SCRIPT), address]
    before = stack.cpu()
    said = subprocess.run(wrk, env=environ, capture_output=True, text=True, check=True).stdout
    spent = stack.cpu() - before
    number, rate = float(_found(r"(\d+) requests in", said)), float(_found(r"Requests/sec: +(\S+)", said))
    failed = sum(
        map(float, re.findall(r"(?:Non-2xx or 3xx responses:|connect|read|write|timeout) (\d+)", said))
    )
    return Peak(rate, spent / number * 1e3, _millis(said, "50%"), _millis(said, "99%"), failed)


def _wrk() -> str:
    try:
        return getting.program("wrk")
    except getting.MissingPartError:
        getting.install("wrk")
        return getting.program("wrk")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"wrk said no {pattern}: {text}")
    return found[1]


def _millis(said: str, share: str) -> float:
    value, unit = re.match(r"([\d.]+)(\w+)", _found(rf"{share} +(\S+)", said)).groups()  # type: ignore[union-attr]
    return float(value) * _UNITS[unit]


def steady(stack: Stack, users: int, rate: float, seconds: float, seed: int = 1) -> list[float]:
    """Milliseconds from when each request was due to its answer, `rate` a second at random
    times; `GIVEN_UP` where it was not 200."""
    gc.disable()  # the caller's pauses are not the service's
    try:
        return asyncio.run(_steady(stack.port, users, rate, seconds, random.Random(seed)))
    finally:
        gc.enable()


async def _steady(port: int, users: int, rate: float, seconds: float, chance: random.Random) -> list[float]:
    idle: list[_Caller] = []
    found: list[float] = []
    due, start, number = 0.0, time.perf_counter(), 0
    while (due := due + chance.expovariate(rate)) < seconds:
        await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
        caller = idle.pop() if idle else await _connected(port, idle, found)
        caller.ask(chance.randrange(users), start + due)
        number += 1
    while len(found) < number:
        await asyncio.sleep(0.01)
    for caller in idle:
        caller.leave()
    return found


async def _connected(port: int, idle: list["_Caller"], found: list[float]) -> "_Caller":
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_connection(lambda: _Caller(idle, found), "127.0.0.1", port)
    return caller


class _Caller(asyncio.Protocol):
    """A connection for one question at a time; asyncio's streams would take more CPU than the service."""

    def __init__(self, idle: list["_Caller"], found: list[float]) -> None:
        self._idle = idle
        self._found = found
        self._due: float | None = None
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's own."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, user: int, due: float) -> None:
        """Ask now what was due then."""
        self._due, self._answer = due, b""
        self._transport.write(b"GET /recommend/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % user)

    def data_received(self, data: bytes) -> None:
        """asyncio's own."""
        self._answer += data
        if self._due is not None and _whole(self._answer):
            took = (time.perf_counter() - self._due) * 1e3
            self._tell(took if self._answer.startswith(b"HTTP/1.1 200") else GIVEN_UP)
            self._idle.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """asyncio's own."""
        if self in self._idle:
            self._idle.remove(self)
        if self._due is not None:
            self._tell(GIVEN_UP)

    def leave(self) -> None:
        """Close."""
        self._transport.close()

    def _tell(self, millis: float) -> None:
        self._due = None
        self._found.append(millis)


def _whole(answer: bytes) -> bool:
    head = answer.find(b"\r\n\r\n")
    at = answer.find(_LENGTH, 0, head) + len(_LENGTH)
    return head >= 0 and len(answer) == head + 4 + int(answer[at : answer.index(b"\r", at)])
