#include "daemon/blueprint/parse.h"
#include "daemon/check/check.h"
#include "daemon/template/template.h"

#define TEMPLATES_DIR "templates/"

/* What a kind's files are made with: template, prompt, standards, check rules, extractor, tier.
 * Each is a declared input of its own: its hash goes into keys, its value (as JSON) is what `why`
 * shows.
 */

const char *const part_names[N_PARTS] = {
        [PART_TEMPLATE] = "template",   [PART_PROMPT] = "prompt",
        [PART_STANDARDS] = "standards", [PART_CHECKS] = "checks",
        [PART_EXTRACTOR] = "extractor", [PART_TIER] = "tier",
};

static int put_text(struct part_value *part, struct span text)
{
        return json_write_string(&part->json, text);
}

static int put_file(struct part_value *part, const struct blueprint_file *file)
{
        hash_of(file->text, file->n_text, &part->hash);
        return put_text(part, (struct span){file->text, file->n_text});
}

static bool is_entry(struct yaml_node *kinds, const char *path)
{
        for (size_t i = 0; kinds && i < kinds->n_items; i++) {
                const struct yaml_node *at = yaml_get(kinds->items[i], "template");

                if (at && at->kind == YAML_SCALAR && strcmp(at->text, path) == 0)
                        return true;
        }
        return false;
}

/* Its text, or with what it may include: the templates that are of no kind of their own. */
static int put_template(struct part_value *part, const struct blueprint *b, struct yaml_node *top,
                        const struct blueprint_file *entry)
{
        struct yaml_node *kinds = yaml_get(top, "files");
        _cleanup_json_ json_t *o = json_object();
        int r = o ? json_put(o, entry->path, json_stringn(entry->text, entry->n_text)) : -ENOMEM;

        for (size_t i = 0; i < b->n_files && r == 0; i++) {
                const struct blueprint_file *file = &b->files[i];

                if (str_has_prefix(file->path, TEMPLATES_DIR) && !is_entry(kinds, file->path) &&
                    str_is_utf8((struct span){file->text, file->n_text}))
                        r = json_put(o, file->path, json_stringn(file->text, file->n_text));
        }
        if (r == 0 && json_object_size(o) == 1)
                return put_file(part, entry);
        return r < 0 ? r : json_write(o, &part->json);
}

/* Either text may be what a model is told: a change of either makes other files. */
static int put_standards(struct part_value *part, const struct blueprint_file *full,
                         const struct blueprint_file *brief)
{
        struct hash both[2];
        int r;

        if (!brief)
                return put_file(part, full);
        hash_of(full->text, full->n_text, &both[0]);
        hash_of(brief->text, brief->n_text, &both[1]);
        hash_of(both, sizeof(both), &part->hash);
        (void)buf_add_text(&part->json, "{\"full\":");
        r = put_text(part, (struct span){full->text, full->n_text});
        (void)buf_add_text(&part->json, ",\"brief\":");
        if (r == 0)
                r = put_text(part, (struct span){brief->text, brief->n_text});
        return r < 0 ? r : buf_add_char(&part->json, '}');
}

/* Its rules by name, as blueprint.yaml has them, and what of its language is mended. */
static int put_checks(struct part_value *part, struct yaml_node *names, struct yaml_node *rules,
                      struct yaml_node *imports)
{
        _cleanup_json_ json_t *o = json_object();
        int r = o ? 0 : -ENOMEM;

        for (size_t i = 0; names && i < names->n_items && r == 0; i++) {
                const char *name = names->items[i]->text;
                json_t *rule = NULL;

                r = yaml_to_json(yaml_get(rules, name), &rule);
                if (r == 0)
                        r = json_put(o, name, rule);
        }
        if (r == 0 && imports) {
                json_t *rule = NULL;

                r = yaml_to_json(imports, &rule);
                if (r == 0)
                        r = json_put(o, "imports", rule);
        }
        return r < 0 ? r : json_write(o, &part->json);
}

static int put_extractor(struct part_value *part, const struct extractor *e, struct yaml_node *all)
{
        _cleanup_json_ json_t *o = NULL;
        int r = yaml_to_json(yaml_get(all, extractor_name(e)), &o);

        extractor_hash(e, &part->hash);
        return r < 0 ? r : json_write(o, &part->json);
}

int kind_parts(struct blueprint *b, struct yaml_node *top, struct yaml_node *row, struct kind *k)
{
        struct yaml_node *template = yaml_get(row, "template");
        const struct blueprint_file *source =
                template ? blueprint_find_file(b, template->text) : NULL;
        int r = 0;

        for (size_t i = 0; i < N_PARTS; i++)
                buf_init(&k->parts[i].json, 0);
        if (k->template && source) {
                r = put_template(&k->parts[PART_TEMPLATE], b, top, source);
                template_hash(k->template, &k->parts[PART_TEMPLATE].hash);
        }
        if (r == 0 && k->prompt)
                r = put_file(&k->parts[PART_PROMPT], k->prompt);
        if (r == 0 && k->standards)
                r = put_standards(&k->parts[PART_STANDARDS], k->standards, k->compressed);
        if (r == 0 && k->checks) {
                struct yaml_node *imports = yaml_get(top, "imports");

                r = put_checks(&k->parts[PART_CHECKS], yaml_get(row, "checks"),
                               yaml_get(top, "checks"),
                               imports && k->language ? yaml_get(imports, k->language) : NULL);
                check_set_hash(k->checks, &k->parts[PART_CHECKS].hash);
        }
        if (r == 0 && k->extractor)
                r = put_extractor(&k->parts[PART_EXTRACTOR], k->extractor,
                                  yaml_get(top, "extractors"));
        hash_of(k->tier, strlen(k->tier), &k->parts[PART_TIER].hash);
        return r < 0 ? r : put_text(&k->parts[PART_TIER], span_of(k->tier));
}

void kind_parts_done(struct kind *k)
{
        for (size_t i = 0; i < N_PARTS; i++)
                buf_done(&k->parts[i].json);
}
