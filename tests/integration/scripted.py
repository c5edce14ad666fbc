"""A provider whose answers a test writes itself: for what no simulator says, because no sane model would."""

import contextlib
import http.server
import json
import re
import threading

from conftest import Daemon, config_for


class Asked:
    """One file of a call, as the prompt shows it; or a question (path None)."""

    def __init__(self, path, prompt, tag):
        self.path, self.prompt, self.tag = path, prompt, tag
        shown = path and re.search(r"^(`{3,})\w* text " + re.escape(path) + r"\n(.*?)^\1$", prompt, re.M | re.S)
        self.text = shown.group(2) if shown else ""
        told = prompt[prompt.rindex("task:\n"):] if path else ""
        self.lines = [int(n) for n in re.findall(r"^\s+(?:- )?line: (\d+)$", told, re.M)]

    def edit(self, old, new):
        return f"<<<old {self.tag}\n{old}\n===new {self.tag}\n{new}\n"

    def edits(self, *edits):
        return f"<<<edits {self.path} {self.tag}\n" + "".join(edits) + f">>>end {self.tag}\n"

    def whole(self, text):
        return f"<<<file {self.path} {self.tag}\n{text}>>>end {self.tag}\n"


class Scripted:
    """Speaks Anthropic's dialect. answer(asked) gives the text of an answer about one file."""

    def __init__(self, answer):
        self.answer, self.asked, self.usage = answer, [], {}  # usage: what it says besides, or instead
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                self.send("application/json", b'{"data": []}')

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send("text/event-stream", outer.stream(body))

            def send(self, type, data):
                self.send_response(200)
                self.send_header("content-type", type)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stream(self, body):
        system = body.get("system", [])
        blocks = [{"text": system}] if isinstance(system, str) else list(system)
        for message in body["messages"]:
            content = message["content"]
            blocks += [{"text": content}] if isinstance(content, str) else content
        prompt = "".join(b.get("text", "") for b in blocks)
        tag = ([""] + re.findall(r"^\s*tag: [\"']?(\w+)", prompt, re.M))[-1]
        text = "" if tag else self.answer(Asked(None, prompt, tag))
        for path in re.findall(r"^`{3,}\w* text (\S+)$", prompt, re.M):
            asked = Asked(path, prompt, tag)  # calls come side by side
            self.asked.append(asked)
            text += self.answer(asked)
        usage = {"input_tokens": len(prompt) // 4, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, **self.usage}
        events = [
            {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": body["model"], "content": [],
                                                  "stop_reason": None, "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": self.usage.get("output_tokens", len(text) // 4 + 1)}},
            {"type": "message_stop"}]
        return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@contextlib.contextmanager
def answered(place, answer):
    """(daemon, provider), with answers of the test's own."""
    s = Scripted(answer)
    d = Daemon(place, config_for(s))
    d.start()
    try:
        yield d, s
    finally:
        d.stop()
        s.close()
