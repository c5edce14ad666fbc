#include "tests/sim/pace.h"

#include "common/clock.h"
#include "common/str.h"
#include "tests/sim/http.h"
#include "tests/sim/tokens.h"

#define GATE_EVENTS                                                                               \
        4             /* where a stream breaks when nobody said: in the middle of the first words \
                       */
#define TICK_USEC 500 /* timers are not asked for more often */
#define FOREVER_SECONDS 86400

enum step { STEP_OPENING, STEP_TEXT, STEP_CLOSING, STEP_DONE };

struct pace {
        struct pace_config c;
        struct event *timer; /* owned */
        LIST_ENTRY(pace) held;
        bool is_held; /* in the list of the simulator */
        enum step step;
        unsigned n_step;   /* events of this step */
        size_t at;         /* in the text */
        uint64_t n_tokens; /* sent */
        uint64_t n_events, n_bytes;
        uint64_t begun_usec; /* clock when the first token was due; 0: not yet */
        uint64_t cost_usec;
        bool was_stalled, is_stalled, has_begun;
        const char *outcome; /* set: it is over */
        struct buf out;      /* events not yet handed to the connection */
};

static const struct fault *fault_of(const struct pace *p, enum fault_kind kind)
{
        return p->c.reply.faults->at[kind];
}

static void pace_flush(struct pace *p)
{
        const struct fault *split = fault_of(p, FAULT_SPLIT);
        size_t step = split ? MAX2(split->bytes, (uint64_t)1) : SIZE_MAX;

        for (size_t at = 0; at < p->out.n; at += MIN2(step, p->out.n - at))
                http_stream_write(p->c.conn,
                                  (struct span){p->out.at + at, MIN2(step, p->out.n - at)});
        buf_clear(&p->out);
}

/* LF to CRLF in what was added after `from`. */
static void make_crlf(struct buf *b, size_t from)
{
        struct buf copy = {0};

        buf_add(&copy, b->at + from, b->n - from);
        b->n = from;
        for (size_t i = 0; i < copy.n; i++) {
                if (copy.at[i] == '\n')
                        buf_add_char(b, '\r');
                buf_add_char(b, copy.at[i]);
        }
        buf_done(&copy);
}

/* "data: x" to "data:x" in what was added after `from`: the blank after the first colon of a line
 * that is no JSON. */
static void make_tight(struct buf *b, size_t from)
{
        struct buf copy = {0};
        bool is_name = true; /* before the first colon of the line */

        buf_add(&copy, b->at + from, b->n - from);
        b->n = from;
        for (size_t i = 0; i < copy.n; i++) {
                char c = copy.at[i];

                if (!(is_name && c == ' ' && i > 0 && copy.at[i - 1] == ':'))
                        buf_add_char(b, c);
                if (c == '{' || (c == ' ' && is_name))
                        is_name = false;
                if (c == '\n')
                        is_name = true;
        }
        buf_done(&copy);
}

static bool is_due(const struct pace *p, const struct fault *f)
{
        return f && p->n_events >= (f->events ? f->events : GATE_EVENTS);
}

static bool breaks_now(struct pace *p)
{
        static const enum fault_kind kinds[] = {FAULT_ERROR_FRAME, FAULT_ERROR_EVENT,
                                                FAULT_ERROR_LINE, FAULT_ERROR_DONE};
        static const char *const outcomes[] = {"fault:error_frame", "fault:error_event",
                                               "fault:error_line", "fault:error_done"};

        for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
                const struct fault *f = fault_of(p, kinds[i]);

                if (!is_due(p, f))
                        continue;
                p->c.dialect->write_break(&p->out, &p->c.reply, kinds[i],
                                          f->error ? f->error : "overloaded_error");
                p->outcome = outcomes[i];
                return true;
        }
        return false;
}

/* Whether the stream breaks or stops before its next event. */
static bool gate_is_shut(struct pace *p)
{
        const struct fault *cut = fault_of(p, FAULT_CUT), *stall = fault_of(p, FAULT_STALL);

        if (cut && !cut->bytes && is_due(p, cut)) {
                p->outcome = "fault:cut";
                return true;
        }
        if (breaks_now(p))
                return true;
        if (!p->was_stalled && is_due(p, stall)) {
                p->was_stalled = p->is_stalled = true;
                return true;
        }
        return false;
}

static void go_to(struct pace *p, enum step step)
{
        p->step = step;
        p->n_step = 0;
}

