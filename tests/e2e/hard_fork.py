"""A hard fork on real nodes: one of three runs as an older release and is fenced until it is raised."""
import meshlib
from meshlib import check, converged, equal, wait

OLD = ("--protocol-max", "1")


def verb(node, wanted, name, *args):
    """One command of the contract with the exit status it must have; its document."""
    code, answer = node.moot(*args)
    check(code == wanted, name, f"exit {code}, wanted {wanted}: {str(answer)[:300]}")
    return answer


def fork(node, wanted, name, package, *more):
    return verb(node, wanted, name, "propose", "upgrade", package, "--hard", "--ready", "2", "--min-protocol", "2",
                *more)


def refusals(ana, package):
    code = lambda answer: answer["error"]["code"]
    plan = ("--revert-plan", "install 1.0.0 again before the fence")
    equal(code(fork(ana, 2, "a fork without a plan exits 2", package, "--at-epoch", "+20", "--short-notice")),
          "no_revert_plan", "and says no_revert_plan")
    equal(code(fork(ana, 2, "one with too little notice exits 2", package, "--at-epoch", "+20", *plan)),
          "notice_too_short", "and says notice_too_short")
    equal(code(fork(ana, 2, "one in the past exits 2", package, "--at-epoch", "1", "--short-notice", *plan)),
          "window", "and says window")
    answer = verb(ana, 2, "one to the protocol in force exits 2", "propose", "upgrade", package, "--hard", "--ready",
                  "2", "--min-protocol", "1", "--at-epoch", "+20", "--short-notice", *plan)
    equal(code(answer), "protocol_too_low", "and says protocol_too_low")


def decide(ana, milo, package, ahead):
    answer = fork(ana, 0, "a hard fork is proposed", package, "--at-epoch", f"+{ahead}", "--short-notice",
                  "--revert-plan", "irreversible")
    name = answer["id"]
    wait("milo knows", lambda: milo.proposal(name))
    shown = milo.proposal(name)
    check(shown["fence_epoch"] > shown["epoch"], "show prints the fence", str(shown["fence_epoch"]))
    check(shown["upgrade"]["short_notice"], "and that the notice was short")
    verb(milo, 0, "milo approves", "approve", name, "--digest", answer["digest"])
    return name


def fenced(ana, milo, vera, package):
    equal(vera.status()["protocol"], {"speaks": 1, "max": 1, "in_force": 1}, "vera speaks protocol 1 at most")
    vera.put("vera/early", "1")
    name = decide(ana, milo, package, 24)
    wait("activated", lambda: ana.proposal(name)["activation"])
    equal(ana.proposal(name)["state"], "certified", "activated is not in force yet")
    wait("vera knows what comes", lambda: vera.status()["fence_next"])
    notes = [note["code"] for note in vera.status()["notes"]]
    check("fence_ahead" in notes, "and its status warns", str(notes))
    # It is away from before the fence until after it; what it wrote meanwhile belongs to an earlier epoch.
    ana.stop()
    milo.stop()
    vera.put("vera/cut-off", "2")
    vera.stop()
    for node in (ana, milo):
        node.start()
    wait("in force", lambda: all(n.proposal(name)["state"] == "in-force" for n in (ana, milo)))
    shown = ana.proposal(name)
    check(shown["in_force_epoch"] >= shown["fence_epoch"], "in force from the fence on")
    equal(ana.status()["protocol"]["speaks"], 2, "the others speak protocol 2")
    ana.put("ana/new", "3")
    vera.start(args=OLD)
    wait("vera is fenced", lambda: vera.status()["fenced"])
    status = vera.status()
    check("protocol 2" in status["fenced_reason"], "and says why", str(status["fenced_reason"]))
    equal(status["protocol"], {"speaks": 1, "max": 1, "in_force": 2}, "it knows what is in force")
    answer = verb(vera, 9, "a fenced device cannot write: 9", "record", "put", "vera/late", "no")
    equal(answer["error"]["code"], "fenced", "and says fenced")
    verb(vera, 9, "nor queue", "record", "put", "vera/late", "no", "--queue")
    for node in (ana, milo):
        wait("what vera wrote while cut off", lambda n=node: n.value("vera/cut-off") == "2")
    check(True, "what it wrote before the fence counts")
    equal(vera.value("vera/early"), "1", "it reads")
    equal(vera.value("ana/new"), None, "it is not given what it cannot judge")
    before = vera.epoch()
    wait("epochs go on at vera", lambda: vera.epoch() >= before + 2)
    listed = verb(vera, 0, "fork list", "fork", "list")["forks"]
    equal((listed[-1]["what"], listed[-1]["protocol"], listed[-1]["proposal"]), ("hard-fork", 2, name),
          "names the fork last")
    equal(verb(vera, 0, "fork show", "fork", "show")["epoch"], shown["in_force_epoch"], "since its epoch")
    verb(vera, 4, "a turn that is none exits 4", "fork", "show", "99")
    return name


def heals(nodes, name):
    vera = nodes[2]
    blocks = vera.proposal(name)["blocks"]
    check(blocks and blocks["held"] == blocks["total"] > 0, "the fenced device holds the package of the fork",
          str(blocks))
    vera.stop()
    vera.start()
    wait("healed", lambda: not vera.status()["fenced"])
    check(True, "raised, it heals by itself")
    wait("it has the rest", lambda: vera.value("ana/new") == "3")
    verb(vera, 0, "and writes", "record", "put", "vera/late", "yes")
    converged(nodes)
    check(True, "all are equal again")
    equal(vera.stats()["unread"], 0, "nothing is unread")


def main():
    directory = meshlib.scratch()
    nodes = meshlib.mesh(directory, ("ana", "milo", "vera"), admins=2, threshold=2)
    ana, milo, vera = nodes
    vera.stop()
    vera.start(args=OLD)
    package = meshlib.package(directory, ana, "2.0.0", 300000)
    refusals(ana, package)
    name = fenced(ana, milo, vera, package)
    heals(nodes, name)


meshlib.finish(main)
