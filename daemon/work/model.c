#include "daemon/work/model.h"

struct model *model_new(void)
{
        return calloc(1, sizeof(struct model));
}

static void attributes_free(struct attribute *at, size_t n)
{
        for (size_t i = 0; at && i < n; i++) {
                free(at[i].name);
                free(at[i].type);
                free(at[i].description);
                free(at[i].was);
                free(at[i].otherwise);
        }
        free(at);
}

static void entities_free(struct model *m)
{
        for (size_t i = 0; m->entities && i < m->n_entities; i++) {
                struct entity *e = &m->entities[i];

                free(e->name);
                free(e->package);
                free(e->description);
                attributes_free(e->attributes, e->n_attributes);
        }
        free(m->entities);
}

static void packages_free(struct model *m)
{
        for (size_t i = 0; m->packages && i < m->n_packages; i++) {
                struct package *p = &m->packages[i];

                free(p->name);
                free(p->path);
                free(p->purpose);
                strlist_done(&p->depends);
        }
        free(m->packages);
}

static void relations_free(struct model *m)
{
        for (size_t i = 0; m->relations && i < m->n_relations; i++) {
                struct relation *r = &m->relations[i];

                free(r->from);
                free(r->to);
                free(r->type);
                free(r->description);
        }
        free(m->relations);
}

static void contracts_free(struct model *m)
{
        for (size_t i = 0; m->contracts && i < m->n_contracts; i++) {
                struct contract *c = &m->contracts[i];

                free(c->method);
                free(c->endpoint);
                free(c->description);
                free(c->entity);
                attributes_free(c->request, c->n_request);
                attributes_free(c->response, c->n_response);
        }
        free(m->contracts);
}

static void requirements_free(struct model *m)
{
        for (size_t i = 0; m->requirements && i < m->n_requirements; i++) {
                struct requirement *r = &m->requirements[i];

                free(r->id);
                free(r->text);
                free(r->priority);
                free(r->category);
                free(r->threshold);
                strlist_done(&r->applies_to);
        }
        free(m->requirements);
}

static void scenarios_free(struct model *m)
{
        for (size_t i = 0; m->scenarios && i < m->n_scenarios; i++) {
                struct scenario *s = &m->scenarios[i];

                free(s->id);
                free(s->title);
                free(s->priority);
                free(s->description);
                free(s->given);
                free(s->when);
                free(s->then);
                strlist_done(&s->criteria);
                strlist_done(&s->applies_to);
        }
        free(m->scenarios);
}

static void libraries_free(struct model *m)
{
        for (size_t i = 0; m->libraries && i < m->n_libraries; i++) {
                free(m->libraries[i].name);
                free(m->libraries[i].version);
                free(m->libraries[i].purpose);
        }
        free(m->libraries);
}

struct model *model_free(struct model *m)
{
        if (!m)
                return NULL;
        free(m->name);
        free(m->description);
        free(m->module);
        free(m->blueprint);
        entities_free(m);
        packages_free(m);
        relations_free(m);
        contracts_free(m);
        requirements_free(m);
        scenarios_free(m);
        libraries_free(m);
        free(m->testing.coverage_target);
        free(m->testing.unit_tests);
        free(m->testing.integration_tests);
        strlist_done(&m->testing.frameworks);
        free(m->build.go_version);
        free(m->build.output_path);
        free(m->build.target_os);
        strlist_done(&m->build.flags);
        strlist_done(&m->success_criteria);
        strlist_done(&m->patterns);
        strlist_done(&m->warnings);
        strlist_done(&m->notes);
        free(m);
        return NULL;
}
