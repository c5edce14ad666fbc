#include "daemon/exec/answer.h"

#include "common/json.h"
#include "common/path.h"
#include "common/str.h"
#include "common/yaml.h"

#define BEGIN_MARK "<<<file "
#define EDITS_MARK "<<<edits "
#define END_MARK ">>>end "
#define MARK_MAX_BYTES                                                            \
        (sizeof(BEGIN_MARK) + PATH_REL_BYTES + 128) /* a longer line is no marker \
                                                     */
#define NO_FILE SIZE_MAX

struct answer {
        char *tag;                          /* owned */
        struct strlist paths;               /* owned */
        bool *is_done, *may_edit;           /* owned; of paths */
        const struct answer_events *events; /* borrowed: the caller's, static as a rule */
        void *arg;                          /* borrowed: the caller's */
        struct answer_counts counts;
        struct buf line;    /* the beginning of a line that may be a marker */
        struct buf content; /* of the open file */
        size_t file;        /* the open one, or NO_FILE */
        bool is_inside;     /* of a file, counted or refused */
        bool is_edits;      /* what the open file is given as */
        bool is_mid_line;   /* the rest of this line is text */
        size_t n_bytes;     /* fed */
};

struct answer *answer_free(struct answer *a)
{
        if (!a)
                return NULL;
        free(a->tag);
        free(a->is_done);
        free(a->may_edit);
        strlist_done(&a->paths);
        buf_done(&a->line);
        buf_done(&a->content);
        free(a);
        return NULL;
}

int answer_new(const char *tag, const char *const *paths, size_t n_paths,
               const struct answer_events *events, void *arg, struct answer **ret)
{
        _cleanup_(answer_freep) struct answer *a = NULL;

        if (!tag[0] || n_paths > ANSWER_MAX_FILES)
                return -EINVAL;
        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->events = events;
        a->arg = arg;
        a->file = NO_FILE;
        buf_init(&a->line, 0);
        buf_init(&a->content, ANSWER_MAX_FILE_BYTES);
        a->tag = str_dup_span(span_of(tag));
        a->is_done = calloc(MAX2(n_paths, (size_t)1), sizeof(*a->is_done));
        a->may_edit = calloc(MAX2(n_paths, (size_t)1), sizeof(*a->may_edit));
        if (!a->tag || !a->is_done || !a->may_edit)
                return -ENOMEM;
        for (size_t i = 0; i < n_paths; i++) {
                int r = strlist_add(&a->paths, paths[i]);

                if (r)
                        return r;
        }
        *ret = take(a);
        return 0;
}

void answer_allow_edits(struct answer *a, size_t file)
{
        if (file < a->paths.n)
                a->may_edit[file] = true;
}

bool answer_is_edits(const struct answer *a)
{
        return a->is_edits;
}

static size_t find_path(const struct answer *a, struct span path)
{
        for (size_t i = 0; i < a->paths.n; i++)
                if (span_is_equal(path, span_of(a->paths.at[i])))
                        return i;
        return NO_FILE;
}

static void close_file(struct answer *a)
{
        a->is_inside = false;
        a->file = NO_FILE;
        buf_clear(&a->content);
}

/* A file without an end line. */
static void drop_file(struct answer *a)
{
        if (a->file != NO_FILE)
                a->counts.n_unended++;
        close_file(a);
}

static void begin_file(struct answer *a, struct span path, bool is_edits)
{
        size_t file = find_path(a, path);

        if (a->is_inside)
                drop_file(a);
        a->is_inside = true;
        a->is_edits = is_edits;
        if (file == NO_FILE || (is_edits && !a->may_edit[file])) {
                a->counts.n_unexpected++;
                return;
        }
        if (a->is_done[file]) {
                a->counts.n_repeated++;
                return;
        }
        a->file = file;
        if (a->events->on_file_begin)
                a->events->on_file_begin(file, a->arg);
}

static void end_file(struct answer *a)
{
        size_t file = a->file;

        if (file != NO_FILE) {
                a->is_done[file] = true;
                a->counts.n_done++;
                if (a->events->on_file_end)
                        a->events->on_file_end(file, buf_span(&a->content), a->arg);
        }
        close_file(a);
}

static int add_text(struct answer *a, struct span text)
{
        int r;

        if (!a->is_inside) {
                a->counts.n_chatter_bytes += text.n;
                return 0;
        }
        if (a->file == NO_FILE || text.n == 0)
                return 0;
        r = buf_add_span(&a->content, text);
        if (r) { /* its rest is skipped up to its end line */
                if (r == -EMSGSIZE)
                        a->counts.n_too_large++;
                a->file = NO_FILE;
                buf_clear(&a->content);
                return r == -EMSGSIZE ? 0 : r;
        }
        if (a->events->on_file_text)
                a->events->on_file_text(a->file, text, a->arg);
        return 0;
}

