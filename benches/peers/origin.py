"""The backends of the guests: `origin` answers fast, `silent` never does."""

import os
import shutil
import socket
import subprocess
import threading
import time

from hosts import free_port, stop

NGINX = """
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "{kibibyte}"; }}
    }}
}}
"""

MANIFEST = """
manifest_version = 3
name = "peers"
language = "rust"

[local_server.backends.origin]
url = "http://127.0.0.1:{origin}/"

[local_server.backends.silent]
url = "http://127.0.0.1:{silent}/"
"""


class Origin:
    """Both backends, and the file that tells hosts where they are."""

    def __init__(self, root, directory):
        self.silent = Silent()
        self.ports = {"origin": free_port(), "silent": self.silent.port}
        self.manifest = directory / "fastly.toml"
        self.manifest.write_text(MANIFEST.format(**self.ports))
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if nginx:
            self.name, command = "nginx", of_nginx(nginx, directory, self.ports["origin"])
        else:
            self.name, command = "benches/src/bin/origin.rs", of_this_package(root, self.ports["origin"])
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def __enter__(self):
        wait_for(self.ports["origin"])
        return self

    def __exit__(self, *_):
        stop(self.process)
        self.silent.close()


def of_nginx(nginx, directory, port):
    settings = directory / "nginx.conf"
    settings.write_text(NGINX.format(directory=directory, port=port, kibibyte="x" * 1024))
    return [nginx, "-p", str(directory), "-c", str(settings), "-g", "daemon off;"]


def of_this_package(root, port):
    subprocess.run(["cargo", "build", "--release", "-p", "benches", "--bin", "origin"], cwd=root, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", str(root / "target"))
    return [os.path.join(target, "release", "origin"), f"127.0.0.1:{port}"]


def wait_for(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the backend does not start")


class Silent:
    """Takes connections and says nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)

    def hang_up(self):
        """Ends every connection there is."""
        ended, self.connections = self.connections, []
        for connection in ended:
            connection.close()

    def close(self):
        self.listener.close()
        self.hang_up()
