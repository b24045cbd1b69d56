"""Real mootd processes for the benchmarks: started, asked over their API, looked at in /proc, stopped.

Used by bench_*.sh; standard library only. Everything lives below one temporary directory and ends with
the program. A step that does not come to its end within its time ends the program with 1.
"""
import atexit
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("MOOT_BIN", "build/bench/bin")
root = tempfile.mkdtemp(prefix="moot-bench-")
nodes = []


def stop_all():
    for node in nodes:
        node.stop()
    shutil.rmtree(root, ignore_errors=True)


atexit.register(stop_all)


def fail(text):
    print("bench: " + text, file=sys.stderr)
    sys.exit(1)


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Node:
    def __init__(self, name, settings=()):
        self.name, self.settings = name, list(settings)
        self.directory = os.path.join(root, name)
        self.socket = os.path.join(root, name + ".sock")
        self.process = self.connection = None
        nodes.append(self)

    def start(self):
        """Seconds from the start of the process to its ready line."""
        arguments = [os.path.join(BIN, "mootd"), "--data", self.directory, "--api", "unix:" + self.socket,
                     "--listen", "tcp://127.0.0.1:0", "--name", self.name, "--home", "bench"]
        for setting in ["snapshot_every=0", *self.settings]:
            arguments += ["--set", setting]
        log = open(os.path.join(root, self.name + ".log"), "a+")
        log.seek(0, os.SEEK_END)
        begin = log.tell()
        start = time.monotonic()
        self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        while time.monotonic() < start + 120:
            log.seek(begin)
            if "mootd: ready" in log.read():
                log.close()
                return time.monotonic() - start
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        log.seek(begin)
        fail("%s does not start: %s" % (self.name, log.read()[-400:]))

    def stop(self):
        if self.connection:
            self.connection.close()
            self.connection = None
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def ask(self, method, path, body=None):
        if not self.connection:
            self.connection = Connection(self.socket)
        text = json.dumps(body if body is not None else {}) if method == "POST" else None
        headers = {"Content-Type": "application/json"} if text else {}
        try:
            self.connection.request(method, "/v1/" + path, text, headers)
            response = self.connection.getresponse()
            answer = json.loads(response.read())
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = None
            raise
        if response.status >= 300:
            fail("%s %s %s: %s" % (self.name, method, path, json.dumps(answer)[:400]))
        return answer

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None):
        return self.ask("POST", path, body)

    # ---- /proc ----

    def anonymous_kib(self):
        with open("/proc/%d/smaps_rollup" % self.process.pid) as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:"))

    def threads(self):
        names = []
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            with open("/proc/%d/task/%s/comm" % (self.process.pid, task)) as comm:
                names.append(comm.read().strip())
        return names

    def cpu_s(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wakeups(self):
        """Voluntary context switches of all threads: how often something slept and was woken."""
        total = 0
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            with open("/proc/%d/task/%s/status" % (self.process.pid, task)) as status:
                total += next(int(line.split()[1]) for line in status
                              if line.startswith("voluntary_ctxt_switches"))
        return total


def until(what, done, seconds=120, pause=0.01):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return
        time.sleep(pause)
    fail("not within %d s: %s" % (seconds, what))


def join(founder, device):
    """Invites, joins, waits for the request, admits. Returns when the admission is asked for."""
    uri = founder.post("invite")["uri"]
    device.post("join", {"uri": uri})
    until("the request of " + device.name,
          lambda: any(j["name"] == device.name for j in founder.get("devices/pending")["pending"]), 20)
    founder.post("devices/admit", {"name": device.name})


def found(count, settings=()):
    """A mesh of `count` processes; node 0 is its administrator."""
    mesh = [Node("n%d" % i, settings) for i in range(count)]
    for node in mesh:
        node.start()
    mesh[0].post("init", {"mesh": "bench", "name": "n0", "home": "bench"})
    for node in mesh[1:]:
        join(mesh[0], node)
        until(node.name + " is a member", lambda: node.get("status")["in_mesh"])
    level(mesh)
    return mesh


def level(mesh, seconds=60):
    """Waits until all hold the same."""
    until("equal frontiers",
          lambda: len({n.get("journal/stats")["frontier_digest"] for n in mesh}) == 1, seconds)
