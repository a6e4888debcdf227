"""Requests per second and latency under load, by `wrk`."""

import re
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

from hosts import BARE_HYPER, Running

WARM_UP_S = 2


@dataclass(frozen=True)
class Workload:
    """Requests to one path of one guest, with the length of the right answer, and what is promised of wasmtime.

    `without_guest`: whether the same can be had without any guest, for comparison. `reads_through`: whether this server may
    answer requests of guests from its cache; elsewhere it does not, as the other hosts have none.
    """

    name: str
    guest: str
    path: str
    length: int | None
    times_viceroy: float | None = None
    without_guest: bool = False
    reads_through: bool = False


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("hello", "hello.wasm", "/", 19, times_viceroy=8, without_guest=True),
        Workload("proxy", "routes.wasm", "/proxy/origin/bytes/1024", 1024, times_viceroy=8, without_guest=True),
        Workload("stream", "routes.wasm", "/stream/64/1024", 65536, times_viceroy=6),
        Workload("fan-out", "routes.wasm", "/fanout/10", None, times_viceroy=8),
        Workload("simple cache hit", "stores.wasm", "/fetched/bench/origin/kibibyte", 1024, times_viceroy=10),
        Workload("readthrough hit", "routes.wasm", "/proxy/origin/bytes/1024", 1024, reads_through=True),
    )
}


@dataclass(frozen=True)
class Round:
    """What one measurement gave."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Result:
    """What all rounds gave: medians, and the sum of all errors."""

    host: str
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    peak_mib: float


def compare(hosts, workload, root, backends, options):
    """Loads every host in turn, and again: what disturbs the machine meanwhile disturbs all of them alike."""
    guest = root / "tests" / "guests" / workload.guest
    hosts = [host for host in hosts if workload.without_guest or host.name != BARE_HYPER]
    with ExitStack() as stack:
        running = [stack.enter_context(Running(host, guest, backends, workload.reads_through)) for host in hosts]
        running = [host for host in running if answers(host, workload)]
        for host in running:
            wrk(host, workload, WARM_UP_S, options.connections)
        rounds = {host.name: [] for host in running}
        for _ in range(options.rounds):
            for host in running:
                rounds[host.name].append(wrk(host, workload, options.seconds, options.connections))
        return [summary(host, rounds[host.name]) for host in running]


def answers(host, workload):
    """Whether a host gives the right answer. One that does not is told of, and left out: being wrong can be fast."""
    status, body = host.get(workload.path)
    right = status == 200 and workload.length in (None, len(body))
    if not right:
        print(f"**{host.name} is left out: it answers `{workload.path}` with {status} and {len(body)} bytes: "
              f"{body[:100].decode(errors='replace').strip()}**\n")
    return right


def wrk(host, workload, seconds, connections):
    url = f"http://127.0.0.1:{host.port}{workload.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return parse(text)


def parse(text):
    numbers = lambda pattern: [int(number) for found in re.findall(pattern, text) for number in re.findall(r"\d+", found)]
    refused = sum(numbers(r"Non-2xx or 3xx responses: \d+"))
    broken = sum(numbers(r"Socket errors: .*"))
    return Round(
        requests_per_s=float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        p50_ms=milliseconds(text, "50%"),
        p99_ms=milliseconds(text, "99%"),
        errors=refused + broken,
    )


def milliseconds(text, percentile):
    number, unit = re.search(re.escape(percentile) + r"\s+([\d.]+)(us|ms|s|m)\b", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def summary(host, rounds):
    median = lambda field: statistics.median(getattr(round, field) for round in rounds)
    return Result(
        host=host.name,
        requests_per_s=median("requests_per_s"),
        p50_ms=median("p50_ms"),
        p99_ms=median("p99_ms"),
        errors=sum(round.errors for round in rounds),
        peak_mib=host.memory_kib("VmHWM") / 1024,
    )
