"""A Sentinel that says what a test tells it to say."""

import socketserver
import ssl
import threading


def words_of(stream):
    """One command, as a client sends it; None at the end."""
    head = stream.readline()
    if not head.startswith(b"*"):
        return None
    words = []
    for _ in range(int(head[1:])):
        words.append(stream.read(int(stream.readline()[1:]) + 2)[:-2].decode())
    return words


def text(word):
    return f"${len(word.encode())}\r\n{word}\r\n"


def listed(*words):
    return f"*{len(words)}\r\n" + "".join(map(text, words))


class FalseSentinel:
    """`with` starts and ends it.  master: the port that it names, or None; epoch: of the failover that it claims; certificate: that
    it shows, for TLS."""

    def __init__(self, master=None, epoch=0, name="district", port=0, certificate=None):
        self.master, self.epoch, self.name = master, epoch, name
        outer = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self):
                while words := words_of(self.rfile):
                    self.wfile.write(outer.answer(words).encode())

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Talk)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]

    def answer(self, words):
        if words[0].upper() != "SENTINEL":
            return "+OK\r\n"
        known = self.master is not None and words[2] == self.name
        if words[1].upper() == "MASTER":
            return listed("name", self.name, "config-epoch", str(self.epoch)) if known else "-ERR No such master with that name\r\n"
        return listed("127.0.0.1", str(self.master)) if known else "*-1\r\n"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
