"""Packages between nodes that share no file: each has its data on a tmpfs in a mount namespace of its
own, which a keeper process holds open while mootd is stopped and started."""
import os
import subprocess

import meshlib
from meshlib import Node, check, equal, note, wait

SETTINGS = ("epoch_interval=300ms", "gossip_interval=50ms")
READY = 2  # as upgrade.readiness numbers it: 3 not ready, 4 rejected
KEEP = 'mkdir -p "$0" && mount -t tmpfs -o size=256m,mode=0700 moot "$0" && echo ready && exec cat >&2'


class Keeper:
    """Holds a mount namespace with a tmpfs over one data directory until it is closed."""

    def __init__(self, data):
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", KEEP, data],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.good = self.process.stdout.readline() == b"ready\n"

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Hidden(Node):
    """A node whose data nobody outside its namespace sees, but for this test by way of /proc."""

    def __init__(self, directory, name, home):
        super().__init__(directory, name, home, SETTINGS)
        self.keeper = Keeper(self.data)
        self.wrapper = ["nsenter", "--target", str(self.keeper.process.pid), "--mount", "--"]

    def inside(self, *parts):
        return os.path.join(f"/proc/{self.keeper.process.pid}/root" + self.data, *parts)

    def blocks(self):
        """hash → path of every block here."""
        found = {}
        for shelf in os.listdir(self.inside("blocks")):
            if len(shelf) == 2:
                for name in os.listdir(self.inside("blocks", shelf)):
                    found[name] = self.inside("blocks", shelf, name)
        return found

    def manifest(self, name):
        return self.inside("manifests", name[:2], name)


def flip(path):
    """One bit in the middle of a file, in place."""
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))
        os.fsync(file.fileno())


def readiness(node, name):
    """device → (status, reason) as that node sees it."""
    return {device["name"]: (device["status"], device["reason"])
            for device in node.proposal(name)["readiness"]["devices"]}


class Fixture:
    def __init__(self, nodes, directory, rng):
        self.nodes, self.directory, self.rng, self.number = nodes, directory, rng, 0

    def package(self, size_bytes):
        self.number += 1
        return meshlib.package(self.directory, self.nodes[0], f"1.{self.number}.0", size_bytes, self.rng)

    def propose(self, path):
        """Sent to the first node and proposed there: proposal, manifest hash, blocks."""
        first = self.nodes[0]
        before = set(first.blocks())
        manifest = meshlib.send_package(first, path)
        proposal = first.post("propose/upgrade", manifest=manifest, kind="soft", ready=3)
        return proposal["id"], proposal["digest"], manifest, sorted(set(first.blocks()) - before)

    def withdraw(self, name):
        self.nodes[0].post(f"proposals/{name}/withdraw")


def says(node, name, device, status, reason=None, seconds=meshlib.WAIT_S):
    wait(f"{node.name} sees {device} {status} {reason or ''}",
         lambda: readiness(node, name)[device] == (status, reason), seconds)


def travel(fixture):
    ana, milo, vera = fixture.nodes
    for node in fixture.nodes:
        equal(os.listdir(node.data), [], f"{node.name}: its data is in no namespace but its own")
    name, digest, _, blocks = fixture.propose(fixture.package(3 << 20))
    check(len(blocks) >= 12, f"a package of {len(blocks)} blocks")
    for node in (milo, vera):
        for device in ("ana", "milo", "vera"):
            says(node, name, device, "ready")
        wait(f"{node.name} has all blocks", lambda n=node: set(blocks) <= set(n.blocks()))
        check(True, f"{node.name} fetched every block over the link")
    equal(ana.proposal(name)["readiness"]["ready"], 3, "3 of 3 are ready")
    equal(ana.proposal(name)["state"], "proposed", "ready alone decides nothing")
    milo.post(f"proposals/{name}/approve", digest=digest)
    for node in fixture.nodes:
        wait(f"in force at {node.name}", lambda n=node: n.proposal(name)["state"] == "in-force")
    check(True, "approved by 2 of 3 and ready 3 of 3: in force at all")
    equal(sum(node.refused("bad_block") for node in fixture.nodes), 0, "no bad block so far")


def one_bad_copy(fixture):
    """vera asks her own home first: there the one block is damaged; milo's copy is good."""
    ana, milo, vera = fixture.nodes
    vera.stop()
    name, digest, _, (block,) = fixture.propose(fixture.package(100000))
    says(ana, name, "milo", "ready")
    milo.stop()  # vera finds the bad copy first, whatever comes first on the links
    flip(ana.blocks()[block])
    vera.start()
    wait("vera noticed", lambda: vera.refused("bad_block") > 0)
    check(bool(vera.events("block.bad")), "a block corrupted on the serving disk is noticed and struck")
    says(vera, name, "vera", "rejected", "bad_block")
    wait("ana noticed", lambda: ana.events("block.damaged"))
    check(block not in ana.blocks(), "the serving node looked again and took it away")
    milo.start()
    says(vera, name, "vera", "ready")
    check(True, "it is fetched elsewhere, and the node is ready in the end")
    says(vera, name, "ana", "ready")
    check(block in ana.blocks(), "the node that served it has a good copy again")
    milo.post(f"proposals/{name}/approve", digest=digest)
    wait("in force", lambda: vera.proposal(name)["state"] == "in-force")


