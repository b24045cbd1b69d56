"""Three nodes that write and vote while one after the other is killed with SIGKILL and started again."""
import http.client
import random
import threading
import time

import meshlib
from meshlib import ApiError, Failed, LONG, check, converged, equal, note, wait

SECONDS = 180 if LONG else 25
SETTINGS = ("epoch_interval=300ms", "gossip_interval=50ms")
# What a node may answer while it starts, listens to its peers, or the other way was faster.
PATIENCE = {"being_heard", "not_found", "limit", "slot_taken", "ended", "withdrawn", "decided", "no_mesh", "silent", "name_taken"}


class Work:
    """What was acknowledged, by many threads."""

    def __init__(self, nodes, rng):
        self.nodes, self.lock, self.stop = nodes, threading.Lock(), threading.Event()
        self.puts, self.votes, self.broken, self.defects = {}, {}, 0, []
        self.seeds = [rng.randrange(1 << 30) for _ in range(len(nodes) + 1)]

    def guard(self, function, *args):
        try:
            while not self.stop.is_set():
                try:
                    function(*args)
                except ApiError as error:
                    if error.code not in PATIENCE:
                        raise
                    time.sleep(0.02)
                except (OSError, http.client.HTTPException, ValueError):
                    with self.lock:
                        self.broken += 1  # the node died under this call: not acknowledged
                    time.sleep(0.02)
        except Exception as error:  # pylint: disable=broad-except
            with self.lock:
                self.defects.append(f"{function.__name__}: {error!r}")

    def write(self, node, rng, counter):
        key = f"{node.name}/{counter[0]}"
        counter[0] += 1
        value = f"{rng.randrange(1 << 40):x}"
        node.put(key, value, timeout=15)
        with self.lock:
            self.puts[key] = value
        time.sleep(rng.random() * 0.02)

    def decide(self, rng):
        """A proposal somewhere, a vote elsewhere; the proposer withdraws what stays open."""
        proposer, voter = rng.sample(self.nodes, 2)
        open_now = [p for p in proposer.get("proposals", 15)["proposals"] if p["state"] == "proposed"]
        for proposal in open_now:
            if proposal["proposer"]["name"] == proposer.name and rng.random() < 0.5:
                proposer.post(f"proposals/{proposal['id']}/withdraw", 15)
        proposal = proposer.post("propose/upgrade", 15, manifest=self.manifest, kind="soft", ready=3)
        yes = rng.random() < 0.5
        for _ in range(40):
            try:
                if yes:
                    voter.post(f"proposals/{proposal['id']}/approve", 15, digest=proposal["digest"])
                else:
                    voter.post(f"proposals/{proposal['id']}/reject", 15, reason="no")
                with self.lock:
                    self.votes[voter.name, proposal["id"]] = yes
                break
            except ApiError as error:
                if error.code not in PATIENCE:
                    raise
                time.sleep(0.05)
        time.sleep(rng.random() * 0.1)

    def threads(self):
        made = []
        for i, node in enumerate(self.nodes):
            made.append(threading.Thread(target=self.guard, args=(self.write, node, random.Random(self.seeds[i]), [0])))
        made.append(threading.Thread(target=self.guard, args=(self.decide, random.Random(self.seeds[-1]))))
        for thread in made:
            thread.start()
        return made


def main():
    rng = meshlib.seed()
    directory = meshlib.scratch()
    nodes = meshlib.mesh(directory, ["ana", "milo", "vera"], SETTINGS, admins=3, threshold=2)
    work = Work(nodes, rng)
    manifest = meshlib.package(directory, nodes[0])
    for node in nodes:
        work.manifest = meshlib.send_package(node, manifest)
    threads = work.threads()
    kills, epochs, end = 0, {node.name: 0 for node in nodes}, time.monotonic() + SECONDS
    try:
        while time.monotonic() < end and not work.defects:
            time.sleep(rng.random() * 0.4)
            node = rng.choice(nodes)
            told = node.epoch()
            if told < epochs[node.name]:
                raise Failed(f"the epoch of {node.name} fell from {epochs[node.name]} to {told}")
            epochs[node.name] = told
            node.kill()
            kills += 1
            time.sleep(rng.random() * rng.choice((0.02, 0.5)))
            node.start()
    finally:
        work.stop.set()
        for thread in threads:
            thread.join(30)
    check(not work.defects, "only expected answers came while nodes died", str(work.defects[:3]))
    check(kills >= SECONDS / 2, f"{kills} kills, {work.broken} calls broken off by them")
    check(work.broken > 0, "calls were under way when nodes died")
    check(len(work.puts) > 100 and len(work.votes) > 5, f"{len(work.puts)} puts and {len(work.votes)} votes acknowledged",
          "too few to prove anything")
    converged(nodes, "three nodes hold the same")
    check(True, "equal frontier, equal state after all of it")
    for node in nodes:
        held = set(node.keys())
        equal(sorted(set(work.puts) - held), [], f"{node.name} holds every acknowledged record")
        wrong = [key for key in rng.sample(sorted(work.puts), 100) if node.value(key) != work.puts[key]]
        equal(wrong, [], f"{node.name} reads 100 of them as written")
    lost = []
    for (voter, name), yes in work.votes.items():
        proposal = nodes[0].proposal(name)
        if voter in proposal["approvals"]["no" if yes else "yes"]:
            lost.append((voter, name, "turned"))
        if voter not in proposal["approvals"]["yes" if yes else "no"] and proposal["state"] == "proposed":
            lost.append((voter, name, "gone"))
    equal(lost, [], "every acknowledged vote on what is still open stands, none turned")
    for node in nodes:
        told = [name for name in ("admin.double_vote", "chain.forked", "node.stopped", "fact.void")
                if node.events(name)]
        equal(told, [], f"{node.name}: no double vote, no fork, no void fact")
    note(f"epochs {epochs}, facts {nodes[0].stats()['facts']}")
    wait("epochs go on", lambda: min(n.epoch() for n in nodes) > max(epochs.values()))


meshlib.finish(main)
