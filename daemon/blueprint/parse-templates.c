#include "daemon/blueprint/parse.h"
#include "daemon/template/template.h"

#define TEMPLATES_DIR "templates/"

static const char *template_name_of(const char *path)
{
        return str_has_prefix(path, TEMPLATES_DIR) ? path + strlen(TEMPLATES_DIR) : path;
}

static int add(struct template_set *set, const struct blueprint_file *file)
{
        const char *name = template_name_of(file->path);

        return template_set_has(set, name)
                       ? 0
                       : template_set_add(set, name, (struct span){file->text, file->n_text});
}

static void on_fault(const char *name, const struct diag *diag, void *arg)
{
        struct parse *p = arg;
        _cleanup_free_ char *path = str_printf(TEMPLATES_DIR "%s", name);

        if (!path)
                p->f->error = -ENOMEM;
        else
                fault_add(p->f, blueprint_find_file(p->b, path) ? path : name, diag->line,
                          diag->column, "%s", diag->text);
}

/* Variables that no file of the kind has. known: all that it may have. */
void parse_unknown(struct parse *p, const struct template *t, const struct strlist *known)
{
        int r = t ? template_unknown(t, known, on_fault, p) : 0;

        if (r < 0)
                p->f->error = r;
}

static int open_set(struct parse *p)
{
        int r = p->templates ? 0 : template_set_new(&p->templates);

        if (!r)
                template_set_listen(p->templates, on_fault, p);
        for (size_t i = 0; i < p->b->n_files && !r; i++)
                if (str_has_prefix(p->b->files[i].path, TEMPLATES_DIR))
                        r = add(p->templates, &p->b->files[i]);
        return r;
}

void parse_template(struct parse *p, const struct blueprint_file *file, struct template **ret)
{
        const char *where;
        struct diag diag;
        int r;

        if (!file)
                return;
        r = open_set(p);
        if (!r)
                r = add(p->templates, file);
        if (!r)
                r = template_set_compile(p->templates, template_name_of(file->path), ret, &where,
                                         &diag);
        if (r < 0)
                p->f->error = r;
}

static void compile_unreached(struct parse *p, const char *path)
{
        _cleanup_(template_freep) struct template *t = NULL;

        parse_template(p, blueprint_find_file(p->b, path), &t);
}

/* Whoever wrote one wants to know that it is wrong before it is used, and that nothing uses it; a
 * faulty kind or template reaches less than it means to, so then nothing is called unused. */
void parse_unreached(struct parse *p)
{
        struct strlist *unreached = &p->b->unreached;
        bool is_faulty = p->f->n > 0;
        int r = open_set(p);

        for (size_t i = 0; i < p->b->n_files && r == 0; i++) {
                const char *path = p->b->files[i].path;

                if (str_has_prefix(path, TEMPLATES_DIR) &&
                    !template_set_is_compiled(p->templates, template_name_of(path)))
                        r = strlist_add(unreached, path);
        }
        for (size_t i = 0; i < unreached->n; i++)
                compile_unreached(p, unreached->at[i]);
        if (is_faulty)
                strlist_done(unreached);
        if (r < 0)
                p->f->error = r;
}
