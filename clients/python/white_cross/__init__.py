"""The fenced cache of white_cross: students' health summaries from Redis, never older than a change in PostgreSQL."""

from .audit import Reader, append_to
from .cache import Cache, Entry, records_kind
from .connection import Connection, SSLConnection, UnixDomainSocketConnection, connect

__all__ = ["Cache", "Connection", "Entry", "Reader", "SSLConnection", "UnixDomainSocketConnection", "append_to", "connect", "records_kind"]
