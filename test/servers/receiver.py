"""An HTTP server that keeps what it is sent, and answers as a test wants it to."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    path: str
    headers: dict  # names in lower case
    body: bytes
    at: float  # of a clock that never goes back


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/json"})


HANG = object()  # the answer that never comes, until the receiver ends
CUT = object()  # the connection ends without an answer


class Receiver:
    """`with` starts and ends it.

    answer: returns, for each Received, an Answer, HANG or CUT.
    """

    look_at = None  # called with each receiver when it has ended

    def __init__(self, answer=lambda received: Answer(), tls=None):
        self.answer = answer
        self.received = []
        self.hanging = 0
        self.errors = []
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body, time.monotonic())
                if len(received.headers) != len(self.headers):
                    receiver.errors.append(f"a header twice: {self.headers}")
                receiver.received.append(received)
                answer = receiver.answer(received)
                if answer is HANG:
                    receiver.hanging += 1
                    receiver._ended.wait()
                    receiver.hanging -= 1
                if answer in (HANG, CUT):
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        return Handler

    @property
    def port(self):
        return self._server.server_address[1]

    @property
    def url(self):
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def at(self, path):
        return [received for received in list(self.received) if received.path == path]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if Receiver.look_at:
            Receiver.look_at(self)
