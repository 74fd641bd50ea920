"""The daemon wc-worker, with a configuration file of its own."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

from . import opaque_keys
from .ground import WORKER_BINARY
from .process import Process, ServerFailed, free_port, tail
from .server import Server
from .waiting import until

STARTS = 5  # see cluster.py
OURS = ("DATABASE_URL", "DB_POOL_MIN", "DB_POOL_MAX", "DB_CONNECTION_TIMEOUT", "REDIS_URL", "REDIS_PASSWORD",
        "REDIS_TTL", "ENABLE_REDIS_CACHE", "ENABLE_PERFORMANCE_MONITORING", "SLOW_QUERY_THRESHOLD", "APM_WEBHOOK_URL",
        "WORKER_POOL_SIZE", "WORKER_TASK_TIMEOUT", "ENABLE_WORKER_THREADS", "USE_OPTIMIZED_SERVICE", "REDIS_TLS_ENABLED",
        "REDIS_ACL_ENABLED", "APM_WEBHOOK_SECRET", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SERVICE_NAME", "DD_DOGSTATSD_URL", "DD_TAGS", "SENTRY_DSN", "SENTRY_ENVIRONMENT", "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY",
        "ALL_PROXY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def toml(sections):
    """{'section': {'key': value}} as TOML; JSON's strings, numbers and booleans are TOML's too.  A list of dicts is an array of tables."""
    text = ""
    for section, keys in sections.items():
        text += f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items() if not isinstance(value, list)) + "\n"
        for key, tables in keys.items():
            for table in tables if isinstance(tables, list) else []:
                text += f"[[{section}.{key}]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items()) + "\n"
    return text


def environment(**variables):
    """Returns this process's environment without variables that configure the worker, and with these variables added."""
    inherited = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("PG")}
    return inherited | variables


class Worker(Server):
    """`with` starts it, waits until it is connected to both servers, and ends it.

    settings: {'section': {'key': value}}, which override those of the tests; environment: variables to add.
    """

    def __init__(self, ground, database, redis, name="worker", settings=None, environment=None):
        self._ground = ground
        self.folder = ground.folder_for(name)
        self.log = self.folder / "worker.log"
        self.configuration = self.folder / "worker.toml"
        self.port = None
        self._database = database
        self._redis = redis
        self._name = name
        self._settings = settings or {}
        self._environment = environment or {}

    def start(self, wait=True):
        """Starts it, and waits until it is connected."""
        for _ in range(STARTS):
            self.port = self.port or free_port()
            self.write_configuration()
            self._process = Process([WORKER_BINARY, "--config", self.configuration], self.log, drop_root=False,
                                    env=environment(**self._environment))
            if not wait or self._healthy_or_ended():
                return
            if "ddress already in use" not in tail(self.log):
                self._process.check()
            self.port = None
        raise ServerFailed(f"wc-worker did not start:\n{tail(self.log)}")

    def _healthy_or_ended(self):
        return until(lambda: "ended" if not self.running() else "healthy" if self.healthy() else None, 30,
                     lambda: f"wc-worker to be healthy; its log:\n{tail(self.log)}") == "healthy"

    def write_configuration(self, settings=None):
        """Writes the configuration file anew, with other settings if given, for SIGHUP or for a later start."""
        self._settings = self._settings if settings is None else settings
        sections = {
            "worker": {"name": self._name},
            "postgres": {"url": self._database},
            "redis": opaque_keys.worker_settings(self._ground) | self._redis.worker_settings(),
            "http": {"port": self.port or free_port()},
            "log": {"level": "debug"},
            # Many tests put values into Redis that no database has.
            "audit": {"rate_per_s": 0},
        }
        for section, keys in self._settings.items():
            sections[section] = sections.get(section, {}) | keys
        self.configuration.write_text(toml(sections))
        self.configuration.chmod(0o600)

    def send(self, number):
        self._process.send(number)

    def wait(self, timeout=30.0):
        """Waits until it ends by itself.  Returns its exit status."""
        status = self._process.wait(timeout)
        return status

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        self.start()

    # ---- its HTTP server and its log ----

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path):
        """Returns (status, body); (0, reason) if there is no answer."""
        status, body = self._ask(path)
        if Server.hear:
            Server.hear(path, body)
        return status, body

    def _ask(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def warnings(self):
        """Returns the warnings and errors in its log."""
        return [line for line in self.log.read_text().splitlines() if " warning: " in line or " error: " in line]

    def failures(self, part):
        return self.metrics().get(f'wc_worker_failures_total{{part="{part}"}}', 0)

    def audited(self, what="checked", kind=""):
        """Returns how many cached values, of that kind or of all, its audit has checked, or found stale, since it started."""
        return sum(value for name, value in self.metrics().items() if name.startswith(f'wc_audit_{what}_total{{kind="{kind}'))

    def healthy(self):
        return self.get("/healthz")[0] == 200

    def metrics(self):
        """{'name' or 'name{labels}': value} of /metrics."""
        status, body = self.get("/metrics")
        if status != 200:
            raise ServerFailed(f"/metrics gave {status}: {body}")
        samples = (line.rsplit(" ", 1) for line in body.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in samples}


def run_worker(*arguments, **variables):
    """Runs wc-worker to its end.  Returns the finished process with its output."""
    done = subprocess.run([str(WORKER_BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=30,
                          env=environment(**variables))
    if Server.hear:
        Server.hear(f"wc-worker {' '.join(map(str, arguments))}", done.stdout + done.stderr)
    return done
