#include "daemon/input/formats.h"
#include "daemon/input/input.h"

static const struct spec_format *const formats[] = {
#define X(name) &spec_format_##name,
        SPEC_FORMAT_TABLE(X)
#undef X
};

static int refuse(struct failure **ret_failure, const char *where, const char *text)
{
        *ret_failure = failure_new_at(FAILURE_BAD_SPEC, where, "%s", text);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

/* "specs/shop.fcs.json" -> "shop" */
static char *base_name(const char *file_name)
{
        const char *slash = strrchr(file_name, '/');
        struct span s = span_of(slash ? slash + 1 : file_name);
        static const char *const endings[] = {".json", ".yaml",     ".yml",  ".md",     ".txt",
                                              ".fcs",  ".markdown", ".spec", ".openapi"};

        for (size_t pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < N_ELEMENTS(endings); i++) {
                        size_t n = strlen(endings[i]);

                        if (s.n > n && memcmp(s.at + s.n - n, endings[i], n) == 0)
                                s.n -= n;
                }
        return s.n > 0 && !span_is_equal(s, SPAN("-")) ? str_dup_span(s)
                                                       : str_dup_span(SPAN("app"));
}

static void finish(struct reader *rd, struct yaml_node *top)
{
        struct model *m = rd->model;

        if (!rd->error && !m->name) {
                if (rd->expects_name)
                        reader_warn(rd, NULL,
                                    "the specification has no `name`: the file's name is taken");
                m->name = base_name(rd->file_name);
                if (!m->name)
                        reader_fail(rd, -ENOMEM);
        }
        if (!rd->error && m->n_entities == 0 && m->n_scenarios == 0 && m->n_contracts == 0)
                reader_refuse(rd, top,
                              "the specification has no entities, no contracts and no scenarios: "
                              "there is nothing to generate");
        reader_link(rd);
        if (top)
                reader_unread(rd, top);
        if (!rd->error && rd->n_dropped_warnings > 0) {
                _cleanup_free_ char *line =
                        str_printf("%s: %zu more warnings", rd->file_name, rd->n_dropped_warnings);

                if (!line || strlist_add(&m->warnings, line) < 0)
                        reader_fail(rd, -ENOMEM);
        }
}

/* What a text is, before anything of it is read. */
struct source {
        struct span front, body; /* body: of Markdown */
        unsigned body_line;
        bool is_markdown;
        struct yaml_node *top; /* owned; NULL: plain text */
};

static const char *form_of(const struct source *s)
{
        size_t i = 0;

        if (!s->top)
                return "plain text";
        if (s->is_markdown)
                return "Markdown with front matter";
        while (i < s->front.n && strchr(" \t\r\n\xEF\xBB\xBF", s->front.at[i]))
                i++;
        return i < s->front.n && (s->front.at[i] == '{' || s->front.at[i] == '[') ? "JSON" : "YAML";
}

/* Reads with the first format that knows the source. */
static void read_source(struct reader *rd, const struct source *s, struct span text)
{
        for (size_t i = 0; i < N_ELEMENTS(formats); i++) {
                const struct spec_format *f = formats[i];
                const char *reason = NULL;

                if (s->top && f->knows)
                        reason = f->knows(s->top);
                else if (!s->top && f->knows_text)
                        reason = f->knows_text(text);
                if (!reason)
                        continue;
                reader_say(rd, "%s is read as %s in %s: %s", rd->file_name, f->name, form_of(s),
                           reason);
                if (s->top)
                        f->read(rd, s->top);
                else
                        f->read_text(rd, text);
                if (s->is_markdown)
                        markdown_read_body(rd, s->body, s->body_line);
                return;
        }
        reader_refuse(rd, s->top,
                      "a specification is a map of keys like `name`, `entities`, `requirements`, "
                      "or a list of entities");
}

static bool is_plain_text(struct span text)
{
        for (size_t i = 0; i < N_ELEMENTS(formats); i++)
                if (formats[i]->knows_text && formats[i]->knows_text(text))
                        return true;
        return false;
}

static bool is_markdown_name(const char *file_name)
{
        return str_has_suffix(file_name, ".md") || str_has_suffix(file_name, ".markdown");
}

static bool begins_with_fence(struct span text)
{
        while (text.n > 0 && strchr(" \t\r\n\xEF\xBB\xBF", *text.at))
                text = (struct span){text.at + 1, text.n - 1};
        return text.n >= 3 && memcmp(text.at, "---", 3) == 0;
}

static int open_source(struct span text, const char *file_name, struct source *s,
                       struct failure **ret_failure)
{
        _cleanup_free_ char *where = NULL;
        struct diag diag = {0};
        int r;

        if (is_plain_text(text))
                return 0;
        s->front = text;
        s->is_markdown = markdown_split(text, file_name, &s->front, &s->body, &s->body_line);
        if (!s->is_markdown && is_markdown_name(file_name))
                return refuse(
                        ret_failure, file_name,
                        begins_with_fence(text)
                                ? "the front matter is not closed: end it with a line `---`"
                                : "Markdown is read for its front matter, and there is none: begin "
                                  "the "
                                  "file with a line `---`, the keys of the specification (`name`, "
                                  "`entities`, …) and another line `---`");
        r = yaml_read(s->front, SPEC_MAX_BYTES, &s->top, &diag);
        if (r != CONDITION_REFUSED)
                return r;
        where = diag.line ? str_printf("%s:%u:%u", file_name, diag.line, diag.column)
                          : str_dup_span(span_of(file_name));
        return where ? refuse(ret_failure, where, diag.text) : -ENOMEM;
}

static void reader_done(struct reader *rd)
{
        free(rd->entities.at);
        free(rd->relations.at);
        free(rd->contracts.at);
        free(rd->requirements.at);
        free(rd->packages.at);
        free(rd->served.at);
        for (size_t i = 0; i < rd->n_made; i++)
                free(rd->made[i]);
        free(rd->made);
        model_free(rd->model);
        failure_free(rd->failure);
}

static int read_text(struct span text, const char *file_name, const struct source *s,
                     struct model **ret, struct failure **ret_failure)
{
        _cleanup_(reader_done) struct reader rd = {.file_name = file_name};

        rd.model = model_new();
        if (!rd.model)
                return -ENOMEM;
        read_source(&rd, s, text);
        finish(&rd, s->top);
        if (rd.error == CONDITION_REFUSED)
                *ret_failure = take(rd.failure);
        if (!rd.error)
                *ret = take(rd.model);
        return rd.error;
}

int spec_read(struct span text, const char *file_name, struct model **ret,
              struct failure **ret_failure)
{
        struct source s = {0};
        int r;

        if (text.n > SPEC_MAX_BYTES)
                return refuse(ret_failure, file_name, "the specification is larger than 4 MiB");
        if (!str_is_utf8(text))
                return refuse(ret_failure, file_name, "the specification is not UTF-8 text");
        r = open_source(text, file_name, &s, ret_failure);
        if (r == 0)
                r = read_text(text, file_name, &s, ret, ret_failure);
        yaml_free(s.top);
        return r;
}
