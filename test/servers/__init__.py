"""Private servers for the tests, the demo and the benchmarks.

Every server has a folder and ports of its own.  It ends with the `with` block that started it, and also when the
process that started it is killed.  Servers of the machine itself are not touched.

    with Ground("demo") as ground, Cluster(ground) as cluster, Redis(ground) as redis:
        with Worker(ground, cluster.dsn("app"), redis.url) as worker:
            ...
"""

from .api import Api
from .browser import Browser
from .certificates import Authority
from .cluster import Cluster
from .etcd import Etcd
from .ground import Ground
from .haproxy import HaProxy
from .node_packages import PackageMissing
from .patroni import Member
from .pgbouncer import PgBouncer
from .process import ServerFailed
from .prometheus import Prometheus
from .proxy import Proxy
from .receiver import Receiver
from .redis_cluster import RedisCluster
from .redis_server import Redis, Tls
from .sentinels import Trio
from .waiting import until
from .worker import Worker

__all__ = ["Api", "Authority", "Browser", "Cluster", "Etcd", "Ground", "HaProxy", "Member", "PackageMissing", "PgBouncer", "Prometheus", "Proxy", "Receiver", "Redis", "RedisCluster", "ServerFailed", "Tls", "Trio", "Worker", "until"]
