/* `genopt why [JOB] PATH`: why a file was made again, reused, templated or kept. */

#include <stdio.h>

#include "client/command.h"
#include "client/files/outdir.h"
#include "client/link/connection.h"
#include "client/view/difference.h"
#include "client/view/format.h"
#include "client/view/view.h"
#include "common/str.h"

enum why_option { WHY_OUTPUT };

static const struct option_row why_options[] = {
        [WHY_OUTPUT] = {"output", 'o', "DIR", "without JOB: the last job of this directory (.)"},
        {NULL, 0, NULL, NULL},
};

/* What happened, by the way the file was come by; "" while the job has not got there. */
static const struct {
        const char *source, *done, *planned;
} words[] = {
        {"keep", "was kept", "would be kept"},
        {"reuse", "was reused from an earlier result", "would be reused from an earlier result"},
        {"template", "was rendered from its template", "would be rendered from its template"},
        {"mechanical", "was edited mechanically", "would be edited mechanically"},
        {"call", "was made by a model call", "would be made by a model call"},
};

static const char *what_happened(const json_t *answer)
{
        bool is_done = json_get_bool(answer, "done", false);
        const char *source = is_done ? json_get_text(answer, "source")
                                     : json_get_text(json_object_get(answer, "planned"), "kind");

        for (size_t i = 0; source && i < N_ELEMENTS(words); i++)
                if (strcmp(words[i].source, source) == 0)
                        return is_done ? words[i].done : words[i].planned;
        return is_done ? "could not be made" : "is not made yet";
}

static const char *value_state(const json_t *change)
{
        const char *how = json_get_text(change, "how");
        bool has_old = json_object_get(change, "old"), has_new = json_object_get(change, "new");

        if (!how || (strcmp(how, "changed") == 0 && has_old && has_new))
                return "";
        if (strcmp(how, "changed") == 0)
                return has_old || has_new ? " (one of its values is not remembered any more)"
                                          : " (its values are not remembered any more)";
        return has_old || has_new ? "" : " (its value is not remembered any more)";
}

static int print_change(const json_t *change, size_t columns, struct buf *b)
{
        const json_t *old = json_object_get(change, "old"), *new = json_object_get(change, "new");
        const char *input = json_get_text(change, "input"), *how = json_get_text(change, "how"),
                   *was = json_get_text(change, "was");
        bool is_changed = how && strcmp(how, "changed") == 0;
        int r;

        r = buf_printf(b, "  %s %s%s%s%s\n", input ? input : "?", how ? how : "",
                       was ? ", was " : "", was ? was : "", value_state(change));
        if (r < 0 || (is_changed && (!old || !new)))
                return r;
        return difference_write(old, new, "      ", columns, b);
}

static void print_list(const char *head, const json_t *list, struct buf *b)
{
        json_t *item;
        size_t i;

        if (json_array_size(list) > 0)
                (void)buf_printf(b, "  %s\n", head);
        json_array_foreach ((json_t *)list, i, item)
                (void)buf_printf(b, "      %s\n", json_string_value(item));
}

/* Something was made for a file that is the user's, and waits. Not when it is being delivered, when
 * nothing stands there, or when genopt's own does. */
static bool is_held_back(const struct outdir *o, const json_t *answer)
{
        const char *path = json_get_text(answer, "path"), *new = json_get_text(answer, "new");
        const struct manifest_entry *e = path ? manifest_get(outdir_manifest(o), path) : NULL;
        struct hash disk;

        if (!path || !new || !json_get_bool(answer, "done", false) ||
            (e && strcmp(e->fingerprint, new) == 0) || outdir_hash(o, path, &disk) != 0)
                return false;
        return !e || !hash_is_equal(&disk, &e->sha256);
}

/* What only this side knows: is what was made in its place? */
static int look_in_place(const struct client *c, const char *dir, json_t *answer)
{
        _cleanup_(outdir_freep) struct outdir *o = NULL;
        struct failure *failure = NULL;
        int r = outdir_open(c, dir, OUTDIR_GENERATED, false, &o, &failure);

        failure_free(failure);
        if (r != 0)
                return r < 0 ? r : 0;
        return is_held_back(o, answer) ? json_put(answer, "held_back", json_true()) : 0;
}

static int print_answer(const json_t *answer)
{
        size_t columns = isatty(STDOUT_FILENO) ? view_columns(STDOUT_FILENO) : 100, i;
        const char *path = json_get_text(answer, "path"), *why = json_get_text(answer, "sentence"),
                   *message = json_get_text(json_object_get(answer, "error"), "message");
        _cleanup_buf_ struct buf b = {0};
        _cleanup_free_ char *text = NULL;
        json_t *change;
        int r = 0;

        buf_init(&b, 0);
        (void)buf_printf(&b, "%s %s: %s\n", path ? path : "?", what_happened(answer),
                         why ? why : "");
        if (message)
                (void)buf_printf(&b, "  failed: %s\n", message);
        json_array_foreach (json_object_get(answer, "changes"), i, change)
                r = r < 0 ? r : print_change(change, columns, &b);
        if (json_get_bool(answer, "held_back", false))
                (void)buf_add_text(&b, "  what was made is not in its place: the file there is "
                                       "yours; gen --merge merges both, --overwrite replaces "
                                       "yours (it is saved first)\n");
        print_list("files that it depends on may come out otherwise first:",
                   json_object_get(answer, "unsure"), &b);
        if (r < 0 || b.failed)
                return r < 0 ? r : b.failed;
        text = buf_steal(&b, NULL);
        if (!text)
                return -ENOMEM;
        format_scrub(text);
        return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

/* As the job calls it: below the output directory. */
static const char *path_in_job(const char *path, const char *dir)
{
        size_t n = strlen(dir);

        while (n > 0 && dir[n - 1] == '/')
                n--;
        while (str_has_prefix(path, "./"))
                path += 2;
        if (strncmp(path, dir, n) == 0 && path[n] == '/')
                path += n + strspn(path + n, "/");
        return path;
}

static int cmd_why(struct client *c)
{
        const char *dir = c->values[WHY_OUTPUT] ? c->values[WHY_OUTPUT] : ".";
        const char *job = c->n_args > 1 ? c->args[0] : NULL, *path = c->args[c->n_args - 1];
        _cleanup_json_ json_t *result = NULL;
        struct failure *failure = NULL;
        char noted[OUTDIR_JOB_BYTES];
        json_t *params;
        int r;

        if (!job && outdir_read_job(dir, noted) != 0)
                return client_usage(c, "no job was started for this directory; name the job, or "
                                       "the directory with -o");
        params = json_pack("{s:s, s:s}", "job", job ? job : noted, "path", path_in_job(path, dir));
        if (!params)
                return client_usage(c, "words must be UTF-8");
        r = connection_ask(c, START_IF_NEEDED, "job/why", params, &result, &failure);
        if (r == 0 && !job)
                r = look_in_place(c, dir, result);
        if (r == 0)
                r = c->is_json ? client_put_json(result) : print_answer(result);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_why = {
        .name = "why",
        .args = "[JOB] PATH [-o DIR]",
        .sentence = "say why a file was made again, reused, templated or kept",
        .detail = "Names each of the inputs that changed since the result that stood there before, "
                  "with both values: shortened on a terminal, whole with --json. Without JOB it is "
                  "the last job of the output directory. It answers for dry runs too.",
        .options = why_options,
        .n_args_min = 1,
        .n_args_max = 2,
        .run = cmd_why,
};
