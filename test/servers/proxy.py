"""A network that fails on demand: a TCP proxy in front of a server."""

import queue
import socket
import struct
import threading
import time

RECEIVE = 65536


class Link:
    """One client's connection and the proxy's connection to the server; a thread for each direction copies the bytes."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client, self.server = client, server
        self.hello = b""  # what the client sent first: PostgreSQL's startup packet names the application
        self.closed = False
        self._open = {client: threading.Event(), server: threading.Event()}  # by whom the bytes come from
        for event in self._open.values():
            event.set()
        for source, target in (client, server), (server, client):
            send = self._late(target) if proxy.delay else target.sendall
            threading.Thread(target=self._pump, args=(source, send), daemon=True).start()

    def _late(self, target):
        """Returns what sends bytes after the delay.  As on a long line, more may be on their way meanwhile."""
        on_their_way = queue.SimpleQueue()

        def carry():
            try:
                while True:
                    due, sent = on_their_way.get()
                    time.sleep(max(0.0, due - time.monotonic()))
                    target.sendall(sent)
            except OSError:
                pass

        threading.Thread(target=carry, daemon=True).start()
        return lambda sent: on_their_way.put((time.monotonic() + self.proxy.delay, sent))

    def _pump(self, source, send):
        try:
            while received := source.recv(RECEIVE):
                if source is self.client:
                    self.hello = self.hello or received
                    self.proxy._look(self, received)
                self._open[source].wait()
                send(received)
        except OSError:
            pass
        # All earlier bytes have been passed on.  A silent network does not pass on the end of a connection either.
        self._open[source].wait()
        self.close()

    def stop_requests(self):
        self._open[self.client].clear()

    def stop_answers(self):
        self._open[self.server].clear()

    def go_on(self):
        for event in self._open.values():
            event.set()

    def close(self, reset=False):
        self.closed = True
        for end in self.client, self.server:
            try:
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Without this, a thread that reads would keep it open.
                end.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Hold:
    """A place in the conversation at which one connection stops until it is released."""

    def __init__(self, needle, answer):
        self.needle = needle
        self.answer = answer
        self.link = None
        self._reached = threading.Event()

    def is_reached(self):
        return self._reached.is_set()

    def wait(self, timeout=30):
        if not self._reached.wait(timeout):
            raise TimeoutError(f"nobody sent {self.needle!r} within {timeout} s")

    def release(self):
        """Passes on the held bytes and all later ones."""
        self.needle = None
        if self.link:
            self.link.go_on()


class Proxy:
    """`with` starts it, on a port of its own.  port_of: a function that returns the server's port, which may change; delay: for how many
    seconds bytes are on their way, in each direction."""

    def __init__(self, port_of, delay=0.0):
        self.delay = delay
        self._port_of = port_of
        self._links = []
        self._holds = []
        self._lock = threading.Lock()
        self._accepts = threading.Event()
        self._accepts.set()

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self.go_on()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._accepts.wait()
            try:
                server = socket.create_connection(("127.0.0.1", self._port_of()))
            except OSError:
                client.close()
                continue
            for end in client, server:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._links.append(Link(self, client, server))

    def _look(self, link, request):
        with self._lock:
            for hold in self._holds:
                if hold.needle and not hold.is_reached() and hold.needle in request:
                    hold.link = link
                    (link.stop_answers if hold.answer else link.stop_requests)()
                    hold._reached.set()

    def hold(self, needle, answer=False):
        """Stops the next connection on which a client sends these bytes, before the server gets them, or, with `answer`,
        before the client gets the answer."""
        hold = Hold(needle, answer)
        with self._lock:
            self._holds.append(hold)
        return hold

    def links(self, hello=b""):
        """Returns the open connections whose client's first bytes contain these bytes."""
        with self._lock:
            self._links = [link for link in self._links if not link.closed]
            return [link for link in self._links if hello in link.hello]

    def disown(self):
        """For a forked process, which has none of the threads: closes its copies of the sockets, so that the other side
        notices when the parent closes them."""
        self._listener.close()
        for link in self._links:
            link.client.close()
            link.server.close()

    def silence(self, hello=b""):
        """Passes on nothing any more, not even the end of a connection, as when a cable is pulled: both sides believe that
        they are connected."""
        for link in self.links(hello):
            link.stop_requests()
            link.stop_answers()

    def refuse(self):
        """Accepts new connections and never answers them."""
        self._accepts.clear()

    def go_on(self):
        self._accepts.set()
        for link in self.links():
            link.go_on()

    def cut(self):
        """Resets all connections at once."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close(reset=True)
