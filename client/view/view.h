#pragma once
/* What a person sees of a job while it runs: on a terminal a few lines at its end that are redrawn,
 * elsewhere one line per file and per important event; with --json or -q nothing but warnings. All
 * on standard error. */

#include "client/client.h"
#include "client/view/progress.h"

#define VIEW_REDRAW_MS 100
#define VIEW_RUNNING_LINES 3 /* paths shown under the bar */
#define VIEW_WIDTH_MIN 20    /* a narrower terminal gets lines of this width and wraps */

struct view;

/* is_brief: only what is out of the ordinary is said (the answer itself is what the user waits
 * for). */
int view_new(const struct client *c, bool is_brief, struct view **ret) _must_check_;
struct view *view_free(struct view *v); /* gives the terminal back */
DEFINE_CLEANUP(struct view, view_free);
/* Takes an event into account and says what it says. */
int view_apply(struct view *v, const json_t *event) _must_check_;
/* A line that stays. */
void view_say(struct view *v, const char *format, ...) _printf_(2, 3);
void view_warn(struct view *v, const char *format, ...) _printf_(2, 3);
/* Milliseconds until view_tick() should be called, < 0: never. */
int view_timeout_ms(const struct view *v);
void view_tick(struct view *v);
/* Takes the live lines away: for output of others, a question, or the end. They come back at the
 * next tick unless v is freed. */
void view_clear(struct view *v);

/* No live lines from here on: data goes to the same terminal. */
void view_mute(struct view *v);

/* The live lines at a width, without control sequences; each ends with a line break. Pure. */
int view_render(const struct progress *p, size_t columns, uint64_t now_ms, bool is_utf8,
                struct buf *b) _must_check_;
/* One line for an event, or nothing. Pure. */
int view_describe(const struct progress *p, const json_t *event, bool is_live,
                  struct buf *b) _must_check_;
/* The five lines of a finished job: time, tokens, money, cache, files, each beside naive. Pure. */
int view_summarise(const json_t *summary, struct buf *b) _must_check_;
/* What of `summary` tells what a resume would take, and how it is done (may be NULL); `mark` stands
 * before it. Nothing where nothing failed. */
void view_add_resume(const json_t *resume, const char *mark, const char *how, struct buf *b);
/* The table of a dry run. Pure. */
int view_tabulate_plan(const json_t *plan, size_t columns, struct buf *b) _must_check_;
/* Of a plan from job/explain: whether all of it has run, so that what it spent compares with what
 * it would have. */
bool view_is_done(const json_t *plan);
/* What was measured of it in all; NULL: nothing yet, as of a dry run. */
const json_t *view_measured(const json_t *plan);
/* What of a job was booked because a daemon died under it, likewise. */
/* "LEAD acme-large, acme-small TAIL": models whose price nobody has told; nothing without them. */
void view_add_unpriced(const json_t *o, const char *lead, const char *tail, struct buf *b);
void view_add_lost(const json_t *lost, const char *mark, struct buf *b);
/* "prompts: 12.1k tokens in full, 9.8k compressed", where the rules tell it; `mark`
 * stands before it. */
void view_add_compression(const json_t *rules, const char *mark, struct buf *b);
/* Where requirements, contracts, relations … of job/explain went, and why. */
int view_tell_routing(const json_t *plan, size_t columns, struct buf *b) _must_check_;
/* Columns of the terminal at fd; 80 when unknown. */
size_t view_columns(int fd);
/* Of a plan for an analysis: what is repaired how, and in which phase; nothing of others. */
void view_add_findings(struct buf *b, const json_t *findings);
/* Of the summary of repairs: "findings  150 of 158 repaired, 108 mechanical, 42 by model; 8 in
 * build outputs". */
void view_add_outcome(struct buf *b, const json_t *summary);
/* What of them did not come into the tree, as who wrote there told; or that nobody has told yet. */
void view_add_placed(struct buf *b, const json_t *summary);
/* Of `left` in a `done` event: files whose repair a person is to look at. Returns how many. */
size_t view_add_review(struct buf *b, const json_t *left);
/* Of the findings in its summary some are neither repaired nor said to need no change. */
bool view_has_unrepaired(const json_t *summary);
