/*
 * Ticks and a turn: who signs what (protocols/timeline.c), and what that makes of the epoch (journal/eras.c).
 *
 * Three administrators, M of them decide. The turn is certified already and each hears of that at a moment
 * of its own. It may come into force in epochs EARLIEST to LAST. Signatures and certificates are heard at any
 * moment after they were made, or never: that is what "late" means. A certificate is made at any moment from
 * M signatures over one statement on.
 *
 *   admin: hears of the turn | of a certified tick │ signs the tick after its own last one, or the certified one
 *          in the window, knowing the turn: with it │ otherwise without, unless it signed one with it (forbidden)
 *
 * What must hold: the epoch an admin's node shows never falls · no certified plain tick >= a beside a certified
 * turning tick at a · a certificate has M distinct signers · it goes on until the turn is in force or over (Goal
 * waits for that: a state where nothing moves before is an invalid end state).
 *
 * holds  two_of_three:                     -DM=2
 * holds  three_of_three:                   -DM=3
 * holds  two_of_three_one_away_for_good:   -DM=2 -DAWAY
 * breaks epoch_falls_when_an_approval_is_late: -DM=2 -DBUG_LEAST_TICK_ONLY   => epoch_fell
 * breaks a_late_approval_is_a_second_vote: -DM=2 -DBUG_TWO_VOTES             => plain_beside_turn
 * breaks a_split_tick_deadlocks:           -DM=3 -DBUG_WAIT_FOR_THE_SPLIT    => invalid end state
 * breaks a_split_tick_deadlocks_one_away:  -DM=2 -DAWAY -DBUG_WAIT_FOR_THE_SPLIT => invalid end state
 * breaks a_turning_signer_goes_on_plainly: -DM=2 -DBUG_NOT_FORBIDDEN         => plain_beside_turn
 * breaks released_by_too_few:              -DM=2 -DBUG_RELEASE_EARLY         => plain_beside_turn
 * breaks nobody_releases_the_last_split:   -DM=3 -DBUG_NO_RELEASE            => invalid end state
 * breaks approvals_counted_per_message:    -DM=2 -DBUG_COUNT_MESSAGES        => certified_by_few
 */
#define N 3
#define EARLIEST 2
#define LAST 3
#define TOP 4 /* the last epoch looked at: one past the window */

#define BIT(n) (1 << (n))
#define COUNT(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))

byte plain_by[TOP + 1], turn_by[TOP + 1]; /* signers of each tick, as bits */
byte plain_done, turn_done;               /* certified ticks, as bits */
byte plain_at[N] = 1;                     /* highest certified plain tick heard of; the mesh is at epoch 1 */
byte turn_at[N];                          /* certified turning ticks heard of, as bits */
byte own[N], own_turn[N];                 /* highest tick signed, highest signed with the turn */
bool knows[N], released[N];
bool epoch_fell, plain_beside_turn, certified_by_few;
#ifdef BUG_COUNT_MESSAGES
byte plain_messages[TOP + 1], turn_messages[TOP + 1];
#endif

#define HIGHEST(set) ((set) & BIT(4) -> 4 : ((set) & BIT(3) -> 3 : ((set) & BIT(2) -> 2 : 0)))
#define LOWEST(set) ((set) & BIT(2) -> 2 : ((set) & BIT(3) -> 3 : ((set) & BIT(4) -> 4 : 0)))
#ifdef BUG_LEAST_TICK_ONLY
#define TURNED(set) LOWEST(set) /* where it takes effect, although a later tick is certified, too */
#else
#define TURNED(set) HIGHEST(set)
#endif
#define EPOCH(i) (turn_at[i] != 0 -> TURNED(turn_at[i]) : plain_at[i])

#define NEXT(i) ((own[i] > plain_at[i] -> own[i] : plain_at[i]) + 1)
#define TURNING(i) (knows[i] && NEXT(i) >= EARLIEST && NEXT(i) <= LAST)
#ifdef BUG_NOT_FORBIDDEN
#define FORBIDDEN(i) false
#else
#define FORBIDDEN(i) (own_turn[i] > plain_at[i] && !released[i])
#endif
#ifdef BUG_WAIT_FOR_THE_SPLIT
#define DUE(i) (own[i] <= plain_at[i]) /* never ahead of the certified epoch */
#else
#define DUE(i) true
#endif
#define BEYOND_LAST(j) (((plain_by[3] | plain_by[4]) >> (j)) & 1) /* signed plainly at or past LAST */
#ifdef BUG_RELEASE_EARLY
#define RELEASE_NEEDS 1
#else
#define RELEASE_NEEDS (N - M + 1)
#endif

inline heard(i, before)
{
    if
    :: EPOCH(i) < before -> epoch_fell = true
    :: else
    fi;
    assert(!epoch_fell)
}

inline hear_plain(i, e)
{
    d_step { before = EPOCH(i); plain_at[i] = e; heard(i, before); before = 0 }
}

inline hear_turn(i, e)
{
    d_step { before = EPOCH(i); turn_at[i] = turn_at[i] | BIT(e); knows[i] = true; heard(i, before); before = 0 }
}

