#!/usr/bin/python3
"""Takes the pictures of docs/console/ anew: the console of a real worker in a headless Chromium, in every state that it tells apart.

    docs/console_pictures.py            all, a few minutes
    docs/console_pictures.py healthy    some; --list names them
"""

import base64
import contextlib
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "test"), str(HERE.parent / "demo")]

from load import Load  # noqa: E402
from servers import Browser, Cluster, Ground, Redis, Worker, until  # noqa: E402

DATABASE = "district"
STUDENTS = 2000
WIDTH, HEIGHT = 1100, 800
NARROW = 400
SETTINGS = {"audit": {"rate_per_s": 50}, "log": {"level": "warning"}}
PATIENCE = 300  # a busy machine takes its time to catch up
WATCHED_SECONDS = 40  # until the lines of the tiles say something
# More than one look at the queue can take, so that the worker catches up for some seconds.
MANY = "INSERT INTO white_cross.invalidation SELECT pg_current_xact_id(), n, 2, ARRAY['x' || n], NULL, clock_timestamp() FROM generate_series(1, 400000) AS n"


class Camera(Browser):
    def state(self):
        return self.evaluate("document.getElementById('state')?.textContent")

    def picture(self, name, width=WIDTH, dark=False):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.resize(width, HEIGHT)
        height = self.evaluate("Math.ceil(document.body.getBoundingClientRect().bottom) + 16")
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        (HERE / "console" / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
        print(f"docs/console/{name}.png: {self.state()}", flush=True)


class Scene:
    def __init__(self, cluster, redis, worker, browser):
        self.cluster, self.redis, self.worker, self.browser = cluster, redis, worker, browser

    def look(self):
        self.browser.open(f"{self.worker.url}/console")

    def until_state(self, *states):
        until(lambda: self.browser.state() in states, PATIENCE, f"the console to show one of {states}")

    def healthy(self):
        with Load(lambda: self.cluster.connect(DATABASE), self.redis.connect):
            self.look()
            time.sleep(WATCHED_SECONDS)
            self.until_state("healthy")
            self.browser.picture("healthy")
            self.browser.picture("dark", dark=True)
            self.browser.picture("narrow", width=NARROW)

    def idle(self):
        self.look()
        self.until_state("idle")
        self.browser.picture("idle")

    def queue_growing(self):
        self.look()
        self.worker.stop()
        with self.cluster.connect(DATABASE) as connection:
            connection.execute(MANY)
        self.worker.start()
        self.until_state("catching up")
        # It knows its rate, and how long it takes, after a second or two.
        until(lambda: "to go" in (self.browser.evaluate("document.getElementById('progress').textContent") or ""), 60, "the rate to be known")
        self.browser.picture("queue-growing")
        self.until_state("idle", "healthy")

    def redis_down(self):
        self.without(self.redis, "no redis", "redis-down")

    def database_down(self):
        self.without(self.cluster, "no postgres", "database-down")

    def without(self, server, state, name):
        self.look()
        server.stop()
        self.until_state(state)
        self.browser.picture(name)
        server.start()
        self.until_state("idle", "healthy")

    def epoch_closed(self):
        """Redis may evict fences, so that nothing may be stored."""
        self.look()
        with self.redis.connect() as client:
            client.config_set("maxmemory", "50mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
            self.until_state("evicting")
            self.browser.picture("epoch-closed")
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")


SCENES = ("healthy", "idle", "queue_growing", "redis_down", "database_down", "epoch_closed")


def main(names):
    if names == ["--list"]:
        print(*SCENES)
        return
    with contextlib.ExitStack() as stack:
        ground = stack.enter_context(Ground("console-pictures"))
        cluster = stack.enter_context(Cluster(ground, settings={"shared_preload_libraries": "$libdir/white_cross"}))
        redis = stack.enter_context(Redis(ground))
        cluster.create_database(DATABASE)
        cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); CREATE ROLE wc_worker LOGIN; SELECT wc_grant_worker('wc_worker')", DATABASE)
        cluster.psql_file(HERE.parent / "demo/students.sql", DATABASE, students=STUDENTS)
        cluster.psql("SELECT wc_attach('public')", DATABASE)
        cluster.psql("VACUUM ANALYZE", DATABASE)
        worker = stack.enter_context(Worker(ground, cluster.dsn(DATABASE, "wc_worker"), redis, settings=SETTINGS))
        browser = Camera()
        stack.callback(browser.close)
        scene = Scene(cluster, redis, worker, browser)
        for name in names or SCENES:
            getattr(scene, name)()


if __name__ == "__main__":
    main(sys.argv[1:])