static bool strip(struct span *s, const char *prefix, const char *suffix)
{
        size_t n_prefix = strlen(prefix), n_suffix = strlen(suffix);

        if (s->n < n_prefix + n_suffix || memcmp(s->at, prefix, n_prefix) != 0 ||
            memcmp(s->at + s->n - n_suffix, suffix, n_suffix) != 0)
                return false;
        s->at += n_prefix;
        s->n -= n_prefix + n_suffix;
        return true;
}

/* Whether a line is still, or could become, a marker. */
static bool may_be_marker(struct span line)
{
        static const char *const marks[] = {BEGIN_MARK, EDITS_MARK, END_MARK};

        for (size_t i = 0; i < N_ELEMENTS(marks) && line.n <= MARK_MAX_BYTES; i++)
                if (memcmp(line.at, marks[i], MIN2(line.n, strlen(marks[i]))) == 0)
                        return true;
        return false;
}

/* A whole line without its LF. False: it is text. */
static bool read_marker(struct answer *a, struct span line)
{
        struct span path;
        bool is_edits;

        if (line.n && line.at[line.n - 1] == '\r')
                line.n--;
        path = line;
        is_edits = strip(&path, EDITS_MARK, a->tag);
        if ((is_edits || strip(&path, BEGIN_MARK, a->tag)) && path.n > 1 &&
            path.at[path.n - 1] == ' ') {
                path.n--;
                begin_file(a, path, is_edits);
                return true;
        }
        if (a->is_inside && strip(&line, END_MARK, a->tag) && line.n == 0) {
                end_file(a);
                return true;
        }
        return false;
}

/* Gives up on the line's being a marker. */
static int flush_line(struct answer *a)
{
        int r = add_text(a, buf_span(&a->line));

        buf_clear(&a->line);
        a->is_mid_line = true;
        return r;
}

/* At the beginning of a line: takes bytes up to its LF while it may be a marker. */
static int feed_line(struct answer *a, struct span *text)
{
        const char *lf = memchr(text->at, '\n', text->n);
        size_t n = lf ? (size_t)(lf - text->at) : text->n;
        size_t n_taken = MIN2(n, MARK_MAX_BYTES + 1);
        int r = buf_add(&a->line, text->at, n_taken);

        if (r) {
                buf_clear(&a->line);
                a->is_mid_line = true;
                drop_file(a);
                return r;
        }
        text->at += n_taken;
        text->n -= n_taken;
        if (!may_be_marker(buf_span(&a->line)))
                return flush_line(a);
        if (!lf || n_taken < n)
                return 0;
        if (!read_marker(a, buf_span(&a->line)))
                return flush_line(a); /* the LF is the rest of this line */
        buf_clear(&a->line);
        text->at++;
        text->n--;
        return 0;
}

/* Within a line: everything up to its LF is text. */
static int feed_rest(struct answer *a, struct span *text)
{
        const char *lf = memchr(text->at, '\n', text->n);
        size_t n = lf ? (size_t)(lf + 1 - text->at) : text->n;
        int r = add_text(a, (struct span){text->at, n});

        text->at += n;
        text->n -= n;
        if (lf)
                a->is_mid_line = false;
        return r;
}

int answer_feed(struct answer *a, struct span text)
{
        int failed = 0;

        if (text.n > ANSWER_MAX_BYTES - a->n_bytes) {
                a->counts.n_unread_bytes += text.n - (ANSWER_MAX_BYTES - a->n_bytes);
                text.n = ANSWER_MAX_BYTES - a->n_bytes;
        }
        a->n_bytes += text.n;
        while (text.n) {
                int r = a->is_mid_line ? feed_rest(a, &text) : feed_line(a, &text);

                failed = failed ? failed : r;
        }
        return failed;
}

void answer_finish(struct answer *a)
{
        if (a->line.n && !read_marker(a, buf_span(&a->line)) && !a->is_inside)
                a->counts.n_chatter_bytes += a->line.n;
        if (a->is_inside)
                drop_file(a);
        buf_clear(&a->line);
        a->is_mid_line = false;
}

void answer_reset(struct answer *a)
{
        close_file(a);
        buf_clear(&a->line);
        a->is_mid_line = false;
        a->n_bytes = 0;
        a->counts = (struct answer_counts){.n_done = a->counts.n_done};
}

