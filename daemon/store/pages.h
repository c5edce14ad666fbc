#pragma once
/* Whether the file of an environment hangs together, read without LMDB, which asserts or faults on
 * a file that does not.
 *
 * LMDB 0.9, data version 1 (lmdb's mdb.c), in native byte order:
 *
 *     file   = meta meta page*          of two good metas the one with the larger txnid counts
 *     page   = pgno:u64 pad:u16 flags:u16 (lower:u16 upper:u16 | n_pages:u32) rest
 *     meta   = page magic:u32 version:u32 address:u64 mapsize:u64 db db last_pgno:u64 txnid:u64
 *     db     = pad:u32 flags:u16 depth:u16 branch:u64 leaf:u64 overflow:u64 entries:u64 root:u64
 *
 * The first db of a meta holds the free pages (its pad is the size of a page), the second the
 * tables. Branch and leaf pages hold offsets (u16, from byte 16 to `lower`), each of a node:
 *
 *     node   = lo:u16 hi:u16 flags:u16 n_key:u16 key data
 *     branch:  the child's pgno is lo | hi << 16 | flags << 32
 *     leaf:    the size of data is lo | hi << 16; flag BIG: data is the pgno of an overflow run,
 *              SUB: data is a db
 *     data of the free db = count:u64 pgno:u64*
 *
 * Checked: every page that the trees reach lies in the file, knows its own number and kind, is
 * reached once, and is not free; nodes lie in their page; keys ascend. What values hold is left to
 * their checksums, and pages that nothing reaches are no harm. */

#include "common/macros.h"

#define CONDITION_UNFINISHED 13 /* the time was up */
#define CONDITION_EMPTY 14      /* no file, or nothing in it */

/* CONDITION_DAMAGED (env.h), CONDITION_UNFINISHED, CONDITION_EMPTY. deadline_usec: of
 * clock_monotonic_usec(). */
int pages_check(int dir_fd, uint64_t deadline_usec) _must_check_;
int pages_check_file(int fd, uint64_t deadline_usec) _must_check_;
/* At a glance: the same for the metas alone. CONDITION_UNFINISHED: shorter than its last page,
 * which may be all right. */
int pages_glance(int dir_fd) _must_check_;
