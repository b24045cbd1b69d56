"""moot against real nodes: the verbs, exit codes and answers of the script contract."""
import json
import os
import subprocess
import threading
import time

import meshlib
from meshlib import MOOT, Node, check, equal, skip, wait

SETTINGS = ("epoch_interval=500ms", "gossip_interval=100ms")
HEX = "0123456789abcdef"


def text(node, *args, stdin=b"", timeout=90, **kwargs):
    """moot without --json: exit status, stdout, stderr."""
    run = subprocess.run([MOOT, "--node", "unix:" + node.socket, *args], input=stdin, capture_output=True,
                         timeout=timeout, check=False, **kwargs)
    return run.returncode, run.stdout, run.stderr.decode("utf-8", "replace")


def verb(node, wanted, name, *args):
    code, answer = node.moot(*args)
    check(code == wanted, name, f"exit {code}, wanted {wanted}: {str(answer)[:300]}")
    return answer


def has(answer, members, name):
    missing = [member for member in members.split() if member not in answer]
    check(not missing, name, f"missing: {missing}")


def package(node, directory, version="1.1.0"):
    tree = os.path.join(directory, "tree-" + version)
    os.makedirs(tree, exist_ok=True)
    with open(os.path.join(tree, "app.conf"), "w", encoding="ascii") as file:
        file.write(f"version = {version}\n")
    path = os.path.join(directory, f"p-{version}.moot")
    verb(node, 0, f"a package {version} is built", "package", "build", tree, "--name", "thermostat", "--version",
         version, "--output", path, "--key", os.path.join(directory, "release.key"))
    return path


def outside(directory):
    """A node in no mesh, and none at all."""
    node = Node(directory, "lone", "hill", SETTINGS)
    equal(text(node, "status")[0], 3, "no node: exit 3")
    node.start()
    code, out, _ = text(node, "status")
    check(code == 0 and b"in no mesh" in out, "status of a node without a mesh says so")
    for name, args in (("a record", ("record", "put", "a", "b")), ("an invitation", ("device", "invite")),
                       ("a proposal", ("propose", "admins", "--set", "lone", "--threshold", "1"))):
        equal(verb(node, 4, f"{name} needs a mesh: exit 4", *args)["error"]["code"], "no_mesh", "no_mesh")
    verb(node, 2, "an invitation that is none: exit 2", "join", "moot://nonsense")
    verb(node, 2, "a verb that is none: exit 2", "statuss")
    verb(node, 2, "a record without a key: exit 2", "record", "put", "", "value")
    verb(node, 4, "a package of a directory that is not there: exit 4", "package", "build",
         os.path.join(directory, "none"), "--name", "none", "--version", "1.0.0", "--output",
         os.path.join(directory, "none.moot"))
    return node


def joining(ana, lone):
    uri = verb(ana, 0, "an invitation", "device", "invite")["uri"]
    wrong = uri[:-1] + ("A" if uri[-1] != "A" else "B")
    error = verb(lone, 5, "a wrong code: exit 5", "join", wrong)["error"]
    equal(error["code"], "code_wrong", "and it says code_wrong")
    waiting = {}
    thread = threading.Thread(target=lambda: waiting.update(got=lone.moot("join", uri, "--wait=60s")))
    thread.start()
    wait("pending", lambda: ana.moot("device", "pending")[1]["pending"])
    verb(ana, 0, "denied", "device", "deny", "lone")
    thread.join(70)
    equal(waiting["got"][0], 8, "join --wait of a device that is turned away: exit 8")
    verb(ana, 4, "nobody of that name waits: exit 4", "device", "admit", "nobody")


def dry_runs(ana, milo, path, proposal):
    """Every verb that acts, with --dry-run: the frontier stays where it is."""
    acts = [("record", "put", "dry", "run"), ("record", "put", "dry", "--delete"),
            ("propose", "admins", "--set", "ana", "--threshold", "1"),
            ("propose", "upgrade", path, "--soft", "--ready", "1"), ("device", "invite"),
            ("approve", proposal["id"], "--digest", proposal["digest"]),
            ("reject", proposal["id"], "-m", "dry"), ("withdraw", proposal["id"])]
    before = (ana.stats()["facts"], [p["id"] for p in ana.get("proposals")["proposals"]], ana.keys())
    for act in acts:
        node = milo if act[0] in ("approve", "reject") else ana
        answer = verb(node, 0, f"{' '.join(act[:2])} --dry-run", *act, "--dry-run")
        check(answer.get("dry_run") is True and set(answer.get("payload", "?")) <= set(HEX),
              "its answer is the payload in hex", str(answer)[:200])
    time.sleep(0.5)
    equal((ana.stats()["facts"], [p["id"] for p in ana.get("proposals")["proposals"]], ana.keys()), before,
          "dry runs change nothing")
    equal(ana.proposal(proposal["id"])["approvals"]["no"], [], "and vote for nothing")