/* The server gives up: what came is all that comes. */
static void check_abort(struct pace *p)
{
        if (p->step != STEP_TEXT || !is_due(p, fault_of(p, FAULT_ABORT)))
                return;
        p->c.reply.text.n = p->at;
        p->c.reply.stop_reason = "abort";
        p->c.n_tokens = p->c.reply.usage.output = p->n_tokens;
        go_to(p, STEP_CLOSING);
}

static void write_text(struct pace *p)
{
        struct span text = p->c.reply.text;
        size_t start = p->at;

        if (fault_of(p, FAULT_NOISE))
                p->c.dialect->write_noise(&p->out, &p->c.reply);
        for (uint64_t i = 0; i < p->c.sim->options.delta_tokens && p->at < text.n; i++) {
                p->at = token_end(text, p->at, p->c.is_dense);
                p->n_tokens++;
        }
        p->c.dialect->write_text(&p->out, &p->c.reply,
                                 (struct span){text.at + start, p->at - start}, p->at == text.n);
}

static bool text_is_due(const struct pace *p, uint64_t n_due)
{
        return n_due >= MIN2(p->n_tokens + p->c.sim->options.delta_tokens, p->c.n_tokens);
}

/* Writes the next event of the step in hand, going on to the step where there is one. False:
 * nothing is due now, or all was written. */
static bool write_next(struct pace *p, uint64_t n_due)
{
        const struct sim_dialect *d = p->c.dialect;

        if (p->step == STEP_OPENING && !d->write_opening(&p->out, &p->c.reply, p->n_step))
                go_to(p, STEP_TEXT);
        else if (p->step == STEP_OPENING)
                return true;
        check_abort(p);
        if (p->step == STEP_TEXT && p->at == p->c.reply.text.n)
                go_to(p, STEP_CLOSING);
        if (p->step == STEP_TEXT) {
                if (!text_is_due(p, n_due))
                        return false;
                write_text(p);
                return true;
        }
        if (p->step == STEP_CLOSING && d->write_closing(&p->out, &p->c.reply, p->n_step))
                return true;
        p->step = STEP_DONE;
        return false;
}

static bool pace_step(struct pace *p, uint64_t n_due)
{
        size_t from = p->out.n;

        if (p->step == STEP_DONE || p->outcome || gate_is_shut(p) || !write_next(p, n_due))
                return false;
        if (fault_of(p, FAULT_TIGHT))
                make_tight(&p->out, from);
        if (fault_of(p, FAULT_CRLF))
                make_crlf(&p->out, from);
        p->n_step++;
        p->n_events++;
        p->n_bytes += p->out.n - from;
        return true;
}

/* Breaks off after the asked number of bytes. */
static void check_cut_bytes(struct pace *p)
{
        const struct fault *cut = fault_of(p, FAULT_CUT);

        if (!cut || !cut->bytes || p->n_bytes < cut->bytes)
                return;
        p->out.n -= MIN2(p->out.n, p->n_bytes - cut->bytes);
        p->outcome = "fault:cut";
}

static void pace_arm(struct pace *p, uint64_t usec)
{
        struct timeval tv = {(time_t)(usec / 1000000), (suseconds_t)(usec % 1000000)};

        event_add(p->timer, &tv);
}

static void pace_finish(struct pace *p)
{
        const struct fault *cut = fault_of(p, FAULT_CUT);

        if (str_is_equal(p->outcome, "fault:cut"))
                http_abort(p->c.conn, cut->is_reset);
        else
                http_stream_end(p->c.conn);
}

static void reply_whole(struct pace *p)
{
        const struct fault *cut = fault_of(p, FAULT_CUT);

        p->n_tokens = p->c.n_tokens;
        p->c.on_first(p->c.arg);
        p->c.dialect->write_whole(&p->out, &p->c.reply);
        p->outcome = "ok";
        if (!cut) {
                http_reply(p->c.conn, 200, "application/json", buf_span(&p->out));
                p->c.on_text(p->c.reply.text.n, p->c.arg);
                return;
        }
        http_stream_begin(p->c.conn, 200, "application/json");
        p->out.n = MIN2(p->out.n, cut->bytes ? cut->bytes : p->out.n / 2);
        pace_flush(p);
        p->outcome = "fault:cut";
        pace_finish(p);
}

/* Tokens that are due by now. */
static uint64_t count_due(const struct pace *p, uint64_t now)
{
        double speed = p->c.sim->options.speed;

        if (speed <= 0)
                return p->c.n_tokens;
        return (uint64_t)((double)(now - p->begun_usec) * speed / 1e6 *
                          (double)p->c.tokens_per_second);
}

