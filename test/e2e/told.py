"""What servers tell in passing, searched for students.

Each server is looked at before it ends, and the Redis that tests share after each test: logs, the worker's pages, what receivers were
sent, and all of Redis but the values.  Names, dates of birth, allergens and conditions are nobody's to tell; with opaque keys ids neither,
and receivers are never sent one.  A text counts where it stands alone: of those that School has added in tests of this file.
"""

import gzip
import json
import re
from itertools import islice
from urllib.parse import quote

import redis

from servers import Cluster, Receiver, Redis, Worker, opaque_keys
from servers.process import state_and_parent
from servers.redis_cluster import Node, is_redirection

PAGES = ["/livez", "/readyz?verbose", "/healthz", "/metrics", "/api/admin/status", "/api/admin/performance", "/api/admin/slow"]
VALUE = re.compile(r"(?:.*:)?student:.*:(health_summary|growth_chart|records:.*|filling)", re.S)
# What an application says is its own, and PostgreSQL quotes it, until a line that begins with its time.
QUOTED = re.compile(r"(?:STATEMENT|CONTEXT|QUERY):  |statement: |duration: |execute |AUDIT: |DETAIL:  (?:Failing row|Key |parameters: )")
# What Redis itself says of a master that becomes a replica: "Before turning into a replica".
OF_REDIS = {"Before"}
BATCH = 1000


class Texts:
    """Texts to be found where they are no part of a longer word."""

    WORD = re.compile(r"[\w-]+")

    def __init__(self):
        self._words = set()
        self._others = set()

    def add(self, text):
        if self.WORD.fullmatch(text):
            self._words.add(text)
        elif len(text) > 4:
            # As it is, and as JSON and URLs have it.
            self._others |= {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote(text)}

    def are_in(self, text):
        return not self._words.isdisjoint(self.WORD.findall(text)) or any(other in text for other in self._others)


ids = Texts()
contents = Texts()
found = []
looked_at = {}  # how much of a log was searched for the students of earlier files
with_ids = opaque_keys.IS_ON


def note(id):
    """Remembers a student.  A number, or a letter, stands everywhere, and wc:seen in each Redis."""
    if len(id) > 2 and not id.isdigit() and id != "seen":
        ids.add(id)


def note_content(*texts):
    """Remembers what is known of a student.  A short word stands everywhere, and today's date in each log."""
    for text in texts:
        if date := re.match(r"(\d{4})-\d\d-\d\d", str(text)):
            if int(date[1]) < 2020:
                contents.add(date[0])
        elif isinstance(text, str) and len(text) > 4 and text not in OF_REDIS:
            contents.add(text)


def forget(servers):
    """Forgets all students, once the logs of the servers that go on were searched for them."""
    global ids, contents
    for server in servers:
        _search_log(server)
        looked_at[server.log] = server.log.stat().st_size
    ids, contents = Texts(), Texts()


def search(where, text, ids_too=None):
    searched = [contents, ids] if (with_ids if ids_too is None else ids_too) else [contents]
    lines = iter(text.splitlines())
    while some := list(islice(lines, BATCH)):
        if any(texts.are_in("\n".join(some)) for texts in searched):
            found.extend(f"{where}: {line[:300]}" for line in some if any(texts.are_in(line) for texts in searched))


# ---- Redis ----

def _text(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _bookkeeping(client, keys):
    """{key: what it holds} of those that are no values.  A key that has gone meanwhile holds nothing."""
    reads = {b"string": "get", b"set": "smembers", b"stream": "xrange", b"hash": "hgetall"}
    keys = [key for key in keys if not VALUE.fullmatch(_text(key))]
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.type(key)
        kinds = _answered(keys, pipeline)
        known = [key for key, kind in kinds.items() if kind in reads]
        for key in known:
            getattr(pipeline, reads[kinds[key]])(key)
        return _answered(known, pipeline)


def _answered(keys, pipeline):
    """{key: the answer}, but for keys that a node of a cluster has and does not show: their slot has another owner by now."""
    answers = dict(zip(keys, pipeline.execute(raise_on_error=False)))
    errors = {key: answer for key, answer in answers.items() if isinstance(answer, redis.RedisError)}
    for error in errors.values():
        if not is_redirection(error):
            raise error
    return {key: answer for key, answer in answers.items() if key not in errors}


def _search_keys(client, name):
    keys = client.scan_iter(count=BATCH)
    while some := list(islice(keys, BATCH)):
        search(f"{name}, key", "\n".join(map(_text, some)))
        for key, held in _bookkeeping(client, some).items():
            parts = held if isinstance(held, (set, list)) else [held]
            search(f"{name}, {_text(key)}", "\n".join(map(_text, parts)))


def search_redis(server):
    """Its names and bookkeeping.  REQUIRES: it answers."""
    name = server.folder.name
    try:
        # By its socket: a test may have given it a certificate that nobody believes.
        with server.connect(unix_socket_path=str(server.socket), socket_timeout=5, decode_responses=False, single_connection_client=True) as client:
            if isinstance(server, Node):
                client.execute_command("READONLY")  # a replica shows what it has
            _search_keys(client, name)
    except redis.RedisError as error:
        found.append(f"{name} could not be searched: {type(error).__name__}: {error}")


# ---- the others ----

def _without_quotes(log):
    """The lines of PostgreSQL's log, but for those that quote an application."""
    is_quoted = False
    for line in log.splitlines():
        # A line that goes on begins with a tab.
        is_quoted = is_quoted if line.startswith("\t") else QUOTED.search(line) is not None
        if not is_quoted:
            yield line


def _search_log(server):
    text = server.log.read_bytes()[looked_at.get(server.log, 0):].decode(errors="replace")
    if isinstance(server, Cluster):
        text = "\n".join(_without_quotes(text))
    search(str(server.log.relative_to(server.log.parents[1])), text)


def _search_received(receiver):
    for one in receiver.received:
        body = gzip.decompress(one.body) if one.headers.get("content-encoding") == "gzip" else one.body
        search(f"sent to {one.path}", f"{one.path}\n{one.headers}\n{body.decode(errors='replace')}", ids_too=True)


def _answers(server):
    """A process that a test has stopped answers nobody, and one that it has killed is none."""
    return server.running() and state_and_parent(server.pid)[0] != "T"


def look_at(server):
    """REQUIRES: it has not ended yet."""
    if isinstance(server, Receiver):
        return _search_received(server)
    if isinstance(server, Redis) and _answers(server):
        search_redis(server)
    if isinstance(server, Worker) and server.port and _answers(server):
        for page in PAGES:
            server.get(page)  # which is heard
    if getattr(server, "log", None) and server.log.exists():
        _search_log(server)


def take():
    """Returns what was found since the last call, each once."""
    told = list(dict.fromkeys(found))
    found.clear()
    return told
