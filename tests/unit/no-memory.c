#include "no-memory.h"

atomic_long allowed = -1;
atomic_bool has_failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t n);
void *__real_reallocarray(void *at, size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t n);
void *__wrap_reallocarray(void *at, size_t n, size_t size);

/* Only one fails: what follows must not trip over it. */
static bool fails(void)
{
        long left = allowed;

        while (left >= 0) {
                if (!atomic_compare_exchange_weak(&allowed, &left, left - 1))
                        continue;
                if (left > 0)
                        return false;
                has_failed = true;
                return true;
        }
        return false;
}

void *__wrap_malloc(size_t n)
{
        return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t n)
{
        return fails() ? NULL : __real_realloc(at, n);
}

void *__wrap_reallocarray(void *at, size_t n, size_t size)
{
        return fails() ? NULL : __real_reallocarray(at, n, size);
}

int torture_once(int (*scenario)(void), long n)
{
        int r;

        has_failed = false;
        allowed = n;
        r = scenario();
        allowed = -1;
        return r;
}

void torture(int (*scenario)(void), bool (*is_right)(int r))
{
        long n = 0;

        for (;; n++) {
                int r = torture_once(scenario, n);

                assert_true(n < 100000);
                if (!has_failed) {
                        assert_int_equal(r, 0);
                        break;
                }
                if (is_right ? !is_right(r) : r != -ENOMEM)
                        fail_msg("allocation %ld failed, and the answer was %d", n, r);
        }
        assert_true(n > 2); /* the scenario does allocate */
}