def answers(ana, proposal):
    status = verb(ana, 0, "status", "status")
    has(status, "mesh device version protocol epoch admins fence fenced fenced_reason timeline snapshot "
        "epoch_stalled_s epoch_waits_for devices proposals waiting_for_you notes", "status has the contract's members")
    has(status["devices"][0], "name id home state version protocol epoch seen_s", "so has a device")
    has(status["admins"], "version names threshold", "and the administrators")
    has(status["fence"], "active proposal holder lease_left_s queued", "and the fence")
    has(proposal, "id digest kind state possible approvals readiness epoch_deadline fence_epoch certificate seal",
        "a proposal has the contract's members")
    has(proposal["approvals"], "have need of yes no", "so have its approvals")
    has(proposal["readiness"], "ready need of devices", "and its readiness")
    stats = verb(ana, 0, "journal stats", "journal", "stats")
    has(stats, "facts bytes chains epoch frontier_digest state_digest base pending refused void", "so have the stats")
    for words in (("status",), ("device", "list"), ("device", "show", "milo"), ("admin", "list"), ("proposal", "list"),
                  ("upgrade", "status"), ("journal", "log"), ("journal", "stats"), ("epoch", "show"), ("fence", "show"),
                  ("config", "show", "--origin"), ("record", "list"), ("show", proposal["id"]), ("version",)):
        code, out, err = text(ana, *words)
        check(code == 0 and out.strip() and not err, f"{' '.join(words)} as text", f"exit {code}: {err}")
    code, out, _ = text(ana, "show", proposal["id"])
    check(b"any 2 of 3, 1 so far: waiting for" in out, "show says who it waits for", out.decode())


def deciding(ana, milo, vera, path):
    verb(ana, 0, "a record", "record", "put", "first", "1")
    refused = verb(ana, 0, "an upgrade", "propose", "upgrade", path, "--soft", "--ready", "3")
    for node in (milo, vera):
        wait("it is known", lambda n=node: n.proposal(refused["id"]))
    answers(ana, refused)
    dry_runs(ana, milo, path, refused)
    verb(milo, 7, "waiting for what does not come: exit 7", "proposal", "wait", refused["id"], "--wait=300ms")
    verb(milo, 5, "withdrawing what another proposed: exit 5", "withdraw", refused["id"])
    verb(milo, 2, "approving without a digest and a terminal: exit 2", "approve", refused["id"])
    waiting = {}
    thread = threading.Thread(
        target=lambda: waiting.update(got=ana.moot("proposal", "wait", refused["id"], "--wait=60s")))
    thread.start()
    for node in (milo, vera):
        verb(node, 0, f"{node.name} votes no", "reject", refused["id"], "-m", "not in winter")
    thread.join(70)
    code, answer = waiting["got"]
    equal(code, 8, "waiting for what is rejected: exit 8")
    equal((answer.get("state"), answer["error"]["code"]), ("rejected", "rejected"), "with the newest state beside it")
    check("not in winter" in str(answer.get("reasons")), "and the reasons people gave")
    for words, name in ((("--hard", "--at-epoch", "+50"), "a hard fork without a way back"),
                        (("--hard", "--at-epoch", "1", "--revert-plan", "p", "--min-protocol", "2"), "a fence in the past")):
        code, answer = ana.moot("propose", "upgrade", path, "--ready", "1", *words)
        check(code != 0, f"refused: {name}", str(answer)[:200])


def by_hand(ana, milo, directory):
    """soft_fork_auto_activate is off on both that approve: approved and ready is not in force."""
    path = package(ana, directory, "1.2.0")
    upgrade = verb(ana, 0, "another upgrade", "propose", "upgrade", path, "--soft", "--ready", "3")["id"]
    wait("ready", lambda: milo.proposal(upgrade)["readiness"]["ready"] == 3)
    shown = milo.proposal(upgrade)
    verb(milo, 0, "approve --wait", "approve", upgrade, "--digest", shown["digest"][:4])
    verb(milo, 0, "certified", "proposal", "wait", upgrade, "--for", "certified", "--wait=60s")
    time.sleep(1)
    equal(milo.proposal(upgrade)["state"], "certified", "it waits for people to activate it")
    verb(ana, 0, "one activates", "upgrade", "activate", upgrade)
    answer = verb(milo, 0, "the other activates and waits", "upgrade", "activate", upgrade, "--wait=60s")
    equal(answer["state"], "in-force", "in force")
    check(set(answer["certificate"]["signers"]) == {"ana", "milo"}, "signed by exactly these two")
    verb(milo, 0, "verified signature by signature", "proposal", "verify", upgrade)


