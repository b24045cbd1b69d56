"""A node killed at its Nth store call, for every N until the work is done without a crash.

Each scenario prepares a mesh once and then, for each N, starts the node under test with
MOOT_CRASH_AT=N, lets it work until it is dead or done, starts it again and compares: what was
acknowledged is there, nobody signed two statements in one slot, no epoch fell, digests are equal.
"""
import http.client
import os
import signal
import struct
import sys
import time

import meshlib
from meshlib import ApiError, Failed, Node, check, digests_equal, note, wait

CALLS_MAX = 400
STEP_S = 30.0
SETTINGS = ("gossip_interval=50ms",)
QUIET = 3  # so many starts in a row without a crash end a sweep: batches differ from start to start


class Crashed(Exception):
    """Seen from inside a wait: the node is dead."""


GONE = (Crashed, OSError, http.client.HTTPException, ValueError)


class Scenario:
    """prepare() once; then work(), which ends with what it was told, and verify() for each N."""
    name = ""

    def __init__(self):
        self.directory = meshlib.scratch()
        self.acknowledged = 0
        self.crashes = 0

    def nodes(self):
        return [self.node, *self.others]

    def run(self, at):
        """One start of the node under test with its work; True when it was killed at call `at`."""
        counter = os.path.join(self.directory, "calls")
        env = {"MOOT_CRASH_COUNT": counter}
        if at:
            env["MOOT_CRASH_AT"] = str(at)
        self.node.launch(env)
        try:
            wait("ready or dead", lambda: not self.node.alive() or "mootd: ready" in self.node.log_text(), pause=0.01)
            if self.node.alive():
                self.work()
        except GONE:
            wait("dead after the line broke", lambda: not self.node.alive(), 10)
        died = not self.node.alive()
        code = self.node.process.poll()
        if died and code != -signal.SIGKILL:
            raise Failed(f"{self.name} at call {at}: the node ended with {code}: {self.node.log_text()[-400:]}")
        self.node.kill()
        with open(counter, "rb") as file:
            self.calls = struct.unpack("=Q", file.read(8))[0]
        return died

    def alive(self):
        """For waits inside work(): stops them when the crash came."""
        if not self.node.alive():
            raise Crashed
        return True

    def after(self, at):
        """Starts again without the fault and checks."""
        self.node.start()
        try:
            self.verify()
            wait(f"{self.name} at call {at}: equal digests", lambda: digests_equal(self.nodes()), STEP_S)
        except Failed as error:
            raise Failed(f"{self.name}, killed at call {at}: {error}") from None
        for node in self.nodes():
            refused = node.stats()["refused"]
            for reason in ("double_vote", "chain_forked", "broken_link", "bad_head_signature", "store_damaged"):
                # what a person asks of its own node in vain is counted there, too
                mine = node is self.node and reason == "double_vote"
                if refused.get(reason, 0) and not mine:
                    raise Failed(f"{self.name}, killed at call {at}: {node.name} counts {reason}")
            for name in ("admin.double_vote", "chain.forked", "node.stopped"):
                if node.events(name):
                    raise Failed(f"{self.name}, killed at call {at}: {node.name} tells of {name}")
        self.node.kill()

    def every(self):
        started = time.monotonic()
        self.prepare()
        self.node.stop()
        if self.run(0):
            raise Failed(f"{self.name}: died without a fault")
        total = self.calls
        self.after(0)
        at, quiet = 1, 0
        while quiet < QUIET and at <= CALLS_MAX:
            died = self.run(at)
            self.after(at)
            self.crashes += died
            quiet = 0 if died else quiet + 1
            last, at = at, at + 1
        check(self.crashes > 0 and quiet == QUIET,
              f"{self.name}: killed at {self.crashes} store calls (a start without a fault makes {total}), nothing "
              "acknowledged was lost", f"{self.crashes} crashes, the last start was killed at {last}")
        note(f"{self.name}: {self.crashes} crashes, calls 1 to {last}, {self.acknowledged} "
             f"acknowledged, {time.monotonic() - started:.1f} s")
        for node in self.nodes():
            node.kill()


def retried(call):
    """A call that waits out `being_heard` (the node listens to its peers first)."""
    end = time.monotonic() + STEP_S
    while True:
        try:
            return call()
        except ApiError as error:
            if error.code != "being_heard" or time.monotonic() > end:
                raise
            time.sleep(0.03)


class Found(Scenario):
    name = "found"
    others = ()

    def prepare(self):
        self.round = 0
        self.node = Node(self.directory, "first", settings=SETTINGS).start()

    def run(self, at):
        self.round += 1
        self.node = Node(self.directory, f"n{self.round}", settings=SETTINGS)
        self.told = False
        return super().run(at)

    def work(self):
        self.node.post("init", mesh="e2e")
        self.told = True
        self.acknowledged += 1

    def verify(self):
        if not self.node.status()["in_mesh"]:
            if self.told:
                raise Failed("the founding was acknowledged and is gone")
            self.node.post("init", mesh="e2e")
        self.node.put("alive", "yes")


