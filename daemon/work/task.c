#include "daemon/work/task.h"

#include "common/canon.h"

#define KEY_FIELD_STATIC 1
#define KEY_FIELD_INTERFACE 2
#define KEY_FIELD_NAME 3
#define KEY_FIELD_VALUE 4
#define HEAD_BYTES 6   /* version, field, number of dependencies */
#define FIRST_SLOTS 64 /* a power of two */

struct work *work_new(void)
{
        return calloc(1, sizeof(struct work));
}

static void input_done(struct task_input *in)
{
        free(in->name);
        json_decref(in->data);
}

static void repair_free(struct repair *r)
{
        if (!r)
                return;
        free(r->given);
        if (r->excerpt) {
                free(r->excerpt->above);
                free(r->excerpt->region);
                free(r->excerpt->whole);
                free(r->excerpt);
        }
        for (size_t i = 0; r->spots && i < r->n_findings; i++) {
                free(r->spots[i].rule);
                free(r->spots[i].code);
                free(r->spots[i].words);
                free(r->spots[i].wanted);
        }
        free(r->spots);
        free(r->identities);
        free(r->alike);
        free(r->standing);
        free(r->places);
        json_decref(r->findings);
        free(r);
}

static void task_done(struct task *t)
{
        free(t->kind);
        free(t->path);
        free(t->title);
        free(t->uncovered);
        free(t->base);
        repair_free(t->repair);
        free(t->tier);
        json_decref(t->context);
        for (size_t i = 0; t->inputs && i < t->n_inputs; i++)
                input_done(&t->inputs[i]);
        free(t->inputs);
        free(t->depends);
        free(t->blocks);
        free(t->statements);
        free(t->batch);
}

static void statements_free(struct work *w)
{
        for (size_t i = 0; i < w->n_statements; i++) {
                free((char *)w->statements[i].subject);
                free(w->statements[i].text);
        }
        free(w->statements);
        free(w->whole);
}

static void tree_free(struct standing_tree *t)
{
        if (!t)
                return;
        for (size_t i = 0; t->paths && i < t->n; i++)
                free(t->paths[i]);
        free(t->paths);
        free(t->hashes);
        free(t);
}

struct work *work_free(struct work *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; w->tasks && i < w->n_tasks; i++)
                task_done(&w->tasks[i]);
        free(w->tasks);
        for (size_t i = 0; w->blocks && i < w->n_blocks; i++)
                free(w->blocks[i].text);
        free(w->blocks);
        free(w->slots);
        statements_free(w);
        json_decref(w->routing);
        json_decref(w->findings);
        json_decref(w->needless);
        tree_free(w->tree);
        strlist_done(&w->warnings);
        strlist_done(&w->notes);
        strlist_done(&w->unknown_types);
        free(w->known_types);
        free(w->blueprint);
        if (w->release)
                w->release(w->keeper);
        free(w);
        return NULL;
}

/* The slots are an open-addressed table of block indices plus one, so that 10,000 tasks find their
 * shared blocks in no time. */
static uint32_t *slot_of(uint32_t *slots, size_t n_slots, const struct block *blocks,
                         enum block_class class, const struct hash *hash)
{
        uint64_t start;

        memcpy(&start, hash->at, sizeof(start));
        for (size_t i = (start + class) & (n_slots - 1);; i = (i + 1) & (n_slots - 1)) {
                const struct block *b;

                if (!slots[i])
                        return &slots[i];
                b = &blocks[slots[i] - 1];
                if (b->class == class && hash_is_equal(&b->hash, hash))
                        return &slots[i];
        }
}

static int slots_grow(struct work *w)
{
        size_t n = w->n_slots ? w->n_slots * 2 : FIRST_SLOTS;
        uint32_t *slots;
        struct block *blocks;

        blocks = realloc(w->blocks, n / 2 * sizeof(*blocks));
        if (!blocks)
                return -ENOMEM;
        w->blocks = blocks;
        slots = calloc(n, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_blocks; i++)
                *slot_of(slots, n, blocks, blocks[i].class, &blocks[i].hash) = (uint32_t)i + 1;
        free(w->slots);
        w->slots = slots;
        w->n_slots = n;
        return 0;
}

