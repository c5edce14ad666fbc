/* From a recipe to the blocks of a prompt, just before the call (docs/prompts.md). */

#include "common/json.h"
#include "daemon/edit/excerpt.h"
#include "daemon/exec/answer.h"
#include "daemon/exec/leaving.h"
#include "daemon/exec/moved.h"
#include "daemon/plan/cost.h"

/* As long as nothing of the user's stands before them: a provider puts all system text first, and a
 * prefix that calls share must stay one. */
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

/* Without blank lines and blanks at the ends of lines: what is only read needs none. (Comments are
 * gone already where an extractor made the interface.) */
static size_t squeeze(struct span text, struct buf *out)
{
        size_t sum = 0;

        while (text.n > 0) {
                const char *end = memchr(text.at, '\n', text.n);
                size_t n = end ? (size_t)(end - text.at) : text.n, used = n;

                while (used > 0 && (text.at[used - 1] == ' ' || text.at[used - 1] == '\t' ||
                                    text.at[used - 1] == '\r'))
                        used--;
                if (used > 0 && out) {
                        (void)buf_add(out, text.at, used);
                        (void)buf_add_char(out, '\n');
                }
                sum += used > 0 ? used + 1 : 0;
                n += end != NULL;
                text = (struct span){text.at + n, text.n - n};
        }
        return sum;
}

size_t prompt_squeezed_bytes(struct span text)
{
        return squeeze(text, NULL);
}

static int write_interface(struct run *r, struct prompt *p, uint32_t task, bool is_squeezed,
                           struct span *ret)
{
        const struct run_task *d = run_task_of(r, task);
        const struct task *t = &r->work->tasks[task];
        _cleanup_buf_ struct buf b = {0}, squeezed = {0};
        struct span text;
        int k = interface_load(r, task);

        if (k < 0)
                return k;
        text = (struct span){d->interface, d->n_interface};
        buf_init(&b, 0);
        buf_init(&squeezed, 0);
        if (is_squeezed && squeeze(text, &squeezed) > 0 && !squeezed.failed)
                text = buf_span(&squeezed);
        add_fence(&b, text);
        buf_printf(&b, "%s interface %s\n", language_of(t), t->path ? t->path : t->title);
        buf_add_span(&b, text);
        if (text.n && text.at[text.n - 1] != '\n')
                buf_add_char(&b, '\n');
        add_fence(&b, text);
        buf_add_char(&b, '\n');
        return b.failed ? b.failed : keep_text(p, &b, ret);
}

/* The text that the answer edits, or the part of it that is shown, its lines as edits will find
 * them: of `base`, or of `part`. CONDITION_ABSENT: there is none. */
static int load_shown(struct run *r, uint32_t task, struct edit_base *base, struct buf *part,
                      struct span *ret)
{
        const struct task *t = &r->work->tasks[task];
        struct span text = {0};
        int k = base_load(r, task, &text);

        k = k ? k : edit_base_read(text, base);
        if (k)
                return k;
        *ret = (struct span){base->text, base->n};
        if (!t->repair || !t->repair->excerpt)
                return 0;
        k = excerpt_show(t->repair->excerpt, *ret, part);
        *ret = buf_span(part);
        return k > 0 ? -ENODATA : k;
}

static int write_base(struct run *r, struct prompt *p, uint32_t task, struct span *ret)
{
        const struct task *t = &r->work->tasks[task];
        _cleanup_edit_base_ struct edit_base base = {0};
        _cleanup_buf_ struct buf b = {0}, part = {0};
        struct span text = {0};
        int k = load_shown(r, task, &base, &part, &text);

        if (k)
                return k < 0 ? k : 0;
        buf_init(&b, 0);
        add_fence(&b, text);
        buf_printf(&b, "%s text %s\n", language_of(t), t->path);
        buf_add_span(&b, text);
        add_fence(&b, text);
        buf_add_char(&b, '\n');
        return b.failed ? b.failed : keep_text(p, &b, ret);
}

static int write_evidence(struct run *r, struct prompt *p, const struct step *s, struct span *ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct span base = {0};

        buf_init(&b, 0);
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct run_task *t = run_task_of(r, s->tasks[i]);

                if (t->refused_for && t->evidence.kind != EVIDENCE_COMMAND && !r->setup.is_mute)
                        buf_printf(&b, "An earlier answer for %s was refused:\n%s\n",
                                   r->work->tasks[s->tasks[i]].title, t->refused_for);
                if (t->evidence.text && !r->setup.is_mute)
                        buf_printf(&b,
                                   "The last answer for %s was refused:\n%s\nWrite %s again, whole "
                                   "and corrected.\n",
                                   r->work->tasks[s->tasks[i]].title, t->evidence.text,
                                   plan_base(r->setup.plan, &r->work->tasks[s->tasks[i]], &base)
                                           ? "all edits of the shown text"
                                           : "it");
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
        _cleanup_free_ bool *is_shown = calloc(s->n_tasks + 1, sizeof(*is_shown));
        unsigned may = 0;
        bool is_repair = false;
        _cleanup_buf_ struct buf b = {0};
        struct span base = {0};
        int k;

        buf_init(&b, 0);
        if (!paths || !is_shown)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct repair *repair = r->work->tasks[s->tasks[i]].repair;

                paths[i] = r->work->tasks[s->tasks[i]].path;
                may |= repair ? repair->may : 0;
                is_repair |= repair != NULL;
                is_shown[i] = plan_base(r->setup.plan, &r->work->tasks[s->tasks[i]], &base);
        }
        k = answer_write_instructions(p->tag, paths, is_shown, s->n_tasks, &b);
        k = k ? k : edits_write_tree_forms(p->tag, may, &b);
        k = k || !is_repair ? k : edits_write_kept_form(p->tag, &b);
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