#define PLAIN_NEWS(i, e) ((plain_done & BIT(e)) && plain_at[i] < e && turn_at[i] == 0)
#define TURN_NEWS(i, e) ((turn_done & BIT(e)) && !(turn_at[i] & BIT(e)))

proctype Admin(byte i)
{
    byte before;
end:
    do
    :: !knows[i] -> knows[i] = true
    :: PLAIN_NEWS(i, 2) -> hear_plain(i, 2)
    :: PLAIN_NEWS(i, 3) -> hear_plain(i, 3)
    :: PLAIN_NEWS(i, 4) -> hear_plain(i, 4)
    :: TURN_NEWS(i, 2) -> hear_turn(i, 2)
    :: TURN_NEWS(i, 3) -> hear_turn(i, 3)
    :: atomic {
        turn_at[i] == 0 && DUE(i) && NEXT(i) <= TOP && TURNING(i) ->
        own[i] = NEXT(i);
        own_turn[i] = own[i];
        turn_by[own[i]] = turn_by[own[i]] | BIT(i)
    }
    :: atomic {
        turn_at[i] == 0 && DUE(i) && NEXT(i) <= TOP && !TURNING(i) && !FORBIDDEN(i) ->
        own[i] = NEXT(i);
        plain_by[own[i]] = plain_by[own[i]] | BIT(i)
    }
#ifdef BUG_TWO_VOTES /* it has signed that epoch's plain tick, and now hears of the turn */
    :: knows[i] && (plain_by[2] & BIT(i)) && !(turn_by[2] & BIT(i)) -> turn_by[2] = turn_by[2] | BIT(i)
    :: knows[i] && (plain_by[3] & BIT(i)) && !(turn_by[3] & BIT(i)) -> turn_by[3] = turn_by[3] | BIT(i)
#endif
#ifndef BUG_NO_RELEASE
    :: atomic { /* a person, at the last tick's split: enough others can never sign the turn any more */
        own_turn[i] == LAST && own_turn[i] > plain_at[i] && !released[i] &&
        BEYOND_LAST((i + 1) % N) + BEYOND_LAST((i + 2) % N) >= RELEASE_NEEDS -> released[i] = true
    }
#endif
    od
}

inline judge()
{
    if
    :: ((turn_done & BIT(2)) && (plain_done >> 2) != 0) || ((turn_done & BIT(3)) && (plain_done >> 3) != 0) ->
        plain_beside_turn = true
    :: else
    fi;
    assert(!plain_beside_turn)
}

#ifdef BUG_COUNT_MESSAGES
/* Each approval may be heard again: the network repeats, and peers send what they hold. */
#define PLAIN_ENOUGH(e) (plain_messages[e] >= M)
#define TURN_ENOUGH(e) (turn_messages[e] >= M)
#else
#define PLAIN_ENOUGH(e) (COUNT(plain_by[e]) >= M)
#define TURN_ENOUGH(e) (COUNT(turn_by[e]) >= M)
#endif

inline certify_plain(e)
{
    d_step {
        plain_done = plain_done | BIT(e);
        certified_by_few = certified_by_few || COUNT(plain_by[e]) < M;
        assert(!certified_by_few);
        judge()
    }
}

inline certify_turn(e)
{
    d_step {
        turn_done = turn_done | BIT(e);
        certified_by_few = certified_by_few || COUNT(turn_by[e]) < M;
        assert(!certified_by_few);
        judge()
    }
}

/* Whoever holds enough signatures makes the certificate, at any moment from then on. */
proctype Collector()
{
end:
    do
    :: !(plain_done & BIT(2)) && PLAIN_ENOUGH(2) -> certify_plain(2)
    :: !(plain_done & BIT(3)) && PLAIN_ENOUGH(3) -> certify_plain(3)
    :: !(plain_done & BIT(4)) && PLAIN_ENOUGH(4) -> certify_plain(4)
    :: !(turn_done & BIT(2)) && TURN_ENOUGH(2) -> certify_turn(2)
    :: !(turn_done & BIT(3)) && TURN_ENOUGH(3) -> certify_turn(3)
#ifdef BUG_COUNT_MESSAGES
    :: plain_by[2] != 0 && plain_messages[2] < M -> plain_messages[2]++
    :: plain_by[3] != 0 && plain_messages[3] < M -> plain_messages[3]++
    :: turn_by[2] != 0 && turn_messages[2] < M -> turn_messages[2]++
    :: turn_by[3] != 0 && turn_messages[3] < M -> turn_messages[3]++
#endif
    od
}

#define THERE(i) (turn_at[i] != 0 || plain_at[i] > LAST)
/* With one of three away for good, only the last tick's split may wait: for that one, or for a person. */
#define LAST_SPLIT (plain_by[LAST] != 0 && turn_by[LAST] != 0)

proctype Goal()
{
#ifdef AWAY
    (THERE(0) && THERE(1)) || LAST_SPLIT
#else
    THERE(0) && THERE(1) && THERE(2)
#endif
}

init
{
    atomic {
        run Admin(0);
        run Admin(1);
#ifndef AWAY
        run Admin(2);
#endif
        run Collector();
        run Goal()
    }
}
