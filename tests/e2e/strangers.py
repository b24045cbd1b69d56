"""Many strangers at the port of a node that serves a mesh."""
import os
import random
import socket
import struct
import threading
import time

import meshlib
import peerlib
from meshlib import LONG, check, note, wait

STRANGERS, TIMES = (1000, 100) if LONG else (200, 20)
THREADS = 16
SETTINGS = ("epoch_interval=500ms", "gossip_interval=100ms")


class Crowd:
    def __init__(self, node, rng):
        self.port, self.mesh = node.port(), bytes.fromhex(node.mesh_id())
        self.rng, self.lock = rng, threading.Lock()
        self.came = self.heard = self.refused = 0

    def connect(self, number):
        peer = socket.socket()
        peer.settimeout(10)
        # each stranger has an address of its own, as far as loopback has them
        peer.bind((f"127.{1 + number // 60000 % 250}.{number // 250 % 240}.{1 + number % 250}", 0))
        peer.connect(("127.0.0.1", self.port))
        return peer

    def once(self, number, rng):
        try:
            peer = self.connect(number)
        except OSError:
            with self.lock:
                self.refused += 1
            return
        heard = b""
        with peer:
            try:
                heard = self.behave(peer, rng)
            except OSError:
                pass  # it was hung up on
            if rng.random() < 0.3:  # a reset instead of a proper end
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self.lock:
            self.came += 1
            self.heard += bool(heard)

    def behave(self, peer, rng):
        """What came back; only who knows the mesh id may hear anything."""
        what = rng.randrange(8)
        if what == 0:
            return b""
        if what == 1:
            peer.sendall(os.urandom(rng.randrange(1, 200)))
        elif what == 2:
            peer.sendall(struct.pack(">I", rng.choice((1 << 31, 0xffffffff, 5000, 0))) + b"x" * 30)
        elif what == 3:
            peer.sendall(peerlib.frame(os.urandom(54))[:rng.randrange(1, 58)])
        elif what == 4:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        elif what == 5:  # the greeting of nng's own protocols, which wedged its sockets
            peer.sendall(b"\0SP\0\0\x30\0\0" + struct.pack(">Q", 1 << 40))
        elif what == 6:
            peer.sendall(peerlib.frame(peerlib.hello(os.urandom(32))))
        else:  # a device that once was in the mesh: a good hello, then garbage or nothing
            peer.sendall(peerlib.frame(peerlib.hello(self.mesh)))
            if rng.random() < 0.5:
                peer.recv(4096)
                peer.sendall(peerlib.frame(os.urandom(200)))
            return b""
        if rng.random() < 0.3:
            peer.settimeout(0.2)
            try:
                return peer.recv(100)
            except socket.timeout:
                return b""
        return b""

    def one_thread(self, first, count, each_seed):
        rng = random.Random(each_seed)
        for number in range(first, first + count):
            for _ in range(TIMES):
                self.once(number, rng)

    def all(self, strangers):
        share = (strangers + THREADS - 1) // THREADS
        threads = [threading.Thread(target=self.one_thread,
                                    args=(i * share, max(0, min(share, strangers - i * share)), self.rng.randrange(1 << 30)))
                   for i in range(THREADS)]
        for thread in threads:
            thread.start()
        return threads


def settled(node, base):
    """Handshakes that never came are closed after five seconds."""
    wait("descriptors back", lambda: node.descriptors() <= base, 20)


def main():
    rng = meshlib.seed()
    nodes = meshlib.mesh(meshlib.scratch(), ["ana", "milo"], SETTINGS)
    ana, milo = nodes
    wait("connected", lambda: ana.status()["sessions"] == 1)
    crowd = Crowd(ana, rng)
    base = ana.descriptors()
    for thread in crowd.all(16):  # what is allocated once and kept counts as base
        thread.join(120)
    settled(ana, base)
    base, memory = ana.descriptors(), ana.resident_bytes()
    before, crowd.came = ana.stats()["refused"], 0

    started = time.monotonic()
    threads = crowd.all(STRANGERS)
    travelled, slowest = 0, 0.0
    while any(thread.is_alive() for thread in threads):
        at = time.monotonic()
        ana.put("while", str(travelled))
        wait("a put travels while strangers come", lambda: milo.value("while") == str(travelled), 20)
        slowest = max(slowest, time.monotonic() - at)
        travelled += 1
        time.sleep(0.1)
        if time.monotonic() - started > 250:
            raise meshlib.Failed("the crowd does not end")
    took = time.monotonic() - started
    check(crowd.came >= STRANGERS * TIMES * 0.95,
          f"{STRANGERS} strangers came {crowd.came} times in {took:.1f} s", f"only {crowd.came}, {crowd.refused} refused")
    check(crowd.heard == 0, "none of them heard a byte without knowing the mesh id", str(crowd.heard))
    check(travelled > 0, f"{travelled} puts travelled meanwhile, the slowest in {slowest:.2f} s")
    after = ana.stats()["refused"]
    counted = {reason: count - before.get(reason, 0) for reason, count in after.items() if count > before.get(reason, 0)}
    check(sum(counted.values()) >= STRANGERS * TIMES * 0.4 and
          {"bad_greeting", "wrong_mesh", "oversized", "truncated"} <= set(counted),
          f"counted by reason: {counted}", str(counted))
    settled(ana, base)
    check(True, f"descriptors are back at {base}")
    wait("memory back", lambda: ana.resident_bytes() <= memory + (2 << 20), 20)
    check(True, f"anonymous memory is back: {memory >> 10} KiB, now {ana.resident_bytes() >> 10} KiB")
    check(ana.status()["sessions"] == 1 and milo.status()["sessions"] == 1, "the members' link stands")
    milo.put("after", "yes")
    wait("members talk", lambda: ana.value("after") == "yes", 10)
    # two that dial each other at once keep one of the two links: that is no loss
    lost = [e for node in (ana, milo) for e in node.events("peer.gone") if e["reason"] != "duplicate_link"]
    check(not lost, "and was never lost", str(lost))
    note(f"events kept: {len(ana.events())}")


meshlib.finish(main)
