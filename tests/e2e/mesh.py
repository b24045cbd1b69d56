"""The script contract by hand: three nodes found a mesh, decide, are away, and stay equal."""
import meshlib
import peerlib
from meshlib import Node, check, converged, equal, note, wait

SETTINGS = ("epoch_interval=500ms", "gossip_interval=100ms")


def verb(node, wanted, name, *args):
    """One command of the contract with the exit status it must have; its document."""
    code, answer = node.moot(*args)
    check(code == wanted, name, f"exit {code}, wanted {wanted}: {str(answer)[:300]}")
    return answer


def found_and_grow(directory):
    ana, milo, vera = [Node(directory, name, home, SETTINGS).start()
                       for name, home in (("ana", "hill"), ("milo", "hill"), ("vera", "shore"))]
    check(ana.status()["listen"].rsplit(":", 1)[1] != "0", "status names the port that --listen :0 took")
    verb(ana, 0, "init founds a mesh", "init", "--mesh", "valley")
    for node in (milo, vera):
        invitation = verb(ana, 0, f"an invitation for {node.name}", "device", "invite")
        check({"code", "uri", "expires_in_s"} <= set(invitation), "an invitation has code, uri, expires_in_s",
              str(invitation))
        verb(node, 0, f"{node.name} asks to join", "join", invitation["uri"])
        wait("pending", lambda n=node: n.name in [p["name"] for p in
                                                  ana.moot("device", "pending")[1]["pending"]])
        verb(ana, 0, f"{node.name} is admitted", "device", "admit", node.name)
        wait("member", lambda n=node: n.status()["in_mesh"])
    answer = verb(ana, 0, "a turn to 2 of 3 is proposed", "propose", "admins", "--set", "ana,milo,vera",
                  "--threshold", "2")
    wait("turn in force everywhere", lambda: all(
        n.status()["admins"]["threshold"] == 2 and sorted(n.status()["admins"]["names"]) == ["ana", "milo", "vera"]
        for n in (ana, milo, vera)))
    shown = verb(milo, 0, "show tells of the turn", "show", answer["id"])
    equal(shown["state"], "in-force", "the turn is in force")
    equal(sorted(shown["certificate"]["signers"]), ["ana", "milo", "vera"],
          "its certificate shows who decided and that the new administrators consented")
    return ana, milo, vera


def equal_digests(nodes, name):
    frontier, state = converged(nodes)
    check(len(frontier) == 64 and len(state) == 64 and frontier != state, name + ": equal frontier, equal state",
          f"{frontier} {state}")


def decide(ana, milo, vera, directory):
    """A fourth device's admission, 2 of 3: wrong digest, not an administrator, who signed."""
    dora = Node(directory, "dora", "shore", SETTINGS).start()
    dora.post("join", uri=vera.post("invite")["uri"])
    wait("pending", lambda: [p for p in vera.get("devices/pending")["pending"] if p["name"] == "dora"])
    proposal = verb(vera, 0, "vera proposes dora's admission", "device", "admit", "dora")
    name, digest = proposal["id"], proposal["digest"]
    wait("milo knows", lambda: milo.proposal(name))
    wrong = ("0" if digest[0] != "0" else "1") + digest[1:]
    answer = verb(milo, 6, "a wrong digest exits 6", "approve", name, "--digest", wrong)
    equal(answer["error"]["code"], "wrong_digest", "and says wrong_digest")
    equal(milo.proposal(name)["approvals"]["yes"], ["vera"], "and approves nothing")
    verb(milo, 0, "the first block of the digest approves", "approve", name, "--digest", digest[:8])
    wait("dora is in", lambda: dora.status()["in_mesh"])
    for node in (ana, milo, vera):
        wait("in force", lambda n=node: n.proposal(name)["state"] == "in-force")
    shown = ana.proposal(name)
    equal(sorted(shown["certificate"]["signers"]), ["milo", "vera"], "the certificate shows exactly who signed")
    verb(ana, 0, "its signatures hold when checked again outside the node", "proposal", "verify", name)
    equal_digests([ana, milo, vera, dora], "four nodes")
    # A proposal that is open: dora is a member, not an administrator.
    turning = ana.post("propose/admins", names=["ana", "milo", "vera", "dora"], threshold=3)
    wait("dora knows", lambda: dora.proposal(turning["id"]))
    before = dora.proposal(turning["id"])
    answer = verb(dora, 5, "who is no administrator exits 5", "reject", turning["id"], "-m", "no")
    equal(answer["error"]["code"], "not_admin", "and it says not_admin")
    equal(dora.proposal(turning["id"])["approvals"]["no"], before["approvals"]["no"], "and no vote is counted")
    verb(ana, 0, "the proposer withdraws", "withdraw", turning["id"])
    wait("withdrawn at dora", lambda: dora.proposal(turning["id"])["state"] == "withdrawn")
    verb(milo, 8, "an approval after the end exits 8", "approve", turning["id"], "--digest", turning["digest"])
    verb(milo, 4, "a proposal that is not exits 4", "show", "UP-ZZZZZZ")
    dora.stop()


