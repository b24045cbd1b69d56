"""Real nodes for the tests here: started in a directory of their own, spoken to over the control API
or with moot, ended by process id. Every wait has a limit; nothing outlives the test.

A test is NAME.sh, one line that runs NAME.py. It prints `ok - WHAT`, `not ok - WHAT: WHY` and
`skip - WHAT: WHY`, and ends with finish(). MOOT_BIN names the folder of the programs; MOOT_TEST_SEED
repeats a run; MOOT_TEST_ROUNDS of 20 or more asks for everything instead of a sample.
"""
import atexit
import base64
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("MOOT_BIN") or os.path.join(ROOT, "build", "dev", "bin")
MOOTD = os.path.join(BIN, "mootd")
MOOT = os.path.join(BIN, "moot")
LONG = int(os.environ.get("MOOT_TEST_ROUNDS", "1")) >= 20
# A sanitizer's build is several times slower, and its memory is not the program's own.
WAIT_S = 60.0

_failed = 0
_checks = 0
_nodes = []
_scratch = []


# ---- what is said ----

def seed():
    """The seed of this run, printed, so that a failure can be repeated."""
    value = int(os.environ.get("MOOT_TEST_SEED") or random.SystemRandom().randrange(1, 1 << 31))
    print(f"seed {value} (MOOT_TEST_SEED={value} repeats this run)", flush=True)
    return random.Random(value)


def note(text):
    print("    " + text, flush=True)


def check(good, name, why=""):
    """One counted test."""
    global _failed, _checks
    _checks += 1
    if good:
        print(f"ok - {name}", flush=True)
    else:
        _failed += 1
        print(f"not ok - {name}: {why}", flush=True)
    return bool(good)


def equal(got, wanted, name):
    return check(got == wanted, name, f"got {got!r}, wanted {wanted!r}")


def skip(name, why):
    print(f"skip - {name}: {why}", flush=True)


class Failed(Exception):
    """The test cannot go on."""


def finish(main):
    """Runs main(); its words, the nodes' last words if something failed, and the exit status."""
    global _failed
    for program in (MOOTD, MOOT):
        if not os.access(program, os.X_OK):
            print(f"{program} not found: build it first")
            sys.exit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        main()
    except Failed as error:
        check(False, "the test ran to its end", str(error))
    except Exception:  # a defect of the test is a failure with a place
        import traceback
        traceback.print_exc(file=sys.stdout)
        check(False, "the test ran to its end", "it broke")
    if _failed:
        for node in [n for n in _nodes if n.process is not None][-4:]:
            node.last_words()
    print(f"{_checks} checks, {_failed} failed", flush=True)
    sys.exit(1 if _failed else 0)


def _clean():
    for node in _nodes:
        node.kill()
    if not os.environ.get("MOOT_TEST_KEEP"):
        for path in _scratch:
            shutil.rmtree(path, ignore_errors=True)


atexit.register(_clean)


def scratch():
    path = tempfile.mkdtemp(prefix="moot-e2e-")
    _scratch.append(path)
    return path