class Append(Scenario):
    name = "append"

    def prepare(self):
        self.node, *self.others = meshlib.mesh(self.directory, ["ana", "milo"], SETTINGS)
        self.round, self.told = 0, {}

    def work(self):
        self.round += 1
        for i in range(3):
            key = f"r/{self.round}/{i}"
            self.node.put(key, f"value {key}")
            self.told[key] = f"value {key}"
            self.acknowledged += 1

    def verify(self):
        retried(lambda: self.node.put("after", str(self.round)))
        wait("the peer has the newest", lambda: self.others[0].value("after") == str(self.round), STEP_S)
        for node in self.nodes():
            held = set(node.keys("r/"))
            lost = [key for key in self.told if key not in held]
            if lost:
                raise Failed(f"{node.name} lost {lost}")
        for i in range(3):
            key = f"r/{self.round}/{i}"
            if key in self.told and self.node.value(key) != self.told[key]:
                raise Failed(f"{key} reads {self.node.value(key)!r}")


class VoteNo(Scenario):
    """milo rejects a proposal of ana's in a mesh of 2 of 3: it stays open, the vote stays alone."""
    name = "vote no"
    yes = False

    def prepare(self):
        self.ana, self.node, vera = meshlib.mesh(self.directory, ["ana", "milo", "vera"], ("epoch_interval=300ms",
                                                                                          *SETTINGS), admins=3,
                                                 threshold=2)
        self.others = [self.ana, vera]
        for node in self.nodes():  # from here on no tick comes between
            node.stop()
            node.settings = ["epoch_interval=1h", *SETTINGS]
            node.start()
        self.proposal, self.double = None, 0
        self.manifest = meshlib.send_package(self.ana, meshlib.package(self.directory, self.ana))

    def propose(self):
        answer = retried(lambda: self.ana.post("propose/upgrade", manifest=self.manifest, kind="soft", ready=3))
        self.proposal, self.digest = answer["id"], answer["digest"]
        wait("vera knows", lambda: self.others[1].proposal(self.proposal), STEP_S)

    def run(self, at):
        if self.proposal is None:
            self.propose()
        self.told = None
        return super().run(at)

    def vote(self, yes):
        path = f"proposals/{self.proposal}/"
        if yes:
            return self.node.post(path + "approve", digest=self.digest)
        return self.node.post(path + "reject", reason="not now")

    def work(self):
        wait("milo knows the proposal", lambda: self.alive() and self.known(), STEP_S, 0.02)
        retried(lambda: self.vote(self.yes))
        self.told = self.yes
        self.acknowledged += 1
        self.follow()

    def follow(self):
        wait("counted", lambda: self.alive() and "milo" in self.ana.proposal(self.proposal)["approvals"]["no"],
             STEP_S, 0.02)

    def known(self):
        try:
            return self.node.proposal(self.proposal)
        except ApiError:
            return None

    def said(self):
        approvals = self.node.proposal(self.proposal)["approvals"]
        return True if "milo" in approvals["yes"] else False if "milo" in approvals["no"] else None

    def verify(self):
        wait("milo knows the proposal again", self.known, STEP_S)
        if self.told is not None and self.said() != self.told:
            raise Failed(f"acknowledged {self.told}, restarted as {self.said()}")
        said = self.said()
        if said is None:  # the vote did not survive, so either answer is free
            return
        try:
            retried(lambda: self.vote(not said))
            raise Failed("a second vote in the slot was taken")
        except ApiError as error:
            # a certified proposal is past votes; an open one knows its own vote
            if error.code not in (("decided", "ended", "double_vote") if said else ("double_vote",)):
                raise
            self.double += 1
        if self.said() != said:
            raise Failed(f"said {said}, then {self.said()}")
        self.settle()
        self.proposal = None

    def settle(self):
        wait("ana counts the same", lambda: "milo" in self.ana.proposal(self.proposal)["approvals"]["no"], STEP_S)
        self.ana.post(f"proposals/{self.proposal}/withdraw")

    def every(self):
        super().every()
        check(self.double > 0, f"{self.name}: {self.double} times the other answer was refused afterwards")


