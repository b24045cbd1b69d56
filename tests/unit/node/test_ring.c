/* The ring of events: numbers never repeat, and the newest MOOT_EVENTS_KEPT_MAX are always there. */
#include "node/limits.h"
#include "node/ring.h"
#include "tests/lib/test.h"

static void the_newest_events_are_kept_in_order(void **state)
{
    (void)state;
    struct moot_ring *ring = moot_ring_new();
    assert_non_null(ring);
    assert_null(moot_ring_after(ring, 0));
    for (uint64_t n = 1; n <= 3 * MOOT_EVENTS_KEPT_MAX; n++) {
        struct moot_notice notice = {.name = "x", .number = n * 10};
        moot_ring_add(ring, &notice, n);
        assert_int_equal(moot_ring_last(ring), n);
        uint64_t oldest = n > MOOT_EVENTS_KEPT_MAX ? n - MOOT_EVENTS_KEPT_MAX + 1 : 1;
        assert_int_equal(moot_ring_after(ring, 0)->number, oldest);
        assert_int_equal(moot_ring_after(ring, oldest - 1)->notice.number, oldest * 10);
        assert_int_equal(moot_ring_after(ring, n - 1)->notice.number, n * 10);
        assert_null(moot_ring_after(ring, n));
        assert_null(moot_ring_after(ring, UINT64_MAX));
        if (n % 97 == 0) {
            uint64_t seen = 0;
            for (const struct moot_ring_event *event = moot_ring_after(ring, 0); event != NULL;
                 event = moot_ring_after(ring, event->number)) {
                assert_int_equal(event->number, oldest + seen);
                assert_int_equal(event->notice.number, event->number * 10);
                seen++;
            }
            assert_int_equal(seen, n - oldest + 1);
        }
    }
    moot_ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_events_are_kept_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
