"""What a guest costs that waits: many of them, each for a backend that never answers."""

import socket
import time
from dataclasses import dataclass

from hosts import BARE_HYPER, Running

PATH = "/proxy/silent/"
WARM_UP_REQUESTS = 20
SETTLE_TIMEOUT_S = 30


@dataclass(frozen=True)
class Result:
    """How many guests came as far as the backend, and what memory grew by for each.

    `resident` counts a page that many guests share, such as one of the program's initial memory, for each of them;
    `own` counts it once. `tables` are the pages in which the system notes where all those are.
    """

    host: str
    waiting: int
    resident_kib: float
    own_kib: float
    tables_kib: float


def compare(hosts, guests, root, backends):
    guest = root / "tests" / "guests" / "routes.wasm"
    results = []
    for host in hosts:
        if host.name == BARE_HYPER:
            continue
        with Running(host, guest, backends) as running:
            results.append(measure(running, guests, backends.silent))
        backends.silent.hang_up()
    return results


def measure(host, guests, silent):
    for _ in range(WARM_UP_REQUESTS):
        host.get("/hello")
    before = memory_kib(host)
    clients = [ask(host) for _ in range(guests)]
    try:
        after = settled(host, silent)
        waiting = len(silent.connections)
        resident, own, tables = [(now - then) / max(waiting, 1) for now, then in zip(after, before)]
        return Result(host.name, waiting, resident, own, tables)
    finally:
        for client in clients:
            client.close()


def ask(host):
    """A client that waits for an answer, on a connection of its own."""
    client = socket.create_connection(("127.0.0.1", host.port), timeout=30)
    client.sendall(f"GET {PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return client


def settled(host, silent):
    """Memory once nothing has changed for two seconds."""
    end = time.monotonic() + SETTLE_TIMEOUT_S
    state = None
    while time.monotonic() < end:
        last, state = state, (len(silent.connections), host.memory_kib("VmRSS"))
        if state == last:
            break
        time.sleep(2)
    return memory_kib(host)


def memory_kib(host):
    """Resident pages, the same with each shared one counted once, and the tables of pages."""
    rollup = "smaps_rollup"
    return host.memory_kib("Rss", rollup), host.memory_kib("Pss", rollup), host.memory_kib("VmPTE")
