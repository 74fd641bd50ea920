"""The lines that white_cross.audit leaves in the server's log."""

import json
import re

LINE = re.compile(r"LOG:  white_cross audit: (.*)")
MEMBERS = ["at", "function", "database", "session_user", "user", "address", "application", "pid", "purpose", "students", "student_count",
           "rows", "from_memory", "result", "complete", "sqlstate", "trace_id"]


class Audit:
    """What a server has written since this was made, or since the last look."""

    def __init__(self, cluster):
        self.log = cluster.log
        self.seen = self.log.stat().st_size

    def text(self):
        with self.log.open("rb") as log:
            log.seek(self.seen)
            text = log.read().decode()
        self.seen += len(text.encode())
        return text

    def lines(self):
        return [json.loads(line) for line in LINE.findall(self.text())]

    def line(self):
        (line,) = self.lines()
        return line
