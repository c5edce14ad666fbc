"""A small HTTP/2 server by hand, over TLS: it does to streams what a test tells it, frame by frame (RFC 9113).

It reads no header (an own POST is a stream with a body, the HEAD that warms a connection one without) and answers with two headers that
need no table."""

import json
import socket
import ssl
import struct
import subprocess
import threading

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INTERNAL_ERROR, REFUSED_STREAM = 2, 7
EVENT_STREAM = b"\x88" + b"\x0f\x10" + bytes([len(b"text/event-stream")]) + b"text/event-stream"  # :status 200, content-type


def certificate(place):
    """(certificate, key) of 127.0.0.1."""
    cert, key = place / "h2.cert.pem", place / "h2.key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=x",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def answer(words):
    """A whole answer of the Messages API."""
    def event(name, o):
        return f"event: {name}\ndata: {json.dumps({'type': name, **o})}\n\n"

    return (event("message_start", {"message": {"usage": {"input_tokens": 100, "output_tokens": 1}}})
            + event("content_block_delta", {"delta": {"type": "text_delta", "text": words}})
            + event("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}})
            + event("message_stop", {})).encode()


class Connection(threading.Thread):
    def __init__(self, peer, raw):
        super().__init__(daemon=True)
        self.peer, self.raw = peer, raw

    def frame(self, kind, flags, stream, payload=b""):
        self.s.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def good(self, stream, words):
        self.frame(HEADERS, END_HEADERS, stream, EVENT_STREAM)
        self.frame(DATA, END_STREAM, stream, answer(words))

    def reset(self, stream, error):
        self.frame(RST_STREAM, 0, stream, struct.pack(">I", error))

    def go_away(self, last):
        self.frame(GOAWAY, 0, 0, struct.pack(">II", last, 0))

    def run(self):
        try:
            self.s = self.peer.context.wrap_socket(self.raw, server_side=True)
            self.exactly(24)  # the preface
            self.frame(SETTINGS, 0, 0)
            while True:
                head = self.exactly(9)
                kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
                self.on_frame(kind, flags, stream, self.exactly(int.from_bytes(head[:3], "big")))
        except (EOFError, OSError):
            pass
        finally:
            self.raw.close()

    def on_frame(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.frame(SETTINGS, ACK, 0)
        elif kind == DATA and payload:
            for i in (0, stream):
                self.frame(WINDOW_UPDATE, 0, i, struct.pack(">I", len(payload)))
        if kind == HEADERS and flags & END_STREAM:
            self.frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x88")
        elif kind == DATA and flags & END_STREAM:
            self.peer.do(self, stream)


class Peer:
    """Each POST is done to by the next step: a function of (connection, stream); the last one repeats."""

    def __init__(self, place, *steps):
        self.cert, key = certificate(place)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        self.context.set_alpn_protocols(["h2"])
        self.steps, self.lock = list(steps), threading.Lock()
        self.streams = []  # of each POST: (connection, stream)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            Connection(self, raw).start()

    def do(self, connection, stream):
        with self.lock:
            self.streams.append((connection, stream))
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        step(connection, stream)

    def close(self):
        self.listener.close()