/* Statements by section, as one block: the facts of many tasks. */
static int write_set(struct run *r, struct prompt *p, enum presentation which, struct span *ret)
{
        const struct work *w = r->work;
        const uint32_t *set = which == PRESENT_WHOLE ? w->whole : r->setup.plan->shared;
        size_t n = which == PRESENT_WHOLE ? w->n_whole : r->setup.plan->n_shared;
        _cleanup_buf_ struct buf b = {0};

        buf_init(&b, 0);
        (void)buf_add_text(&b, "```yaml\n");
        for (size_t i = 0; i < n; i++) {
                const struct spec_statement *s = &w->statements[set[i]];

                if (s->subject && (i == 0 || w->statements[set[i - 1]].section != s->section))
                        (void)buf_printf(&b, "%s:\n", w->sections[s->section]);
                (void)buf_add(&b, s->text, s->n_text);
        }
        (void)buf_add_text(&b, "```\n");
        return b.failed ? b.failed : keep_text(p, &b, ret);
}

/* Sets hold subjects whole: who needs less of one is told that itself. */
static bool is_in_sets(const struct work *w, uint32_t statement)
{
        return w->statements[statement].fullest == statement;
}

static void write_less(const struct work *w, const struct task *t, struct buf *b)
{
        int section = -1;

        for (size_t i = 0; i < t->n_statements; i++) {
                const struct spec_statement *s = &w->statements[t->statements[i]];

                if (is_in_sets(w, t->statements[i]))
                        continue;
                if (s->section != section)
                        (void)buf_printf(b, "%s:\n", w->sections[s->section]);
                section = s->section;
                (void)buf_add(b, s->text, s->n_text);
        }
}

/* One section of `uses`: the names of its items, or `true` where it is a single value. */
static int write_used(const struct work *w, const struct task *t, size_t *at, struct buf *b)
{
        uint8_t section = w->statements[t->statements[*at]].section;
        const char *comma = "";
        int k = 0;

        if (!is_in_sets(w, t->statements[*at])) {
                ++*at;
                return 0;
        }
        (void)buf_printf(b, "  %s: ", w->sections[section]);
        if (!w->statements[t->statements[*at]].subject) {
                ++*at;
                return buf_add_text(b, "true\n");
        }
        (void)buf_add_char(b, '[');
        for (; *at < t->n_statements && k == 0; ++*at) {
                const struct spec_statement *s = &w->statements[t->statements[*at]];

                if (s->section != section || !is_in_sets(w, t->statements[*at]))
                        break;
                (void)buf_add_text(b, comma);
                comma = ", ";
                k = json_write_string(b, span_of(s->subject));
        }
        (void)buf_add_text(b, "]\n");
        return k;
}

/* Which of the facts of many are this task's, in its own order; and what is only its own. */
static int write_uses(struct run *r, struct prompt *p, uint32_t task, struct span *ret)
{
        const struct work *w = r->work;
        const struct task *t = &w->tasks[task];
        _cleanup_buf_ struct buf b = {0};
        int k;

        buf_init(&b, 0);
        (void)buf_add_text(&b, "```yaml\nuses:\n  path: ");
        k = json_write_string(&b, span_of(t->path ? t->path : t->title));
        (void)buf_add_char(&b, '\n');
        for (size_t i = 0; i < t->n_statements && k == 0;)
                k = write_used(w, t, &i, &b);
        write_less(w, t, &b);
        if (t->rest != NO_BLOCK)
                (void)buf_add(&b, w->blocks[t->rest].text, w->blocks[t->rest].n_text);
        (void)buf_add_text(&b, "```\n");
        return k < 0 ? k : b.failed ? b.failed : keep_text(p, &b, ret);
}

static const struct task *task_of_block(const struct run *r, const struct step *s, uint32_t block)
{
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct task *t = &r->work->tasks[s->tasks[i]];

                for (size_t k = 0; k < t->n_blocks; k++)
                        if (t->blocks[k] == block)
                                return t;
        }
        return NULL;
}

