"""The seam for kinds of job: a file of the client's comes by need, a command of the client's judges."""

import base64
import hashlib
import json


def put(rpc, job, data, path=None, piece=1 << 20):
    offset, digest = 0, hashlib.sha256(data).hexdigest()
    while True:
        p = {"job": job, "sha256": digest, "size": len(data), "offset": offset,
             "data": base64.b64encode(data[offset:offset + piece]).decode()}
        if path:
            p["path"] = path
        r = rpc.ok("blob/put", p)
        offset += piece
        if r["complete"]:
            return r


def submit(rpc):
    r = rpc.ok("job/submit", {"kind": "echo-check", "input": {"path": "notes.txt", "command": 0},
                              "commands": [["grep", "-q", "tide"]]})
    assert r["need"] == [{"path": "notes.txt"}]
    rpc.ok("job/attach", {"job": r["job"], "after": 0})
    return r["job"]


def test_file_and_command(daemon):
    rpc = daemon.rpc()
    job = submit(rpc)
    put(rpc, job, b"the tide turns at noon\n", path="notes.txt")
    w = rpc.event("waiting")
    while w["on"] != "client":
        w = rpc.event("waiting")
    assert w["command"]["index"] == 0
    assert rpc.error("job/answer", {"job": job, "wait": w["wait"] + 1, "command": {"index": 0, "status": 0, "output": ""}})
    rpc.ok("job/answer", {"job": job, "wait": w["wait"], "command": {"index": 0, "status": 0, "output": "found\n"}})
    end = rpc.end()
    assert end["type"] == "done" and end["text"] == "the tide turns at noon\n"


def test_command_refuses(daemon):
    rpc = daemon.rpc()
    job = submit(rpc)
    put(rpc, job, b"nothing here\n", path="notes.txt")
    w = rpc.event("waiting")
    while w["on"] != "client":
        w = rpc.event("waiting")
    rpc.ok("job/answer", {"job": job, "wait": w["wait"], "command": {"index": 0, "status": 1, "output": "no tide\n"}})
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["files"]["failed"] == 1
    assert end["failures"][0]["error"]["data"]["name"] == "check_failed"


def test_wait_survives_kill(daemon):
    rpc = daemon.rpc()
    job = submit(rpc)
    put(rpc, job, b"tide\n", path="notes.txt")
    w = rpc.event("waiting")
    while w["on"] != "client":
        w = rpc.event("waiting")
    daemon.kill()
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": w["seq"]})
    w = rpc.event("waiting")
    rpc.ok("job/answer", {"job": job, "wait": w["wait"], "command": {"index": 0, "status": 0, "output": ""}})
    assert rpc.end()["type"] == "done"


def test_command_line(daemon, place):
    (place / "notes.txt").write_text("the tide\n")
    r = daemon.genopt("echo-check", "notes.txt", "--", "grep", "-q", "tide", "notes.txt", cwd=place, check=0)
    assert "the tide" in r.stdout
    r = daemon.genopt("echo-check", "notes.txt", "--", "false", cwd=place)
    assert r.returncode == 1


def test_content_that_came_by_its_hash_need_not_come_again(daemon):
    """Nor after a kill, though the job's record is not written for each of its files."""
    rpc = daemon.rpc()
    texts = {f"src/{name}.java": f"import old.sea.{name};\n".encode() for name in ("Wave", "Wind")}
    incidents = [{"uri": f"file:///opt/input/source/{path}", "lineNumber": 1, "message": "Replace the `old.sea` import statement with `new.sea`",
                  "codeSnip": f"  1  {text.decode()}"} for path, text in texts.items()]
    analysis = json.dumps([{"name": "boats", "violations": {"import-001": {"category": "mandatory", "effort": 1, "incidents": incidents}}}]).encode()
    r = rpc.ok("job/submit", {"kind": "fix", "input": {
        "analysis": {"name": "o.yaml", "sha256": hashlib.sha256(analysis).hexdigest()},
        "files": [{"path": path, "sha256": hashlib.sha256(text).hexdigest()} for path, text in texts.items()]}})
    job, (first, second) = r["job"], texts.values()
    assert r["need"] == [{"path": "analysis"}]
    rpc.ok("job/attach", {"job": job, "after": 0})
    put(rpc, job, analysis, path="analysis")
    w = rpc.event("waiting")
    while "path" in w["need"][0]:
        w = rpc.event("waiting")
    assert len(w["need"]) == 2
    put(rpc, job, first)
    daemon.kill()
    daemon.start()
    rpc = daemon.rpc()
    rpc.ok("job/attach", {"job": job, "after": 0})
    put(rpc, job, second)
    end = rpc.end()
    assert end["type"] == "done" and end["summary"]["findings"]["repaired"]["mechanical"] == 2


def test_what_may_be_true_may_be_false(daemon):
    rpc = daemon.rpc()
    words = {"analysis": {"name": "o.yaml", "sha256": hashlib.sha256(b"[]").hexdigest()}, "files": []}
    assert "job" in rpc.ok("job/submit", {"kind": "fix", "input": {**words, "insights": False}})
    e = rpc.error("job/submit", {"kind": "fix", "input": {**words, "insights": 1}})
    assert "`insights` must be true or false" in e["message"]
