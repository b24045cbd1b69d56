/*
 * Cuts of snapshots: which one an administrator approves (protocols/snapshot_check.c).
 *
 * Three administrators, two decide. Three facts exist, each first at one of them; they spread as they like.
 * A cut is the set of facts its proposer holds. An approval says "I hold all of it"; it is heard at any moment
 * after it was made, so a certificate may come about long after its signers have approved something else.
 * Administrators crash and start again with what is on their disk.
 *
 * What must hold: certified cuts are totally ordered by inclusion · a certificate has M distinct signers.
 *
 * holds  a_cut_contains_what_was_approved_before:
 * breaks two_incomparable_cuts_when_approvals_are_late: -DBUG_CERTIFIED_CUTS_ONLY => cuts_incomparable
 * breaks the_approved_cut_is_lost_in_a_crash:           -DBUG_NOT_PERSISTED       => cuts_incomparable
 * breaks the_approved_cut_is_written_after_the_vote:    -DBUG_TWO_COMMITS         => cuts_incomparable
 * breaks approvals_counted_per_message:                 -DBUG_COUNT_MESSAGES      => certified_by_few
 */
#define N 3
#define M 2
#define P 3 /* proposals */

#define BIT(n) (1 << (n))
#define COUNT(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))
#define WITHIN(a, b) (((a) & ~(b)) == 0)

byte held[N];     /* facts, as bits; never lost: on disk before they are told */
byte approved[N]; /* the cut approved last, in memory */
byte on_disk[N];  /* the same, as a restart finds it */
byte told[N];     /* certified cuts heard of, as one set */
byte cut[P], signers[P];
byte made;        /* proposals so far */
byte done;        /* certified ones, as bits */
bool cuts_incomparable, certified_by_few;
#ifdef BUG_COUNT_MESSAGES
byte messages[P];
#endif

#ifdef BUG_CERTIFIED_CUTS_ONLY
#define ALLOWED(j, p) WITHIN(told[j], cut[p]) /* as if what is not certified yet never would be */
#else
#define ALLOWED(j, p) WITHIN(approved[j], cut[p])
#endif

/* The vote and the cut it is for, in one commit. */
inline approve(j, p)
{
    signers[p] = signers[p] | BIT(j);
    approved[j] = cut[p];
#if !defined(BUG_NOT_PERSISTED) && !defined(BUG_TWO_COMMITS)
    on_disk[j] = cut[p]
#endif
}

#define MAY_APPROVE(j, p) (p < made && !(signers[p] & BIT(j)) && WITHIN(cut[p], held[j]) && ALLOWED(j, p))
#define NEWS(j, p) ((done & BIT(p)) && !WITHIN(cut[p], told[j]))

proctype Admin(byte j)
{
end:
    do
    :: atomic { !WITHIN(held[(j + 1) % N], held[j]) -> held[j] = held[j] | held[(j + 1) % N] }
    :: atomic { !WITHIN(held[(j + 2) % N], held[j]) -> held[j] = held[j] | held[(j + 2) % N] }
    :: atomic { /* proposing approves */
        made < P && WITHIN(approved[j], held[j]) ->
        cut[made] = held[j];
        made++;
        approve(j, made - 1)
    }
    :: atomic { MAY_APPROVE(j, 0) -> approve(j, 0) }
    :: atomic { MAY_APPROVE(j, 1) -> approve(j, 1) }
    :: atomic { MAY_APPROVE(j, 2) -> approve(j, 2) }
#ifdef BUG_CERTIFIED_CUTS_ONLY
    :: atomic { NEWS(j, 0) -> told[j] = told[j] | cut[0] }
    :: atomic { NEWS(j, 1) -> told[j] = told[j] | cut[1] }
    :: atomic { NEWS(j, 2) -> told[j] = told[j] | cut[2] }
#endif
#ifdef BUG_TWO_COMMITS
    :: on_disk[j] != approved[j] -> on_disk[j] = approved[j]
#endif
    :: on_disk[j] != approved[j] -> approved[j] = on_disk[j] /* a crash; without a bug it changes nothing */
    od
}

#define APART(p, q) ((done & BIT(p)) && (done & BIT(q)) && !WITHIN(cut[p], cut[q]) && !WITHIN(cut[q], cut[p]))
#ifdef BUG_COUNT_MESSAGES
#define ENOUGH(p) (messages[p] >= M)
#else
#define ENOUGH(p) (COUNT(signers[p]) >= M)
#endif

inline certify(p)
{
    d_step {
        done = done | BIT(p);
        certified_by_few = certified_by_few || COUNT(signers[p]) < M;
        assert(!certified_by_few);
        cuts_incomparable = APART(0, 1) || APART(0, 2) || APART(1, 2);
        assert(!cuts_incomparable)
    }
}

proctype Collector()
{
end:
    do
    :: !(done & BIT(0)) && ENOUGH(0) -> certify(0)
    :: !(done & BIT(1)) && ENOUGH(1) -> certify(1)
    :: !(done & BIT(2)) && ENOUGH(2) -> certify(2)
#ifdef BUG_COUNT_MESSAGES
    :: signers[0] != 0 && messages[0] < M -> messages[0]++
    :: signers[1] != 0 && messages[1] < M -> messages[1]++
#endif
    od
}

init
{
    atomic {
        held[0] = BIT(0);
        held[1] = BIT(1);
        held[2] = BIT(2);
        run Admin(0);
        run Admin(1);
        run Admin(2);
        run Collector()
    }
}
