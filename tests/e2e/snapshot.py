"""Three administrators, 2 of 3, and one device that is none. A fence lasts when the other administrators are
stopped (SIGSTOP): their approvals are missing then."""
import hashlib
import os
import signal
import subprocess
import threading
import time

import meshlib
from meshlib import Failed, check, equal, note, wait

LEASE_S = 5
SETTINGS = ("epoch_interval=1s", "gossip_interval=100ms", f"fence_lease={LEASE_S}s", "fence_propose=20s")


def pause(nodes):
    for node in nodes:
        os.kill(node.pid(), signal.SIGSTOP)


def go_on(nodes):
    for node in nodes:
        os.kill(node.pid(), signal.SIGCONT)


def snapshot(node):
    """Proposed and completed; its document."""
    def propose():
        code, answer = node.moot("propose", "snapshot", "--wait=60s")
        if code in (2, 6):  # the last one was taken in this epoch, or another one is open
            return None
        if code != 0:
            raise Failed(f"propose snapshot on {node.name}: exit {code}: {answer}")
        return answer
    return wait(f"a snapshot by {node.name}", propose)


def log_ids(node):
    return {fact["id"] for fact in node.get("journal/log?limit=1000")["facts"]}


def fill(nodes, prefix, count):
    for i in range(count):
        nodes[i % len(nodes)].put(f"{prefix}{i % 11}", f"{prefix} {i}")


def image(node, which):
    """The image's bytes through moot; its BLAKE2b-256."""
    run = subprocess.run([meshlib.MOOT, "--node", "unix:" + node.socket, "snapshot", "show", "--image", str(which)],
                         capture_output=True, timeout=60, check=False)
    if run.returncode != 0:
        raise Failed(f"snapshot show --image {which} on {node.name}: {run.stderr.decode()}")
    return run.stdout


def completes(nodes):
    ana, dora = nodes[0], nodes[3]
    fill(nodes, "old", 60)
    meshlib.converged(nodes)
    answer = snapshot(ana)
    equal(answer["state"], "in-force", "a snapshot completes by itself: proposer and one verifier are two of three")
    for node in nodes:
        wait(f"{node.name} knows it", lambda n=node: n.proposal(answer["id"])["state"] == "in-force")
        wait(f"the fence is down at {node.name}", lambda n=node: not n.status()["fence"]["active"])
    equal(dora.proposal(answer["id"])["snapshot"]["state_digest"],
          dora.status()["snapshot"]["digest"], "status shows its digest")
    code, _ = dora.moot("record", "put", "after", "the fence", "--no-wait")
    equal(code, 0, "and a device writes at once again")
    return answer


def images(nodes, first):
    for node in nodes:
        wait(f"{node.name} holds the image", lambda n=node: n.raw("GET", f"snapshots/{first['id']}/image")[0] == 200)
        data = image(node, first["epoch"])
        digest = hashlib.blake2b(data, digest_size=32).hexdigest()
        if digest != first["snapshot"]["state_digest"] or len(data) != first["snapshot"]["image_bytes"]:
            raise Failed(f"{node.name}: the image hashes to {digest}")
    check(True, "snapshot show --image: its BLAKE2b-256 is the state digest, on every device")
    code, answer = nodes[3].moot("snapshot", "verify")
    equal((code, answer.get("verified")), (0, True), "snapshot verify")
    code, answer = nodes[3].moot("snapshot", "list")
    equal([s["id"] for s in answer["snapshots"]], [first["id"]], "snapshot list")
    code, answer = nodes[0].moot("snapshot", "gc", "--dry-run")
    check(code == 0 and answer["collectable_facts"] > 0, "snapshot gc --dry-run counts facts", repr(answer))
    equal(nodes[0].moot("snapshot", "show", "99999")[0], 4, "a snapshot that is none is not found")


def damaged_image(nodes, first):
    """A block altered on the disk is never sent for the image."""
    vera = nodes[2]
    vera.stop()
    found = []
    for path, _, names in os.walk(os.path.join(vera.data, "blocks")):
        found += [os.path.join(path, name) for name in names if os.path.getsize(os.path.join(path, name)) > 1000]
    for path in found:
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.seek(500)
            byte = file.read(1)
            file.seek(500)
            file.write(bytes([byte[0] ^ 1]))
    vera.start()
    status, text = vera.raw("GET", f"snapshots/{first['id']}/image")
    check(status != 200 and (b"bad_block" in text or b"block_missing" in text),
          "an image with an altered block is refused, before its first byte", f"HTTP {status} {text[:120]!r}")


