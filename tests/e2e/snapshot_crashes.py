"""Crash enumeration, as in crash_points.py, over the writer fence and collection on an administrator that verifies,
over proposing, and over the image taken by a device that was away for two snapshots."""
import sys

import meshlib
from crash_points import STEP_S, Scenario, retried
from meshlib import ApiError, Failed, check, wait

SETTINGS = ("epoch_interval=150ms", "gossip_interval=50ms", "fence_lease=3s", "fence_propose=3s")


def take(node, alive=lambda: True):
    """A completed snapshot by that node."""
    def propose():
        try:
            return node.post("propose/snapshot", timeout=60)["id"]
        except ApiError as error:
            if error.code not in ("window", "slot_taken", "being_heard", "timed_out"):
                raise
            return None
    name = wait(f"a snapshot by {node.name}", lambda: alive() and propose(), STEP_S)
    state = wait(f"{name} ended", lambda: alive() and (s := node.proposal(name)["state"]) not in ("proposed", "certified") and s, STEP_S)
    if state != "in-force":
        raise Failed(f"{name}: {state}")
    return name


class Sweep(Scenario):
    def prepare(self):
        self.last = 0
        self.ana, self.milo, self.node = meshlib.mesh(self.directory, ["ana", "milo", "vera"], SETTINGS, admins=3,
                                                       threshold=2)
        self.others = [self.ana, self.milo]
        take(self.ana)

    def put(self):
        value = str(self.last + 1)
        retried(lambda: self.node.put("k", value))
        self.last += 1
        self.acknowledged += 1

    def verify(self):
        wait("what was acknowledged is there", lambda: int(self.node.value("k") or 0) >= self.last, STEP_S)
        self.last = int(self.node.value("k") or 0)
        for node in self.nodes():
            wait(f"{node.name} is not held back", lambda n=node: not n.status()["fence"]["active"] and
                 n.status()["fence"]["queued"] == 0, STEP_S)


class Verify(Sweep):
    """Another administrator proposes; this one is fenced, verifies, signs and collects."""
    name = "fence and collection"

    def work(self):
        self.put()
        take(self.ana, self.alive)
        retried(lambda: self.node.put("k", str(self.last)))
        base = self.ana.stats()["base"]["digest"]
        wait("collected", lambda: self.alive() and self.node.stats()["base"]["digest"] == base, STEP_S)


class Propose(Sweep):
    name = "proposing"

    def work(self):
        self.put()
        take(self.node, self.alive)


class Install(Sweep):
    """Two snapshots pass while it is away; then it takes the image."""
    name = "installing"

    def run(self, at):
        for node in (self.ana, self.milo):
            self.ana.put("while-away", str(at))
            take(node)
        return super().run(at)

    def work(self):
        wait("installed", lambda: self.alive() and self.node.events("snapshot.installed"), STEP_S)
        self.put()

    def verify(self):
        super().verify()
        wait("it has what was written while it was away", lambda: self.node.value("while-away") == self.ana.value("while-away"), STEP_S)


def main():
    only = sys.argv[1:]
    crashes = 0
    for scenario in (Verify, Propose, Install):
        if not only or scenario.name in only:
            running = scenario()
            running.every()
            crashes += running.crashes
    check(crashes >= 5, f"{crashes} crash points in all")


meshlib.finish(main)