def wait(what, test, seconds=WAIT_S, pause=0.05):
    """test() until it is true (its value is returned), or Failed after `seconds`."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = test()
            if value:
                return value
            last = value
        except (OSError, ApiError, http.client.HTTPException) as error:
            last = error
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s (last: {last!r})")
        time.sleep(pause)


# ---- one node ----

class ApiError(Exception):
    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('text')} ({error.get('detail')})")
        self.code, self.exit = error.get("code"), error.get("exit")


class _Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("moot", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    """mootd over one data directory. Its port is its own over restarts; `env` and `args` of start()
    are for that start only. Epochs here are short: snapshots come by hand unless a setting says otherwise."""

    def __init__(self, directory, name, home="hill", settings=(), wrapper=()):
        self.name, self.home = name, home
        self.directory = os.path.join(directory, name)
        self.data = os.path.join(self.directory, "data")
        self.socket = os.path.join(self.directory, "api")
        self.log_path = os.path.join(self.directory, "log")
        self.settings, self.wrapper = list(settings), list(wrapper)
        self.process = None
        os.makedirs(self.directory, exist_ok=True)
        _nodes.append(self)

    def command(self, args=()):
        line = [*self.wrapper, MOOTD, "--data", self.data, "--api", "unix:" + self.socket, "--listen",
                "tcp://127.0.0.1:0", "--name", self.name, "--home", self.home, "--set", "snapshot_every=0"]
        for setting in self.settings:
            line += ["--set", setting]
        return line + list(args)

    def launch(self, env=None, args=()):
        """Starts without waiting: for a node that will not live long."""
        if self.process is not None and self.process.poll() is None:
            raise Failed(f"{self.name} runs already")
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(self.command(args), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(env or {})})
        return self

    def log_text(self):
        """What it said since its last start."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode("utf-8", "replace")

    def start(self, env=None, args=()):
        self.launch(env, args)

        def ready():
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with {self.process.returncode}: {self.log_text()[-600:]}")
            return "mootd: ready" in self.log_text() and self.get("status")
        wait(f"{self.name} ready", ready)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def pid(self):
        """Of mootd itself, also below a wrapper that stays its parent."""
        pid = self.process.pid
        while True:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.path.basename(file.read().split(b"\0")[0]) == b"mootd":
                    return pid
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
            if not children:
                raise Failed(f"{self.name}: no mootd below {self.process.pid}")
            pid = int(children[0])

    def kill(self, number=signal.SIGKILL):
        """Ends it by its process id and waits for the end."""
        if self.process is None:
            return
        if self.process.poll() is None:
            try:
                os.kill(self.pid(), number)
            except (ProcessLookupError, FileNotFoundError, Failed):
                self.process.kill()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(15)
                raise Failed(f"{self.name} did not end by signal {number}") from None
        self.process = None

    def stop(self):
        self.kill(signal.SIGTERM)

    def last_words(self):
        try:
            with open(self.log_path, "rb") as log:
                lines = log.read().decode("utf-8", "replace").splitlines()[-12:]
        except OSError:
            return
        print(f"--- last words of {self.name}")
        for line in lines:
            print("    " + line[:240])

    # -- the API --

    def raw(self, method, path, body=None, timeout=30.0, headers=None):
        connection = _Unix(self.socket, timeout)
        try:
            connection.request(method, "/v1/" + path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, method, path, body=None, timeout=30.0):
        status, text = self.raw(method, path, body, timeout)
        answer = json.loads(text)
        if "error" in answer:
            raise ApiError(answer["error"])
        if status >= 400:
            raise Failed(f"{self.name}: HTTP {status} without an error: {text[:200]!r}")
        return answer

    def get(self, path, timeout=30.0):
        return self.ask("GET", path, timeout=timeout)

    def post(self, path, timeout=30.0, **members):
        return self.ask("POST", path, json.dumps(members), timeout)

    def moot(self, *args, timeout=90, **kwargs):
        """moot with --json: exit status and the document it printed."""
        run = subprocess.run([MOOT, "--node", "unix:" + self.socket, *args, "--json"], stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=timeout, check=False, **kwargs)
        try:
            return run.returncode, json.loads(run.stdout)
        except ValueError:
            return run.returncode, {"stdout": run.stdout.decode("utf-8", "replace"),
                                    "stderr": run.stderr.decode("utf-8", "replace")}

    # -- what is asked often --

    def status(self):
        return self.get("status")

    def stats(self):
        return self.get("journal/stats")

    def epoch(self):
        return self.get("epoch")["epoch"]

    def refused(self, reason):
        return self.stats()["refused"].get(reason, 0)

    def events(self, name=None):
        """Since its start, the last 4096."""
        _, text = self.raw("GET", "events")
        events = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [event for event in events if name is None or event["name"] == name]

    def put(self, key, value, timeout=30.0):
        return self.ask("POST", "records/" + urllib.parse.quote(key, safe=""), json.dumps({"value": value}),
                        timeout)["seq"]

    def value(self, key):
        """The value shown first; None when there is none."""
        try:
            record = self.get("records/" + urllib.parse.quote(key, safe=""))
        except ApiError as error:
            if error.code == "not_found":
                return None
            raise
        if record.get("value") is not None:
            return record["value"]
        return base64.b64decode(record["value_base64"])

    def keys(self, prefix=""):
        keys, after = [], ""
        for _ in range(1000):
            query = urllib.parse.urlencode({"prefix": prefix, "limit": 1000, **({"after": after} if after else {})})
            answer = self.get("records?" + query)
            keys += [record["key"] for record in answer["records"]]
            after = answer["next"]
            if not after:
                return keys
        raise Failed("the list of records has no end")

    def digests(self):
        stats = self.stats()
        return stats["frontier_digest"], stats["state_digest"]

    def proposal(self, name):
        return self.get("proposals/" + name)

    def port(self):
        return int(self.status()["listen"].rsplit(":", 1)[1])

    def mesh_id(self):
        return self.status()["mesh"]["id"]

    def resident_bytes(self):
        with open(f"/proc/{self.pid()}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise Failed("no RssAnon")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid()}/fd"))


