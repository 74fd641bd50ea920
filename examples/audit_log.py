#!/usr/bin/python3
"""Reads a server's log, and prints the lines of white_cross.audit for other tools.

    audit_log.py [--from stderr|csv|json] [--to json|ecs|pgaudit] [--student ID] [FILE …]

--from: how the server writes its log (log_destination); "stderr" also stands for syslog.
--to:   json     the lines as they are (docs/security.md)
        ecs      one document of the Elastic Common Schema a line, for Elastic, OpenSearch and most SIEMs
        pgaudit  one line as the extension pgaudit writes it, with the function and the ids in the place of the statement
--student: only calls that name this student among the ids that they show.

Without a FILE it reads its input.  It goes on after a line that it cannot read, says how many there were, and ends with status 1.
"""

import argparse
import csv
import io
import json
import sys

MARK = "white_cross audit: "
MESSAGE_OF_CSV = 13  # the column, counted from 0

RESULTS = {"read": "success", "none": "unknown", "error": "failure"}


def messages(file, form):
    if form == "csv":
        csv.field_size_limit(sys.maxsize)
        yield from (row[MESSAGE_OF_CSV] for row in csv.reader(file) if len(row) > MESSAGE_OF_CSV)
    elif form == "json":
        yield from (json.loads(line).get("message", "") for line in file if line.strip())
    else:
        yield from file


def ecs(line):
    ids = line.get("students", line.get("records", []))
    return json.dumps({
        "@timestamp": line["at"], "ecs": {"version": "8.11"},
        "event": {"kind": "event", "category": ["database"], "type": ["access"], "action": line["function"], "outcome": RESULTS[line["result"]],
                  "reason": line["purpose"]},
        "user": {"name": line["session_user"], "effective": {"name": line["user"]}},
        "source": {"address": line["address"]}, "service": {"name": line["application"]}, "process": {"pid": line["pid"]},
        "error": {"code": line["sqlstate"]}, "trace": {"id": line["trace_id"]},
        "white_cross": {"database": line["database"], "ids": ids, "count": line.get("student_count", line.get("record_count")),
                        "rows": line["rows"], "complete": line["complete"]}}, ensure_ascii=False)


def pgaudit(line):
    """AUDIT: SESSION,STATEMENT_ID,SUBSTATEMENT_ID,CLASS,COMMAND,OBJECT_TYPE,OBJECT_NAME,STATEMENT,PARAMETER"""
    writes = line["function"] in ("wc_bulk_delete_records", "wc_import_health_history")
    ids = line.get("students", line.get("records", []))
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(["SESSION", 1, 1, "WRITE" if writes else "READ", "SELECT", "FUNCTION", line["function"],
                                                 f"{line['session_user']} {line['result']} {line['rows']}", json.dumps(ids, ensure_ascii=False)])
    return f"{line['at']} AUDIT: {out.getvalue()}"


WRITERS = {"json": lambda line: json.dumps(line, ensure_ascii=False), "ecs": ecs, "pgaudit": pgaudit}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="docs/security.md describes the lines.")
    parser.add_argument("--from", dest="form", choices=("stderr", "csv", "json"), default="stderr", help="how the server writes its log")
    parser.add_argument("--to", choices=WRITERS, default="json", help="what to print")
    parser.add_argument("--student", metavar="ID", help="only calls that name this student")
    parser.add_argument("files", nargs="*", metavar="FILE", type=argparse.FileType("r"), default=[sys.stdin])
    options = parser.parse_args()
    unread = 0
    for file in options.files:
        for message in messages(file, options.form):
            _, mark, text = message.partition(MARK)
            if not mark:
                continue
            try:
                line = json.JSONDecoder().raw_decode(text)[0]
                if options.student is None or options.student in line.get("students", []):
                    print(WRITERS[options.to](line))
            except (ValueError, KeyError):
                unread += 1
    if unread:
        sys.exit(f"{unread} lines of the audit cannot be read")


if __name__ == "__main__":
    main()
