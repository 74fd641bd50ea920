"""A Prometheus that asks one worker, with the project's rules and alerts."""

import json
import shutil
import urllib.parse
import urllib.request

from .ground import ROOT
from .process import Process, ServerFailed, free_port, tail
from .server import Server
from .waiting import until

STARTS = 5  # another process may take the port meanwhile


class Prometheus(Server):
    """`with` starts it and waits until it answers.  It listens on loopback alone."""

    def __init__(self, ground, worker, scrape_seconds=1):
        self.folder = ground.folder_for("prometheus")
        self.log = self.folder / "prometheus.log"
        self._worker = worker
        self._scrape_seconds = scrape_seconds

    def start(self):
        binary = shutil.which("prometheus")
        if not binary:
            raise ServerFailed("there is no prometheus here: install Debian's package")
        configuration = self.folder / "prometheus.yml"
        # JSON is YAML too.
        configuration.write_text(json.dumps({
            "global": {"scrape_interval": f"{self._scrape_seconds}s", "evaluation_interval": f"{self._scrape_seconds}s"},
            "rule_files": [str(ROOT / "config/prometheus" / name) for name in ("rules.yml", "alerts.yml")],
            "scrape_configs": [{"job_name": "wc-worker", "static_configs": [{"targets": [f"127.0.0.1:{self._worker.port}"]}]}]}))
        for _ in range(STARTS):
            self.port = free_port()
            self._process = Process([binary, f"--config.file={configuration}", f"--storage.tsdb.path={self.folder / 'data'}",
                                     f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"], self.log, drop_root=False)
            if until(lambda: "ended" if not self.running() else "ready" if self._answers("/-/ready") else None, 30,
                     lambda: f"Prometheus to be ready; its log:\n{tail(self.log)}") == "ready":
                return
            if "address already in use" not in tail(self.log):
                self._process.check()
        raise ServerFailed(f"Prometheus did not start:\n{tail(self.log)}")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _answers(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def query(self, expression):
        """[(labels, value)] of the expression now."""
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}", timeout=5) as answer:
            return [(one["metric"], float(one["value"][1])) for one in json.load(answer)["data"]["result"]]
