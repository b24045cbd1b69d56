/*
 * The writer fence of one snapshot, on two writing devices (protocols/fence.c).
 *
 * The proposer's fact reaches each device at a moment of its own; admitting it raises the fence in the same
 * commit. The fence ends when the proposal is completed or when its lease is over on the device's own clock,
 * whatever comes first. The proposer may die at any moment; then nothing is completed. A device may be killed
 * twice; the lease that was left goes on once, and is over after the second time.
 *
 * What must hold: no ordinary fact is appended on a device while the lease it admitted runs · a device says
 * that it has the proposal only when the fence is on its disk · every writer gets to write in the end (Goal).
 *
 * holds  every_crash_and_every_order:
 * breaks the_fence_is_not_persisted:           -DBUG_NOT_PERSISTED                 => told_without_fence
 * breaks the_fence_is_gone_after_a_kill:       -DBUG_NOT_PERSISTED -DONLY_WRITES   => wrote_behind_fence
 * breaks the_fence_is_raised_after_the_fact:   -DBUG_TWO_COMMITS                   => told_without_fence
 * breaks the_lease_has_no_end:                 -DBUG_NO_LEASE                      => invalid end state
 */
#define N 2

bool dead, completed;  /* the proposer; the snapshot */
bool admitted[N];      /* the proposal is on disk */
bool up[N], on_disk[N]; /* the fence: in force now; as a restart finds it */
bool told[N];          /* others have heard from this device that it holds the proposal */
bool running[N];       /* the truth: the lease this device admitted runs */
bool wrote[N];
byte kills[N];
bool wrote_behind_fence, told_without_fence;

inline lower(i)
{
    up[i] = false;
    on_disk[i] = false;
    running[i] = false
}

/* What a restart finds; the lease goes on after the first kill only. */
inline start(i)
{
    if
    :: on_disk[i] && kills[i] < 2 -> up[i] = true
    :: on_disk[i] && kills[i] >= 2 -> lower(i)
    :: !on_disk[i] -> up[i] = false
    fi
}

proctype Device(byte i)
{
end:
    do
    :: atomic { /* the proposal arrives: fact and fence in one commit */
        !admitted[i] && !completed ->
        admitted[i] = true;
        running[i] = true;
#ifndef BUG_TWO_COMMITS
#ifndef BUG_NOT_PERSISTED
        on_disk[i] = true;
#endif
        up[i] = true
#endif
    }
#ifdef BUG_TWO_COMMITS
    :: atomic { admitted[i] && running[i] && !up[i] -> on_disk[i] = true; up[i] = true }
#endif
    :: atomic { /* acknowledged: its frontier holds the fact */
        admitted[i] && !told[i] ->
        told[i] = true;
#ifndef ONLY_WRITES
        told_without_fence = told_without_fence || (running[i] && !on_disk[i]);
        assert(!told_without_fence)
#endif
    }
    :: atomic { admitted[i] && running[i] && completed -> lower(i) }
#ifndef BUG_NO_LEASE
    :: atomic { running[i] -> lower(i) } /* the lease is over */
#endif
    :: atomic { kills[i] < 2 -> kills[i]++; start(i) }
    :: atomic { /* an ordinary fact */
        !up[i] && !wrote[i] ->
        wrote[i] = true;
        wrote_behind_fence = running[i];
        assert(!wrote_behind_fence)
    }
    :: atomic { wrote[i] && !running[i] && !admitted[i] -> wrote[i] = false } /* it has another one to write */
    od
}

proctype Proposer()
{
end:
    do
    :: atomic { !dead && !completed && told[0] && told[1] -> completed = true }
    :: !dead -> dead = true
    od
}

proctype Goal()
{
    wrote[0] && wrote[1] && !running[0] && !running[1]
}

init
{
    atomic {
        run Device(0);
        run Device(1);
        run Proposer();
        run Goal()
    }
}
