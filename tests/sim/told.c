#include "tests/sim/told.h"

#define FILES_MAX 4096 /* of one answer: more than a window holds */

void told_done(struct told *t)
{
        for (size_t i = 0; i < t->n_files; i++)
                free(t->files[i].path);
        free(t->files);
        json_decref(t->asks);
        json_decref(t->shows);
        *t = (struct told){0};
}

static int add_path(json_t **list, const char *path)
{
        if (!path)
                return 0;
        if (!*list)
                *list = json_array();
        return *list && json_array_append_new(*list, json_string(path)) == 0 ? 0 : -ENOMEM;
}

static int add_asked(struct yaml_node *files, struct told *t)
{
        int r = 0;

        for (size_t i = 0; i < node_size(files) && !r; i++) {
                struct yaml_node *file = node_at(files, i);

                r = add_path(&t->asks,
                             file->kind == YAML_SCALAR ? file->text : node_text(file, "path"));
        }
        return r;
}

int told_read_facts(const struct facts *f, struct told *t)
{
        struct yaml_node *answer = f->answer ? yaml_get(f->answer, "answer") : NULL;
        int r = 0;

        t->is_told_why = f->has_evidence;
        if (answer && answer->kind == YAML_MAP) {
                r = add_asked(yaml_get(answer, "files"), t);
                r = r ? r : add_asked(yaml_get(answer, "edits"), t);
        }
        for (size_t i = 0; i < f->n_shown && !r; i++)
                r = add_path(&t->shows, f->shown[i].path);
        for (size_t i = 0; i < f->n_texts && !r; i++)
                r = add_path(&t->shows, f->texts[i].path);
        return r;
}

/* "<<<file PATH TAG" or "<<<edits PATH TAG": the path. */
static bool begins_file(struct span line, struct span *ret)
{
        static const char *const heads[] = {"<<<file ", "<<<edits "};

        for (size_t i = 0; i < N_ELEMENTS(heads); i++) {
                size_t n = strlen(heads[i]);
                const char *blank;

                if (line.n <= n || memcmp(line.at, heads[i], n) != 0)
                        continue;
                blank = memrchr(line.at + n, ' ', line.n - n);
                *ret = (struct span){line.at + n,
                                     blank ? (size_t)(blank - line.at) - n : line.n - n};
                return true;
        }
        return false;
}

static bool ends_file(struct span line)
{
        return line.n >= 6 && memcmp(line.at, ">>>end", 6) == 0;
}

static struct span next_line(struct span *s)
{
        const char *lf = memchr(s->at, '\n', s->n);
        struct span line = {s->at, lf ? (size_t)(lf - s->at) : s->n};
        size_t used = line.n + (lf ? 1 : 0);

        *s = (struct span){s->at + used, s->n - used};
        return line;
}

static int add_file(struct told *t, struct span path, size_t end)
{
        struct told_file *files;

        if (t->n_files == FILES_MAX)
                return 0;
        if ((t->n_files & (t->n_files - 1)) == 0) { /* a power of two: full */
                files = realloc(t->files, MAX2(t->n_files * 2, (size_t)1) * sizeof(*files));
                if (!files)
                        return -ENOMEM;
                t->files = files;
        }
        t->files[t->n_files] = (struct told_file){.path = str_dup_span(path), .end = end};
        return t->files[t->n_files++].path ? 0 : -ENOMEM;
}

int told_read_answer(struct span before, struct span text, struct told *t)
{
        struct span rest = before, path = {0};
        int r = 0;

        while (rest.n) { /* which file the answer that was cut stood in */
                struct span line = next_line(&rest);

                if (!begins_file(line, &path) && ends_file(line))
                        path = (struct span){0};
        }
        for (rest = text; rest.n && !r;) {
                struct span line = next_line(&rest);

                if (begins_file(line, &path) || !ends_file(line) || !path.n)
                        continue;
                r = add_file(t, path, (size_t)(rest.at - text.at));
                path = (struct span){0};
        }
        return r;
}

void told_note_sent(struct told *t, size_t n_bytes, uint64_t now_usec)
{
        for (size_t i = 0; i < t->n_files && t->files[i].end <= n_bytes; i++)
                if (!t->files[i].usec)
                        t->files[i].usec = now_usec;
}

void told_write(const struct told *t, json_t *row)
{
        json_t *files = json_array();

        if (t->asks)
                (void)json_object_set(row, "asks", t->asks);
        if (t->shows)
                (void)json_object_set(row, "shows", t->shows);
        if (t->is_told_why)
                (void)json_object_set_new(row, "told_why", json_true());
        for (size_t i = 0; i < t->n_files; i++)
                if (t->files[i].usec)
                        (void)json_array_append_new(files,
                                                    json_pack("{s:s s:I}", "path", t->files[i].path,
                                                              "us", (json_int_t)t->files[i].usec));
        (void)json_object_set_new(row, "files", files);
}
