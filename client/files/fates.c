#include "client/files/fates.h"

#include "common/str.h"

#define LISTED_MAX 20 /* paths of one kind: a longer list hides what comes after it */

/* The number goes before `many`. */
static const struct {
        const char *type;                /* of the line that --json prints */
        const char *one, *many, *remedy; /* remedy: NULL when there is nothing to do */
        bool is_warning, needs_attention;
} rows[N_FATES] = {
        [FATE_KEPT] = {"conflict",
                       "1 file was kept as it stands:", " files were kept as they stand:",
                       "run again with --merge to merge what is new into them, or with --overwrite "
                       "to replace them (they are saved first)",
                       true, true},
        [FATE_CONFLICT] = {"merge_conflict", "1 file was merged, with conflicts:",
                           " files were merged, with conflicts:",
                           "settle what stands between <<<<<<< and >>>>>>> in them", true, true},
        [FATE_UNRESOLVED] = {"unresolved", "1 file still has conflicts of an earlier merge:",
                             " files still have conflicts of an earlier merge:",
                             "settle what stands between <<<<<<< and >>>>>>> in them", true, true},
        [FATE_MERGED] = {"merged", "1 file was merged with your edits:",
                         " files were merged with your edits:", NULL, false, false},
        [FATE_SAVED] = {"saved", "1 file was replaced; yours is saved:",
                        " files were replaced; yours are saved:", NULL, false, false},
        [FATE_ORPHAN] = {"orphan", "1 file is no longer described by the specification:",
                         " files are no longer described by the specification:",
                         "run again with --prune to remove what you did not edit of them", true,
                         false},
        [FATE_PRUNED] = {"pruned", "1 file was removed that the specification no longer describes:",
                         " files were removed that the specification no longer describes:", NULL,
                         false, false},
        [FATE_RELEASED] = {"released",
                           "1 file is no longer described by the specification, but edited by you; "
                           "it stays, and is yours from now on:",
                           " files are no longer described by the specification, but edited by "
                           "you; they stay, and are yours from now on:",
                           NULL, false, false},
};

/* Of repairs. */
static const char kept_remedy[] =
        "what was made is kept: mend that, and `genopt fix --resume` puts it in place at no cost "
        "(with --merge also into files that were changed)";

struct noted {
        char *path, *text; /* owned; text may be NULL */
        enum fate fate;
};

struct fates {
        const struct client *client; /* borrowed: outlives all */
        const char *job;             /* borrowed, or NULL */
        bool is_editing;
        struct noted *at; /* owned */
        size_t n, room;
        size_t counts[N_FATES];
        json_t *paths; /* owned: set of those noted */
};

int fates_new(const struct client *c, struct fates **ret)
{
        struct fates *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->client = c;
        f->paths = json_object();
        if (!f->paths) {
                free(f);
                return -ENOMEM;
        }
        *ret = f;
        return 0;
}

struct fates *fates_free(struct fates *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++) {
                free(f->at[i].path);
                free(f->at[i].text);
        }
        free(f->at);
        json_decref(f->paths);
        free(f);
        return NULL;
}

void fates_set_job(struct fates *f, const char *job)
{
        f->job = job;
}

void fates_set_editing(struct fates *f)
{
        f->is_editing = true;
}

static const char *remedy_of(const struct fates *f, enum fate fate)
{
        return fate == FATE_KEPT && f->is_editing ? kept_remedy : rows[fate].remedy;
}

static int make_room(struct fates *f)
{
        size_t room = f->room ? 2 * f->room : 16;
        struct noted *more;

        if (f->n < f->room)
                return 0;
        more = realloc(f->at, room * sizeof(*more));
        if (!more)
                return -ENOMEM;
        f->at = more;
        f->room = room;
        return 0;
}

static int put_line(const struct fates *f, enum fate fate, const char *path, const char *text)
{
        _cleanup_json_ json_t *line =
                json_pack("{s:s, s:s*, s:s, s:s*, s:s*}", "type", rows[fate].type, "job", f->job,
                          "path", path, "text", text, "remedy", remedy_of(f, fate));

        return line ? client_put_json(line) : -ENOMEM;
}

static const struct noted *find_last(const struct fates *f, const char *path)
{
        for (size_t i = f->n; path && fates_has_path(f, path) && i-- > 0;)
                if (strcmp(f->at[i].path, path) == 0)
                        return &f->at[i];
        return NULL;
}

const char *fates_text(const struct fates *f, const char *path)
{
        const struct noted *n = find_last(f, path);

        return n ? n->text : NULL;
}

int fates_add(struct fates *f, enum fate fate, const char *path, const char *text)
{
        const struct noted *last = f->is_editing ? find_last(f, path) : NULL;
        struct noted n = {.fate = fate};
        int r = make_room(f);

        if (r < 0 || (last && last->fate == fate))
                return r;
        n.path = str_dup_span(span_of(path));
        n.text = text ? str_dup_span(span_of(text)) : NULL;
        if (!n.path || (text && !n.text) || json_object_set_new(f->paths, path, json_true()) < 0) {
                free(n.path);
                free(n.text);
                return -ENOMEM;
        }
        f->at[f->n++] = n;
        f->counts[fate]++;
        return f->client->is_json ? put_line(f, fate, path, text) : 0;
}

bool fates_has_path(const struct fates *f, const char *path)
{
        return json_object_get(f->paths, path);
}

size_t fates_n(const struct fates *f, enum fate fate)
{
        return f->counts[fate];
}

bool fates_need_attention(const struct fates *f)
{
        for (size_t i = 0; i < N_FATES; i++)
                if (f->counts[i] > 0 && rows[i].needs_attention)
                        return true;
        return false;
}

static int list(const struct fates *f, enum fate fate, struct buf *b)
{
        size_t n = f->counts[fate], n_listed = 0;

        if (n == 1)
                (void)buf_add_text(b, rows[fate].one);
        else
                (void)buf_printf(b, "%zu%s", n, rows[fate].many);
        for (size_t i = 0; i < f->n && n_listed < LISTED_MAX; i++) {
                const struct noted *at = &f->at[i];

                if (at->fate != fate)
                        continue;
                (void)buf_printf(b, "\n  %s%s%s", at->path, at->text ? ": " : "",
                                 at->text ? at->text : "");
                n_listed++;
        }
        if (n > n_listed)
                (void)buf_printf(b, "\n  and %zu more (--json lists them all)", n - n_listed);
        if (remedy_of(f, fate))
                (void)buf_printf(b, "\n  → %s", remedy_of(f, fate));
        return b->failed;
}

void fates_print(const struct fates *f, struct view *v)
{
        for (enum fate i = 0; i < N_FATES; i++) {
                _cleanup_buf_ struct buf b = {0};

                if (f->counts[i] == 0 || list(f, i, &b) < 0)
                        continue;
                if (rows[i].is_warning)
                        view_warn(v, "%s", b.at);
                else
                        view_say(v, "%s", b.at);
        }
}
