"""The Redis that is tortured: one, a cluster of three shards each with a replica, or a master and its replica that Sentinels watch.

Readers and judge ask it through a client of here, which follows failovers and moved slots as an application's does.
"""

import redis
import redis.sentinel

import partitions
import white_cross
from servers import Proxy, Redis, RedisCluster, Trio, library
from servers.redis_cluster import slot_of
from servers.sentinels import MASTER

TIMEOUTS = {"socket_timeout": 2, "socket_connect_timeout": 2}


class One:
    """With a proxy between each worker and Redis, whose connections the hand cuts and silences."""

    cluster_keys = False
    ways = (20, 20, 35, 25)  # see readers.WAYS

    def __init__(self, ground):
        self.redis = Redis(ground)

    def start(self, enter):
        enter(self.redis)

    def servers(self):
        return {"Redis": self.redis}

    def masters(self):
        return [self.redis]

    @property
    def server(self):
        """What tells a worker where it is."""
        return self.redis

    def settings_of_a_worker(self, enter, networks):
        """Settings of [redis] in place of what `server` says."""
        proxy = enter(Proxy(lambda: self.redis.port))
        networks.append(proxy)
        return {"url": f"redis://127.0.0.1:{proxy.port}/0", "timeout_ms": 1500}

    def client(self):
        connected = self.redis.connect(**TIMEOUTS)
        connected.connection_pool.connection_class = white_cross.Connection
        return OneClient(connected)

    def is_known(self, identity):
        """Whether the worker has opened an epoch for this life of PostgreSQL in each Redis that serves."""
        for server in self.masters():
            with server.connect(**TIMEOUTS) as client:
                process = f"{client.info('server')['run_id']}.{client.info('replication')['master_replid']}"
                names = list(client.scan_iter(library.EPOCH_OF + "*", count=1000))
                if f"{process} {identity}" not in [client.get(name) for name in names]:
                    return False
        return True


class Watched(One):
    """A master and its replica behind three Sentinels.  A replica may lack what its master had, so no plain GET is fenced there."""

    ways = (0, 60, 0, 40)
    name = MASTER  # for the Sentinels

    def __init__(self, ground):
        self.trio = Trio(ground)

    def start(self, enter):
        enter(self.trio)

    def servers(self):
        return {"Redis 1": self.trio.first, "Redis 2": self.trio.second} | {
            f"Sentinel {number}": sentinel for number, sentinel in enumerate(self.trio.sentinels, 1)}

    def masters(self):
        """The one that the Sentinels name."""
        port = next(port for sentinel in self.trio.sentinels if (port := self._named_by(sentinel)))
        return [server for server in (self.trio.first, self.trio.second) if server.port == port]

    @staticmethod
    def _named_by(sentinel):
        try:
            return sentinel.master()
        except redis.RedisError:
            return None

    @property
    def server(self):
        return self.trio

    def settings_of_a_worker(self, enter, networks):
        return {}

    def client(self):
        watch = redis.sentinel.Sentinel([("127.0.0.1", sentinel.port) for sentinel in self.trio.sentinels],
                                        sentinel_kwargs={"password": self.trio.password} | TIMEOUTS)
        return OneClient(watch.master_for(MASTER, password=self.trio.first.password, decode_responses=True, **TIMEOUTS))


class Sharded(One):
    """Three shards, each with a replica."""

    cluster_keys = True
    ways = Watched.ways

    def __init__(self, ground):
        self.cluster = RedisCluster(ground, replicas=1, **{"address": partitions.address} if partitions.is_there() else {})

    def start(self, enter):
        enter(self.cluster)

    def servers(self):
        return {f"node {number}": node for number, node in enumerate(self.cluster.nodes, 1)}

    def masters(self):
        """Those that serve slots, as they say themselves."""
        return [node for node in self.cluster.nodes if self._serves(node)]

    @staticmethod
    def _serves(node):
        try:
            return node.running() and node.ask("ROLE", **TIMEOUTS)[0] == "master" and bool(node.slots())
        except redis.RedisError:
            return False

    @property
    def server(self):
        return self.cluster

    def settings_of_a_worker(self, enter, networks):
        return {}

    def client(self):
        return ShardedClient(self.cluster)


class OneClient:
    """Asks many things at once: an answer for each, which may be an error of Redis."""

    def __init__(self, connected):
        self.connected = connected

    def pipelined(self, commands):
        pipe = self.connected.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return pipe.execute(raise_on_error=False)

    def about(self, key, names):
        """{name: value}, for whoever looks for the reason of a stale value."""
        return dict(zip(names, self.connected.mget(names))) | {"ttl of the value, ms": self.connected.pttl(key)}


class ShardedClient:
    """Asks each shard for its own keys, the first one of each command.  A shard that does not answer, or answers with MOVED, is an
    error of those commands alone; then the slots are asked for anew, of any node that answers."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._nodes = {node.port: node.connect(**TIMEOUTS) for node in cluster.nodes}
        self._ports = {}  # of slots

    def pipelined(self, commands):
        if not self._ports:
            self._look()
        shards = {}  # port: the places of its commands
        for at, command in enumerate(commands):
            shards.setdefault(self._ports.get(self._slot(command)), []).append(at)
        answers = [redis.ResponseError("CLUSTERDOWN nobody has the slot")] * len(commands)
        for port, places in shards.items():
            for at, answer in zip(places, self._asked(port, [commands[at] for at in places])):
                answers[at] = answer
        return answers

    @staticmethod
    def _slot(command):
        """The key is the first word that is one of a student's."""
        return slot_of(next(word for word in command if str(word).startswith("student:")))

    def _asked(self, port, commands):
        if port is None:
            self._ports = {}
            return [redis.ResponseError("CLUSTERDOWN nobody has the slot")] * len(commands)
        try:
            answers = OneClient(self._nodes[port]).pipelined(commands)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._ports = {}
            return [redis.ResponseError(f"no answer: {error}")] * len(commands)
        if any(isinstance(answer, redis.ResponseError) and str(answer).startswith(("MOVED", "CLUSTERDOWN", "READONLY")) for answer in answers):
            self._ports = {}
        return answers

    def _look(self):
        for node in self._nodes.values():
            try:
                ranges = node.execute_command("CLUSTER", "SLOTS")
            except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                continue
            self._ports = {slot: master[1] for first, last, master, *_ in ranges for slot in range(first, last + 1)}
            if self._ports:
                return
        raise redis.ConnectionError("no node answers")

    def about(self, key, names):
        port = self._ports.get(slot_of(key))
        if port is None:
            return {"redis": "nobody has the slot"}
        node = self._nodes[port]
        shared = [name for prefix in names if prefix.startswith("wc:") for name in node.keys(prefix + ":{*")]
        own = [name for name in names if name.startswith("student:")]
        found = {name: node.get(name) for name in own + shared}
        return found | {"node": port, "slot": slot_of(key), "ttl of the value, ms": node.pttl(key)}


KINDS = {"one": One, "cluster": Sharded, "sentinel": Watched}
