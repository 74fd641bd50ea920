"""Workers of one name, which share the work of a district: their settings."""

# Workers that share the work share the name.  Short times, so that the tests need not wait long.
QUICK = {"worker": {"name": "district"}, "queue": {"takeover_interval_ms": 50, "poll_interval_ms": 200, "hung_after_ms": 1000,
                                                    "heartbeat_s": 3600}}
