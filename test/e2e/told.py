"""What servers tell in passing, searched for students, in a run with opaque keys.

Each server is looked at before it ends, and the Redis that tests share after each test: logs, the worker's pages, and all of Redis but the
values.  An id counts where it stands alone: that of a student whom School has added.
"""

import re

import redis

from servers import Redis, Worker

# The child that School adds unless a test says otherwise.
TEXTS = {"Quill", "Peanuts", "2014-03-02"}
PAGES = ["/readyz?verbose", "/healthz", "/metrics", "/api/admin/status", "/api/admin/performance", "/api/admin/slow"]
VALUE = re.compile(r"student:.*:(health_summary|growth_chart|records:.*|filling)", re.S)

ids = set()
found = []


def note(id):
    """Remembers a student.  A number, or a letter, stands everywhere."""
    if len(id) > 2 and not id.isdigit():
        ids.add(id)


def search(where, text):
    words = "|".join(re.escape(word) for word in sorted(ids | TEXTS, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")
    for line in text.splitlines():
        if pattern.search(line):
            found.append(f"{where}: {line[:300]}")


def _texts_of(client, key):
    kind = client.type(key)
    if kind == "string":
        return [] if VALUE.fullmatch(key) else [client.get(key) or ""]
    return map(str, {"set": client.smembers, "stream": client.xrange}.get(kind, lambda key: [])(key))


def search_redis(server):
    try:
        with server.connect(socket_timeout=5) as client:
            for key in client.scan_iter(count=1000):
                search(f"{server.folder.name}, key", key)
                for text in _texts_of(client, key):
                    search(f"{server.folder.name}, {key}", text)
    except (redis.RedisError, UnicodeDecodeError):
        return  # it is on its way down, or the test has made it refuse everybody


def search_worker(worker):
    # One that a test has stopped answers nobody.
    for page in PAGES if worker.get("/livez")[0] else []:
        search(page, worker.get(page)[1])


def look_at(server):
    """REQUIRES: it has not ended yet."""
    if isinstance(server, Redis):
        search_redis(server)
    if isinstance(server, Worker) and server.port:
        search_worker(server)
    log = getattr(server, "log", None)
    if log and log.exists():
        lines = log.read_text(errors="replace").splitlines()
        # What an application says is its own: some tests have the server log that.
        search(str(log.relative_to(log.parents[1])), "\n".join(line for line in lines if "statement: " not in line))


def take():
    """Returns what was found since the last call, each once."""
    told = list(dict.fromkeys(found))
    found.clear()
    return told