def records(ana, milo):
    binary = bytes(range(256))
    equal(text(ana, "record", "put", "bin", "-", stdin=binary)[0], 0, "a value from stdin")
    equal(text(ana, "record", "get", "bin")[:2], (0, binary + b"\n"), "comes back byte for byte, and a newline")
    for key in ("a/b/../c", "..", "ключ?x=1&y#z", "50%", "-"):
        code, _, err = text(ana, "record", "put", key, "of " + key)
        check(code == 0, f"key {key}", err)
        equal(text(ana, "record", "get", key)[:2], (0, b"of " + key.encode() + b"\n"), f"reads key {key}")
    equal(text(ana, "record", "put", "long", "-", stdin=b"x" * 49152)[0], 0, "the longest value")
    equal(text(ana, "record", "put", "long", "-", stdin=b"x" * 49153)[0], 1, "one byte more: exit 1")
    equal(text(ana, "record", "put", "empty", "")[0], 0, "an empty value")
    equal(text(ana, "record", "get", "empty")[:2], (0, b"\n"), "is a value")
    verb(ana, 0, "with --no-wait", "record", "put", "quick", "1", "--no-wait")
    verb(ana, 0, "with --queue", "record", "put", "quick", "2", "--queue")
    verb(ana, 0, "deleted", "record", "put", "bin", "--delete")
    equal(text(ana, "record", "get", "bin")[0], 4, "a deleted key: exit 4")
    check(verb(ana, 0, "--all shows what was deleted", "record", "get", "bin", "--all")["values"][0]["tombstone"],
          "as a tombstone")
    wait("deleted elsewhere, too", lambda: milo.moot("record", "get", "bin")[0] == 4)
    verb(ana, 0, "the list", "record", "list", "a/")


def events(ana):
    code, out, _ = text(ana, "events")
    lines = [json.loads(line) for line in out.splitlines()]
    numbers = [line["n"] for line in lines]
    check(code == 0 and numbers == sorted(numbers) and len(lines) > 3, "events are lines of JSON in order")
    last = numbers[-1]
    code, out, _ = text(ana, "events", "--since", str(last - 2))
    check([json.loads(line)["n"] for line in out.splitlines()][:2] == [last - 1, last], "--since leaves older ones out")
    with subprocess.Popen([MOOT, "--node", "unix:" + ana.socket, "events", "--follow", "--since", str(last)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as follower:
        line = follower.stdout.readline() # the next epoch comes within half a second
        follower.terminate()
    check(json.loads(line)["n"] > last, "--follow prints what comes")
    verb(ana, 0, "an epoch later", "epoch", "wait", "+1", "--wait=60s")
    verb(ana, 7, "an epoch far away: exit 7", "epoch", "wait", "+100000", "--wait=200ms")


def other_user(ana, directory):
    if os.geteuid() != 0:
        skip("another user may look and not act", "this is not root")
        return
    for path in (directory, ana.directory):
        os.chmod(path, 0o755)
    mode = os.stat(ana.socket).st_mode & 0o777
    equal(mode, 0o660, "the socket is for owner and group")

    def nobody():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    equal(text(ana, "status", preexec_fn=nobody)[0], 5, "who may not open the socket: exit 5")
    os.chmod(ana.socket, 0o666)
    equal(text(ana, "status", preexec_fn=nobody)[0], 0, "who may open it may look")
    code, _, err = text(ana, "record", "put", "a", "b", preexec_fn=nobody)
    check(code == 5 and "operators" in err, "and not act: exit 5", f"exit {code}: {err}")
    os.chmod(ana.socket, mode)


def health(ana, milo, vera):
    wait("all is well", lambda: ana.moot("doctor")[0] == 0)
    check(True, "doctor: exit 0 when all is well")
    milo.stop()
    vera.stop()
    wait("alone", lambda: ana.moot("doctor")[0] == 10)
    code, out, _ = text(ana, "doctor")
    check(code == 10 and b"0 of 2 other devices are connected" in out, "doctor: exit 10 and says who is missing",
          out.decode())


def main():
    directory = meshlib.scratch()
    lone = outside(directory)
    ana, milo, vera = meshlib.mesh(directory, ("ana", "milo", "vera"), SETTINGS + ("soft_fork_auto_activate=no",),
                                   admins=3, threshold=2)
    joining(ana, lone)
    lone.stop()
    deciding(ana, milo, vera, package(ana, directory))
    by_hand(ana, milo, directory)
    records(ana, milo)
    events(ana)
    other_user(ana, directory)
    health(ana, milo, vera)


meshlib.finish(main)
