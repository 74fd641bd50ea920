"""A Redis Cluster for tests: a school with students in every shard, and the application's view of it."""

import redis

from school import Cache
from servers import library, until
from servers.redis_cluster import is_redirection, slot_of
from stray_reader import last_name

TTL_MS = 1500
SETTINGS = {"backoff": {"longest_ms": 200}, "queue": {"poll_interval_ms": 100}, "prewarm": {"enabled": False}}


def trusted(text):
    return {slot for part in text.split(",") if part for first, _, last in [part.partition("-")] for slot in range(int(first), int(last or first) + 1)}


class Stage:
    """A school with students in every shard, and the application's view of the cluster."""

    def __init__(self, school, cluster, start_worker, ttl_ms=TTL_MS, settings=None):
        self.school, self.cluster = school, cluster
        school.sql(f"ALTER DATABASE {school.database} SET white_cross.cluster_keys = on")
        school.sql("SET white_cross.cluster_keys = on")
        self.worker = start_worker(redis=cluster, settings=SETTINGS | {"invalidate": {"alive_ttl_ms": ttl_ms}} | (settings or {}))
        until(lambda: sum(len(trusted(row)) for row in self.served()) == 16384, 30, "the worker to trust each shard with its slots")
        self.students = [self.student_of(master) for master in cluster.masters]
        self.until_done()
        for student in self.students:
            self.load(student)

    def served(self):
        return [row[0] for row in self.school.rows("SELECT slots FROM white_cross.served_shard")]

    def trusted_with(self, student):
        """The process of Redis that is trusted with its slot, None: none is."""
        rows = self.school.rows("SELECT process, slots FROM white_cross.served_shard")
        return next((process for process, slots in rows if slot_of(self.key(student)) in trusted(slots)), None)

    def is_trusted(self, student):
        return self.trusted_with(student) is not None

    def student_of(self, master, other_than=()):
        slots = master.slots()
        number = next(number for number in range(10_000) if slot_of(self.key(f"s{number}")) in slots and f"s{number}" not in other_than)
        return self.school.add_student(f"s{number}", lastName="Before")

    @staticmethod
    def key(student):
        return Cache.cluster_key(student)

    def at(self, node, *command):
        with node.connect() as client:
            return client.execute_command(*command)

    def call(self, student, *command):
        """Asks the owner of its slot, and follows it where the slot is on its way."""
        try:
            return self.at(self.cluster.owner(self.key(student)), *command)
        except redis.ResponseError as error:
            if not is_redirection(error):
                raise
            other = next(node for node in self.cluster.nodes if str(error).endswith(f":{node.port}"))
            with other.connect(single_connection_client=True) as client:
                client.execute_command("ASKING")
                return client.execute_command(*command)

    def entry(self, student):
        return self.school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]

    def fill(self, student, entry=None):
        return self.call(student, *library.fill(*(entry or self.entry(student))))

    def read(self, student, node=None, token=""):
        command = library.get(self.key(student), token)
        text = self.at(node, *command) if node else self.call(student, *command)
        return last_name(text)

    def load(self, student):
        until(lambda: self.fill(student) == 1, 20, "the value to be stored")
        until(lambda: self.read(student) is not None, 20, "wc_get to find it")

    def rename(self, student, name):
        self.school.sql('UPDATE students SET "lastName" = %s WHERE id = %s', name, student)

    def waiting(self):
        """Students whose changes are set aside."""
        return {row[0] for row in self.school.rows("SELECT student FROM white_cross.set_aside")}

    def is_done(self):
        return self.school.is_drained() and not self.waiting()

    def until_done(self):
        until(self.is_done, 40, "all changes to be acknowledged")

    def check_that_each_shard_is_kept_fresh(self):
        """After a change of each student, nothing of before is read or stored."""
        before = {student: self.entry(student) for student in self.students}
        for student in self.students:
            self.rename(student, "After")
        token = self.school.one("SELECT wc_write_token()")
        self.until_done()
        assert {self.read(student) for student in self.students} == {None}
        assert [self.fill(student, before[student]) for student in self.students] == [0, 0, 0], "of before the change"
        for student in self.students:
            self.load(student)
            assert until(lambda: self.read(student, token=token), 10, "a reader with a token to be answered") == "After"
