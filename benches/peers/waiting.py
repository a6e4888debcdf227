"""What a guest costs that waits: many of them, each for a backend that never answers."""

import socket
import time
from dataclasses import dataclass

from hosts import Running

PATH = "/proxy/silent/"
WARM_UP_REQUESTS = 20
SETTLE_TIMEOUT_S = 30


@dataclass(frozen=True)
class Result:
    """How many guests came as far as the backend, and what resident memory grew by."""

    host: str
    waiting: int
    before_mib: float
    after_mib: float

    @property
    def kib_each(self):
        return (self.after_mib - self.before_mib) * 1024 / max(self.waiting, 1)


def compare(hosts, guests, root, backends):
    guest = root / "tests" / "guests" / "routes.wasm"
    results = []
    for host in hosts:
        with Running(host, guest, backends) as running:
            results.append(measure(running, guests, backends.silent))
        backends.silent.hang_up()
    return results


def measure(host, guests, silent):
    for _ in range(WARM_UP_REQUESTS):
        host.get("/hello")
    before = host.memory_kib("VmRSS")
    clients = [ask(host) for _ in range(guests)]
    try:
        after = settled(host, guests, silent)
        return Result(host.name, len(silent.connections), before / 1024, after / 1024)
    finally:
        for client in clients:
            client.close()


def ask(host):
    """A client that waits for an answer, on a connection of its own."""
    client = socket.create_connection(("127.0.0.1", host.port), timeout=30)
    client.sendall(f"GET {PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return client


def settled(host, guests, silent):
    """Resident memory once all guests wait, or nothing has changed for two seconds."""
    end = time.monotonic() + SETTLE_TIMEOUT_S
    state = None
    while time.monotonic() < end:
        last, state = state, (len(silent.connections), host.memory_kib("VmRSS"))
        if state == last:
            break
        time.sleep(2)
    return state[1]
