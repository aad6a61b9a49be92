"""A fake service node: `python node.py [--PATH-OR-MOMENT=BEHAVIOUR ...] NODEFILE`.

It stores and retrieves texts, tells the other nodes of its swarm, and misbehaves as it is told: at `--start`, at `--health`
or `--rpc`, of `--term` (SIGTERM), of the node `--file` or the `--clock`. `--pids=FILE` notes its process id there.
It is written without cloister, as somebody else's would be.
"""

import json
import os
import signal
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

*OPTIONS, NODE_FILE = sys.argv[1:]
BEHAVIOURS = dict(option.removeprefix("--").split("=") for option in OPTIONS)
NODE = json.loads(Path(NODE_FILE).read_text())
STORE = Path(NODE["data"]) / "store.jsonl"
LOCK = threading.Lock()
REQUESTS = []


def misbehave(where, handler=None):
    """Misbehave at some place, if told so; return whether there is nothing left to answer."""
    behaviour = BEHAVIOURS.get(where, "")
    if behaviour:
        print(f"fake node: {behaviour} at {where}", file=sys.stderr, flush=True)
    if behaviour == "exit":
        os._exit(3)
    if behaviour == "hang":
        time.sleep(60)
    if behaviour == "rubbish":
        handler.wfile.write(b"rubbish\r\n\r\n")
    if behaviour == "drip":
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b".")
            time.sleep(0.05)
    if behaviour == "500":
        handler.reply(500, "something went wrong")
    if behaviour == "limit" and len(REQUESTS) < 3:
        REQUESTS.append(handler.path)
        handler.reply(429, "too many requests")
        return True
    if handler:
        handler.close_connection = True
    return behaviour in ("rubbish", "drip", "close", "500")


def read_network():
    """Read the network anew, unless told to forget."""
    return NODE["network"] if "file" in BEHAVIOURS else json.loads(Path(NODE_FILE).read_text())["network"]


def now_ms():
    """The time of the clock file, or the real one."""
    if "clock" in NODE and "clock" not in BEHAVIOURS:
        return int(Path(NODE["clock"]).read_text())
    return time.time_ns() // 1_000_000


def read_stored():
    """Read all that is stored and not expired."""
    lines = STORE.read_text().splitlines() if STORE.exists() else []
    return [entry for entry in map(json.loads, lines) if entry["expiration"] > now_ms()]


def store(params):
    """Store a text, once, and tell the other nodes; no work suffices where the difficulty is high."""
    difficulty = read_network()["difficulties"][-1]["difficulty"]
    if int(params["timestamp"]) > now_ms() + 10_000:
        return 406, "clock out of sync"
    if difficulty > 1000:
        return 432, {"difficulty": difficulty}
    entry = {**params, "hash": params["data"][::-1], "expiration": int(params["timestamp"]) + int(params["ttl"])}
    with LOCK:
        if entry not in read_stored():
            with STORE.open("a") as file:
                file.write(json.dumps(entry) + "\n")
    for swarm in read_network()["swarms"]:
        ports = [node["port"] for node in swarm["nodes"]]
        for port in ports if str(NODE["port"]) in ports else []:
            if port != str(NODE["port"]):
                push(int(port), entry)
    return 200, {"difficulty": difficulty}


def push(port, entry):
    """Tell another node of what was stored."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"X-Node-Key": "00", "X-Node-Time": str(now_ms()), "X-Unrelated": "1"}
    connection.request("POST", "/swarms/push_batch/v1", json.dumps(entry), headers)
    connection.getresponse().read()


def retrieve(params):
    """Retrieve what is stored for a key."""
    found = [entry for entry in read_stored() if entry["pubKey"] == params["pubKey"]]
    return 200, {"messages": [{name: entry[name] for name in ("hash", "expiration", "data")} for entry in found]}


class Handler(BaseHTTPRequestHandler):
    """Answers requests."""

    protocol_version = "HTTP/1.1"

    def reply(self, status, value):
        """Answer JSON, or text."""
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            if not misbehave("health", self):
                self.reply(200, {"status": "ok", "height": read_network()["height"]})
        elif self.path == "/get_stats/v1":
            self.reply(200, {"version": "7.8"})
        else:
            self.reply(404, "nothing here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if misbehave("rpc", self):
            return
        request = json.loads(body)
        method = {"store": store, "retrieve": retrieve}.get(request["method"])
        self.reply(*(method(request["params"]) if method else (400, f"no method {request['method']}")))

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    """Listens for many at once."""

    request_queue_size = 64
    daemon_threads = True


def main():
    """Serve until SIGTERM."""
    if "pids" in BEHAVIOURS:
        with Path(BEHAVIOURS["pids"]).open("a") as file:
            file.write(f"{os.getpid()}\n")
    misbehave("start")
    server = Server((NODE["host"], NODE["port"]), Handler)
    handler = signal.SIG_IGN if "term" in BEHAVIOURS else lambda number, frame: os._exit(0)
    signal.signal(signal.SIGTERM, handler)
    server.serve_forever()


main()
