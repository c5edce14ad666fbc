#include "client/files/writer.h"

#include <strings.h>

#include "client/files/left.h"
#include "common/json.h"
#include "common/path.h"

/* What the events held back said of one path. */
struct held {
        json_t *event;       /* owned: the last one */
        json_t *earlier;     /* owned: those before it, or NULL */
        struct known *known; /* owned */
        size_t n_known;
        bool may_be_absent; /* one of them expected no file */
};

struct writer {
        struct writer_config config;
        struct delivery_counts counts;
        struct held *held; /* owned; in order of first mention */
        size_t n_held, room_held;
        json_t *index;     /* owned: path -> place in held */
        struct left *left; /* owned; NULL: not of repairs */
        bool is_caught_up;
};

int writer_new(const struct writer_config *config, struct writer **ret)
{
        struct writer *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->config = *config;
        w->index = json_object();
        if (!w->index || (config->delivery.is_editing && left_new(&w->left) < 0)) {
                json_decref(w->index);
                free(w);
                return -ENOMEM;
        }
        *ret = w;
        return 0;
}

static void held_done(struct held *h)
{
        json_decref(h->event);
        json_decref(h->earlier);
        free(h->known);
        *h = (struct held){0};
}

struct writer *writer_free(struct writer *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n_held; i++)
                held_done(&w->held[i]);
        free(w->held);
        json_decref(w->index);
        left_free(w->left);
        free(w);
        return NULL;
}

void writer_set_head(struct writer *w, uint64_t head)
{
        w->config.head = head;
}

const struct delivery_counts *writer_counts(const struct writer *w)
{
        return &w->counts;
}

bool writer_is_path_allowed(const char *path)
{
        return path && path_is_relative(span_of(path)) && !path_is_reserved(path);
}

/* A hash member: 0, CONDITION_ABSENT (null or not there), -EINVAL. */
static int get_hash(const json_t *event, const char *key, struct hash *ret)
{
        const json_t *value = json_object_get(event, key);

        if (!value || json_is_null(value))
                return CONDITION_ABSENT;
        return json_is_string(value) ? hash_from_hex(span_of(json_string_value(value)), ret)
                                     : -EINVAL;
}

