"""What sixty people who watch a run cost its training: steps a second with and without them, on the real server.

The viewers are plain sockets that ask what the page asks, once a second each, so that they take little of the
machine that trains; people at home would take none.
"""

import asyncio
import json
import statistics
import tempfile
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
from gradio_client import Client

from bench.figure import Figure, process_seconds, serve
from studio.runs.run import Run, find_run
from studio.workspace import Workspace

VIEWERS = 60
SECONDS = 12
ROUNDS = 2


def measure() -> list[Figure]:
    """Let the viewers come and go while one long run trains; compare what it did with them and without."""
    with tempfile.TemporaryDirectory() as home, serve(home) as (address, server):
        recipe = {"task_id": "studio002_question", "training": {"max_steps": 3000, "evaluate_every": 0}}
        recipe["training"] |= {"sample_every": 0, "save_every": 0}  # type: ignore[operator]
        run_id = Client(address, verbose=False).predict(recipe, api_name="/start_run")["run_id"]
        run = find_run(Workspace(home), run_id)
        ask = find_question(address)
        while count_steps(run) < 10:
            time.sleep(0.2)
        alone, watched, costs, sizes = [], [], [], []
        for _ in range(ROUNDS):
            spent = process_seconds(server)
            alone.append(measure_steps(run, SECONDS))
            unwatched = process_seconds(server) - spent
            spent = process_seconds(server)
            before = count_steps(run)
            began = time.monotonic()
            answers = asyncio.run(watch(address, ask, run_id))
            watched.append((count_steps(run) - before) / (time.monotonic() - began))
            costs.append((process_seconds(server) - spent - unwatched) / len(answers))
            sizes += answers
        run.request_stop()
    return [
        Figure(
            f"training with {VIEWERS} viewers",
            statistics.mean(watched),
            "steps/s",
            statistics.mean(alone),
            "without",
            "at least 0.95 x",
        ),
        Figure("server time an update, beside a training", 1000 * statistics.mean(costs), "ms"),
        Figure("bytes a second and viewer, of several steps", statistics.median(sizes), "bytes"),
    ]


def count_steps(run: Run) -> int:
    """Return how many steps a run has told of."""
    return run.events_file.read_bytes().count(b'"metrics"') if run.events_file.exists() else 0


def measure_steps(run: Run, seconds: float) -> float:
    """Return the steps a second that a run does by itself."""
    before, began = count_steps(run), time.monotonic()
    time.sleep(seconds)
    return (count_steps(run) - before) / (time.monotonic() - began)


def find_question(address: str) -> dict[str, Any]:
    """Return what the page sends to ask what is new, without its data."""
    config = httpx.get(f"{address}/config").json()
    chart = next(each for each in config["components"] if "pull" in (each["props"].get("server_fns") or ()))
    return {"component_id": chart["id"], "fn_name": "pull"}


async def watch(address: str, ask: dict[str, Any], run_id: str) -> list[int]:
    """Let all viewers watch for SECONDS; return the bytes of each answer once a viewer had read what was there."""
    answers = await asyncio.gather(*(_view(address, ask, run_id, number) for number in range(VIEWERS)))
    return [size for each in answers for size in each]


async def _view(address: str, ask: dict[str, Any], run_id: str, number: int) -> list[int]:
    await asyncio.sleep(number / VIEWERS)
    where = urlsplit(address)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    sizes, asked, until = [], {"run": run_id, "offset": 0, "seen": ""}, time.monotonic() + SECONDS
    try:
        while time.monotonic() < until:
            began = time.monotonic()
            body = json.dumps({**ask, "session_hash": f"viewer{number}", "data": asked}).encode()
            writer.write(
                b"POST /gradio_api/component_server HTTP/1.1\r\nHost: studio\r\nContent-Type: application/json\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = await _read_answer(reader)
            sizes.append(len(answer))
            news = json.loads(answer)
            asked = {name: news.get(name, value) for name, value in asked.items()}
            await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
    finally:
        writer.close()
    return sizes[1:]


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if " 200 " not in head.split("\r\n")[0]:
        raise SystemExit(f"The server answered {head.splitlines()[0]}")
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length"))
    return await reader.readexactly(length)
