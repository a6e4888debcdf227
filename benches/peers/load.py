"""Requests per second, latency and processor time under load, by `wrk`."""

import re
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

from hosts import BARE_HYPER, Caching, Running

WARM_UP_S = 2


@dataclass(frozen=True)
class Workload:
    """Requests to one path of one guest, with the length of the right answer, and what is promised of wasmtime.

    `hello`: a path to which the same guest says little more than hello, asked in turns with the other one; what a larger
    guest takes to start is no part of what it does. `times_hello`: how many times the processor time of that it may take.
    `without_guest`: whether the same can be had without any guest, for comparison. `caching`: whether this server may
    answer requests of guests from its cache; the other hosts have none.
    """

    name: str
    guest: str
    path: str
    length: int | None
    times_viceroy: float | None = None
    hello: str | None = None
    times_hello: float | None = None
    without_guest: bool = False
    caching: Caching = Caching.NONE


KIBIBYTE = "/proxy/origin/bytes/1024"
HIT = "/fetched/bench/origin/kibibyte"

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("hello", "hello.wasm", "/", 19, times_viceroy=8, without_guest=True),
        Workload("hello of a larger guest", "routes.wasm", "/hello", 19),
        Workload("proxy", "routes.wasm", KIBIBYTE, 1024, times_viceroy=8, hello="/hello", without_guest=True),
        Workload("stream", "routes.wasm", "/stream/64/1024", 65536, times_viceroy=6),
        Workload("fan-out", "routes.wasm", "/fanout/10", None, times_viceroy=8),
        Workload("simple cache hit", "stores.wasm", HIT, 1024, times_viceroy=10, hello="/secret-of/x"),
        Workload("readthrough hit", "routes.wasm", KIBIBYTE, 1024, hello="/hello", times_hello=1.5, caching=Caching.HOST),
        Workload("hit by the guest", "routes.wasm", KIBIBYTE, 1024, hello="/hello", times_hello=1.5, caching=Caching.GUEST),
    )
}


@dataclass(frozen=True)
class Round:
    """What one measurement gave. `processor_us`: the processor time that the host took for each request."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    processor_us: float
    errors: int


@dataclass(frozen=True)
class Result:
    """What all rounds gave: medians, and the sum of all errors."""

    host: str
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    processor_us: float
    times_hello: float | None
    errors: int
    peak_mib: float


def compare(hosts, workload, root, backends, options):
    """Loads every host in turn, and again: what disturbs the machine meanwhile disturbs all of them alike."""
    guest = root / "tests" / "guests" / workload.guest
    hosts = [host for host in hosts if workload.without_guest or host.name != BARE_HYPER]
    with ExitStack() as stack:
        running = [stack.enter_context(Running(host, guest, backends, workload.caching)) for host in hosts]
        running = [host for host in running if answers(host, workload)]
        for host in running:
            wrk(host, workload.path, WARM_UP_S, options.connections)
        rounds = {host.name: [] for host in running}
        hellos = {host.name: [] for host in running}
        for _ in range(options.rounds):
            for host in running:
                rounds[host.name].append(wrk(host, workload.path, options.seconds, options.connections))
                if workload.hello and host.name != BARE_HYPER:
                    hellos[host.name].append(wrk(host, workload.hello, options.seconds, options.connections))
        return [summary(host, rounds[host.name], hellos[host.name]) for host in running]


def answers(host, workload):
    """Whether a host gives the right answer. One that does not is told of, and left out: being wrong can be fast."""
    status, body = host.get(workload.path)
    right = status == 200 and workload.length in (None, len(body))
    if not right:
        print(f"**{host.name} is left out: it answers `{workload.path}` with {status} and {len(body)} bytes: "
              f"{body[:100].decode(errors='replace').strip()}**\n")
    return right


def wrk(host, path, seconds, connections):
    url = f"http://127.0.0.1:{host.port}{path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", url]
    before = host.processor_s()
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return parse(text, host.processor_s() - before)


def parse(text, processor_s):
    numbers = lambda pattern: [int(number) for found in re.findall(pattern, text) for number in re.findall(r"\d+", found)]
    refused = sum(numbers(r"Non-2xx or 3xx responses: \d+"))
    broken = sum(numbers(r"Socket errors: .*"))
    answered = int(re.search(r"(\d+) requests in", text)[1])
    return Round(
        requests_per_s=float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        p50_ms=milliseconds(text, "50%"),
        p99_ms=milliseconds(text, "99%"),
        processor_us=processor_s * 1e6 / max(answered, 1),
        errors=refused + broken,
    )


def milliseconds(text, percentile):
    number, unit = re.search(re.escape(percentile) + r"\s+([\d.]+)(us|ms|s|m)\b", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def summary(host, rounds, hellos):
    median = lambda rounds, field: statistics.median(getattr(round, field) for round in rounds)
    processor_us = median(rounds, "processor_us")
    return Result(
        host=host.name,
        requests_per_s=median(rounds, "requests_per_s"),
        p50_ms=median(rounds, "p50_ms"),
        p99_ms=median(rounds, "p99_ms"),
        processor_us=processor_us,
        times_hello=processor_us / median(hellos, "processor_us") if hellos else None,
        errors=sum(round.errors for round in rounds + hellos),
        peak_mib=host.memory_kib("VmHWM") / 1024,
    )
