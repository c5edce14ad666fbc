#include "daemon/blueprint/pattern.h"

#include <stdio.h>

#include "common/str.h"

static const char *const variable_names[N_VARIABLES] = {
        [VAR_PROJECT_NAME] = "project.name",       [VAR_ENTITY_NAME] = "entity.name",
        [VAR_ENTITY_FILE] = "entity.file",         [VAR_ENTITY_SNAKE] = "entity.snake",
        [VAR_ENTITY_CAMEL] = "entity.camel",       [VAR_ENTITY_KEBAB] = "entity.kebab",
        [VAR_ENTITY_PLURAL] = "entity.plural",     [VAR_PACKAGE_NAME] = "package.name",
        [VAR_PACKAGE_PATH] = "package.path",       [VAR_PACKAGE_IMPORT] = "package.import_path",
        [VAR_CONTRACT_ACTION] = "contract.action", [VAR_CONTRACT_METHOD] = "contract.method",
        [VAR_CONTRACT_ENTITY] = "contract.entity",
};

struct part {
        size_t from, to; /* literal text before the variable */
        int variable;    /* enum variable; N_VARIABLES + n: parameter n; -1: none, the end */
};

struct pattern {
        char *text;
        struct part *parts;
        size_t n_parts;
};

struct pattern *pattern_free(struct pattern *p)
{
        if (!p)
                return NULL;
        free(p->text);
        free(p->parts);
        free(p);
        return NULL;
}

const char *pattern_text(const struct pattern *p)
{
        return p->text;
}

bool pattern_uses(const struct pattern *p, enum variable v)
{
        for (size_t i = 0; i < p->n_parts; i++)
                if (p->parts[i].variable == (int)v)
                        return true;
        return false;
}

static int refuse(struct diag *d, size_t column, const char *what, struct span name,
                  const char *near)
{
        d->line = 1;
        d->column = (unsigned)column + 1;
        snprintf(d->text, sizeof(d->text), "%s `%.*s`%s%s%s", what, (int)MIN2(name.n, 60), name.at,
                 near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        return CONDITION_REFUSED;
}

static int find_variable(struct span name, const char *const *parameters, size_t n_parameters,
                         const char **ret_near)
{
        static const char prefix[] = "parameters.";
        char text[80];

        for (int i = 0; i < N_VARIABLES; i++)
                if (span_is_equal(span_of(variable_names[i]), name))
                        return i;
        *ret_near = NULL;
        if (name.n >= sizeof(text))
                return -1;
        memcpy(text, name.at, name.n);
        text[name.n] = '\0';
        if (!str_has_prefix(text, prefix)) {
                *ret_near = str_nearest(text, variable_names, N_VARIABLES);
                return -1;
        }
        for (size_t i = 0; i < n_parameters; i++)
                if (strcmp(parameters[i], text + strlen(prefix)) == 0)
                        return N_VARIABLES + (int)i;
        *ret_near =
                n_parameters ? str_nearest(text + strlen(prefix), parameters, n_parameters) : NULL;
        return -1;
}

int pattern_new(const char *text, const char *const *parameters, size_t n_parameters,
                struct pattern **ret, struct diag *ret_diag)
{
        _cleanup_(pattern_freep) struct pattern *p = calloc(1, sizeof(*p));
        const char *at, *open;
        size_t room = 1;

        if (!p)
                return -ENOMEM;
        p->text = str_dup_span(span_of(text));
        for (at = text; (at = strstr(at, "{{")); at += 2)
                room++;
        p->parts = calloc(room, sizeof(*p->parts));
        if (!p->text || !p->parts)
                return -ENOMEM;
        at = text;
        while ((open = strstr(at, "{{"))) {
                const char *close = strstr(open, "}}"), *near;
                struct span name;
                int variable;

                if (!close)
                        return refuse(ret_diag, (size_t)(open - text), "no end of", span_of(open),
                                      NULL);
                name = (struct span){open + 2, (size_t)(close - open - 2)};
                while (name.n > 0 && *name.at == ' ') {
                        name.at++;
                        name.n--;
                }
                while (name.n > 0 && name.at[name.n - 1] == ' ')
                        name.n--;
                variable = find_variable(name, parameters, n_parameters, &near);
                if (variable < 0)
                        return refuse(ret_diag, (size_t)(open - text), "there is no variable", name,
                                      near);
                p->parts[p->n_parts++] =
                        (struct part){(size_t)(at - text), (size_t)(open - text), variable};
                at = close + 2;
        }
        p->parts[p->n_parts++] = (struct part){(size_t)(at - text), strlen(text), -1};
        *ret = take(p);
        return 0;
}

int pattern_render(const struct pattern *p, const struct variables *v, struct buf *out)
{
        for (size_t i = 0; i < p->n_parts; i++) {
                const struct part *part = &p->parts[i];
                const char *value;

                (void)buf_add(out, p->text + part->from, part->to - part->from);
                if (part->variable < 0)
                        break;
                value = part->variable >= N_VARIABLES ? v->parameters[part->variable - N_VARIABLES]
                                                      : v->at[part->variable];
                if (!value)
                        return CONDITION_ABSENT;
                (void)buf_add_text(out, value);
        }
        return out->failed;
}