int work_add_block(struct work *w, enum block_class class, struct span text, uint32_t *ret_index)
{
        struct hash hash;
        uint32_t *slot;
        char *copy;
        int r;

        if (w->n_blocks * 2 >= w->n_slots) {
                r = slots_grow(w);
                if (r < 0)
                        return r;
        }
        hash_of(text.at, text.n, &hash);
        slot = slot_of(w->slots, w->n_slots, w->blocks, class, &hash);
        if (!*slot) {
                copy = str_dup_span(text);
                if (!copy)
                        return -ENOMEM;
                w->blocks[w->n_blocks] = (struct block){.class = class,
                                                        .text = copy,
                                                        .n_text = text.n,
                                                        .hash = hash,
                                                        .compressed = NO_BLOCK};
                *slot = (uint32_t)++w->n_blocks;
        }
        *ret_index = *slot - 1;
        return 0;
}

int work_add_statement(struct work *w, const struct spec_statement *s, uint32_t *ret_index)
{
        struct spec_statement copy = *s;

        if (w->n_statements == w->room_statements) {
                size_t n = w->room_statements * 2 + 64;
                struct spec_statement *grown = reallocarray(w->statements, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                w->statements = grown;
                w->room_statements = n;
        }
        copy.subject = s->subject ? strdup(s->subject) : NULL;
        copy.text = str_dup_span((struct span){s->text, s->n_text});
        if (!copy.text || (s->subject && !copy.subject)) {
                free((char *)copy.subject);
                free(copy.text);
                return -ENOMEM;
        }
        copy.fullest = (uint32_t)w->n_statements;
        w->statements[w->n_statements] = copy;
        *ret_index = (uint32_t)w->n_statements++;
        return 0;
}

static void note_key(const char mark[static 18], const struct hash *identity,
                     const struct hash *what, struct hash *ret)
{
        uint8_t bytes[18 + 2 * HASH_BYTES];
        size_t n = 18;

        memcpy(bytes, mark, n);
        memcpy(bytes + n, identity->at, HASH_BYTES);
        n += HASH_BYTES;
        if (what) {
                memcpy(bytes + n, what->at, HASH_BYTES);
                n += HASH_BYTES;
        }
        hash_of(bytes, n, ret);
}

void repair_note_key(const struct hash *identity, const struct hash *content,
                     const struct hash *alike, struct hash *ret)
{
        struct hash which = {0};

        if (content)
                note_key("genopt the one  1", content, alike, &which);
        note_key("genopt repaired 1", identity, content ? &which : NULL, ret);
}

void repair_kept_key(const struct hash *identity, struct hash *ret)
{
        note_key("genopt needless 1", identity, NULL, ret);
}

void repair_again_key(const struct hash *identity, struct hash *ret)
{
        note_key("genopt how done 1", identity, NULL, ret);
}

int task_static_key(struct task *t)
{
        struct canon *c;
        int r = canon_new(TASK_KEY_VERSION, &c);

        if (r < 0)
                return r;
        for (size_t i = 0; i < t->n_inputs; i++) {
                canon_add_text(c, KEY_FIELD_NAME, t->inputs[i].name);
                canon_add_hash(c, KEY_FIELD_VALUE, &t->inputs[i].hash);
        }
        canon_get(c, &t->static_key);
        canon_free(c);
        return 0;
}

/* Fixed layout instead of struct canon, which would have to be allocated: a full key is computed
 * whenever a task is settled and its making must not fail. Same principle: version, then
 * length-free fields of known size, the count first. */
void task_full_key(const struct task *t, const struct hash *interfaces, struct hash *ret)
{
        struct hash rolling;
        uint8_t step[HEAD_BYTES + 2 * HASH_BYTES];
        size_t n = t->n_depends;

        if (t->repair && !t->repair->follows) { /* the text that it edits, as of one that follows */
                interfaces = &t->repair->stands;
                n = 1;
        }
        memset(step, 0, sizeof(step));
        step[0] = TASK_KEY_VERSION;
        step[1] = KEY_FIELD_STATIC;
        for (unsigned i = 0; i < 4; i++)
                step[2 + i] = (uint8_t)(n >> (24 - 8 * i));
        memcpy(step + HEAD_BYTES, t->static_key.at, HASH_BYTES);
        hash_of(step, HEAD_BYTES + HASH_BYTES, &rolling);
        for (size_t i = 0; i < n; i++) {
                step[1] = KEY_FIELD_INTERFACE;
                memcpy(step + HEAD_BYTES, rolling.at, HASH_BYTES);
                memcpy(step + HEAD_BYTES + HASH_BYTES, interfaces[i].at, HASH_BYTES);
                hash_of(step, sizeof(step), &rolling);
        }
        *ret = rolling;
}