bool answer_get_open(const struct answer *a, size_t *ret_file, struct span *ret_text)
{
        if (a->file == NO_FILE)
                return false;
        *ret_file = a->file;
        *ret_text = buf_span(&a->content);
        return true;
}

int answer_write_begin(const char *tag, const char *path, bool is_edits, struct buf *out)
{
        return buf_printf(out, "%s%s %s\n", is_edits ? EDITS_MARK : BEGIN_MARK, path, tag);
}

bool answer_is_done(const struct answer *a, size_t file)
{
        return file < a->paths.n && a->is_done[file];
}

size_t answer_missing(const struct answer *a, size_t *ret_files, size_t n_max)
{
        size_t n = 0;

        for (size_t i = 0; i < a->paths.n; i++) {
                if (a->is_done[i])
                        continue;
                if (n < n_max)
                        ret_files[n] = i;
                n++;
        }
        return n;
}

const struct answer_counts *answer_counts(const struct answer *a)
{
        return &a->counts;
}

void answer_tag(const struct hash *h, char ret[ANSWER_TAG_BYTES])
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        memcpy(ret, hex, ANSWER_TAG_BYTES - 1);
        ret[ANSWER_TAG_BYTES - 1] = 0;
}

static json_t *list_paths(const char *const *paths, const bool *is_shown, size_t n, bool which)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n && list; i++)
                if ((is_shown && is_shown[i]) == which && json_add(list, json_string(paths[i]))) {
                        json_decref(list);
                        list = NULL;
                }
        return list;
}

static int write_answer_block(const char *tag, const char *const *paths, const bool *is_shown,
                              size_t n_paths, struct buf *out)
{
        static const char *const keys[] = {"files", "edits"};
        _cleanup_json_ json_t *root = json_object();
        json_t *answer = json_object();
        int r = root ? json_put(root, "answer", answer) : -ENOMEM;

        if (!root)
                json_decref(answer);
        if (!r)
                r = json_put(answer, "tag", json_string(tag));
        for (size_t i = 0; i < N_ELEMENTS(keys) && !r; i++) {
                json_t *list = list_paths(paths, is_shown, n_paths, i == 1);

                if (list && json_array_size(list) == 0)
                        json_decref(list);
                else
                        r = json_put(answer, keys[i], list);
        }
        return r ? r : yaml_write(root, 0, out);
}

/* How a file is written whole, or changed. */
static void write_forms(const char *tag, size_t n_whole, size_t n_edited, struct buf *out)
{
        if (n_whole > 0)
                buf_printf(out,
                           "Write each %s whole, between two marker lines that stand alone, from "
                           "the first column:\n"
                           "\n" BEGIN_MARK "PATH %s\n"
                           "the content of the file\n" END_MARK "%s\n"
                           "\n",
                           n_edited ? "file of `files`" : "file", tag, tag);
        if (n_edited > 0)
                buf_printf(out,
                           "%s is shown above as it stands. Do not write it again: write what is "
                           "to change in it, as edits between marker lines that stand alone, from "
                           "the first column:\n"
                           "\n" EDITS_MARK "PATH %s\n"
                           "<<<old %s\n"
                           "whole lines of the shown text, copied exactly\n"
                           "===new %s\n"
                           "the lines that take their place\n" END_MARK "%s\n"
                           "\n"
                           "An edit is a `<<<old` and a `===new` part; a file may have many, and "
                           "needs none where nothing is to change. The old lines must stand in "
                           "the shown text exactly once: add lines around them until they do. "
                           "Edits do not overlap, and each is about the text as it is shown. "
                           "Everything that no edit names stays as it is.\n",
                           n_whole ? "Each file of `edits`" : "The text of each file", tag, tag,
                           tag, tag);
}

int answer_write_instructions(const char *tag, const char *const *paths, const bool *is_shown,
                              size_t n_paths, struct buf *out)
{
        size_t n_edited = 0;
        int r;

        for (size_t i = 0; i < n_paths; i++)
                n_edited += is_shown && is_shown[i];
        buf_printf(out,
                   "Answer with %s named below and nothing else: no explanation, no code fences "
                   "around a file.\n",
                   n_paths == 1 ? "the file" : "the files");
        write_forms(tag, n_paths - n_edited, n_edited, out);
        buf_printf(out,
                   "PATH is a path of the list, exactly as it stands there; each is written once. "
                   "A file without its end line does not count.\n"
                   "\n"
                   "```yaml\n");
        r = write_answer_block(tag, paths, is_shown, n_paths, out);
        if (r)
                return r;
        return buf_add_text(out, "```\n");
}