def records(ana, milo, vera):
    verb(ana, 0, "a record is put", "record", "put", "light/porch", "on")
    wait("it travels", lambda: vera.value("light/porch") == "on")
    equal(verb(milo, 0, "a record is read elsewhere", "record", "get", "light/porch").get("value"), "on", "its value")
    verb(milo, 4, "a record that is not there exits 4", "record", "get", "light/none")


def away(ana, milo, vera):
    before = vera.epoch()
    vera.stop()
    for i in range(40):
        (ana if i % 2 else milo).put(f"away/{i}", str(i))
    wait("the epoch moves without vera", lambda: ana.epoch() >= before + 3)
    vera.start()
    wait("vera caught up", lambda: len(vera.keys("away/")) == 40)
    check(vera.epoch() >= before + 3, "a member that was away catches up")
    equal_digests([ana, milo, vera], "after being away")


def any_two_links(nodes):
    """Each in turn is the only one that a fact of the first can go through to the second."""
    for middle in range(3):
        first, via, second = nodes[(middle + 1) % 3], nodes[middle], nodes[(middle + 2) % 3]
        second.stop()
        first.put(f"relay/{middle}", "carried")
        wait("the one between has it", lambda v=via: v.value(f"relay/{middle}") == "carried")
        first.stop()
        check(not first.alive(), f"{first.name} is down: no direct link to {second.name}")
        second.start()
        wait("carried on", lambda s=second: s.value(f"relay/{middle}") == "carried")
        check(True, f"a fact of {first.name} reaches {second.name} through {via.name}")
        first.start()
    equal_digests(nodes, "after every path was down once")


def refused(ana, milo, vera, directory):
    other = Node(directory, "olga", "elsewhere", SETTINGS).start()
    other.post("init", mesh="other")
    before = ana.refused("wrong_mesh")
    with peerlib.Peer(ana.port()) as peer: # as olga's node would dial
        peer.send(peerlib.frame(peerlib.hello(bytes.fromhex(other.mesh_id()))))
        check(peer.silent(), "a device of another mesh gets no reply")
    wait("counted", lambda: ana.refused("wrong_mesh") == before + 1)
    check(True, "and is counted: wrong_mesh")
    before = ana.refused("stranger")
    with peerlib.Peer(ana.port()) as peer:
        peer.shake(bytes.fromhex(ana.mesh_id()), peerlib.Identity())
        check(peer.closed(), "a stranger that knows the mesh id is turned away")
    wait("counted", lambda: ana.refused("stranger") == before + 1)
    check(bool(ana.events("peer.refused")), "and is counted and named: stranger")
    other.stop()
    connected = [d["name"] for d in ana.get("devices")["devices"] if d["state"] == "connected"]
    check({"milo", "vera"} <= set(connected), "members are let in", str(connected))
    ana.put("after/strangers", "yes")
    wait("members talk", lambda: vera.value("after/strangers") == "yes")


def main():
    directory = meshlib.scratch()
    nodes = found_and_grow(directory)
    equal_digests(nodes, "three nodes")
    records(*nodes)
    away(*nodes)
    any_two_links(list(nodes))
    refused(*nodes, directory)
    decide(*nodes, directory)
    check(all(n.refused("double_vote") == 0 for n in nodes), "nobody voted twice")
    note(f"epoch {nodes[0].epoch()}, {nodes[0].stats()['facts']} facts")


meshlib.finish(main)
