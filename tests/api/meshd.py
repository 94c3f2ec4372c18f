"""A meshd of its own: temporary folder, free ports, no rate limits. One per thing that is tried."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import urllib.request

TENANT = "acme"
TOKEN = TENANT + ":tester"

# Whoever is not limited is answered by the handlers. Without the anonymous tenant every route of
# tenants needs its credential.
CONFIG = """\
data_dir: {data}
listen:
  users: 127.0.0.1:0
  gateway: 127.0.0.1:0
  publisher: 127.0.0.1:0
  subscriber: 127.0.0.1:0
  admin: 127.0.0.1:0
auth: {{mode: dev, anonymous_tenant: null}}
rate_limits:
  search: {{rate: 1000000, per: 1s, burst: 1000000}}
  publish: {{rate: 1000000, per: 1s, burst: 1000000}}
  users: {{rate: 1000000, per: 1s, burst: 1000000}}
"""


class Meshd:
    """Started on entering; on leaving it must end in order, with exit code 0."""

    def __init__(self, binary):
        self.binary = binary

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="mesh-api-")
        self.folder = pathlib.Path(self.temporary.name)
        data = self.folder / "data"
        config = self.folder / "meshd.yaml"
        config.write_text(CONFIG.format(data=data))
        ready = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.bind(str(ready))
            notifications.settimeout(60)
            self.log = open(self.folder / "meshd.log", "wb")
            self.process = subprocess.Popen(
                [self.binary, "--config", config],
                stdout=self.log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, NOTIFY_SOCKET=str(ready)),
            )
            try:
                while b"READY=1" not in notifications.recv(4096):
                    pass
            except TimeoutError:
                self.process.kill()
                raise RuntimeError("meshd did not start:\n" + self.said()) from None
        self.addresses = json.loads((data / "run.json").read_text())["addresses"]
        self.operator = (data / "operator.token").read_text().strip()
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none within a minute"
        self.log.close()
        said = self.said()
        self.temporary.cleanup()
        if code != 0 and kind is None:
            raise RuntimeError(f"meshd ended with exit code {code}:\n{said}")

    def said(self):
        return (self.folder / "meshd.log").read_text(errors="replace")[-4000:]

    def url(self, listener):
        return "http://" + self.addresses[listener]

    def token(self, listener):
        return self.operator if listener == "admin" else TOKEN

    def ask(self, listener, method, target, body=None):
        """The JSON of the answer, which must be a success."""
        request = urllib.request.Request(
            self.url(listener) + target,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Bearer " + self.token(listener),
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