static int refuse(struct failure **ret_failure, const char *what, const char *path)
{
        *ret_failure =
                failure_new(FAILURE_INTERNAL, "genoptd sent a file event that is refused: %s (%s)",
                            what, path ? path : "no path");
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int read_change(const json_t *event, struct change *ret, struct failure **ret_failure)
{
        const char *action = json_get_text(event, "action");
        struct change c = {.path = json_get_text(event, "path"),
                           .fingerprint = json_get_text(event, "fingerprint"),
                           .of = json_get_text(event, "of"),
                           .findings = json_object_get(event, "findings"),
                           .task = json_integer_value(json_object_get(event, "task"))};
        int r;

        if (!writer_is_path_allowed(c.path))
                return refuse(ret_failure, "its path is not allowed", c.path);
        if (!action || (strcmp(action, "write") != 0 && strcmp(action, "remove") != 0 &&
                        strcmp(action, "rename") != 0))
                return refuse(ret_failure, "its action is unknown", c.path);
        c.is_write = strcmp(action, "remove") != 0;
        c.is_orphan = !c.is_write && str_is_equal(json_get_text(event, "reason"), "orphan");
        c.is_back = str_is_equal(json_get_text(event, "reason"), "reverted");
        r = get_hash(event, "base", &c.base);
        if (r < 0)
                return refuse(ret_failure, "its base is no hash", c.path);
        c.has_base = r == 0;
        if (c.is_write && get_hash(event, "blob", &c.blob) != 0)
                return refuse(ret_failure, "its blob is no hash", c.path);
        if (c.is_write && (!c.fingerprint || !*c.fingerprint ||
                           strlen(c.fingerprint) > MANIFEST_FINGERPRINT_BYTES))
                return refuse(ret_failure, "its fingerprint is malformed", c.path);
        *ret = c;
        return 0;
}

static int carry_out(struct writer *w, const struct change *c, struct failure **ret_failure)
{
        return deliver(&w->config.delivery, c, &w->counts, ret_failure);
}

static bool is_known(const struct change *c, const struct hash *h)
{
        bool is = c->has_base && hash_is_equal(&c->base, h);

        for (size_t i = 0; i < c->n_known; i++)
                is |= hash_is_equal(&c->known[i].sha256, h);
        return is;
}

static int leave_move(struct writer *w, const char *from, const char *why)
{
        w->counts.n_left++;
        return fates_add(w->config.delivery.fates, FATE_KEPT, from, why);
}

/* The new name first, then the old one goes; or neither, where one of them is the user's. A replay
 * finds either half done. */
static int carry_out_move(struct writer *w, struct change *c, const char *from,
                          struct failure **ret_failure)
{
        struct outdir *o = w->config.delivery.outdir;
        _cleanup_buf_ struct buf content = {0};
        struct change old = *c;
        struct hash stood, stands;
        int found, r;

        if (!writer_is_path_allowed(from) || str_is_equal(from, c->path))
                return refuse(ret_failure, "its path is not allowed", from);
        found = outdir_read(o, from, &content, &stood);
        if (found == -ENOMEM)
                return found;
        if (found < 0 || (found == 0 && !is_known(c, &stood)))
                return leave_move(w, from, "you edited it, and a repair was to move it");
        if (found == CONDITION_ABSENT) {
                if (outdir_hash(o, c->path, &stands) != 0 ||
                    (!hash_is_equal(&stands, &c->blob) && !is_known(c, &stands)))
                        return leave_move(w, from, "it was deleted while genopt was at work");
                return carry_out(w, c, ret_failure); /* moved already, or moved back */
        }
        old.path = from;
        old.is_write = false;
        old.is_half = true;
        c->from = from;
        c->moved = buf_span(&content);
        c->has_base = false; /* the new name must be free */
        r = carry_out(w, c, ret_failure);
        if (r != 0)
                return r;
        if (outdir_hash(o, c->path, &stands) != 0 || !hash_is_equal(&stands, &c->blob))
                return 0; /* it was left, and that is said */
        return carry_out(w, &old, ret_failure);
}

static bool is_back(const json_t *event)
{
        return str_is_equal(json_get_text(event, "reason"), "reverted");
}

/* A later one, or the last, takes back what the task of this one made. */
static bool is_taken_back(const json_t *earlier, size_t i, const json_t *last)
{
        const json_t *task = json_object_get(json_array_get(earlier, i), "task");
        bool is = is_back(last) && json_equal(task, json_object_get(last, "task"));

        while (++i < json_array_size(earlier) && !is) {
                const json_t *later = json_array_get(earlier, i);

                is = is_back(later) && json_equal(task, json_object_get(later, "task"));
        }
        return is;
}

/* Each with its task: what that made may be taken back. */
static int add_findings(json_t *all, const json_t *event)
{
        const json_t *task = json_object_get(event, "task");
        json_t *one;
        size_t i;
        int r = 0;

        json_array_foreach (json_object_get(event, "findings"), i, one) {
                _cleanup_json_ json_t *own = json_copy(one);

                if (r == 0 && task)
                        r = own ? json_put(own, "task", json_incref((json_t *)task)) : -ENOMEM;
                r = r ? r : json_add(all, take(own));
        }
        return r;
}

/* Of all that were held: the last is carried out for all of them. */
static int gather_findings(const struct held *held, const json_t *event, json_t **ret)
{
        _cleanup_json_ json_t *all = json_array();
        int r = all ? 0 : -ENOMEM;

        for (size_t i = 0; held && i < json_array_size(held->earlier) && r == 0; i++)
                if (!is_taken_back(held->earlier, i, event))
                        r = add_findings(all, json_array_get(held->earlier, i));
        r = r ? r : add_findings(all, event);
        if (r == 0)
                *ret = take(all);
        return r;
}

static int carry_out_change(struct writer *w, const json_t *event, const struct held *held,
                            struct failure **ret_failure)
{
        _cleanup_json_ json_t *findings = NULL;
        struct change c;
        int r;

        r = read_change(event, &c, ret_failure);
        if (r == 0 && w->config.delivery.changes)
                r = gather_findings(held, event, &findings);
        if (r != 0)
                return r;
        if (findings)
                c.findings = findings;
        if (held) {
                c.known = held->known;
                c.n_known = held->n_known;
                c.may_be_absent = held->may_be_absent;
        }
        if (!str_is_equal(json_get_text(event, "action"), "rename"))
                return carry_out(w, &c, ret_failure);
        return carry_out_move(w, &c, json_get_text(event, "from"), ret_failure);
}

/* What became of it is noted. Of events that were held, those of one path stand or fall together;
 * but one that takes back says nothing of those before it. */
static int carry_out_event(struct writer *w, const json_t *event, const struct held *held,
                           struct failure **ret_failure)
{
        const struct fates *fates = w->config.delivery.fates;
        const char *path = json_get_text(event, "path"), *from = json_get_text(event, "from"),
                   *why = NULL;
        unsigned n_left = w->counts.n_left;
        bool takes_back = is_back(event);
        int r;

        if (w->left && !held && left_is_moot(w->left, event))
                return 0;
        r = carry_out_change(w, event, held, ret_failure);
        if (r != 0 || !w->left)
                return r;
        if (w->counts.n_left > n_left) {
                why = fates_text(fates, path);
                why = !why && from ? fates_text(fates, from) : why;
                why = why ? why : "";
        }
        for (size_t i = 0; held && i < json_array_size(held->earlier) && r == 0; i++)
                r = left_note(w->left, json_array_get(held->earlier, i), takes_back ? NULL : why);
        return r ? r : left_note(w->left, event, why);
}

static int keep_earlier(struct held *h, json_t *event)
{
        if (!h->earlier && !(h->earlier = json_array()))
                return -ENOMEM;
        return json_array_append(h->earlier, event) < 0 ? -ENOMEM : 0;
}

static int get_held(struct writer *w, const char *path, struct held **ret)
{
        json_t *place = json_object_get(w->index, path);

        if (place) {
                *ret = &w->held[json_integer_value(place)];
                return 0;
        }
        if (w->n_held == w->room_held) {
                size_t room = w->room_held ? 2 * w->room_held : 64;
                struct held *more = realloc(w->held, room * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                w->held = more;
                w->room_held = room;
        }
        if (json_object_set_new(w->index, path, json_integer((json_int_t)w->n_held)) < 0)
                return -ENOMEM;
        *ret = &w->held[w->n_held++];
        **ret = (struct held){0};
        return 0;
}

static int add_known(struct held *h, const struct hash *sha256, bool is_ours)
{
        struct known *more = realloc(h->known, (h->n_known + 1) * sizeof(*more));

        if (!more)
                return -ENOMEM;
        h->known = more;
        h->known[h->n_known++] = (struct known){*sha256, is_ours};
        return 0;
}

/* What was said of the old name is over with it; what may stand there may be what was to be
 * written. */
static int absorb(struct writer *w, struct held *h, const char *from, struct failure **ret_failure)
{
        struct change before;
        struct held *old;
        size_t at = (size_t)(h - w->held);
        int r = get_held(w, from, &old);

        if (r != 0)
                return r;
        h = &w->held[at]; /* the list may have grown */
        if (old == h || !old->event)
                return 0;
        r = read_change(old->event, &before, ret_failure);
        for (size_t i = 0; i < old->n_known && r == 0; i++)
                r = add_known(h, &old->known[i].sha256, old->known[i].is_ours);
        if (r == 0 && before.is_write)
                r = add_known(h, &before.blob, true);
        for (size_t i = 0; i < json_array_size(old->earlier) && r == 0; i++)
                r = keep_earlier(h, json_array_get(old->earlier, i));
        r = r ? r : keep_earlier(h, old->event);
        if (r == 0)
                held_done(old);
        return r;
}

static int hold(struct writer *w, const json_t *event, struct failure **ret_failure)
{
        bool is_move = str_is_equal(json_get_text(event, "action"), "rename");
        const char *from = json_get_text(event, "from");
        struct change c, before;
        struct held *h;
        int r;

        r = read_change(event, &c, ret_failure);
        if (r == 0)
                r = get_held(w, c.path, &h);
        if (r == 0 && is_move && from) {
                r = absorb(w, h, from, ret_failure);
                h = r == 0 ? &w->held[json_integer_value(json_object_get(w->index, c.path))] : h;
        }
        if (r != 0)
                return r;
        if (c.has_base)
                r = add_known(h, &c.base, false);
        if (r == 0 && h->event) {
                r = read_change(h->event, &before, ret_failure);
                if (r == 0 && before.is_write)
                        r = add_known(h, &before.blob, true);
                else if (r == 0)
                        h->may_be_absent = true;
        }
        if (r != 0)
                return r;
        h->may_be_absent |= !c.has_base;
        if (h->event && w->left && (r = keep_earlier(h, h->event)) < 0)
                return r;
        json_decref(h->event);
        h->event = json_incref((json_t *)event);
        return 0;
}

int writer_catch_up(struct writer *w, struct failure **ret_failure)
{
        int r = 0;

        /* What is done is done, should the daemon die meanwhile. */
        for (size_t i = 0; r == 0 && i < w->n_held; i++) {
                struct held *h = &w->held[i];

                if (h->event)
                        r = carry_out_event(w, h->event, h, ret_failure);
                if (r == 0)
                        held_done(h);
        }
        if (r != 0)
                return r;
        w->is_caught_up = true;
        w->n_held = 0;
        json_object_clear(w->index);
        return 0;
}

int writer_apply(struct writer *w, const json_t *event, struct failure **ret_failure)
{
        uint64_t seq = 0;
        int r = 0;

        if (!w->is_caught_up && json_get_u64(event, "seq", &seq) && seq <= w->config.head)
                return hold(w, event, ret_failure);
        if (!w->is_caught_up)
                r = writer_catch_up(w, ret_failure);
        return r == 0 ? carry_out_event(w, event, NULL, ret_failure) : r;
}

/* What a command did to the files after the repairs were put there: a formatter may change more in
 * them, but what is gone, or as it was before, is not repaired. NULL: it stands. */
static const char *find_loss(const struct writer *w, const char *path)
{
        const struct delivery *d = &w->config.delivery;
        const struct change_of_file *c = changes_find(d->changes, path);
        struct hash stands, before;
        int found;

        if (!c || c->is_new || changes_is_void(c))
                return NULL;
        found = outdir_hash(d->outdir, c->from ? c->from : c->path, &stands);
        hash_of(c->before, c->n_before, &before);
        if (found == 0 && hash_is_equal(&stands, &before))
                return "it is again as it was before the repair";
        found = outdir_hash(d->outdir, c->path, &stands);
        return found == CONDITION_ABSENT && !c->is_gone ? "it was repaired, and is there no more"
                                                        : NULL;
}

struct loss_search {
        struct writer *w;
        int r;
};

static const char *find_and_tell_loss(const char *path, void *arg)
{
        struct loss_search *s = arg;
        const char *why = find_loss(s->w, path);

        if (why && s->r == 0)
                s->r = fates_add(s->w->config.delivery.fates, FATE_KEPT, path, why);
        return why;
}

int writer_settle(struct writer *w, json_t *done)
{
        struct loss_search s = {w, 0};
        int r = 0;

        if (!w->left)
                return 0;
        if (w->config.delivery.changes)
                r = left_check(w->left, find_and_tell_loss, &s);
        r = r ? r : s.r;
        return r ? r : left_settle(w->left, done);
}

int writer_finish(struct writer *w)
{
        if (!w->counts.is_settle_due)
                return 0;
        w->counts.is_settle_due = false;
        return outdir_settle(w->config.delivery.outdir);
}