def some_bad_of_many(fixture):
    ana, milo, vera = fixture.nodes
    vera.stop()
    name, _, _, blocks = fixture.propose(fixture.package(5 << 20))
    says(ana, name, "milo", "ready")
    for block in blocks[::2]:
        flip(ana.blocks()[block])
    before = ana.refused("bad_block")
    vera.start()
    says(vera, name, "vera", "ready")
    bad = vera.refused("bad_block")
    check(bad > 0, f"{len(blocks[::2])} of {len(blocks)} blocks damaged at one node: {bad} came and were struck, "
          "all were fetched in the end", "none was asked of the damaged disk")
    wait("ana mends", lambda: ana.refused("bad_block") > before)
    fixture.withdraw(name)


def all_bad(fixture):
    ana, milo, vera = fixture.nodes
    vera.stop()
    path = fixture.package(600000)
    name, digest, _, blocks = fixture.propose(path)
    says(ana, name, "milo", "ready")
    flip(ana.blocks()[blocks[0]])
    flip(milo.blocks()[blocks[0]])
    vera.start()
    says(vera, name, "vera", "rejected", "bad_block")
    check(True, "all copies damaged: rejected(bad_block)")
    milo.post(f"proposals/{name}/approve", digest=digest)
    wait("certified", lambda: vera.proposal(name)["state"] == "certified")
    wait("nobody claims to be ready any more", lambda: vera.proposal(name)["readiness"]["ready"] == 0)
    check(vera.proposal(name)["state"] == "certified", "approved, but not in force: nobody is ready")
    meshlib.send_package(milo, path)
    wait("in force", lambda: vera.proposal(name)["state"] == "in-force", 90)
    check(True, "the file brought again by hand heals all three")


def never_ready(nodes, name, reason):
    """Whoever gets altered bytes says rejected(reason); a node that came when the damaged copy was
    already taken away gets none at all. Nobody ever says ready."""
    ends = {("rejected", reason), ("not_ready", "fetching")}
    for node in nodes:
        wait(f"{node.name} has looked", lambda n=node: readiness(n, name)[n.name] in ends)
    wait(f"a fetching node says rejected({reason})",
         lambda: [n for n in nodes if readiness(n, name)[n.name] == ("rejected", reason)])
    for node in nodes:
        told = {event["number"] for event in node.events("upgrade.readiness")
                if event["proposal"] == node.proposal(name)["digest"]}
        check(told and READY not in told, f"{node.name} never said ready: {readiness(node, name)[node.name]}", str(told))


def altered(fixture, what, reason):
    """The proposer's copy is changed before anybody else has fetched anything."""
    ana, milo, vera = fixture.nodes
    milo.stop()
    vera.stop()
    other = meshlib.send_package(ana, fixture.package(300000))
    name, digest, manifest, blocks = fixture.propose(fixture.package(600000))
    what(ana, manifest, other, blocks)
    for node in (milo, vera):
        node.start()
    never_ready((milo, vera), name, reason)
    check(True, f"altered after it was proposed: rejected({reason})")
    milo.post(f"proposals/{name}/approve", digest=digest)
    wait("certified", lambda: ana.proposal(name)["state"] == "certified")
    says(ana, name, "ana", "rejected", reason)
    state = ana.proposal(name)
    check(state["state"] == "certified" and state["readiness"]["ready"] == 0,
          "the proposer's own node takes its word back: approved, not in force", str(state["readiness"]))


def swap_blocks(ana, _manifest, _other, blocks):
    for block in blocks:
        with open(ana.blocks()[block], "r+b") as file:
            size = len(file.read())
            file.seek(0)
            file.write(os.urandom(size))


def swap_manifest(ana, manifest, other, _blocks):
    with open(ana.manifest(other), "rb") as file:
        good = file.read()  # well-formed and signed, but not what was proposed
    with open(ana.manifest(manifest), "wb") as file:
        file.write(good)


def flip_manifest(ana, manifest, _other, _blocks):
    flip(ana.manifest(manifest))


def main():
    rng = meshlib.seed()
    directory = meshlib.scratch()
    probe = Keeper(os.path.join(directory, "probe"))
    probe.close()
    if not probe.good:
        meshlib.skip("blocks between mount namespaces", "no right to unshare and mount here")
        return
    nodes = [Hidden(directory, name, home) for name, home in (("ana", "hill"), ("milo", "shore"), ("vera", "hill"))]
    try:
        run(Fixture(nodes, directory, rng))
    finally:
        for node in nodes:
            node.kill()
            node.keeper.close()


def run(fixture):
    nodes = fixture.nodes
    for node in nodes:
        node.start()
    nodes[0].post("init", mesh="e2e")
    for node in nodes[1:]:
        meshlib.join(nodes[0], node)
    meshlib.turn(nodes[0], nodes, 2)
    travel(fixture)
    one_bad_copy(fixture)
    some_bad_of_many(fixture)
    all_bad(fixture)
    for what, reason in ((swap_blocks, "bad_block"), (flip_manifest, "bad_manifest"),
                         (swap_manifest, "bad_manifest")):
        note(what.__name__)
        altered(fixture, what, reason)


meshlib.finish(main)
