"""Cold join: a device without anything gets N facts of 200 bytes from one that has them."""
from mesh import *

facts = int(os.environ.get("MOOT_BENCH_FACTS", "200000"))
tries = int(os.environ.get("MOOT_BENCH_TRIES", "5"))
KEYS = 1000
programs = os.path.join(BIN, "..", "bench")


def rate_every_fact():
    text = subprocess.check_output([os.path.join(programs, "bench_verify")], text=True)
    return float(text.split()[-2])


def chain_of(node, name):
    for device in node.get("devices").get("devices", []):
        if device["name"] == name:
            return device["facts"]
    return 0


def once(writer, number):
    """From the admission to durable here (the API shows only what is durable), and what it left behind."""
    single = rate_every_fact()  # close to what it is compared with: others use this machine, too
    joiner = Node("joiner%d" % number)
    joiner.start()
    before = joiner.anonymous_kib()
    join(writer, joiner)
    until("the admission", lambda: joiner.get("status")["in_mesh"], 30, 0.001)
    start = time.monotonic()
    wanted = chain_of(writer, "writer")
    until("all facts", lambda: chain_of(joiner, "writer") >= wanted, 300, 0.004)
    rate = wanted / (time.monotonic() - start)
    level([writer, joiner])
    time.sleep(3)
    after = joiner.anonymous_kib()
    refused = joiner.get("journal/stats")["refused"]
    joiner.stop()
    restart = joiner.start()
    joiner.stop()
    nodes.remove(joiner)
    shutil.rmtree(joiner.directory)
    return rate, before, after, restart, refused, single


writer = Node("writer")
made = subprocess.check_output(
    [os.path.join(programs, "bench_append"), "--make", writer.directory, str(facts), str(KEYS)], text=True)
writer.start()
results = [once(writer, i) for i in range(tries)]
rates = sorted(r[0] for r in results)
best = rates[-1]
single = max(r[5] for r in results)
ratios = sorted(r[0] / r[5] for r in results)
print("cold join, %d facts of 200 B over %d keys, two processes" % (facts, KEYS))
print("  verified and durable          %10.0f facts/s (best of %d; middle %.0f)" %
      (best, tries, rates[len(rates) // 2]))
print("  every fact verified, 2 threads %9.0f facts/s (best): the join is %.1fx (middle of pairs %.1fx)" %
      (single, best / single, ratios[len(ratios) // 2]))
print("  anonymous memory of the joiner  %d KiB before, %d KiB three seconds after, at most" %
      (max(r[1] for r in results), max(r[2] for r in results)))
print("  its next start                  %.3f s to the ready line (best)" % min(r[3] for r in results))
print("  refused on the way              %s" % (results[-1][4] or "nothing"))
