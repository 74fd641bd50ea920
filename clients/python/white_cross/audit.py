"""A line for each read, as the setting white_cross.audit has the server write one: who, whose and how it ended, never what was read."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

MOST_IDS = 100
LONGEST_ID = 128  # bytes


@dataclass(frozen=True)
class Reader:
    """Who reads, for the lines of the audit."""

    user: str | None = None  # the person on whose behalf it is, as the application knows them
    purpose: str | None = None  # why, in the application's own words
    address: str | None = None  # from where
    application: str | None = None
    trace_id: str | None = None


def append_to(path: str | os.PathLike[str]) -> Callable[[str], object]:
    """Writes lines to the end of a file, each before its value is handed out: for `audit`."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return lambda line: os.write(file, f"{line}\n".encode())


def audit_line(began: datetime, kind: str, students: Sequence[str], reader: Reader, rows: int, from_redis: int, error: BaseException | None) -> str:
    return "white_cross audit: " + json.dumps({
        "at": began.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "function": f"cache.{kind.split(':')[0]}",  # filters of pages are a caller's text
        "database": None, "session_user": None, "user": reader.user, "address": reader.address, "application": reader.application,
        "pid": os.getpid(), "purpose": reader.purpose,
        "students": [student.encode()[:LONGEST_ID].decode(errors="ignore") for student in students[:MOST_IDS]], "student_count": len(students),
        "rows": rows, "from_memory": from_redis, "result": "error" if error else "read" if rows else "none", "complete": error is None,
        "sqlstate": getattr(error, "sqlstate", None), "trace_id": reader.trace_id}, ensure_ascii=False)
