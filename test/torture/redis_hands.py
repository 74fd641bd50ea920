"""The hand where Redis is more than one process: it makes others take over, by force and in order, and moves slots while all go on."""

import os
import signal

import redis

import partitions
from components import HOT, SUMMARY, key
from hand import STROKES, Hand
from lane import random_of
from servers.redis_cluster import slot_of
from stores import TIMEOUTS

OF_OTHERS = {name: weight for name, weight in STROKES.items() if "Redis" not in name and "library" not in name}
COMMANDS = {"empty": "FLUSHALL", "cut the connections of": "CLIENT KILL TYPE NORMAL", "take the library away from": "FUNCTION FLUSH"}


class HandOfSeveral(Hand):
    """What is done to each kind of several processes."""

    def _one_of(self, stroke, servers):
        """Returns (name, server) of one of these that run; None if there is none."""
        there = [(name, server) for name, server in servers.items() if name not in self._down]
        return there[int(stroke.toss * len(there))] if there else None

    def _of_role(self, role):
        return {name: server for name, server in self.arena.store.servers().items() if name not in self._down and role_of(server) == role}

    def end_server(self, stroke, servers, number=signal.SIGKILL):
        found = self._one_of(stroke, servers())
        if not found:
            return False
        name, server = found
        self._down.add(name)
        os.kill(server.pid, number)

        def start():
            server.stop()
            server.start()
            self._down.discard(name)

        # For long enough, as a rule, that another one takes its place.
        self.when(lambda: not server.running(), lambda: self.after(2 * stroke.pause, start))
        return True

    def stop_server(self, stroke, servers):
        found = self._one_of(stroke, servers())
        return bool(found) and self._stop_pid(found[1].pid, found[0], 2 * stroke.pause)

    def command_server(self, stroke, servers, command):
        found = self._one_of(stroke, servers())
        if not found:
            return False
        with found[1].connect(**TIMEOUTS) as client:
            client.execute_command(*command.split())
        return True

    def masters(self):
        return self._of_role("master")

    def replicas(self):
        return self._of_role("slave")


def role_of(server):
    """None of one that does not answer, and of a Sentinel."""
    try:
        with server.connect(**TIMEOUTS) as client:
            return client.execute_command("ROLE")[0]
    except redis.RedisError:
        return None


class HandOnShards(HandOfSeveral):
    weights = OF_OTHERS | {
        "kill a master": 9, "kill a replica": 3, "stop and continue a master": 8, "promote a replica": 4, "move slots": 10,
        "cut off a node": 6, "cut off a master": 6,
        **{f"{what} a shard": weight for what, weight in zip(COMMANDS, (2, 4, 2))}}
    MOVED = 6  # slots in one stroke

    def methods(self):
        return super().methods() | {
            "kill a master": (self.end_server, self.masters), "kill a replica": (self.end_server, self.replicas),
            "stop and continue a master": (self.stop_server, self.masters), "promote a replica": (self.promote,),
            "move slots": (self.move_slots,), "cut off a node": (self.cut_off, self.nodes), "cut off a master": (self.cut_off, self.masters),
            **{f"{what} a shard": (self.command_server, self.masters, command) for what, command in COMMANDS.items()}}

    def nodes(self):
        return self.arena.store.servers()

    def cut_off(self, stroke, servers):
        """From all other nodes, while clients and workers reach it.  For as long as the others need to have another master, or less."""
        found = self._one_of(stroke, servers())
        if not found or not partitions.is_there():
            return False
        name, node = found
        join = partitions.cut_off(node.address, [other.address for other in self.arena.store.cluster.nodes if other is not node])
        self._down.add(name)

        def go_on():
            join()
            self._down.discard(name)

        self.after(3 * stroke.pause, go_on)
        return True

    def promote(self, stroke):
        """In order, or without asking its master, which then serves for a moment too."""
        found = self._one_of(stroke, self.replicas())
        if not found:
            return False
        return found[1].ask("CLUSTER", "FAILOVER", *(["TAKEOVER"] if stroke.toss * 10 % 1 < 0.3 else []), **TIMEOUTS)

    def move_slots(self, stroke):
        """Of students that are read often."""
        there = list(self.masters().values())
        if len(there) < 2:
            return False
        random = random_of(int(stroke.toss * 2**32), "slots")
        source, target = random.sample(there, 2)
        held = source.slots()
        slots = [slot for slot in {slot_of(key(student, SUMMARY)) for student in range(HOT)} if slot in held]
        for slot in random.sample(sorted(slots), min(len(slots), self.MOVED)):
            try:
                self.arena.store.cluster.move(slot, source, target)
            except redis.RedisError:  # of the two, one is going
                self.after(1, lambda slot=slot: self._settle(slot))
        return bool(slots)

    def _settle(self, slot):
        """As an operator does after a move that was broken off.  What was moved already stays where it is."""
        for node in self.masters().values():
            try:
                node.ask("CLUSTER", "SETSLOT", slot, "STABLE", **TIMEOUTS)
            except redis.RedisError:
                self.after(1, lambda: self._settle(slot))


class HandOnWatched(HandOfSeveral):
    weights = OF_OTHERS | {
        "kill the master": 9, "kill the replica": 3, "stop and continue the master": 8, "promote the replica": 4, "kill a Sentinel": 3,
        "stop and continue a Sentinel": 2, **{f"{what} the master": weight for what, weight in zip(COMMANDS, (2, 4, 2))}}

    def methods(self):
        return super().methods() | {
            "kill the master": (self.end_server, self.masters), "kill the replica": (self.end_server, self.replicas),
            "stop and continue the master": (self.stop_server, self.masters), "promote the replica": (self.promote,),
            "kill a Sentinel": (self.end_server, self.sentinels), "stop and continue a Sentinel": (self.stop_server, self.sentinels),
            **{f"{what} the master": (self.command_server, self.masters, command) for what, command in COMMANDS.items()}}

    def sentinels(self):
        """None while another one is away: the two that are left must be able to agree."""
        all_of_them = {name: server for name, server in self.arena.store.servers().items() if name.startswith("Sentinel")}
        return {} if self._down & all_of_them.keys() else all_of_them

    def promote(self, stroke):
        found = self._one_of(stroke, self.sentinels())
        if not found:
            return False
        with found[1].connect() as client:
            return client.execute_command("SENTINEL", "FAILOVER", self.arena.store.name)


HANDS = {"one": Hand, "cluster": HandOnShards, "sentinel": HandOnWatched}
