"""The judge keeps account of acknowledged invalidations, and decides whether a value that a reader found is wrong.

An invalidation counts as acknowledged once the queue's rows of its transaction are gone, and nothing of it is set aside: the
worker deletes them only after Redis has answered.  A change and its line in torture.ledger are one transaction, so that one statement, with one
snapshot, tells which lines are committed and have nothing in the queue: no change whose commit was in doubt is
mistaken, whatever connection or server died meanwhile.
"""

import queue
import time

import psycopg
import redis

from board import clock
from components import (FIRST_MOVER, LABEL, NEVER_COMMITTED, NOTES, TRUNCATED, emptied_by, is_mover, name_of, pack, visit)
from lane import Connecting
from writers import prepared_transactions

ACKNOWLEDGED = """
DELETE FROM torture.ledger AS l
WHERE NOT EXISTS (SELECT FROM white_cross.invalidation AS i WHERE i.xid = l.xid)
AND NOT EXISTS (SELECT FROM white_cross.set_aside AS s WHERE l.xid = ANY (s.xids))
RETURNING l.component, l.version, l.owner, l.previous, l.xid::text::bigint"""

IN_FORCE = """
SELECT torture.number_of(id) * 4, torture.version_of("lastName") FROM students UNION ALL
SELECT torture.number_of(id) * 4 + 1, torture.version_of(reaction) FROM allergies WHERE id LIKE 'a%' UNION ALL
SELECT torture.number_of(id) * 4 + 2, torture.version_of(provider) FROM health_records WHERE id LIKE 'v%' UNION ALL
SELECT torture.number_of(id) * 4 + 3, torture.version_of(description) FROM health_records WHERE id LIKE 'w%'"""

IS_SWEPT = "SELECT NOT EXISTS (SELECT FROM white_cross.invalidation WHERE students IS NULL)"

# The judge may see a commit a little later than a reader does that reads from a standby.
PATIENCE = 10  # seconds


