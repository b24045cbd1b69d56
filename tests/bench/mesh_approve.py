"""How long people wait: from an approval to the certificate on every node, and what that is made of."""
import threading

from mesh import *

PROPOSALS = 5  # open upgrades of one administrator are limited


def median(values):
    return sorted(values)[len(values) // 2]


def commit_s(directory):
    """One small write and fdatasync, as the store does for a vote."""
    times = []
    descriptor = os.open(os.path.join(directory, "probe"), os.O_RDWR | os.O_CREAT, 0o600)
    for i in range(10):
        start = time.monotonic()
        os.pwrite(descriptor, b"x" * 16384, 16384 * (i % 4))
        os.fdatasync(descriptor)
        times.append(time.monotonic() - start)
    os.close(descriptor)
    return median(times)


def round_trip_s():
    server = socket.create_server(("127.0.0.1", 0))

    def echo():
        peer = server.accept()[0]
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            data = peer.recv(4096)
            if not data:
                return
            peer.sendall(data)

    threading.Thread(target=echo, daemon=True).start()
    client = socket.create_connection(server.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    for _ in range(200):
        start = time.monotonic()
        client.sendall(b"x" * 400)
        client.recv(4096)
        times.append(time.monotonic() - start)
    client.close()
    return median(times)


def moot(node, *arguments):
    run = subprocess.run([os.path.join(BIN, "moot"), *arguments, "--json"], text=True, capture_output=True,
                         env=dict(os.environ, MOOT_NODE="unix:" + node.socket, HOME=root))
    if run.returncode != 0:
        fail("moot %s: %s" % (" ".join(arguments), (run.stdout + run.stderr)[:300]))
    return json.loads(run.stdout)


def watch(node, proposal, times):
    """When the node shows it certified, or further on."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if node.get("proposals/" + proposal)["state"] not in ("proposed", "unknown"):
            times[node.name] = time.monotonic()
            return
        time.sleep(0.0005)


mesh = found(3, ["epoch_interval=1s", "soft_fork_auto_activate=no"])
mesh[0].post("propose/admins", {"names": ["n0", "n1", "n2"], "threshold": 2})
until("two of three", lambda: all(n.get("status")["admins"]["threshold"] == 2 for n in mesh), 60)
level(mesh)
puts = []
for i in range(30):
    start = time.monotonic()
    mesh[1].post("records/probe", {"value": str(i)})
    puts.append(time.monotonic() - start)
asker = Node("asker")  # a second connection to n1
asker.socket = mesh[1].socket
content = os.path.join(root, "content")
os.mkdir(content)
own, everywhere, answered, commits = [], [], [], []
for i in range(PROPOSALS):
    with open(os.path.join(content, "file"), "w") as file:
        file.write(str(i))
    package = os.path.join(root, "p%d.moot" % i)
    moot(mesh[0], "package", "build", content, "--name", "app", "--version", "1.0.%d" % i, "--output", package)
    moot(mesh[0], "propose", "upgrade", package, "--soft", "--ready", "3")
    until("the proposal", lambda: all(any(p["state"] == "proposed" for p in n.get("proposals")["proposals"])
                                      for n in mesh), 30)
    shown = next(p for p in mesh[0].get("proposals")["proposals"] if p["state"] == "proposed")
    proposal, digest = shown["id"], shown["digest"]
    time.sleep(0.5)
    commits.append(commit_s(root))  # close to what it is compared with: disks have moods
    times = {}
    watchers = [threading.Thread(target=watch, args=(n, proposal, times)) for n in mesh]
    for watcher in watchers:
        watcher.start()
    time.sleep(0.05)
    start = time.monotonic()
    asker.post("proposals/%s/approve" % proposal, {"digest": digest})
    answered.append(time.monotonic() - start)
    for watcher in watchers:
        watcher.join(30)
    if len(times) != len(mesh):
        fail("not certified within 20 s")
    own.append(times["n1"] - start)
    everywhere.append(max(times.values()) - start)
print("approve -> certified, 2 of 3, three processes, %d proposals, middle (least)" % PROPOSALS)
print("  a record put, durable   %7.2f ms (%.2f)" % (median(puts) * 1e3, min(puts) * 1e3))
print("  the approval answered   %7.2f ms (%.2f)" % (median(answered) * 1e3, min(answered) * 1e3))
print("  certified on its node   %7.2f ms (%.2f)" % (median(own) * 1e3, min(own) * 1e3))
print("  certified on all        %7.2f ms (%.2f)" % (median(everywhere) * 1e3, min(everywhere) * 1e3))
commit, trip = median(commits), round_trip_s()
print("  one fdatasync %.2f ms + one loopback round trip %.3f ms: all in %.1fx of it (least: %.1fx)" %
      (commit * 1e3, trip * 1e3, median(everywhere) / (commit + trip), min(everywhere) / (commit + trip)))
