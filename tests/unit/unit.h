#pragma once
/* What every unit test includes first: cmocka with what it wants to be included before it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/macros.h"

#define assert_bytes_equal(at, n, literal)                                 \
        do {                                                               \
                assert_int_equal((n), sizeof(literal) - 1);                \
                assert_memory_equal((at), (literal), sizeof(literal) - 1); \
        } while (0)
