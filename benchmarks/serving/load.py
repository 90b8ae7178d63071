"""Callers: as many requests as possible, or so many a second whatever the answers take."""

import asyncio
import os
import random
import re
import subprocess
import time
from pathlib import Path
from typing import NamedTuple, TypeAlias

from benchmarks.serving.stack import Stack
from tests.servers import getting

_SCRIPT = Path(__file__).parent / "users.lua"
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
GIVEN_UP = 1000.0
"""Milliseconds that a request counts which was not answered with a whole 200."""
CONNECTIONS = 16
_Connection: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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
    return asyncio.run(_steady(stack.port, users, rate, seconds, random.Random(seed)))


async def _steady(port: int, users: int, rate: float, seconds: float, chance: random.Random) -> list[float]:
    idle: list[_Connection] = []
    due, start, calls = 0.0, time.perf_counter(), []
    while (due := due + chance.expovariate(rate)) < seconds:
        await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
        calls.append(asyncio.create_task(_call(port, chance.randrange(users), start + due, idle)))
    found = await asyncio.gather(*calls)
    for _, writer in idle:
        writer.close()
    return found


async def _call(port: int, user: int, due: float, idle: list[_Connection]) -> float:
    """On a connection that nobody uses; `GIVEN_UP` for anything but a whole 200."""
    connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
    reader, writer = connection
    writer.write(f"GET /recommend/{user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(_found(r"(?i)content-length: (\d+)", head.decode())))
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
        return GIVEN_UP
    idle.append(connection)
    return (time.perf_counter() - due) * 1e3 if head.startswith(b"HTTP/1.1 200") else GIVEN_UP
