"""A real Redis Cluster: three masters, and a replica of each where a test wants some."""

import secrets

import redis
from redis.crc import key_slot

from .process import free_port
from .redis_server import Redis
from .server import Server
from .waiting import until

SLOTS = 16384


def slot_of(key):
    return key_slot(key.encode())


def is_redirection(error):
    """MOVED or ASK.  Later versions of redis-py have classes for them, and leave the word out of the text."""
    return isinstance(error, redis.exceptions.AskError) or str(error).startswith(("ASK ", "MOVED "))


def of_address(address):
    """Settings of a node: it also listens on 127.0.0.1, for the tests."""
    return {} if address == "127.0.0.1" else {"bind": f"127.0.0.1 {address}", "bind-source-addr": address, "cluster-announce-ip": address}


class Node(Redis):
    """One of them.  What it knows of the others is in a file, which outlives it."""

    def ask(self, *words, **options):
        with self.connect(**options) as client:
            return client.execute_command(*words)

    def start(self, **how):
        # Its port for the others is ten thousand above its own, unless it is told.
        self.bus_port = free_port()
        super().start(**{"cluster-port": self.bus_port} | how)

    @property
    def id(self):
        return self.ask("CLUSTER", "MYID")

    def slots(self):
        """What it says itself that it serves."""
        nodes = self.ask("CLUSTER NODES").values()
        own = next(node for node in nodes if "myself" in node["flags"])
        return {slot for part in own["slots"] for slot in range(int(part[0]), int(part[-1]) + 1)}

    def is_well(self):
        return self.ask("CLUSTER INFO")["cluster_state"] == "ok"

    def role(self):
        return self.ask("ROLE")[0]


class RedisCluster(Server):
    """`with` starts it, waits until each node knows all slots, and stops it.

    replicas: of each master, 0 or 1.  access: with the users of config/users.acl; then without replicas.
    address: gives the node of that number, from 1 on, an address of its own, by which the others and clients know it.
    """

    def __init__(self, ground, name="redis-cluster", masters=3, replicas=0, timeout_ms=1000, access=False, address=lambda number: "127.0.0.1"):
        self.password = secrets.token_hex(12)
        settings = {"cluster-enabled": "yes", "cluster-node-timeout": timeout_ms, "masterauth": self.password, "repl-diskless-sync-delay": 0,
                    "cluster-require-full-coverage": "no", "cluster-replica-validity-factor": 0, "cluster-migration-barrier": 9,
                    "cluster-allow-replica-migration": "no"}
        self.nodes = [Node(ground, f"{name}-{number}", settings | of_address(address(number + 1)), password=self.password, access=access)
                      for number in range(masters * (1 + replicas))]
        for number, node in enumerate(self.nodes, 1):
            node.address = address(number)
            node.passwords = self.nodes[0].passwords
        self.masters, self.replicas = self.nodes[:masters], self.nodes[masters:]

    def start(self):
        for node in self.nodes:
            node.start()
        share = -(-SLOTS // len(self.masters))
        for number, master in enumerate(self.masters):
            master.ask("CLUSTER", "ADDSLOTSRANGE", number * share, min(SLOTS, (number + 1) * share) - 1)
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", self.nodes[0].address, self.nodes[0].port, self.nodes[0].bus_port)
        until(lambda: all(len(node.ask("CLUSTER NODES")) == len(self.nodes) for node in self.nodes), 30, "the nodes to meet")
        for master, replica in zip(self.masters, self.replicas):
            # It may hear of its master a moment later than of the others.
            until(lambda: self._replicate(replica, master), 30, "a replica to follow")
        until(lambda: all(node.is_well() for node in self.nodes), 30, "the cluster to have all slots")
        until(lambda: all(replica.connect().info("replication")["master_link_status"] == "up" for replica in self.replicas), 30,
              "the replicas to have all")

    @staticmethod
    def _replicate(replica, master):
        try:
            return replica.ask("CLUSTER", "REPLICATE", master.id)
        except redis.ResponseError:
            return False

    def stop(self, number=None):
        for node in self.nodes:
            node.stop()

    def owner(self, key):
        """The master that serves the slot of this key, as it says itself."""
        slot = slot_of(key)
        return next((node for node in self.nodes if node.running() and node.role() == "master" and slot in node.slots()), None)

    # ---- moving slots, as redis-cli --cluster reshard does ----

    def open_slot(self, slot, source, target):
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)

    def move_keys(self, slot, source, target):
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "AUTH", self.password, "KEYS", *keys)

    def close_slot(self, slot, source, target):
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)

    def move(self, slot, source, target):
        self.open_slot(slot, source, target)
        self.move_keys(slot, source, target)
        self.close_slot(slot, source, target)

    @property
    def url(self):
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def worker_settings(self):
        return self.nodes[0].worker_settings() | {"url": self.url, "timeout_ms": 500}
