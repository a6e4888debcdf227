"""The hosts: how each is found, started, asked, and stopped."""

import enum
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 120

# Not a host, but what is left of one without a guest.
BARE_HYPER = "bare hyper"


class Caching(enum.Enum):
    """Who keeps the responses of backends. This server is told by these options; the others keep none."""

    NONE = ("--no-http-cache",)
    HOST = ("--no-guest-caching",)
    GUEST = ()


@dataclass(frozen=True)
class Host:
    """A program that runs guests. `command` makes its command line from guest, port, backends and `Caching`.

    One that keeps what it compiles is started twice, and measured the second time: compiling leaves memory behind.
    """

    name: str
    command: callable
    keeps: bool = False


def find(fastlike, bare_hyper, engines, kept):
    """Every host there is on this machine; says which ones are missing. Compiled programs go to the folder `kept`."""
    found = [of_this_project(fastlike, engine, kept) for engine in engines]
    found.append(Host(BARE_HYPER, of_bare_hyper(bare_hyper)))
    peers = {"viceroy": viceroy, "fastlike-go": fastlike_go}
    for name, make in peers.items():
        path = shutil.which(name)
        if path:
            found.append(Host(name, make(path)))
        else:
            print(f"peers: {name} is not on PATH and is left out", file=sys.stderr)
    return found


def of_this_project(program, engine, kept):
    def command(guest, port, backends, caching):
        # The user's folder may have code that another build has made.
        where = ["--addr", f"127.0.0.1:{port}", "-C", backends.manifest, "--cache-dir", kept]
        return [program, guest, "--engine", engine, *where, *caching.value]

    return Host(f"fastlike {engine}", command, keeps=True)


def of_bare_hyper(program):
    def command(guest, port, backends, _caching):
        return [program, f"127.0.0.1:{port}", f"127.0.0.1:{backends.ports['origin']}"]

    return command


def viceroy(program):
    def command(guest, port, backends, _caching):
        return [program, "serve", guest, "--addr", f"127.0.0.1:{port}", "-C", backends.manifest]

    return command


def fastlike_go(program):
    def command(guest, port, backends, _caching):
        named = [f"-backend={name}=127.0.0.1:{backend_port}" for name, backend_port in backends.ports.items()]
        return [program, f"-wasm={guest}", f"-bind=127.0.0.1:{port}", *named]

    return command


class Running:
    """A started host. Its messages go nowhere: writing them is part of the work, reading them is not."""

    def __init__(self, host, guest, backends, caching=Caching.NONE):
        self.name = host.name
        self.keeps = host.keeps
        self.port = free_port()
        self.command = [str(word) for word in host.command(guest, self.port, backends, caching)]
        self.process = None

    def __enter__(self):
        if self.keeps:
            self.start()
            stop(self.process)
        self.start()
        return self

    def __exit__(self, *_):
        stop(self.process)

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.wait_until_ready()
        except BaseException:
            stop(self.process)
            raise

    def wait_until_ready(self):
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.get("/hello")
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not start: {' '.join(self.command)}")

    def get(self, path):
        """Status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def processor_s(self):
        """Processor time so far, on behalf of the process and in it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = fields[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, field, file="status"):
        """A field of a file that the system keeps about the process, such as `VmHWM`, the most that ever was resident."""
        for line in Path(f"/proc/{self.process.pid}/{file}").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        return 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process):
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
