#pragma once
/* What a job came to, as data: made of `job/explain` and `job/get`, shown as text, JSON or HTML.
 *
 *     report   {job, kind, state, label, created, ended, planned, naive, measured?, lost?, saved?,
 *               phases?, cache_share: {provider: share}, files, retries, rules,
 *               tasks: [{path, source, state, attempts, input, cache_read, cache_write, output,
 *               nanousd, ms, tier?, reason}],
 *               baseline?: figures}
 *     figures  {a: {job, label, state, created}, b, figures: [{name, of?, unit, a, b}],
 *               tasks: [{path, a?, b?}]}: tasks that were come by in another way or at another
 *               price; unit: n, tokens, ms, nanousd or permille
 *
 * Of repairs also findings, placed? (what came into the tree is told in them) and verified?.
 * saved: naive less measured, of a job that is done; measured: once a call was made. Measured
 * numbers are as in docs/protocol.md. */

#include "common/buf.h"
#include "common/json.h"

int report_make(const json_t *plan, const json_t *about, json_t **ret) _must_check_;
/* Both are reports. */
int report_compare(const json_t *a, const json_t *b, json_t **ret) _must_check_;
/* Text of a figure with its unit. */
const char *report_format(const char *unit, uint64_t n, char *ret); /* FORMAT_BYTES */

/* "−62 %" of `is` beside `was`; of shares the difference, "+30 points". FORMAT_BYTES. */
const char *report_format_change(const char *unit, uint64_t is, uint64_t was, char *ret);

/* A report, or figures alone. */
int report_write_text(const json_t *report, size_t columns, struct buf *b) _must_check_;
/* One page that needs nothing else; all words of others are escaped. */
int report_write_html(const json_t *report, struct buf *b) _must_check_;