/* What a task says, as it was planned; where findings stand by now is said anew. */
static int write_task(struct run *r, struct prompt *p, const struct step *s, uint32_t block,
                      struct span *ret)
{
        const struct task *t = task_of_block(r, s, block);
        _cleanup_edit_base_ struct edit_base base = {0};
        _cleanup_buf_ struct buf b = {0}, part = {0};
        struct span text = {0};
        int k;

        if (!t || !t->repair || !t->repair->follows)
                return 0;
        k = load_shown(r, t->index, &base, &part, &text);
        buf_init(&b, 0);
        k = k ? k : moved_write(t, text, &b);
        return k ? MIN2(k, 0) : keep_text(p, &b, ret);
}

static int write_item(struct run *r, struct prompt *p, const struct step *s,
                      const struct recipe_item *item)
{
        struct prompt_block *out = &p->blocks[p->n_blocks];
        enum text_class class = TEXT_PROSE;
        int k = 0;

        *out = (struct prompt_block){.is_marked = item->is_marked,
                                     .is_mark_for_1h = item->is_mark_for_1h};
        switch (item->kind) {
        case RECIPE_BLOCK: {
                const struct block *b = &r->work->blocks[item->index];

                out->text = (struct span){b->text, b->n_text};
                out->is_system =
                        is_system_class[b->class] && (p->n_blocks == 0 || out[-1].is_system);
                class = cost_text_class(b);
                if (b->class == BLOCK_TASK)
                        k = write_task(r, p, s, item->index, &out->text);
                break;
        }
        case RECIPE_SET:
                k = write_set(r, p, (enum presentation)item->index, &out->text);
                class = TEXT_DATA;
                break;
        case RECIPE_USES:
                k = write_uses(r, p, item->index, &out->text);
                class = TEXT_CODE;
                break;
        case RECIPE_INTERFACE:
                k = write_interface(r, p, item->index, item->is_squeezed, &out->text);
                class = TEXT_CODE;
                break;
        case RECIPE_BASE:
                k = write_base(r, p, item->index, &out->text);
                class = TEXT_CODE;
                break;
        case RECIPE_EVIDENCE:
                k = write_evidence(r, p, s, &out->text);
                break;
        case RECIPE_ANSWER:
                k = write_answer(r, p, s, &out->text);
                break;
        }
        if (k == 0 && out->text.n > 0) {
                p->n_blocks++;
                p->bytes.at[class] += out->text.n;
        }
        return k;
}

/* What the model said before it was cut off, and that it shall go on. */
static int write_unfinished(struct run *r, struct prompt *p, const struct step *s)
{
        const struct run_task *t = run_task_of(r, s->tasks[0]);
        const char *path = r->work->tasks[s->tasks[0]].path;
        struct prompt_block *said = &p->blocks[p->n_blocks], *go_on = said + 1;
        _cleanup_buf_ struct buf b = {0};
        int k = 0;

        if (s->n_tasks > 1 || !t->partial)
                return 0;
        buf_init(&b, 0);
        if (path)
                k = answer_write_begin(p->tag, path, t->is_partial_edits, &b);
        k = k ? k : buf_add(&b, t->partial, t->n_partial);
        if (k == 0 && t->is_partial_edits)
                edits_retag(b.at + b.n - t->n_partial, t->n_partial, t->partial_tag, p->tag);
        k = k ? k : keep_text(p, &b, &p->before);
        if (k < 0)
                return k;
        *said = (struct prompt_block){.text = p->before, .is_assistant = true};
        *go_on = (struct prompt_block){
                .text = path ? SPAN("Your answer was interrupted there. Go on exactly where it "
                                    "ends, "
                                    "with the next line: repeat nothing that stands above, and "
                                    "close the file with its end line.\n")
                             : SPAN("Your answer was interrupted there. Go on exactly where it "
                                    "ends, "
                                    "with the next word: repeat nothing that stands above.\n")};
        p->n_blocks += 2;
        p->bytes.at[path ? TEXT_CODE : TEXT_PROSE] += p->before.n;
        p->bytes.at[TEXT_PROSE] += go_on->text.n;
        return 0;
}

int prompt_write(struct run *r, const struct step *s, struct prompt *ret)
{
        struct prompt p = {0};
        int k = 0;

        p.blocks = calloc(s->recipe.n_items + 3, sizeof(*p.blocks));
        p.texts = calloc(s->recipe.n_items + 2, sizeof(*p.texts));
        if (!p.blocks || !p.texts)
                k = -ENOMEM;
        if (k == 0)
                choose_tag(r, s, p.tag);
        for (size_t i = 0; i < s->recipe.n_items && k == 0; i++)
                k = write_item(r, &p, s, &s->recipe.items[i]);
        k = k ? k : write_unfinished(r, &p, s);
        if (k < 0) {
                prompt_done(&p);
                return k;
        }
        *ret = p;
        return 0;
}