# ---- several nodes ----

def digests_equal(nodes):
    found = [node.digests() for node in nodes]
    return found[0] if all(each == found[0] for each in found) else None


def converged(nodes, what="the nodes hold the same", seconds=WAIT_S):
    """Waits for equal frontiers; the state digests are compared by the caller's check."""
    return wait(what, lambda: digests_equal(nodes), seconds)


def join(founder, node, approvers=(), seconds=WAIT_S):
    """Invites, joins, admits (with more approvals where the threshold is above one)."""
    node.post("join", uri=founder.post("invite")["uri"])
    wait(f"{node.name} is pending", lambda: node.name in
         [pending["name"] for pending in founder.get("devices/pending")["pending"]], seconds)
    proposal = founder.post("devices/admit", name=node.name)
    for approver in approvers:
        wait(f"{approver.name} knows of the admission", lambda a=approver: a.proposal(proposal["id"]), seconds)
        approver.post(f"proposals/{proposal['id']}/approve", digest=proposal["digest"])
    wait(f"{node.name} is a member", lambda: node.status()["in_mesh"], seconds)
    return proposal


def turn(proposer, members, threshold, seconds=WAIT_S):
    """Another set of administrators, in force at all of `members`."""
    names = [node.name for node in members]
    version = proposer.status()["admins"]["version"]
    proposal = proposer.post("propose/admins", names=names, threshold=threshold)
    for node in members:
        wait(f"the turn is in force at {node.name}",
             lambda n=node: n.status()["admins"]["version"] == version + 1, seconds)
    return proposer.proposal(proposal["id"])


def mesh(directory, names, settings=("epoch_interval=500ms", "gossip_interval=100ms"), wrapper=(), admins=1,
         threshold=1):
    """A running mesh: the first founds it, the others join; the first `admins` of them decide."""
    nodes = [Node(directory, name, "hill" if i % 2 == 0 else "shore", settings, wrapper).start()
             for i, name in enumerate(names)]
    nodes[0].post("init", mesh="e2e", name=nodes[0].name, home=nodes[0].home)
    for node in nodes[1:]:
        join(nodes[0], node)
    if admins > 1:
        turn(nodes[0], nodes[:admins], threshold)
    return nodes


def package(directory, node, version="1.0.0", size_bytes=10, rng=None, name="pack"):
    """A package file of about that size, built with moot; its path."""
    source = tempfile.mkdtemp(prefix="tree-", dir=directory)
    with open(os.path.join(source, "file"), "wb") as file:
        file.write(rng.randbytes(size_bytes) if rng else b"x" * size_bytes)
    path = os.path.join(directory, f"{name}-{version}.moot")
    code, answer = node.moot("package", "build", source, "--name", name, "--version", version, "--output", path,
                             "--key", os.path.join(directory, "release.key"))
    if code != 0:
        raise Failed(f"package build: exit {code}, {answer}")
    return path


def send_package(node, path):
    """Hands a package file to a node; the hash of its manifest."""
    with open(path, "rb") as file:
        return node.ask("PUT", "packages", file.read())["manifest"]