class Judge(Connecting):
    def __init__(self, arena, board, slot, suspects, failures):
        super().__init__(arena.dsn, "torture judge",
                         # the judge's commits must not take those of others to the disk
                         "SET statement_timeout = '15s'; SET synchronous_commit = off")
        self.board = board
        self.count = board.counter(slot)
        self.store = arena.store
        self.suspects = suspects
        self.failures = failures
        self.waiting = []  # suspects that cannot be judged yet
        self.lost = {}  # component → [(above, below)]: versions between were lost
        self.spared = set()  # (component, version) of prepared transactions, which a crash does not lose
        self.lost_acknowledged = 0
        self.next_look = 0

    def run(self):
        while not (self.board.stop == 2 and not self.waiting and self.suspects.empty()):
            try:
                self.settle()
                self.acknowledge()
                self.look_for_sweep()
                self.judge()
            except psycopg.OperationalError:
                self.recover()
            except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                pass  # Redis is down or still loads its data: the next call asks again
            time.sleep(0.004)
        self.failures.put(("lost", self.lost_acknowledged))
        self.disconnect()

    # ---- floors ----

    def acknowledge(self):
        connection = self.connected()
        floors, xids = self.board.floors, self.board.xids
        with connection.transaction():
            rows = connection.execute(ACKNOWLEDGED).fetchall()
            for component, version, owner, previous, xid in rows:
                if is_mover(component):
                    self.acknowledge_visits(component, version, {owner, previous} - {None})
                    floor = pack(version, owner)
                else:
                    floor = version
                if floor > floors[component]:
                    xids[component] = xid
                    floors[component] = floor
        if rows:
            self.count.add("rows", len(rows))
            self.count.add("acked", len({row[-1] for row in rows}))

    def acknowledge_visits(self, component, version, students):
        visits = self.board.visits
        for at in (visit(student, component) for student in students):
            visits[at] = max(visits[at], version)

    def settle(self):
        """After a crash, acknowledged changes may be lost, because their commits did not wait for the disk.  Writers wait
        until the floors are again those of the database."""
        wanted = self.board.settle_wanted
        if self.board.settled == wanted:
            return
        board = self.board
        connection = self.connected()
        for gid, _ in prepared_transactions(connection):
            self.spared |= {tuple(map(int, word.split(":"))) for word in gid.split()[2:]}
        below = connection.execute("SELECT torture.clock()").fetchone()[0]
        for component, version in connection.execute(IN_FORCE):
            if board.floors[component] > version:
                self.lost_acknowledged += 1
                board.floors[component] = version
            self.lost.setdefault(component, []).append((version, below))
            board.lost_above[component], board.lost_below[component] = version, below
        board.losses += 1
        board.settled = wanted

    def look_for_sweep(self):
        """Notes when the worker has removed the values that a restarted server may have brought back."""
        board = self.board
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + 0.05
        epoch_due, rewind = board.epoch_due, board.rewind_ready
        is_epoch_due = board.epoch_done != epoch_due and not board.is_crashing
        is_rewind_due = board.rewind_done != rewind and rewind == board.rewind_wanted
        if not is_epoch_due and not is_rewind_due:
            return
        connection = self.connected()
        identity = connection.execute("SELECT split_part(white_cross.snapshot(), '#', 2)").fetchone()[0]
        if not self.store.is_known(identity):
            return
        if not connection.execute(IS_SWEPT).fetchone()[0]:
            return
        if is_epoch_due:
            board.epoch_since = clock()
            board.epoch_done = epoch_due
        if is_rewind_due:
            board.rewind_done = rewind

    # ---- judgement ----

    def judge(self):
        try:
            while True:
                suspect = self.suspects.get_nowait()
                suspect["until"] = time.monotonic() + PATIENCE
                self.waiting.append(suspect)
        except queue.Empty:
            pass
        if self.board.is_crashing:
            return
        waiting, self.waiting = self.waiting, []
        try:
            while waiting:
                suspect = waiting[-1]
                verdict = self.verdict(suspect)
                waiting.pop()
                if verdict is None:
                    self.waiting.append(suspect)
                elif verdict:
                    self.condemn(suspect, verdict)
        finally:
            self.waiting += waiting

    def verdict(self, suspect):
        """Returns a list of reasons why the value is wrong; an empty list if it is right; None if that is not known yet."""
        if suspect.get("reason"):
            return [suspect["reason"]]
        reasons = []
        for component, shown, floor, emptied in suspect["faults"]:
            reason = self.fault(suspect, component, shown, floor, emptied)
            if reason is None:
                return None
            if reason:
                reasons.append(f"{name_of(component)}: {reason}")
        return reasons

    def fault(self, suspect, component, shown, floor, emptied):
        if shown == NEVER_COMMITTED:
            return "shows what was rolled back"
        if floor is None:
            return self.fault_of_lost(suspect, component, shown)
        if shown is not None:
            floor = self.effective(component, floor)
            return f"shows {shown}, acknowledged was {floor} (xid {self.board.xids[component]})" if shown < floor else ""
        if self.may_be_absent(suspect, component, floor, emptied):
            return ""
        if time.monotonic() <= suspect["until"]:
            return None
        return f"is absent, acknowledged was {floor} (xid {self.board.xids[component]})" + self.whereabouts(component)

    def fault_of_lost(self, suspect, component, shown):
        is_swept = self.board.epoch_done == self.board.epoch_due and suspect["began"] > self.board.epoch_since
        if not is_swept or (component, shown) in self.spared or self.effective(component, shown) == shown:
            return ""
        return f"shows {shown}, which a crash of PostgreSQL has lost, and what was cached before has been swept"

    def effective(self, component, floor):
        """Returns the floor, lowered if a crash has lost versions since the reader noted it."""
        for above, below in reversed(self.lost.get(component, ())):
            if above < floor < below and (component, floor) not in self.spared:
                floor = above
        return floor

    def may_be_absent(self, suspect, component, floor, emptied):
        """Whether a component may be absent: it was moved away later, or an older snapshot sees its table empty."""
        carrier = {LABEL: TRUNCATED, NOTES: NOTES}.get(component) or emptied_by(component)
        connection = self.connected()
        if connection.execute("SELECT EXISTS (SELECT FROM torture.history WHERE component = %s AND version > %s)",
                              (carrier, emptied)).fetchone()[0]:
            return True
        return component >= FIRST_MOVER and is_mover(component) and connection.execute(
            "SELECT EXISTS (SELECT FROM torture.history WHERE component = %s AND version > %s AND owner IS DISTINCT FROM %s)",
            (component, floor, suspect["student"])).fetchone()[0]

    def whereabouts(self, component):
        """What the database knows of a mover: where it has been lately, for people who look for the reason."""
        if not is_mover(component):
            return ""
        rows = self.connected().execute("SELECT version, owner, xmin::text FROM torture.history WHERE component = %s ORDER BY version DESC LIMIT 4",
                                        (component,)).fetchall()
        return "".join(f"; at {version} it went to {'nobody' if owner is None else f's{owner}'} (xid {xid})" for version, owner, xid in rows)

    def condemn(self, suspect, reasons):
        self.board.stale += 1
        lines = [f"{suspect.get('how')} of s{suspect.get('student')} {suspect.get('kind')}"]
        lines += [f"    {reason}" for reason in reasons]
        lines += [f"    redis: {name} = {value}" for name, value in suspect.get("redis", {}).items()]
        try:
            rows = self.connected().execute(
                "SELECT xid::text, n, sections, left(students::text, 60), queued_at FROM white_cross.invalidation "
                "ORDER BY xid, n LIMIT 5").fetchall()
            lines += [f"    queue: {' '.join(map(str, row))}" for row in rows] or ["    queue: empty"]
        except psycopg.OperationalError as error:
            lines.append(f"    queue: {error}")
        lines.append(f"    value: {suspect.get('text')}")
        self.failures.put(("stale", suspect.get("student"), "\n".join(lines)))
