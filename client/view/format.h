#pragma once
/* Numbers and words as people read them, and what fits into a line. */

#include "common/buf.h"

#define FORMAT_BYTES 32

/* "$0.0042", "$12.30", "$0", "<$0.0001" */
const char *format_money(uint64_t nanousd, char ret[FORMAT_BYTES]);
/* "420 ms", "3.2 s", "1:07", "2:03:11" */
const char *format_ms(uint64_t ms, char ret[FORMAT_BYTES]);
/* "950", "12.3k", "4.5M" */
const char *format_count(uint64_t n, char ret[FORMAT_BYTES]);
/* "512 B", "1.5 KiB", "2.0 GiB" */
const char *format_bytes(uint64_t n, char ret[FORMAT_BYTES]);
/* "−62 %", "+5 %", "0 %", ">+99999 %" of `is` beside `was`; "" when `was` is 0. */
const char *format_change(uint64_t is, uint64_t was, char ret[FORMAT_BYTES]);
/* Share in percent of part in whole, rounded down: what is not whole is not 100. */
unsigned format_share(uint64_t part, uint64_t whole);
/* Shares of parts that are the whole together: what rounding took goes to those that lost most, so
 * that they sum to 100; but what is not whole is not 100. */
void format_shares(const uint64_t *parts, size_t n, unsigned *ret);
/* Columns that UTF-8 text takes on a terminal; what the C library does not know counts as 2. */
size_t format_width(struct span text);
/* Appends at most `columns` columns of text; what does not fit is cut and marked with … . Control
 * characters become '?'. Errors stick to b. */
void format_cut(struct buf *b, struct span text, size_t columns);
/* The same, but the beginning is cut: paths are told apart by their ends. */
void format_cut_front(struct buf *b, struct span text, size_t columns);
/* Appends text as one word of a shell, in quotes where it needs them: what is told may be pasted.
 */
void format_word(struct buf *b, const char *text);
/* Control characters (but line breaks and tabs) become '?', in place: a model's words must not
 * steer the terminal. */
void format_scrub(char *text);
