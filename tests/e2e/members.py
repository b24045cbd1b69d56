"""Devices that leave, are replaced and renamed: by 2 of 3, on real nodes, also those that were away."""
import meshlib
from meshlib import Node, check, equal, wait

SETTINGS = ("epoch_interval=500ms", "gossip_interval=100ms")


def verb(node, wanted, name, *args):
    code, answer = node.moot(*args)
    check(code == wanted, name, f"exit {code}, wanted {wanted}: {str(answer)[:300]}")
    return answer


def devices(node):
    return node.moot("device", "list")[1]["devices"]


def device(node, name, gone=False):
    found = [each for each in devices(node) if each["name"] == name and (each["state"] == "removed") == gone]
    return found[0] if len(found) == 1 else None


def decide(proposer, approver, name, *args):
    """Proposed on one node, approved on another, in force."""
    proposal = verb(proposer, 0, f"{name}: proposed", *args)
    wait("the other hears of it", lambda: any(each["id"] == proposal["id"]
                                              for each in approver.get("proposals")["proposals"]))
    verb(approver, 0, f"{name}: approved and in force", "approve", proposal["id"], "--digest", proposal["digest"], "--wait=30s")
    return proposal


def renamed(ana, milo, vera, nodes):
    equal(verb(ana, 6, "a name that is taken: exit 6", "device", "rename", "oven", "milo")["error"]["code"], "name_taken",
          "and it says name_taken")
    verb(ana, 0, "--dry-run of a rename", "device", "rename", "oven", "stove", "--dry-run")
    decide(ana, milo, "a rename", "device", "rename", "oven", "stove", "--home", "shed")
    wait("the new name is everywhere", lambda: all(device(node, "stove") for node in nodes))
    equal(device(vera, "stove")["home"], "shed", "with the new home")
    equal(nodes[-1].status()["device"]["name"], "stove", "the device itself says so")
    check(device(vera, "oven") is None, "nobody shows the old name")


def removed(ana, milo, vera, stove, lamp):
    equal(verb(ana, 6, "an administrator's device: exit 6", "device", "remove", "vera")["error"]["code"], "is_admin",
          "and it says is_admin")
    equal(verb(stove, 5, "no administrator: exit 5", "device", "remove", "lamp")["error"]["code"], "not_admin", "not_admin")
    code, answer = stove.moot("device", "leave")
    check(code == 5 and "moot device remove stove" in str(answer), "leave says who can, and with which command", str(answer))
    stove.put("heating", "18")
    meshlib.converged((ana, milo, vera, stove, lamp))
    lamp.stop()
    decide(ana, vera, "a removal", "device", "remove", "stove")
    wait("it knows itself", lambda: any(note["code"] == "removed" for note in stove.status()["notes"]))
    equal(stove.moot("record", "put", "heating", "30")[0], 5, "its own writes are refused: exit 5")
    wait("its sessions have ended", lambda: stove.status()["sessions"] == 0)
    check(device(ana, "stove") is None and device(ana, "stove", gone=True), "shown as removed, at the end of the list")
    equal(devices(ana)[-1]["name"], "stove", "at the end")
    check(all(each["name"] != "stove" for each in ana.status()["devices"]), "status shows the mesh without it")
    equal(ana.value("heating"), "18", "what it wrote before stays")
    lamp.start()
    wait("one that was away hears of it", lambda: device(lamp, "stove", gone=True))
    equal(verb(ana, 5, "removed once: exit 5", "device", "remove", "stove")["error"]["code"], "removed", "and says removed")


def away(ana, milo, vera, lamp):
    """Removed while it is off: it finds out when it comes back, and a restart does not forget."""
    lamp.stop()
    decide(vera, milo, "a removal of one that is off", "device", "remove", "lamp", "--at",
           str(device(ana, "lamp")["facts"]))
    lamp.start()
    wait("it gets the proof", lambda: any(note["code"] == "removed" for note in lamp.status()["notes"]))
    lamp.stop()
    lamp.start()
    check(any(note["code"] == "removed" for note in lamp.status()["notes"]), "and keeps it over a restart")
    equal(lamp.moot("record", "put", "a", "b")[0], 5, "it writes nothing more")


def replaced(directory, ana, milo, vera):
    old = Node(directory, "desk", "hill", SETTINGS).start()
    meshlib.join(ana, old, (milo,))
    old.put("desk", "old")
    meshlib.converged((ana, milo, vera, old))
    new = Node(directory, "desk-2", "shore", SETTINGS).start()
    uri = verb(ana, 0, "an invitation", "device", "invite")["uri"]
    verb(new, 0, "the new device asks", "join", uri)
    verb(ana, 4, "a device that never asked: exit 4", "device", "replace", "desk", "desk-3")
    decide(ana, milo, "a replacement", "device", "replace", "desk", "desk-2")
    wait("the new one is in", lambda: new.status()["in_mesh"] and new.status()["device"]["name"] == "desk")
    equal(new.status()["device"]["home"], "hill", "under name and home of the old one")
    wait("the old one knows", lambda: any(note["code"] == "removed" for note in old.status()["notes"]))
    new.put("desk", "new")
    meshlib.converged((ana, milo, vera, new))
    check(meshlib.digests_equal((ana, milo, vera, new)), "equal frontier, equal state")
    gone = device(vera, "desk", gone=True)
    equal(gone and gone["replaced_by"], device(vera, "desk")["id"], "the old one names its successor")
    equal(vera.value("desk"), "new", "and the new one's writes count")


def main():
    directory = meshlib.scratch()
    ana, milo, vera, lamp, oven = meshlib.mesh(directory, ("ana", "milo", "vera", "lamp", "oven"), SETTINGS, admins=3,
                                               threshold=2)
    nodes = (ana, milo, vera, lamp, oven)
    renamed(ana, milo, vera, nodes)
    removed(ana, milo, vera, oven, lamp)
    away(ana, milo, vera, lamp)
    replaced(directory, ana, milo, vera)
    for node in (ana, milo, vera):
        node.stop()
        node.start()
    meshlib.converged((ana, milo, vera))
    check(meshlib.digests_equal((ana, milo, vera)), "all of it is there after a restart")


meshlib.finish(main)