static uint64_t until_next(const struct pace *p, uint64_t now)
{
        uint64_t n = MIN2(p->n_tokens + p->c.sim->options.delta_tokens, p->c.n_tokens);
        double due = (double)n * 1e6 / ((double)p->c.tokens_per_second * p->c.sim->options.speed);
        uint64_t at = p->begun_usec + (uint64_t)due + 1;

        return MAX2(at > now ? at - now : 0, (uint64_t)TICK_USEC);
}

static void stream_tick(struct pace *p, uint64_t now)
{
        if (!p->has_begun) {
                p->has_begun = true;
                http_stream_begin(p->c.conn, 200, p->c.dialect->stream_type);
                p->begun_usec = now;
        }
        if (p->is_stalled) { /* the timer that ended the stall: go on from here */
                p->is_stalled = false;
                p->begun_usec = now - sim_to_real_usec(p->c.sim, p->n_tokens * 1000000 /
                                                                         p->c.tokens_per_second);
        }
        while (!p->outcome && pace_step(p, count_due(p, now))) {
                check_cut_bytes(p);
                if (p->n_events == 1)
                        p->c.on_first(p->c.arg);
        }
        pace_flush(p);
        if (!p->outcome || !fault_of(p, FAULT_CUT)) /* a cut may have taken back what was written */
                p->c.on_text(p->at, p->c.arg);
        if (p->step == STEP_DONE && !p->outcome)
                p->outcome = fault_of(p, FAULT_NO_STOP) ? "fault:no_stop" : "ok";
        if (p->outcome)
                pace_finish(p);
        else if (p->is_stalled)
                pace_arm(p, fault_of(p, FAULT_STALL)->ms
                                    ? sim_fault_usec(p->c.sim, fault_of(p, FAULT_STALL)->ms)
                                    : FOREVER_SECONDS * 1000000ull);
        else
                pace_arm(p, until_next(p, now));
}

static void pace_tick(struct pace *p)
{
        uint64_t now = clock_monotonic_usec();

        if (p->c.is_stream)
                stream_tick(p, now);
        else
                reply_whole(p);
        p->cost_usec += clock_monotonic_usec() - now;
        if (p->outcome)
                p->c.on_end(p->outcome, p->n_tokens, p->cost_usec, p->c.arg);
}

static void on_timer(_unused_ evutil_socket_t fd, _unused_ short what, void *arg)
{
        pace_tick(arg);
}

static void pace_hold(struct pace *p)
{
        LIST_INSERT_HEAD(&p->c.sim->held, p, held);
        p->is_held = true;
}

static void pace_release(struct pace *p)
{
        LIST_REMOVE(p, held);
        p->is_held = false;
}

void pace_release_all(struct sim *sim)
{
        struct pace *p;

        while ((p = LIST_FIRST(&sim->held))) {
                pace_release(p);
                pace_arm(p, 0);
        }
}

int pace_start(const struct pace_config *c, struct pace **ret)
{
        struct pace *p = calloc(1, sizeof(*p));
        const struct fault *slow = c->reply.faults->at[FAULT_SLOW_FIRST_BYTE];
        uint64_t wait;

        if (!p)
                return -ENOMEM;
        p->c = *c;
        if (c->reply.faults->at[FAULT_EMPTY]) {
                p->c.reply.text.n = 0;
                p->c.n_tokens = 0;
        }
        p->c.reply.usage.output = p->c.n_tokens;
        p->timer = evtimer_new(c->sim->base, on_timer, p);
        if (!p->timer) {
                free(p);
                return -ENOMEM;
        }
        wait = c->first_usec;
        if (!c->is_stream)
                wait += p->c.n_tokens * 1000000 / c->tokens_per_second;
        wait = sim_to_real_usec(c->sim, wait) + (slow ? sim_fault_usec(c->sim, slow->ms) : 0);
        *ret = p;
        if (c->reply.faults->at[FAULT_HOLD])
                pace_hold(p);
        else if (wait)
                pace_arm(p, wait);
        else
                pace_tick(p);
        return 0;
}

struct pace *pace_free(struct pace *p)
{
        if (!p)
                return NULL;
        if (p->is_held)
                pace_release(p);
        if (p->timer)
                event_free(p->timer);
        buf_done(&p->out);
        free(p);
        return NULL;
}

uint64_t pace_n_tokens(const struct pace *p)
{
        return p->n_tokens;
}
