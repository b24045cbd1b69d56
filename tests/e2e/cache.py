"""The cache by hand: kept here, invalidated everywhere by 2 of 3, floors that outlive kill -9 and absence."""
import meshlib
from meshlib import check, converged, equal, note, wait

SETTINGS = ("epoch_interval=2s", "gossip_interval=100ms")


def verb(node, wanted, name, *args):
    """One command of the contract with the exit status it must have; its document."""
    code, answer = node.moot(*args)
    check(code == wanted, name, f"exit {code}, wanted {wanted}: {str(answer)[:300]}")
    return answer


def keep(nodes):
    for node in nodes:
        verb(node, 4, f"{node.name} has nothing cached", "cache", "get", "menu/today")
        stored = verb(node, 0, f"{node.name} keeps a value", "cache", "set", "menu/today", "soup")
        got = verb(node, 0, "and gives it back", "cache", "get", "menu/today")
        equal((got["value"], got["epoch"]), ("soup", stored["epoch"]), "with the epoch it was stored in")
        verb(node, 0, "another key, too", "cache", "set", "other", "x")
    stats = verb(nodes[0], 0, "counters", "cache", "stats")
    equal([stats[k] for k in ("hits", "misses", "stored", "entries", "invalidated", "evicted")], [1, 1, 2, 2, 0, 0],
          "what was asked is counted")


def invalidate(ana, milo, vera):
    """Milo's process is killed before the decision and is back after it: nothing below the floor is served."""
    proposal = verb(ana, 0, "an invalidation by prefix is proposed", "propose", "cache", "menu/", "--prefix")
    floor = proposal["cache"]["floor"]
    equal(floor, proposal["epoch"] + 1, "its floor is the epoch after the present one")
    equal(proposal["cache"]["prefixes"], ["menu/"], "it names the prefix")
    verb(ana, 0, "one approval of two changes nothing", "cache", "get", "menu/today")
    milo.kill()
    wait("vera knows of it", lambda: vera.proposal(proposal["id"]))
    verb(vera, 0, "vera approves", "approve", proposal["id"], "--digest", proposal["digest"])
    for node in (ana, vera):
        wait("in force", lambda n=node: n.proposal(proposal["id"])["state"] == "in-force")
        verb(node, 4, f"{node.name} serves it no more", "cache", "get", "menu/today")
        verb(node, 0, "but what was not meant", "cache", "get", "other")
        equal(verb(node, 4, "check says why", "cache", "check", "menu/today")["floor"], floor, "with the floor")
    equal(verb(ana, 0, "counters", "cache", "stats")["invalidated"], 1, "the entry was counted as invalidated")
    return floor


def back(nodes, floor):
    ana, milo, vera = nodes
    milo.start()
    wait("milo knows the floor", lambda: milo.get("cache-check/menu/today")["floor"] == floor)
    verb(milo, 4, "the cache of a killed process is gone", "cache", "get", "other")
    vera.kill()
    vera.start()
    equal(vera.get("cache-check/menu/today")["floor"], floor, "the floor survives kill -9, before any peer is heard")
    wait("the epoch reaches the floor", lambda: min(n.epoch() for n in nodes) >= floor)
    for node in nodes:
        verb(node, 0, f"{node.name} caches it again", "cache", "set", "menu/today", "stew")
        equal(verb(node, 0, "and serves it", "cache", "get", "menu/today")["value"], "stew", "the new value")
    frontier, state = converged(nodes)
    check(frontier and state, "equal frontier, equal state", f"{frontier} {state}")


def refused(ana, milo):
    epoch = ana.epoch()
    far = verb(ana, 2, "a floor far ahead is refused", "propose", "cache", "k", "--floor", "+721")
    equal(far["error"]["code"], "window", "by its reason")
    shown = verb(ana, 0, "a dry run shows the fact", "cache", "invalidate", "k", "--floor", "+1", "--dry-run")
    check(shown["dry_run"] and shown["payload"], "and proposes nothing", str(shown))
    ahead = verb(ana, 0, "a floor a little ahead", "propose", "cache", "later", "--floor", f"{epoch + 600}")
    wait("milo knows of it", lambda: milo.proposal(ahead["id"]))
    verb(milo, 0, "milo approves", "approve", ahead["id"], "--digest", ahead["digest"])
    wait("in force", lambda: ana.proposal(ahead["id"])["state"] == "in-force")
    answer = verb(ana, 1, "what would not be served is not kept", "cache", "set", "later", "v")
    equal(answer["error"]["code"], "below_floor", "and says so")


def main():
    nodes = meshlib.mesh(meshlib.scratch(), ("ana", "milo", "vera"), SETTINGS, admins=3, threshold=2)
    keep(nodes)
    floor = invalidate(*nodes)
    back(nodes, floor)
    refused(*nodes[:2])
    note(f"epoch {nodes[0].epoch()}, floor {floor}")


meshlib.finish(main)
