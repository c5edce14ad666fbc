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

static int open_set(struct parse *p)
{
        int r = p->templates ? 0 : template_set_new(&p->templates);

        for (size_t i = 0; i < p->b->n_files && !r; i++)
                if (str_has_prefix(p->b->files[i].path, TEMPLATES_DIR))
                        r = add(p->templates, &p->b->files[i]);
        return r;
}

/* A template that many include is wrong once. */
static void add_fault(struct parse *p, const char *entry, const char *name, const struct diag *diag)
{
        const char *dir = str_has_prefix(entry, TEMPLATES_DIR) || strcmp(entry, name) != 0
                                  ? TEMPLATES_DIR
                                  : "";
        _cleanup_buf_ struct buf path = {0}, line = {0};

        buf_printf(&path, "%s%s", dir, name);
        buf_printf(&line, "%s%s:%u:%u: %s", dir, name, diag->line, diag->column, diag->text);
        if (path.failed || line.failed)
                p->f->error = -ENOMEM;
        else if (!p->f->text.at || !strstr(p->f->text.at, line.at))
                fault_add(p->f, path.at, diag->line, diag->column, "%s", diag->text);
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
        if (r == CONDITION_REFUSED)
                add_fault(p, file->path, where, &diag);
        else if (r < 0)
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