def collects(nodes):
    before = [node.stats() for node in nodes]
    old = [log_ids(node) for node in nodes]
    fill(nodes[:2], "new", 10)
    meshlib.converged(nodes)
    second = snapshot(nodes[1])
    for node, was, ids in zip(nodes, before, old):
        wait(f"{node.name} has collected", lambda n=node: n.events("snapshot.collected"))
        stats = wait(f"{node.name} has a base", lambda n=node: (s := n.stats())["base"]["epoch"] and s)
        if not (stats["facts"] < was["facts"] and stats["bytes"] < was["bytes"]):
            check(False, f"the journal of {node.name} shrinks", f"{was['facts']} {was['bytes']} -> {stats['facts']} {stats['bytes']}")
        left = ids & log_ids(node)
        if len(left) > len(ids) // 3:
            check(False, f"the old facts are gone at {node.name}", f"{len(left)} of {len(ids)} are still there")
    check(True, "after the second snapshot facts and bytes are fewer and the old facts are gone by id, on every node")
    meshlib.converged(nodes)
    equal(len({node.digests() for node in nodes}), 1, "and frontier and state are equal")
    equal(nodes[3].value("old3")[:3], "old", "what they wrote is still read")
    return second


# ---- a fence that lasts ----

def raise_fence(nodes):
    """ana proposes while the other administrators cannot answer; the fence is up at ana and dora."""
    ana, milo, vera, dora = nodes
    box = []
    last = ana.status()["snapshot"]["last_epoch"] or 0
    wait("an epoch after the last snapshot", lambda: min(node.epoch() for node in nodes) > last)
    meshlib.converged(nodes)
    pause([milo, vera])
    thread = threading.Thread(target=lambda: box.append(ana.moot("propose", "snapshot", timeout=60)))
    thread.start()
    wait("the fence is up at dora", lambda: dora.status()["fence"]["proposal"], 30, 0.02)
    thread.join()
    code, answer = box[0]
    if code != 0:
        raise Failed(f"propose snapshot: {code} {answer}")
    return answer


def settle(nodes):
    for node in nodes:
        wait(f"nothing is held back at {node.name}", lambda n=node: not n.status()["fence"]["active"] and
             n.status()["fence"]["queued"] == 0)
    wait("no snapshot is open", lambda: not any(node.status()["snapshot"]["pending"] for node in nodes))
    meshlib.converged(nodes)


def writers(nodes):
    ana, milo, vera, dora = nodes
    answer = raise_fence(nodes)
    status = dora.status()["fence"]
    equal((status["active"], status["holder"], status["proposal"]), (True, "ana", answer["id"]),
          "status names who holds the fence and for what")
    code, refused = dora.moot("record", "put", "k", "v", "--no-wait")
    error = refused.get("error", {})
    equal((code, error.get("code")), (9, "fenced"), "record put --no-wait under a fence: exit 9")
    check("ana" in error.get("detail", "") and answer["id"] in error.get("detail", ""), "which names the holder and the proposal",
          repr(error))
    equal(dora.moot("fence", "show")[1]["holder"], "ana", "so does fence show")
    for i in range(3):
        code, queued = dora.moot("record", "put", "queued", f"value {i}", "--queue")
        if (code, queued.get("queued")) != (0, True):
            raise Failed(f"record put --queue: {code} {queued}")
    equal(dora.status()["fence"]["queued"], 3, "record put --queue answers when it is durably queued")
    box = []
    waiter = threading.Thread(target=lambda: box.append(dora.moot("record", "put", "patient", "waited")))
    waiter.start()
    wait("a write waits", lambda: dora.status()["fence"]["queued"] == 4, 5)
    equal((box, dora.value("queued"), dora.value("patient")), ([], None, None), "record put waits; nothing is written meanwhile")
    dora.kill()
    waiter.join()
    dora.start()
    code, refused = dora.moot("record", "put", "k", "v", "--no-wait")
    equal((code, "ana" in refused.get("error", {}).get("detail", "")), (9, True),
          "after kill -9 and a restart the fence is still up, and names the holder")
    equal(dora.status()["fence"]["queued"], 4, "the queue survived it")
    go_on([milo, vera])
    settle(nodes)
    equal((dora.value("queued"), dora.value("patient"), dora.value("k")), ("value 2", "waited", None),
          "queued writes went through in order, the refused one never")
    seqs = [fact["seq"] for fact in reversed(dora.get("journal/log?limit=1000")["facts"])
            if fact["author"] == "dora" and fact["kind"].lower().startswith("record")]
    check(seqs == sorted(seqs), "in the order they were queued")
    final = wait("the snapshot ended", lambda: (s := ana.proposal(answer["id"])["state"]) != "proposed" and s)
    equal(final, "in-force", "the approvals that came late completed it")


