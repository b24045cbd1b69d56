"""Old copies of data directories under nodes whose peers know more."""
import os
import shutil
import threading
import time

import meshlib
from meshlib import ApiError, check, converged, equal, wait

SETTINGS = ("epoch_interval=1h", "gossip_interval=50ms")
SIGNS = ("chain_forked", "broken_link", "bad_head_signature", "epoch_falls", "lamport_falls")


def anew(node, backup):
    """As a person restores: the directory is another one, and the node can see that."""
    shutil.rmtree(node.data)
    shutil.copytree(backup, node.data)


def in_place(node, backup):
    """As a file system's snapshot restores: same directory, same files, older bytes. Only peers can tell."""
    for folder, _, files in os.walk(backup):
        for name in files:
            source = os.path.join(folder, name)
            target = os.path.join(node.data, os.path.relpath(source, backup))
            with open(source, "rb") as old, open(target, "r+b") as new:
                new.truncate(0)
                shutil.copyfileobj(old, new)


def put_at_last(node, key, value, seconds=40.0):
    """Puts as soon as the node may write; how often it said `being_heard` before."""
    end = time.monotonic() + seconds
    refused = 0
    while True:
        try:
            return node.put(key, value), refused
        except ApiError as error:
            if error.code != "being_heard" or time.monotonic() > end:
                raise
            refused += 1
            time.sleep(0.05)


def no_fork(nodes, what):
    for node in nodes:
        refused = node.stats()["refused"]
        told = [name for name in ("chain.forked", "admin.double_vote", "node.stopped") if node.events(name)]
        bad = {sign: refused[sign] for sign in SIGNS if refused.get(sign)}
        check(not told and not bad, f"{what}: {node.name} saw no fork and no second vote", f"{told} {bad}")


def writer_restored(nodes, node, restore, directory):
    """`node` writes, is copied, writes more, is put back."""
    what = f"{node.name} restored {restore.__name__}"
    peers = [n for n in nodes if n is not node]
    tag = f"{node.name}/{restore.__name__}"
    for i in range(5):
        node.put(f"{tag}/before/{i}", "1")
    node.stop()
    backup = os.path.join(directory, "backup-" + tag.replace("/", "-"))
    shutil.copytree(node.data, backup)
    node.start()
    said = [put_at_last(node, f"{tag}/after/{i}", "1")[0] for i in range(7)]
    for peer in peers:
        wait("the peers have it", lambda p=peer: len(p.keys(f"{tag}/after/")) == 7)
    node.stop()
    restore(node, backup)
    # Asked while it starts, before any peer could be heard: staged, never written under a used number.
    node.launch()
    early = []

    def ask_early():
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                early.append(node.put(f"{tag}/early", "1", timeout=20))
                return
            except ApiError as error:
                early.append(error.code)
                return
            except OSError:
                time.sleep(0.005)
    thread = threading.Thread(target=ask_early)
    thread.start()
    wait("ready", lambda: node.status())
    wait("what it had said after the copy comes back", lambda: len(node.keys(f"{tag}/after/")) == 7)
    thread.join(30)
    check(early and (early[0] == "being_heard" or (isinstance(early[0], int) and early[0] > max(said))),
          f"{what}: a put asked at once is refused or lands behind all it had said: {early}", f"said up to {max(said)}")
    seq, refused = put_at_last(node, f"{tag}/new", "2")
    check(seq > max(said), f"{what}: its next fact is {seq}, behind {max(said)} ({refused} times told to wait)")
    converged(nodes, f"{what}: all hold the same")
    equal(len(node.keys(f"{tag}/")), 5 + 7 + 1 + isinstance(early[0], int), f"{what}: nothing is lost, nothing doubled")
    no_fork(nodes, what)


def voter_restored(nodes, node, proposer, restore, directory, manifest):
    """`node` says no after the copy was taken; put back, it must not say yes."""
    what = f"{node.name} restored {restore.__name__} after a vote"
    others = [n for n in nodes if n is not node]
    proposal = proposer.post("propose/upgrade", manifest=manifest, kind="soft", ready=9)
    name, path = proposal["id"], f"proposals/{proposal['id']}/"
    wait("known", lambda: node.proposal(name))
    node.stop()
    backup = os.path.join(directory, f"backup-vote-{node.name}-{restore.__name__}")
    shutil.copytree(node.data, backup)
    node.start()

    def no():
        try:
            return node.post(path + "reject", reason="no")
        except ApiError as error:
            if error.code != "being_heard":
                raise
            return None
    wait("the vote", no)
    put_at_last(node, f"vote/{restore.__name__}", "said after the vote")
    for other in others:
        wait("counted", lambda o=other: node.name in o.proposal(name)["approvals"]["no"])
        wait("and the record", lambda o=other: o.value(f"vote/{restore.__name__}"))
    node.stop()
    restore(node, backup)
    codes = []
    node.start()
    end = time.monotonic() + 40
    while time.monotonic() < end:
        try:
            node.post(path + "approve", digest=proposal["digest"])
            codes.append("taken")
        except ApiError as error:
            codes.append(error.code)
        if codes[-1] != "being_heard":
            break
        time.sleep(0.02)
    equal(codes[-1], "double_vote", f"{what}: the other answer is a double vote ({codes.count('being_heard')} times "
          "told to wait before)")
    for other in others:
        equal(node.name in other.proposal(name)["approvals"]["yes"], False, f"{what}: {other.name} counts no yes of it")
    no_fork(nodes, what)
    proposer.post(path + "withdraw")


def too_few_peers(nodes, node, directory):
    """A restored administrator needs N-M+1 other administrators: one is not enough in a mesh of 2 of 3."""
    ana, milo, vera, dora = nodes
    node.stop()
    backup = os.path.join(directory, "backup-few")
    shutil.copytree(node.data, backup)
    node.start()
    put_at_last(node, "few/after", "1")
    wait("travelled", lambda: ana.value("few/after") and dora.value("few/after"))
    node.stop()
    other = ana if node is not ana else milo
    other.stop()
    anew(node, backup)
    node.start()
    wait("it heard of what it said", lambda: node.value("few/after") == "1")
    try:
        node.put("few/alone", "1", timeout=30)
        code = "written"
    except ApiError as error:
        code = error.code
    equal(code, "being_heard", "restored, with one other administrator and a device in reach: it writes nothing")
    equal(vera.value("few/alone") if node is not vera else None, None, "and nothing of it is seen")
    other.start()
    put_at_last(node, "few/later", "1")
    converged(nodes, "all hold the same")
    check(True, "with a second one it goes on")
    node.stop()
    node.start()
    wait("sessions", lambda: node.status()["sessions"] > 0)
    put_at_last(node, "few/again", "1", 5)
    check("store.moved" not in node.log_text(), "once heard, the directory is the right one: no more waiting after a start")
    no_fork(nodes, "too few peers")


def main():
    directory = meshlib.scratch()
    nodes = meshlib.mesh(directory, ["ana", "milo", "vera", "dora"], ("epoch_interval=300ms", "gossip_interval=50ms"),
                         admins=3, threshold=2)
    ana, milo, _, dora = nodes
    for node in nodes:
        node.stop()
        node.settings = SETTINGS
        node.start()
    manifest = meshlib.send_package(ana, meshlib.package(directory, ana))
    wait("heard", lambda: put_at_last(ana, "start", "1"))
    for restore in (anew, in_place):
        writer_restored(nodes, dora, restore, directory)
        writer_restored(nodes, milo, restore, directory)
        voter_restored(nodes, milo, ana, restore, directory, manifest)
    too_few_peers(nodes, milo, directory)


meshlib.finish(main)