class VoteYes(VoteNo):
    """milo approves: the certificate, readiness and activation follow on their own."""
    name = "vote yes"
    yes = True

    def follow(self):
        wait("in force", lambda: self.alive() and self.ana.proposal(self.proposal)["state"] == "in-force", STEP_S, 0.02)

    def settle(self):
        for node in self.nodes():
            wait(f"in force at {node.name}", lambda n=node: n.proposal(self.proposal)["state"] == "in-force", STEP_S)
        if sorted(self.ana.proposal(self.proposal)["certificate"]["signers"]) != ["ana", "milo"]:
            raise Failed("others signed than voted")


class Tick(Scenario):
    name = "tick"

    def prepare(self):
        self.node, *self.others = meshlib.mesh(self.directory, ["ana", "milo"], ("epoch_interval=100ms", *SETTINGS))
        self.seen = 0

    def look(self):
        for node in self.nodes():
            if node.alive():
                self.seen = max(self.seen, node.epoch())
        return self.seen

    def work(self):
        first = self.node.epoch()
        wait("an epoch passes", lambda: self.alive() and self.look() >= first + 2, STEP_S, 0.005)
        self.acknowledged += 1

    def verify(self):
        self.seen = max(self.seen, self.others[0].epoch())
        now = self.node.epoch()
        if now < self.seen:
            raise Failed(f"the epoch fell from {self.seen} to {now}")
        wait("epochs go on", lambda: self.node.epoch() > self.seen and self.others[0].epoch() > self.seen, STEP_S)
        self.look()


class Turn(Scenario):
    """ana proposes the other set of administrators: {ana}, 1 of 1, or {ana, milo}, 2 of 2."""
    name = "turn"

    def prepare(self):
        self.meshes = getattr(self, "meshes", 0) + 1
        self.node, *self.others = meshlib.mesh(os.path.join(self.directory, str(self.meshes)), ["ana", "milo"],
                                               ("epoch_interval=150ms", *SETTINGS))
        self.seen = {}

    def work(self):
        status = self.node.status()
        version, both = status["admins"]["version"], len(status["admins"]["names"]) == 1
        names = ["ana", "milo"] if both else ["ana"]

        def propose():
            try:
                return self.node.post("propose/admins", names=names, threshold=len(names))
            except ApiError as error:
                if error.code == "silent":  # milo was not seen since the start
                    raise ApiError({"code": "being_heard"}) from None
                raise
        self.told = retried(propose)["id"]
        self.acknowledged += 1
        wait("in force", lambda: self.alive() and self.agree() and
             self.node.status()["admins"]["version"] > version and self.look(), STEP_S, 0.02)

    def agree(self):
        """milo's person approves where milo decides, too; a new administrator's node consents by itself."""
        milo = self.others[0]
        for proposal in milo.get("proposals")["proposals"]:
            if proposal["state"] == "proposed" and proposal["waiting_for_you"]:
                milo.post(f"proposals/{proposal['id']}/approve", digest=proposal["digest"])
        return True

    def run(self, at):
        self.told = None
        self.version = self.others[0].status()["admins"]["version"]
        if self.version > 12:  # each turn rewrites the rows of all before: a new mesh keeps the calls few
            self.others[0].stop()
            self.prepare()
            self.node.stop()
            self.version = self.others[0].status()["admins"]["version"]
        return super().run(at)

    def look(self):
        """Each node's epoch as it told it last: with two deciding, one may know a tick before the other."""
        for node in self.nodes():
            if node.alive():
                now = node.epoch()
                if now < self.seen.get(node, 0):
                    raise Failed(f"the epoch of {node.name} fell from {self.seen[node]} to {now}")
                self.seen[node] = now
        return True

    def verify(self):
        self.look()
        if self.told and self.told not in [p["id"] for p in self.node.get("proposals")["proposals"]]:
            raise Failed(f"{self.told} was acknowledged and is gone")

        def settled():
            self.agree()
            open_here = [p for p in self.node.get("proposals")["proposals"]
                         if p["kind"] == "admins" and p["state"] in ("proposed", "certified")]
            both = [node.status() for node in self.nodes()]
            return (not open_here and both[0]["timeline"] == both[1]["timeline"] and
                    both[0]["admins"]["version"] == both[1]["admins"]["version"])
        wait("the turn settled", settled, STEP_S)
        version = self.node.status()["admins"]["version"]
        if self.told and version != self.version + 1:
            raise Failed(f"the acknowledged turn is not in force: version {version} after {self.version}")
        highest = max(self.seen.values())
        wait("epochs go on", lambda: min(n.epoch() for n in self.nodes()) > highest, STEP_S)
        self.look()


def main():
    only = sys.argv[1:]
    crashes = 0
    for scenario in (Found, Append, VoteNo, VoteYes, Tick, Turn):
        if not only or scenario.name in only:
            running = scenario()
            running.every()
            crashes += running.crashes
    check(crashes >= 5, f"{crashes} crash points in all")


if __name__ == "__main__":
    meshlib.finish(main)
