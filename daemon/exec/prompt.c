/* From a recipe to the blocks of a prompt, just before the call (docs/prompts.md). */

#include "daemon/exec/answer.h"
#include "daemon/exec/internal.h"

static const bool is_system_class[N_BLOCK_CLASSES] = {
        [BLOCK_STANDARDS] = true,
        [BLOCK_PROMPT] = true,
};

void prompt_done(struct prompt *p)
{
        for (size_t i = 0; i < p->n_texts; i++)
                free(p->texts[i]);
        free(p->texts);
        free(p->blocks);
        *p = (struct prompt){0};
}

static int keep_text(struct prompt *p, struct buf *b, struct span *ret)
{
        size_t n = 0;
        char *text = buf_steal(b, &n);

        if (!text)
                return -ENOMEM;
        p->texts[p->n_texts++] = text;
        *ret = (struct span){text, n};
        return 0;
}

/* A fence longer than any run of backticks in the text. */
static void add_fence(struct buf *b, struct span text)
{
        size_t longest = 2, run = 0;

        for (size_t i = 0; i < text.n; i++) {
                run = text.at[i] == '`' ? run + 1 : 0;
                longest = MAX2(longest, run);
        }
        for (size_t i = 0; i <= longest; i++)
                buf_add_char(b, '`');
}

static const char *language_of(const struct task *t)
{
        const char *language =
                json_string_value(json_object_get(json_object_get(t->context, "task"), "language"));

        return language ? language : "text";
}

static int write_interface(struct run *r, struct prompt *p, uint32_t task, struct span *ret)
{
        const struct run_task *d = run_task_of(r, task);
        const struct task *t = &r->work->tasks[task];
        _cleanup_buf_ struct buf b = {0};
        struct span text;
        int k = interface_load(r, task);

        if (k < 0)
                return k;
        text = (struct span){d->interface, d->n_interface};
        buf_init(&b, 0);
        add_fence(&b, text);
        buf_printf(&b, "%s interface %s\n", language_of(t), t->path ? t->path : t->title);
        buf_add_span(&b, text);
        if (text.n && text.at[text.n - 1] != '\n')
                buf_add_char(&b, '\n');
        add_fence(&b, text);
        buf_add_char(&b, '\n');
        return b.failed ? b.failed : keep_text(p, &b, ret);
}

static int write_evidence(struct run *r, struct prompt *p, const struct step *s, struct span *ret)
{
        _cleanup_buf_ struct buf b = {0};

        buf_init(&b, 0);
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct run_task *t = run_task_of(r, s->tasks[i]);

                if (t->evidence.text)
                        buf_printf(&b,
                                   "The last answer for %s was refused:\n%s\nWrite it again, whole "
                                   "and "
                                   "corrected.\n",
                                   r->work->tasks[s->tasks[i]].title, t->evidence.text);
        }
        if (b.n == 0) {
                *ret = (struct span){0};
                return b.failed;
        }
        return b.failed ? b.failed : keep_text(p, &b, ret);
}

static int write_answer(struct run *r, struct prompt *p, const struct step *s, struct span *ret)
{
        _cleanup_free_ const char **paths = calloc(s->n_tasks + 1, sizeof(*paths));
        _cleanup_buf_ struct buf b = {0};
        int k;

        buf_init(&b, 0);
        if (!paths)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_tasks; i++)
                paths[i] = r->work->tasks[s->tasks[i]].path;
        k = answer_write_instructions(p->tag, paths, s->n_tasks, &b);
        return k < 0 ? k : keep_text(p, &b, ret);
}

/* The tag depends on the keys alone: the same call has the same bytes, in every run. */
static void choose_tag(struct run *r, const struct step *s, char ret[17])
{
        struct hasher *h = NULL;
        struct hash sum;

        memset(&sum, 0, sizeof(sum));
        if (hasher_new(&h) == 0) {
                for (size_t i = 0; i < s->n_tasks; i++)
                        hasher_add(h, run_task_of(r, s->tasks[i])->key.at, HASH_BYTES);
                hasher_get(h, &sum);
                hasher_free(h);
        }
        answer_tag(&sum, ret);
}

static int write_item(struct run *r, struct prompt *p, const struct step *s,
                      const struct recipe_item *item)
{
        struct prompt_block *out = &p->blocks[p->n_blocks];
        int k = 0;

        *out = (struct prompt_block){.is_marked = item->is_marked,
                                     .is_mark_for_1h = item->is_mark_for_1h};
        switch (item->kind) {
        case RECIPE_BLOCK: {
                const struct block *b = &r->work->blocks[item->index];

                out->text = (struct span){b->text, b->n_text};
                out->is_system = is_system_class[b->class];
                break;
        }
        case RECIPE_INTERFACE:
                k = write_interface(r, p, item->index, &out->text);
                break;
        case RECIPE_EVIDENCE:
                k = write_evidence(r, p, s, &out->text);
                break;
        case RECIPE_ANSWER:
                k = write_answer(r, p, s, &out->text);
                break;
        }
        if (k == 0 && out->text.n > 0)
                p->n_blocks++;
        return k;
}

int prompt_write(struct run *r, const struct step *s, struct prompt *ret)
{
        struct prompt p = {0};
        int k = 0;

        p.blocks = calloc(s->recipe.n_items + 1, sizeof(*p.blocks));
        p.texts = calloc(s->recipe.n_items + 1, sizeof(*p.texts));
        if (!p.blocks || !p.texts)
                k = -ENOMEM;
        if (k == 0)
                choose_tag(r, s, p.tag);
        for (size_t i = 0; i < s->recipe.n_items && k == 0; i++)
                k = write_item(r, &p, s, &s->recipe.items[i]);
        if (k < 0) {
                prompt_done(&p);
                return k;
        }
        *ret = p;
        return 0;
}
