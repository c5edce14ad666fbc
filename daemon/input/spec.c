#include "daemon/input/formats.h"
#include "daemon/input/reader.h"

/* Asked in this order. Something new is a file and a row. */
static const struct spec_format *const formats[] = {
        &spec_format_fcs,
        &spec_format_gocreator,
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
        static const char *const endings[] = {".json", ".yaml", ".yml", ".fcs", ".spec", ".txt"};

        for (size_t pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < N_ELEMENTS(endings); i++) {
                        size_t n = strlen(endings[i]);

                        if (s.n > n && memcmp(s.at + s.n - n, endings[i], n) == 0)
                                s.n -= n;
                }
        return s.n > 0 ? str_dup_span(s) : str_dup_span(SPAN("app"));
}

static void finish(struct reader *rd, struct yaml_node *top)
{
        struct model *m = rd->model;

        if (!rd->error && !m->name) {
                m->name = base_name(rd->file_name);
                if (!m->name)
                        reader_fail(rd, -ENOMEM);
        }
        if (!rd->error && m->n_entities == 0 && m->n_scenarios == 0 && m->n_contracts == 0)
                reader_refuse(rd, top,
                              "the specification has no entities, no contracts and no scenarios: "
                              "there is nothing to generate");
        reader_link(rd);
        reader_unread(rd, top);
        if (!rd->error && rd->n_dropped_warnings > 0) {
                _cleanup_free_ char *line =
                        str_printf("%s: %zu more warnings", rd->file_name, rd->n_dropped_warnings);

                if (!line || strlist_add(&m->warnings, line) < 0)
                        reader_fail(rd, -ENOMEM);
        }
}

int reader_run(struct span text, const char *file_name,
               void (*read)(struct reader *rd, struct yaml_node *top), struct model **ret,
               struct failure **ret_failure)
{
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        _cleanup_free_ char *where = NULL;
        struct reader rd = {.file_name = file_name};
        struct diag diag = {0};
        int r;

        r = yaml_read(text, SPEC_MAX_BYTES, &top, &diag);
        if (r == CONDITION_REFUSED) {
                where = diag.line ? str_printf("%s:%u:%u", file_name, diag.line, diag.column)
                                  : str_dup_span(span_of(file_name));
                return where ? refuse(ret_failure, where, diag.text) : -ENOMEM;
        }
        if (r < 0)
                return r;
        rd.model = model_new();
        if (!rd.model)
                return -ENOMEM;
        if (top->kind != YAML_MAP)
                reader_refuse(
                        &rd, top,
                        "a specification is a map of keys like `name`, `entities`, `requirements`");
        if (!rd.error)
                read(&rd, top);
        finish(&rd, top);
        free(rd.entities.at);
        free(rd.relations.at);
        free(rd.contracts.at);
        free(rd.requirements.at);
        free(rd.packages.at);
        if (rd.error) {
                model_free(rd.model);
                if (rd.error == CONDITION_REFUSED)
                        *ret_failure = rd.failure;
                else
                        failure_free(rd.failure);
                return rd.error;
        }
        *ret = rd.model;
        return 0;
}

int spec_read(struct span text, const char *file_name, struct model **ret,
              struct failure **ret_failure)
{
        if (text.n > SPEC_MAX_BYTES)
                return refuse(ret_failure, file_name, "the specification is larger than 4 MiB");
        if (str_has_suffix(file_name, ".md") || str_has_suffix(file_name, ".markdown"))
                return refuse(ret_failure, file_name,
                              "Markdown is not read: give the specification as YAML or JSON");
        if (!str_is_utf8(text))
                return refuse(ret_failure, file_name, "the specification is not UTF-8 text");
        for (size_t i = 0; i < N_ELEMENTS(formats); i++)
                if (formats[i]->is_it(text, file_name))
                        return formats[i]->read(text, file_name, ret, ret_failure);
        return refuse(ret_failure, file_name, "no reader knows this format");
}
