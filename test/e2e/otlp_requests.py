"""A worker's requests over OTLP, read as opentelemetry-proto's specification defines them."""

import gzip
import json
import re

KEY = "key-that-nobody-sees"
FAST = {"first_pause_ms": 20, "longest_pause_ms": 50, "interval_s": 1}
INT64 = re.compile(r"^-?\d{1,19}$")


def settings(receiver, destinations=None, **otlp):
    return {"destinations": FAST | (destinations or {}),
            "otlp": {"endpoint": receiver.url, "headers": f"api-key={KEY},x-team=school%20health"} | otlp}


def body(received, compressed=True):
    """The request, after what the protocol asks of its headers."""
    assert received.headers["content-type"] == "application/json"
    assert received.headers["api-key"] == KEY and received.headers["x-team"] == "school health"
    assert received.headers.get("content-encoding") == ("gzip" if compressed else None)
    return json.loads(gzip.decompress(received.body) if compressed else received.body)


def only(value, required, optional=()):
    """An object with these keys, whose receivers ignore what they do not know: a wrong name would not be missed otherwise."""
    assert set(required) <= set(value) <= set(required) | set(optional), value
    return value


def is_int64(value):
    return isinstance(value, str) and INT64.match(value)


def attributes(values):
    found = {}
    for one in values:
        only(one, ["key", "value"])
        [(kind, value)] = one["value"].items()
        assert kind == "stringValue" and isinstance(value, str) or kind == "intValue" and is_int64(value), one
        assert one["key"] not in found
        found[one["key"]] = value
    return found


def check_resource(resource):
    found = attributes(only(resource, ["attributes"])["attributes"])
    assert set(found) == {"service.name", "service.instance.id", "service.version"}
    return found


def spans_of(request):
    [resource] = only(request, ["resourceSpans"])["resourceSpans"]
    check_resource(only(resource, ["resource", "scopeSpans"])["resource"])
    [scope] = resource["scopeSpans"]
    only(only(scope, ["scope", "spans"])["scope"], ["name", "version"])
    for span in scope["spans"]:
        only(span, ["traceId", "spanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"],
             ["parentSpanId", "links"])
        assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and re.fullmatch("[0-9a-f]{16}", span["spanId"])
        assert span["kind"] in (1, 2) and span["flags"] & 1
        assert is_int64(span["startTimeUnixNano"]) and int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    return scope["spans"]
