"""examples/api, the application's HTTP server in Node."""

import json
import os
import secrets

from . import opaque_keys
from .ground import ROOT
from .node_packages import copy_program, node_path
from .process import Process, ServerFailed, tail
from .server import Server
from .waiting import until


class Api(Server):
    """`with` starts and stops it.  It needs Node and its packages pg and redis, or raises PackageMissing.

    database, redis: URLs.  environment: more variables, as its README.md has them.
    """

    def __init__(self, ground, database, redis, worker, name="api", environment=None):
        folder = ground.folder_for(name)
        self.program = copy_program(ROOT / "examples/api", folder / "program", ["pg", "redis", "white-cross"])
        self.log = folder / "api.log"
        self.token = secrets.token_hex(16)
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {
            "NODE_PATH": node_path(), "DATABASE_URL": database, "REDIS_URL": redis, "WORKER_URL": worker, "API_TOKEN": self.token, "PORT": "0",
            "OPAQUE_KEYS": "1" if opaque_keys.IS_ON else "",
        } | (environment or {})

    def start(self):
        self._process = Process(["node", self.program / "main.mjs"], self.log, drop_root=False, env=self._environment)
        until(lambda: self.logged("listens") or not self.running(), 30, "the API to listen")
        if not self.running():
            raise ServerFailed(f"the API did not start:\n{tail(self.log)}")
        self.port = self.logged("listens")[0]

    def logged(self, field):
        """Returns the values of this field of all lines of its log that have it."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [line[field] for line in lines if field in line]

    def send(self, number):
        self._process.send(number)

    def wait(self, timeout=30.0):
        return self._process.wait(timeout)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"
