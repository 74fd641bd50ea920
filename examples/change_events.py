#!/usr/bin/python3
"""Hands the events of changes on: reads the stream that wc-worker appends to (events.stream), as a consumer of a group.

    change_events.py [--redis URL] [--stream NAME] [--group NAME] [--consumer NAME] [--idle-ms N]

Prints a line of JSON for each event; put your own work into `handle`.  An event is acknowledged after it was handled, so one may come
twice and none is lost, whoever is killed: this program, the worker, or a Redis that saves what it acknowledges.  The student "*" means that
any student may have changed: it comes after whatever may have lost events, and whoever keeps copies makes them anew.

One consumer has the events of a student in the order of their commits.  Several consumers of one group share the work, and then two events
of one student may be handled at the same time.  Needs redis-py (Debian: python3-redis).  The password is taken from REDIS_PASSWORD.
"""

import argparse
import json
import os
import sys
import time

import redis

AT_ONCE = 500
EVERYBODY = {"student": "*", "sections": "student,health_records,allergies,chronic_conditions,growth"}


def handle(event):
    """Your work.  It may raise: then the event stays pending, and comes again."""
    print(json.dumps(event), flush=True)


class Consumer:
    """A member of a consumer group.  client: of redis-py, with decode_responses."""

    def __init__(self, client, stream, group, name, idle_ms):
        self.client, self.stream, self.group, self.name, self.idle_ms = client, stream, group, name, idle_ms

    def join(self):
        """Makes the group if there is none.  A new one may have missed any change, so it begins with everybody."""
        try:
            self.client.xgroup_create(self.stream, self.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        else:
            handle(EVERYBODY)

    def finish(self, entries):
        """Handles entries, and acknowledges them then.  Those that were removed from the stream unread have no fields."""
        if any(not fields for _, fields in entries):
            handle(EVERYBODY)
        for _, fields in entries:
            if fields:
                handle(fields)
        if entries:
            self.client.xack(self.stream, self.group, *(identifier for identifier, _ in entries))
        return len(entries)

    def take_back(self):
        """What this consumer had been given before it was killed."""
        last = "0"
        while True:
            entries = self.client.xreadgroup(self.group, self.name, {self.stream: last}, count=AT_ONCE)[0][1]
            if not self.finish(entries):
                return
            last = entries[-1][0]

    def take_over(self):
        """What other consumers were given, and have not acknowledged for a while."""
        cursor = "0-0"
        while True:
            cursor, entries, *removed = self.client.xautoclaim(self.stream, self.group, self.name, self.idle_ms, cursor, AT_ONCE)
            # Redis 7 has acknowledged what is not in the stream any more, and says which it was.
            if any(removed):
                handle(EVERYBODY)
            self.finish(entries)
            if cursor == "0-0":
                return

    def read(self):
        """What is new.  Says too whether the stream has lost entries that this group had not read: max_length is too small for it."""
        with self.client.pipeline(transaction=True) as both:
            both.xinfo_stream(self.stream)
            both.xinfo_groups(self.stream)
            both.xreadgroup(self.group, self.name, {self.stream: ">"}, count=AT_ONCE)
            stream, groups, found = both.execute()
        (group,) = (one for one in groups if one["name"] == self.group)
        removed = stream["entries-added"] - stream["length"]
        if group["entries-read"] is None or removed > group["entries-read"]:
            handle(EVERYBODY)
        if found:
            return self.finish(found[0][1])
        # Waits for the next one without taking it.
        return len(self.client.xread({self.stream: group["last-delivered-id"]}, count=1, block=min(1000, self.idle_ms)))


def run(consumer):
    """Until it is killed."""
    while True:
        try:
            consumer.join()
            consumer.take_back()
            next_look = 0.0
            while True:
                if time.monotonic() >= next_look:
                    consumer.take_over()
                    next_look = time.monotonic() + consumer.idle_ms / 1000
                consumer.read()
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError) as error:
            print(f"Redis is away: {error}", file=sys.stderr)
        except redis.ResponseError as error:
            # Somebody has removed the stream, and the group with it.
            if "NOGROUP" not in str(error) and "no such key" not in str(error):
                raise
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description="Prints the events of changes.")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379")
    parser.add_argument("--user")
    parser.add_argument("--stream", default="white_cross:changes")
    parser.add_argument("--group", default="printers")
    parser.add_argument("--consumer", default="first")
    parser.add_argument("--idle-ms", type=int, default=10_000, help="after which the events of another consumer are taken over")
    options = parser.parse_args()
    login = {"username": options.user} if options.user else {}
    client = redis.Redis.from_url(options.redis, password=os.environ.get("REDIS_PASSWORD"), decode_responses=True, **login)
    run(Consumer(client, options.stream, options.group, options.consumer, options.idle_ms))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