def lease(nodes):
    """The fence ends by its lease; the approvals come after."""
    ana, milo, vera, dora = nodes
    answer = raise_fence(nodes)
    began = time.monotonic()
    dora.put("through", "the lease")
    took = time.monotonic() - began
    check(took < LEASE_S + 3, f"nobody approves: a write waits no longer than the lease of {LEASE_S} s", f"{took:.1f} s")
    equal(ana.proposal(answer["id"])["state"], "proposed", "the snapshot is still open then")
    go_on([milo, vera])
    final = wait("the snapshot ended", lambda: (s := dora.proposal(answer["id"])["state"]) != "proposed" and s)
    equal(final, "in-force", "late approvals complete it, without harm")
    settle(nodes)
    equal(dora.value("through"), "the lease", "what was written after the lease counts")


def proposer_dies(nodes):
    ana, milo, vera, dora = nodes
    answer = raise_fence(nodes)
    ana.kill()
    go_on([milo, vera])
    began = time.monotonic()
    for node in (milo, vera, dora):
        node.put("without-" + node.name, "the proposer")
    took = time.monotonic() - began
    check(took < LEASE_S + 4, "the proposer is killed with its fence up: everybody writes again within the lease", f"{took:.1f} s")
    ana.start()
    final = wait("the snapshot ended", lambda: (s := dora.proposal(answer["id"])["state"]) != "proposed" and s)
    note(f"it ended {final}")
    settle(nodes)
    equal(len({node.digests() for node in nodes}), 1, "everybody has the same state")


def killed_draining(nodes):
    """Killed before there is a proposal: only its own fence was up, and the restart lowers it."""
    ana, milo = nodes[0], nodes[1]
    threading.Thread(target=lambda: ana.moot("propose", "snapshot", timeout=20), daemon=True).start()
    time.sleep(0.05)
    ana.kill()
    ana.start()
    settle(nodes)
    milo.put("free", "again")
    ana.put("free", "too")
    check(True, "a proposer killed while it prepares holds nothing back after its restart")


def away(nodes):
    """Stopped for two snapshots: takes the image; as one that replayed everything."""
    ana, milo, vera, dora = nodes
    dora.put("mine", "before I left")
    meshlib.converged(nodes)
    dora.stop()
    fill([ana, milo], "away", 30)
    base = snapshot(ana)["snapshot"]["state_digest"]
    fill([ana, milo], "later", 10)
    snapshot(milo)
    for node in (ana, milo, vera):
        wait(f"{node.name} has collected", lambda n=node: n.stats()["base"]["digest"] == base)
    fill([vera], "last", 5)
    dora.start()
    wait("dora has installed the image", lambda: dora.events("snapshot.installed"), 60)
    meshlib.converged(nodes)
    equal(len({node.digests() for node in nodes}), 1,
          "a device away for two snapshots takes the image: frontier and state equal one that replayed everything")
    equal((dora.value("last1"), dora.value("mine")), (vera.value("last1"), "before I left"), "and reads what was written")
    dora.put("back", "again")
    meshlib.converged(nodes)
    dora.kill()
    dora.start()
    wait("dora was heard", lambda: dora.put("once", "more"))
    meshlib.converged(nodes)
    equal(len({node.digests() for node in nodes}), 1, "also after kill -9")
    snapshot(ana)
    meshlib.converged(nodes)
    equal(dora.status()["snapshot"]["digest"], ana.status()["snapshot"]["digest"], "and the next snapshot completes with it")


def main():
    nodes = meshlib.mesh(meshlib.scratch(), ["ana", "milo", "vera", "dora"], SETTINGS, admins=3, threshold=2)
    first = completes(nodes)
    images(nodes, first)
    collects(nodes)
    writers(nodes)
    lease(nodes)
    proposer_dies(nodes)
    killed_draining(nodes)
    away(nodes)
    damaged_image(nodes, nodes[2].get("snapshots/last"))


meshlib.finish(main)
