"""The fenced cache: reads from Redis, loads from PostgreSQL what Redis has not, and stores it where no change made it stale."""

import inspect
import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import redis

from .audit import Reader, audit_line

Student = str | int | Any  # also a uuid.UUID

TOKEN = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
LOOK_AGAIN = 0.02  # seconds
REST = 1  # after Redis was too slow
WARN_AGAIN = 60  # seconds
KEYS_IN_A_COMMAND = 200

# redis-py before 5.3 wants the name of a command for a connection, and later ones warn of it.
COMMAND_NAME = inspect.signature(redis.ConnectionPool.get_connection).parameters.get("command_name")
POOL_WANTS_COMMAND = COMMAND_NAME is not None and COMMAND_NAME.default is inspect.Parameter.empty

# The row's own key beside the number of the id that was asked for: a student may be asked for by another spelling of the id, such
# as a uuid in upper case, and a value under the key of that spelling would outlive every change.
ENTRIES = """WITH wanted AS (SELECT {}::text AS kind, {}::text::jsonb AS ids),
asked AS (SELECT id, n, wc_cache_key(id, kind) AS key FROM wanted, jsonb_array_elements_text(ids) WITH ORDINALITY AS a (id, n))
SELECT n::integer, key, value::text, ttl_seconds, snapshot
FROM wc_cache_entries(ARRAY(SELECT id FROM asked), ARRAY(SELECT kind FROM wanted)) JOIN asked USING (key)"""


# Where keys have opaque ids, the database alone can make them.
KEYS = """SELECT n::integer, wc_cache_key(id, kind)
FROM (SELECT {}::text AS kind, {}::text::jsonb AS ids) AS wanted, jsonb_array_elements_text(ids) WITH ORDINALITY AS a (id, n)"""
KNOWN_STUDENTS = 10_000


class Entry(NamedTuple):
    """A row of wc_cache_entries.  key has the id as the student's own row spells it; without a snapshot nothing is stored."""

    key: str
    value: str
    ttl_seconds: int
    snapshot: str | None


