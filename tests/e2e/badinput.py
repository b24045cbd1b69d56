"""Bytes that no honest node sends, requests that no client sends, and a full disk."""
import json
import os
import random
import socket
import struct
import subprocess
import time

import meshlib
import peerlib
from meshlib import ApiError, BIN, Failed, MOOT, MOOTD, check, converged, equal, note, wait
from peerlib import Identity, Peer, digest, frame, hello, pack, unpack

SETTINGS = ("epoch_interval=1h", "gossip_interval=100ms")


def counted(node, reason, what, before):
    """The counter moved by at least one; the check names what was sent."""
    try:
        wait(reason, lambda: node.refused(reason) > before, 15)
        check(True, f"{what}: {reason}")
    except Failed:
        check(False, f"{what}: {reason}", f"counts {node.stats()['refused']}")


# ---- before anybody is known ----

def strangers(ana, milo):
    mesh = bytes.fromhex(ana.mesh_id())
    good = hello(mesh)
    cases = [
        ("truncated", "a frame that ends early", frame(good)[:-9]),
        ("truncated", "half a length", b"\0\0"),
        ("oversized", "a length prefix of 4 GiB", frame(b"x", 0xffffffff)),
        ("oversized", "a first frame above 4 KiB", frame(b"x", 4097)),
        ("bad_greeting", "an empty frame", frame(b"")),
        ("bad_greeting", "other magic", frame(hello(mesh, magic=b"HTTP"))),
        ("bad_greeting", "another version", frame(hello(mesh, version=2))),
        ("bad_greeting", "another mode", frame(hello(mesh, mode=3))),
        ("bad_greeting", "a byte too many", frame(good + b"\0")),
        ("bad_greeting", "a byte too few", frame(good[:-1])),
        ("wrong_mesh", "the id of another mesh", frame(hello(os.urandom(32)))),
        ("wrong_mesh", "a tag with one bit flipped", frame(good[:10] + bytes([good[10] ^ 1]) + good[11:])),
    ]
    for reason, what, data in cases:
        before = ana.refused(reason)
        with Peer(ana.port()) as peer:
            peer.send(data)
            if reason == "truncated":
                peer.socket.shutdown(socket.SHUT_WR)
            silent = peer.silent()
        check(silent, f"{what}: no reply")
        counted(ana, reason, what, before)
    low = bytes(32)  # a key of small order: the shared secret would be zero
    before = ana.refused("bad_handshake")
    with Peer(ana.port()) as peer:
        peer.send(frame(hello(mesh, low)))
        check(peer.silent(), "an ephemeral key of zeros: no reply")
    counted(ana, "bad_handshake", "an ephemeral key of zeros", before)

    thief = Identity()
    with Peer(ana.port()) as peer:
        peer.shake(mesh, thief)
        said = peer.said_hello, peer.said_proof
        check(peer.closed(), "a stranger with the right mesh id is turned away")
    for what, first, second in (("a handshake replayed", *said), ("its proof replayed behind a fresh hello", None, said[1]),
                                ("its hello sent twice", said[0], said[0])):
        before = ana.refused("bad_handshake")
        with Peer(ana.port()) as peer:
            if first is None:
                peer.begin(mesh)
            else:
                peer.send(first)
                peer.receive()
            peer.send(second)
            check(peer.closed(), f"{what}: the link ends")
        counted(ana, "bad_handshake", what, before)
    flips = 0
    before = ana.refused("bad_handshake")
    for bit in range(0, 8 * (len(said[1]) - 4), 61):
        with Peer(ana.port()) as peer:
            peer.begin(mesh)
            proof = bytearray(peer.proof(thief))
            proof[4 + bit // 8] ^= 1 << bit % 8
            peer.send(bytes(proof))
            flips += peer.closed()
    wait("counted", lambda: ana.refused("bad_handshake") >= before + flips)
    check(flips > 20, f"a proof with one bit flipped: refused {flips} times of {flips}")
    before = ana.refused("bad_handshake")
    with Peer(ana.port()) as peer:  # says that it is the listener
        peer.begin(mesh)
        peer.send(peer.proof(thief, role=2))
        check(peer.closed(), "a proof for the other role: the link ends")
    counted(ana, "bad_handshake", "a proof for the other role", before)
    before = ana.refused("silent")
    with Peer(ana.port(), 15) as peer:
        started = time.monotonic()
        check(peer.silent() and time.monotonic() - started < 9, "half open: closed after its five seconds")
    counted(ana, "silent", "half open", before)
    ana.put("after/strangers", "1")
    wait("members talk", lambda: milo.value("after/strangers"))


# ---- with a member's key ----

class Thief:
    """A device whose key was copied while its node is down. Each offence bans the key, so the victim
    starts anew for each (bans live in memory)."""

    def __init__(self, victim, device):
        self.victim = victim
        self.mesh = bytes.fromhex(victim.mesh_id())
        with open(os.path.join(device.data, "device.key"), "rb") as file:
            self.identity = Identity(file.read())
        self.chain = digest("moot/chain/1", self.mesh, self.identity.key, bytes(32))

    def session(self):
        peer = Peer(self.victim.port())
        peer.shake(self.mesh, self.identity)
        return peer

    def expect(self, reason, what, act, greet=True, stays=False):
        self.victim.stop()
        self.victim.start()
        with self.session() as peer:
            if greet:
                peer.greet()
            before = self.victim.refused(reason)
            act(peer)
            counted(self.victim, reason, what, before)
            if not stays:
                check(peer.closed(), f"{what}: ends the session")

    def learn(self):
        """What the victim tells a member: objects, loose things, runs."""
        objects, loose, runs = [], [], []
        self.victim.stop()
        self.victim.start()
        with self.session() as peer:
            peer.greet()
            for _ in range(20):
                _, _, _, more, some, signed, chains = peer.pull()
                objects, loose = objects + some, loose + signed
                runs = runs + chains
                if not more:
                    break
        return objects, loose, [unpack(run)[0] for run in runs]

    def next_of(self, runs):
        """seq, id, epoch, lamport and fork id of the last fact of our chain."""
        seq, prev, last = 0, bytes(32), [None, 1, 0, 1, 0, 0, b""]
        fork = None
        for chain, first, facts, _ in sorted((run for run in runs if run[0] == self.chain), key=lambda run: run[1]):
            for i, fact in enumerate(facts):
                if first + i != seq + 1:
                    continue
                fork = fact[0] or fork
                seq, prev, last = seq + 1, self.fact_id(seq + 1, prev, [fork, *fact[1:]]), fact
        return seq, prev, [fork, *last[1:]]

    def fact_id(self, seq, prev, fact):
        fork, epoch, lamport, protocol, kind, wall, payload = fact
        header = pack([1, seq, prev, fork, epoch, lamport, protocol, kind, wall, len(payload),
                       digest("moot/payload/1", payload)])
        return digest("moot/fact/1", self.chain, header)

    def run(self, seq, prev, facts):
        last = prev
        for i, fact in enumerate(facts):
            last = self.fact_id(seq + i, last, fact)
        end = seq + len(facts) - 1
        signature = self.identity.sign("moot/head/1", self.chain + struct.pack(">Q", end) + last)
        encoded = [[fact[0] if i == 0 else None, *fact[1:]] for i, fact in enumerate(facts)]
        return [self.chain, seq, encoded, signature]


def push(peer, objects=(), loose=(), runs=()):
    def raw(items):
        return [item if isinstance(item, bytes) else pack(item) for item in items]
    peer.tell(peerlib.PUSH, [os.urandom(32), os.urandom(32), raw(objects), raw(loose), raw(runs)])


def messages(thief):
    def sealed(data):
        return lambda peer: peer.send(peer.sealed(data))
    body = pack([bytes(32), bytes(32), [], [], []])
    thief.expect("not_canonical", "a number in a longer form than it needs", sealed(b"\x94\xcc\x03\0\xc2" + body))
    thief.expect("truncated", "a message cut short", sealed(b"\x94\x03\0"))
    thief.expect("trailing", "a byte behind the message", sealed(b"\x94\x06\0\xc2\xc0\0"))
    thief.expect("bad_type", "a map where an array belongs", sealed(b"\x84\x03\0\xc2\xc0"))
    thief.expect("bad_value", "a type that does not exist", sealed(b"\x94\x63\0\xc2\xc0"))
    thief.expect("bad_message", "a PULL before the greeting", lambda peer: peer.tell(peerlib.PULL, [], 1), greet=False)
    thief.expect("bad_message", "an answer that nobody asked for", lambda peer: peer.tell(peerlib.PULL, [], 9, True))
    thief.expect("bad_message", "a second greeting", lambda peer: peer.greet())
    thief.expect("truncated", "a PUSH that claims 4,000 million runs",
                 lambda peer: peer.tell(peerlib.PUSH, b"\x95" + pack(bytes(32)) * 2 + b"\x90\x90\xdd\xee\xee\xee\xee"))

    def replayed(peer):
        data = peer.sealed(b"\x94" + pack(peerlib.PING) + b"\1\xc2\xc0")
        peer.send(data)
        peer.send(data)
    thief.expect("bad_record", "a record sent twice", replayed)

    def altered(peer):
        data = bytearray(peer.sealed(b"\x94" + pack(peerlib.PING) + b"\1\xc2\xc0"))
        data[-1] ^= 1
        peer.send(bytes(data))
    thief.expect("bad_record", "a record with one bit flipped", altered)
    thief.expect("oversized", "a frame above 1 MiB + 64 KiB", lambda peer: peer.send(frame(b"x", 1114113)))

    def truncated(peer):
        peer.send(peer.sealed(b"\x94" + pack(peerlib.PING) + b"\1\xc2\xc0")[:-3])
        peer.socket.shutdown(socket.SHUT_WR)
    thief.expect("truncated", "a link that ends inside a record", truncated)


def facts(thief):
    objects, loose, runs = thief.learn()
    seq, prev, last = thief.next_of(runs)
    check(seq >= 3, f"the thief knows {seq} facts of its chain", str(seq))
    fork, epoch, lamport, protocol, _, wall, _ = last
    put = pack([b"thief", b"1", []])
    fact = [fork, epoch, lamport + 1, protocol, 64, wall, put]
    own = [run for run in runs if run[0] == thief.chain]

    def sends(run):
        return lambda peer: push(peer, runs=[run])
    good = thief.run(seq + 1, prev, [fact])
    thief.expect("unknown_chain", "a run of a chain that nobody admitted", sends([os.urandom(32), *good[1:]]), stays=True)
    thief.expect("replayed", "a run that is held already", sends(own[0]), stays=True)
    thief.expect("gap", "a run with nothing before it", sends(thief.run(seq + 3, prev, [fact])), stays=True)
    thief.expect("bad_head_signature", "a false head signature", sends([*good[:3], os.urandom(64)]))
    thief.expect("bad_head_signature", "a payload that was altered",
                 sends([good[0], good[1], [[*good[2][0][:6], pack([b"thief", b"2", []])]], good[3]]))
    thief.expect("bad_head_signature", "a run that does not follow from the one before",
                 sends(thief.run(seq + 1, os.urandom(32), [fact])))
    thief.expect("epoch_falls", "an epoch that falls", sends(thief.run(seq + 1, prev, [[fork, epoch - 1, *fact[2:]]])))
    thief.expect("lamport_falls", "a logical clock that falls",
                 sends(thief.run(seq + 1, prev, [[fork, epoch, lamport + 5, *fact[3:]], [fork, epoch, 1, *fact[3:]]])))
    thief.expect("not_canonical", "a run that is not canonical",
                 lambda peer: push(peer, runs=[b"\x94" + pack(thief.chain) + b"\xcc\x01" + b"\x90" + pack(bytes(64))]))
    return objects, loose, thief.victim.stats()


def decisions(thief, ana, milo, objects, proposal):
    """Objects and votes: `thief` is no administrator; milo's key is one."""
    admin = Thief(ana, milo)
    _, loose, runs = thief.learn()
    mine = [unpack(item)[0] for item in loose]
    approval = [item for item in mine if item[0] == 1 and item[1][-33:-1] == bytes.fromhex(proposal["digest"])][0]
    statement = approval[1]

    def sends(*items):
        return lambda peer: push(peer, loose=items)

    def signed(identity, said):
        return [1, said, identity.key, identity.sign("", said), "", None]
    no = statement[:-1] + bytes([2 if statement[-1] == 1 else 1])
    thief.expect("not_admin", "a vote by who is no administrator", sends(signed(thief.identity, statement)), stays=True)
    thief.expect("bad_signature", "a false signature in an administrator's name",
                 sends([1, statement, admin.identity.key, os.urandom(64), "", None]), stays=True)
    other = statement[:16] + os.urandom(32) + statement[48:]
    thief.expect("wrong_timeline", "a vote on another timeline", sends(signed(admin.identity, other)), stays=True)
    decoded = [unpack(item)[0] for item in objects]
    admission = [item for item in decoded if item[0][48] == 5][0]
    body = [fact[6] for run in runs for fact in run[2] if digest("moot/body/1", fact[6]).hex() == proposal["digest"]][0]
    thief.expect("bad_certificate", "a certificate by who decides nothing", lambda peer: push(peer, objects=[
        [statement, body, [[thief.identity.key, thief.identity.sign("", statement)]]]]), stays=True)
    thief.expect("bad_certificate", "a certificate with one signature too few", lambda peer: push(peer, objects=[
        [statement, body, [[approval[2], approval[3]]]]]), stays=True)
    thief.expect("bad_body", "a certified body that is not the one signed for", lambda peer: push(peer, objects=[
        [admission[0], admission[1][:-1] + b"x", admission[2]]]), stays=True)
    admin.expect("double_vote", "an administrator's key that says yes and no",
                 sends(signed(admin.identity, no), signed(admin.identity, statement)), stays=True)
    shown = ana.proposal(proposal["id"])
    equal((shown["approvals"]["yes"], shown["approvals"]["no"], shown["state"]), (["ana"], ["milo"], "rejected"),
          "the first of the two votes counts, the second never")
    told = ana.events("admin.double_vote")
    check(bool(told) and told[0]["device"] == admin.identity.key.hex(), "and the double voter is named", str(told))


# ---- the API and the command line ----

def api(ana):
    junk = [
        ("GET", "nothing", None, 404, "not_found"), ("DELETE", "status", None, None, None),
        ("POST", "records/a", b"{", 400, "bad_argument"), ("POST", "records/a", b"[]", 400, "bad_argument"),
        ("POST", "records/a", b'{"value":1}', 400, "bad_argument"),
        ("POST", "records/a", b'{"value":"1","valeu":"2"}', 400, "bad_argument"),
        ("POST", "records/a", b'{"value_base64":"%%%"}', 400, "bad_argument"),
        ("POST", "records/" + "k" * 257, b'{"value":"1"}', 400, "bad_argument"),
        ("POST", "records/%zz", b'{"value":"1"}', 400, "bad_argument"),
        ("POST", "records/a", b'{"value":"' + b"x" * (2 << 20) + b'"}', None, "oversized"),
        ("POST", "records/a", b'{"value":"' + b"x" * 60000 + b'"}', None, "oversized"),
        ("POST", "propose/admins", b'{"names":["ana","ana"],"threshold":1}', 400, "bad_argument"),
        ("POST", "propose/admins", b'{"names":["ana","milo"],"threshold":1}', 400, "bad_threshold"),
        ("POST", "propose/admins", b'{"names":["nobody"],"threshold":1}', 404, "not_found"),
        ("POST", "propose/upgrade", b'{"manifest":"00","kind":"soft","ready":1}', 400, "bad_argument"),
        ("POST", "init", b'{"mesh":"again"}', 409, "in_mesh"),
        ("POST", "join", b'{"uri":"moot://x"}', None, None),
        ("GET", "journal/log?limit=x", None, 400, "bad_argument"),
        ("PUT", "packages", os.urandom(100000), 410, "bad_package"), ("PUT", "packages", b"", 410, "bad_package"),
    ]
    for method, path, body, status, code in junk:
        answered, text = ana.raw(method, path, body)
        error = json.loads(text).get("error", {})
        good = (answered == status if status else answered >= 400) and (code is None or error.get("code") == code) and \
            {"code", "text", "advice"} <= set(error)
        check(good, f"{method} {path[:30]} {(body or b'')[:24]!r}: {error.get('code')}", f"{answered} {text[:300]!r}")
    for data in (b"\r\n\r\n", b"GET", os.urandom(2000), b"POST /v1/init HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
                 b"GET /v1/status HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n"):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(5)
            raw.connect(ana.socket)
            try:
                raw.sendall(data)
                raw.shutdown(socket.SHUT_WR)
                raw.recv(4096)
            except OSError:
                pass
    check(ana.status()["in_mesh"], "and raw junk on the socket does not end the node")


def command_line(directory, ana):
    def run(wanted, what, *line):
        done = subprocess.run(line, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
        check(done.returncode == wanted and (done.stderr or done.stdout), f"{what}: exit {wanted}",
              f"exit {done.returncode}: {(done.stderr + done.stdout)[:200]!r}")
    data, socket_path = os.path.join(directory, "cl"), "unix:" + os.path.join(directory, "cl.api")
    config = os.path.join(directory, "moot.conf")
    mootd = (MOOTD, "--data", data, "--api", socket_path)
    run(2, "mootd with an unknown flag", *mootd, "--datta", "x")
    run(2, "mootd without --data", MOOTD, "--api", socket_path)
    run(2, "mootd with an unknown key", *mootd, "--set", "epoch_intervall=1s")
    run(2, "mootd with a bad value", *mootd, "--set", "epoch_interval=soon")
    run(2, "mootd with a value out of range", *mootd, "--set", "epoch_interval=1ms")
    run(2, "mootd with a stray argument", *mootd, "stray")
    for text in ("epoch_interval = soon\n", "no_such_key = 1\n", "epoch_interval\n", "[unclosed\n", "\x00\xff\xfe\n"):
        with open(config, "w", encoding="latin-1") as file:
            file.write(text)
        run(2, f"mootd with the configuration {text!r}", *mootd, "--config", config)
    run(6, "mootd over another's data directory", MOOTD, "--data", ana.data, "--api", socket_path)
    run(2, "moot with an unknown verb", MOOT, "frobnicate")
    run(2, "moot with an unknown flag", MOOT, "status", "--jsn")
    run(3, "moot without a node", MOOT, "--node", socket_path, "status")
    good = meshlib.package(directory, ana, "3.0.0", 700000, random.Random(1))
    with open(good, "rb") as file:
        whole = file.read()
    bad = os.path.join(directory, "bad.moot")
    for what, content in (("cut short", whole[:-1000]), ("with a byte behind it", whole + b"\0"),
                          ("that is text", b"a package\n"), ("that is empty", b""),
                          ("with one bit flipped", whole[:len(whole) - 5000] + bytes([whole[-5000] ^ 1]) + whole[-4999:])):
        with open(bad, "wb") as file:
            file.write(content)
        run(8, f"package verify of a file {what}", MOOT, "package", "verify", bad)
        run(8, f"propose upgrade with a file {what}", MOOT, "--node", "unix:" + ana.socket, "propose", "upgrade", bad,
            "--soft", "--ready", "1")
    run(0, "package verify of the good one", MOOT, "package", "verify", good)


# ---- a full disk ----

KEEP = 'mkdir -p "$0" && mount -t tmpfs -o size=24m,mode=0700 moot "$0" && echo ready && exec cat >&2'


def full_disk(directory):
    node = meshlib.Node(directory, "tiny", settings=SETTINGS)
    keeper = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", KEEP, node.data],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        if keeper.stdout.readline() != b"ready\n":
            meshlib.skip("a full disk", "no right to unshare and mount here")
            return
        node.wrapper = ["nsenter", "--target", str(keeper.pid), "--mount", "--"]
        fill(node, f"/proc/{keeper.pid}/root{node.data}", directory)
    finally:
        node.kill()
        keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait(10)


def put_big(node, key, held):
    value = key + "x" * 40000
    try:
        node.put(key, value, timeout=20)
        held[key] = value
        return None
    except ApiError as error:
        return error.code


def fill(node, inside, directory):
    ballast = os.path.join(inside, "ballast")
    with open(ballast, "wb") as file:
        file.write(bytes(12 << 20))
    node.start()
    node.post("init", mesh="small")
    peer = meshlib.Node(directory, "peer", settings=SETTINGS).start()
    meshlib.join(node, peer)
    held, code = {}, None
    for i in range(1000):
        code = put_big(node, f"big/{i}", held)
        if code:
            break
    equal(code, "store_full", f"after {len(held)} puts of 40 KiB: writes are refused")
    equal(node.moot("record", "put", "one", "more", timeout=60)[0], 10, "the command exits 10")
    sample = sorted(held)[::7]
    check(all(node.value(key) == held[key] for key in sample), "reads go on")
    notes = [n["code"] for n in node.status()["notes"]]
    check("store_full" in notes, "and say so in the notes", str(notes))
    check(bool(node.events("store.full")) and node.refused("store_full") > 0, "told as an event, and counted")
    if not node.alive():
        raise Failed("the node ended")
    for i in range(5):
        peer.put(f"meanwhile/{i}", str(i))
    node.kill()
    node.start()
    check(all(node.value(key) == held[key] for key in held), "killed while full and started again: nothing acknowledged is lost")
    # A commit that is stuck holds back what would show it, so a full node may fall silent to its peers.
    try:
        wait("handed on", lambda: set(held) <= set(peer.keys("big/")), 5)
        note("full as it is, it has handed all of it to its peer")
    except Failed:
        note("full as it is, it did not hand all of it to its peer yet")
    os.unlink(ballast)
    wait("the peer has it all", lambda: set(held) <= set(peer.keys("big/")))
    equal([key for key in held if peer.value(key) != held[key]], [], "once there is room its peer has all of it")
    started = time.monotonic()
    wait("it recovers by itself", lambda: put_big(node, "after", held) is None, 40)
    note(f"recovered in {time.monotonic() - started:.1f} s")
    wait("what came meanwhile", lambda: len(node.keys("meanwhile/")) == 5)
    check(True, "when space is freed it recovers by itself, and takes what it had missed")
    converged([node, peer], "the two hold the same")
    wait("no note any more", lambda: "store_full" not in [n["code"] for n in node.status()["notes"]])
    node.stop()
    node.start()
    check(all(node.value(key) == held[key] for key in held), "all of it is there after one more start")
    peer.stop()


def main():
    directory = meshlib.scratch()
    if not peerlib.available():
        print("libsodium not found: needed to speak as a peer")
        raise SystemExit(77)
    nodes = meshlib.mesh(directory, ["ana", "milo", "dora"], ("epoch_interval=300ms", "gossip_interval=100ms"), admins=2,
                         threshold=2)
    ana, milo, dora = nodes
    for i in range(3):
        dora.put(f"dora/{i}", "1")
    wait("in the second epoch at least", lambda: dora.epoch() >= 3)
    dora.put("dora/late", "1")
    for node in nodes:
        node.stop()
        node.settings = SETTINGS
        node.start()
    wait("known", lambda: ana.value("dora/late") and milo.value("dora/late"))
    strangers(ana, milo)
    dora.stop()
    thief = Thief(ana, dora)
    messages(thief)
    objects, _, _ = facts(thief)
    manifest = meshlib.send_package(ana, meshlib.package(directory, ana))

    def propose():
        try:
            return ana.post("propose/upgrade", manifest=manifest, kind="soft", ready=9)
        except ApiError as error:
            if error.code == "being_heard":
                return None
            raise
    proposal = wait("proposed", propose)
    wait("milo knows", lambda: milo.proposal(proposal["id"]))
    milo.stop()  # its key is stolen, too, for a moment
    decisions(thief, ana, milo, objects, proposal)
    milo.start()
    api(ana)
    command_line(directory, ana)
    full_disk(directory)
    dora.start()
    wait("dora's own word still counts", lambda: dora.status()["sessions"] > 0)
    wait("all are well", lambda: converged([milo, dora], seconds=20))


meshlib.finish(main)
