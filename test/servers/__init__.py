"""Private servers for the tests, the demo and the benchmarks.

Every server has a folder and ports of its own, ends with the `with` block that started it, by pid, and ends
too when the process that started it is killed.  Nothing of the machine's own PostgreSQL or Redis is touched.

    with Ground("demo") as ground, Cluster(ground) as cluster, Redis(ground) as redis:
        with Worker(ground, cluster.dsn("app"), redis.url) as worker:
            ...
"""

from .certificates import Authority
from .cluster import Cluster
from .ground import Ground
from .pgbouncer import PgBouncer
from .process import ServerFailed
from .proxy import Proxy
from .redis_server import Redis, Tls
from .waiting import until
from .worker import Worker

__all__ = ["Authority", "Cluster", "Ground", "PgBouncer", "Proxy", "Redis", "ServerFailed", "Tls", "Worker", "until"]
