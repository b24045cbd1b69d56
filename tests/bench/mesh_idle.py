"""What a node costs that has nothing to do."""
from mesh import *

FACTS = 1000
SECONDS = int(os.environ.get("MOOT_BENCH_IDLE_S", "20"))


def loopback_bytes():
    with open("/proc/net/dev") as devices:
        for line in devices:
            if line.strip().startswith("lo:"):
                return int(line.split(":")[1].split()[0])
    return 0


for count in (3, 6):
    mesh = found(count)
    subject = mesh[1]
    for i in range(FACTS):
        subject.post("records/bench%d" % (i % 100), {"value": "x" * 200, "no_wait": True})
    level(mesh)
    time.sleep(30)  # pauses between PULLs have grown by then
    cpu, woken, loop = [n.cpu_s() for n in mesh], [n.wakeups() for n in mesh], loopback_bytes()
    time.sleep(SECONDS)
    share = max(n.cpu_s() - c for n, c in zip(mesh, cpu)) / SECONDS * 100
    wakes = max(n.wakeups() - w for n, w in zip(mesh, woken)) / SECONDS
    # lo carries each byte once each way, headers included; every pair has one link
    pairs = count * (count - 1) / 2
    rate = (loopback_bytes() - loop) / SECONDS / pairs / 2
    threads = subject.threads()
    print("idle, %d peers, %d facts, %d s, the busiest of %d" % (count - 1, FACTS, SECONDS, count))
    print("  anonymous memory %d KiB" % max(n.anonymous_kib() for n in mesh))
    print("  threads          %d: %s" % (len(threads), ", ".join(
        "%s %d" % (name, threads.count(name)) for name in sorted(set(threads)))))
    print("  processor        %.2f %% of a core" % share)
    print("  wake-ups         %.1f a second" % wakes)
    print("  loopback         %.0f bytes/s a peer and direction (all of lo, TCP headers included)" % rate)
    for node in mesh:
        node.stop()
        nodes.remove(node)
        shutil.rmtree(node.directory)