class Cache:
    """Serves any number of threads at once.  Gives text: whether to parse it is the caller's choice.

    client: of connect(); any other client of redis-py works too, but reads by wc_get alone.  The application closes it.
    query: runs a statement with two parameters, outside of any transaction that has changed something, and returns the rows.
    patience: how long to wait for somebody else who is loading, in seconds; longer than loading takes.
    cluster_keys: keys as student:{ID}:…, as white_cross.cluster_keys says.
    opaque_keys: keys have opaque ids, as white_cross.opaque_keys says: the database is asked once for those of a student.
    marks: how the driver writes the two parameters; ("$1", "$2") or ("?", "?"), for example.
    on_error: is told of errors of Redis, which no reader sees; by default the logger white_cross warns of one, at most once a minute.
    audit: is given a line for each read, before the values are handed out; an error that it raises is the reader's.  It names students by
        opaque ids if keys do.
    """

    def __init__(self, client: redis.Redis, query: Callable[[str, Sequence[str]], Iterable[Sequence[Any]]], *, patience: float = 1.0,
                 cluster_keys: bool = False, opaque_keys: bool = False, marks: tuple[str, str] = ("%s", "%s"), on_error: Callable[[Exception], object] | None = None,
                 audit: Callable[[str], object] | None = None):
        self._redis = client
        self._query = query
        self._patience = patience
        self._cluster_keys = cluster_keys
        self._statement = ENTRIES.format(*marks)
        self._ask_keys = KEYS.format(*marks) if opaque_keys else None
        self._prefixes: dict[str, str] = {}  # what opaque keys of a student begin with
        self._on_error = on_error or self._warn
        self._audit = audit
        self._warn_again = 0.0
        self._hits = 0  # told to wc_reads with the next lease
        self._rests_until = 0.0

    def read(self, student: Student, kind: str = "health_summary", token: str | None = None, reader: Reader = Reader()) -> str | None:
        """The JSON of a student, or None for an unknown one.

        kind: health_summary, growth_chart, or as records_kind gives it.  token: of wc_write_token, to see that write.  reader: who
        reads, for the lines of the audit.
        """
        return self.read_many([student], kind, token, reader)[0]

    def read_many(self, students: Sequence[Student], kind: str = "health_summary", token: str | None = None, reader: Reader = Reader()) -> list[str | None]:
        """The same for many students, in their order."""
        if self._audit is None:
            return self._read_all(students, self._keys(students, kind), kind, token)[0]
        began, keys, error, rows, from_redis = datetime.now(timezone.utc), None, None, 0, 0
        try:
            keys = self._keys(students, kind)
            texts, from_redis = self._read_all(students, keys, kind, token)
            rows = sum(text is not None for text in texts)
            return texts
        except BaseException as failure:
            error = failure
            raise
        finally:
            self._audit(audit_line(began, kind, self._names(students, keys), reader, rows, from_redis, error))

    def _names(self, students, keys):
        """How lines of the audit name students: as keys do.  Without its key, a student has no opaque name."""
        if self._ask_keys is None:
            return [str(student) for student in students]
        return ["?"] * len(students) if keys is None else [key.split(":", 2)[1].strip("{}") for key in keys]

    def _read_all(self, students, keys, kind, token):
        ids = {key: str(student) for key, student in zip(keys, students)}
        found: dict[str, str | None] = {}
        give_up = time.monotonic() + self._patience
        missing = list(ids)
        from_redis = 0
        while missing:
            values, mine, failed = self._look(missing, token)
            found |= values
            from_redis += len(values)
            load = [key for key in missing if key not in found] if failed or time.monotonic() > give_up else mine
            if load:
                found |= self._load({key: ids[key] for key in load}, kind, not failed)
            missing = [key for key in missing if key not in found]
            if missing:
                time.sleep(LOOK_AGAIN)
        return [found[key] for key in keys], from_redis

    def get(self, key: str, token: str | None = None) -> str | None:
        """What Redis has under a key, or None.  Like the three below it raises an error if Redis fails."""
        return self.many([key], token)[0]

    def many(self, keys: Sequence[str], token: str | None = None) -> list[str | None]:
        """The same of many keys, in one round trip for each 200."""
        check_token(token)
        found = []
        for at in range(0, len(keys), KEYS_IN_A_COMMAND):
            part = keys[at:at + KEYS_IN_A_COMMAND]
            found += self._bounded(self._get_each if token else self._get_together, part, token or "")
        return found

    def lease(self, key: str, token: str | None = None) -> bool:
        """True: load it, you are the one.  False: somebody else does or has done, look again shortly."""
        check_token(token)
        hits, self._hits = self._hits, 0
        return self._call("wc_lease", key, max(1, round(self._patience * 1000)), token or "", hits) == 1

    def fill(self, entry: Entry) -> bool:
        """Stores a value.  False: refused, because it is older than a change."""
        return self._call("wc_fill", entry.key, entry.value, entry.ttl_seconds, entry.snapshot or "") == 1

    def key(self, student: Student, kind: str = "health_summary") -> str:
        """The key of a student who is named as the students' table spells the id.  Asks the database if keys are opaque."""
        return self._keys([student], kind)[0]

    def _keys(self, students, kind):
        if self._ask_keys is None:
            return [self._plain_key(student, kind) for student in students]
        names = [str(student) for student in students]
        known = {name: self._prefixes.get(name) for name in names}
        unknown = [name for name, prefix in known.items() if prefix is None]
        if unknown:
            for n, key in self._query(self._ask_keys, ["records", json.dumps(unknown)]):
                known[unknown[n - 1]] = key.removesuffix("records")
            self._remember({name: known[name] for name in unknown})
        return [known[name] + kind for name in names]

    def _remember(self, prefixes):
        if len(self._prefixes) + len(prefixes) > KNOWN_STUDENTS:
            self._prefixes = {}
        self._prefixes.update(prefixes)

    def _plain_key(self, student, kind):
        return f"student:{{{student}}}:{kind}" if self._cluster_keys else f"student:{student}:{kind}"

    # ---- Redis ----

    def _look(self, keys, token):
        """What Redis has, which of the missing keys are for this reader to load, and whether Redis failed."""
        values = {}
        try:
            values = {key: text for key, text in zip(keys, self.many(keys, token)) if text is not None}
            return values, [key for key in keys if key not in values and self.lease(key, token)], False
        except redis.RedisError as error:
            self._on_error(error)
            return values, [], True

    def _get_together(self, keys, token):
        pool = getattr(self._redis, "connection_pool", None)
        if pool is None:  # of a cluster, where no MGET has values of several students
            return self._get_each(keys, token)
        connection = pool.get_connection("MGET") if POOL_WANTS_COMMAND else pool.get_connection()
        try:
            texts = self._read_together(connection, keys) if hasattr(connection, "run") else None
        except BaseException:
            connection.disconnect()  # an answer may still be under way, and would be taken for that of the next command
            raise
        finally:
            pool.release(connection)
        return self._get_each(keys, token) if texts is None else texts

    def _read_together(self, connection, keys):
        """None: ask wc_get."""
        connection.send_command("MGET", "wc:alive", *keys)
        alive, *texts = connection.read_response()
        if alive and alive != connection.run and time.monotonic() >= connection.ask_again:
            connection.ask(keys[0])
        if not alive or alive != connection.run:
            return None
        self._hits += sum(text is not None for text in texts)
        return texts

    def _get_each(self, keys, token):
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.execute_command("FCALL", "wc_get", 1, key, token)
            return pipeline.execute()

    def _call(self, name, key, *words):
        return self._bounded(self._redis.execute_command, "FCALL", name, 1, key, *words)

    def _bounded(self, send, *arguments):
        if time.monotonic() < self._rests_until:
            raise redis.TimeoutError("Redis was too slow a moment ago")
        try:
            return send(*arguments)
        except redis.TimeoutError:
            self._rests_until = time.monotonic() + REST
            raise

    # ---- PostgreSQL ----

    def _load(self, ids, kind, store):
        """ids: by key.  Values by the same keys; None for an unknown student."""
        keys = list(ids)
        values = dict.fromkeys(keys)
        stored = set()
        try:
            for n, *row in self._query(self._statement, [kind, json.dumps(list(ids.values()))]):
                entry = Entry(*row)
                values[keys[n - 1]] = entry.value
                if self._ask_keys is not None:  # of another secret than before, perhaps
                    self._remember({ids[keys[n - 1]]: ":".join(entry.key.split(":", 2)[:2]) + ":"})
                if store and entry.key not in stored:
                    stored.add(entry.key)
                    self._store(entry)
            return values
        finally:
            # Of what is not stored, nobody shall wait for the lease: Redis refuses this, and takes the lease back.
            for key in keys:
                if store and key not in stored:
                    self._store(Entry(key, "null", 1, None))

    def _store(self, entry):
        """The value is right without it."""
        try:
            self.fill(entry)
        except redis.RedisError as error:
            self._on_error(error)

    def _warn(self, error):
        """A cache that never answers, as with a wrong password, must not go unnoticed."""
        if time.monotonic() >= self._warn_again:
            self._warn_again = time.monotonic() + WARN_AGAIN
            logging.getLogger("white_cross").warning("Redis failed, and values come from the database: %s", error)


def check_token(token: str | None) -> None:
    if token and not TOKEN.fullmatch(token):
        raise ValueError("the token is none of wc_write_token(); pass on its text as it is")


def records_kind(page: int = 1, page_size: int = 20, filters: dict[str, str] | None = None) -> str:
    """The kind of a page of records."""
    return f"records:{page}:{page_size}:{json.dumps(filters or {}, ensure_ascii=False, separators=(',', ':'))}"
