#include "daemon/input/formats.h"

/* GoCreator's "final clarified specification", as `dump-fcs` writes it: JSON (or the same as YAML)
 * with schema_version "1.0". It holds the shapes of the family; beside them an id and times of its
 * making, which must never reach a key: the same specification dumped twice differs in them. It has
 * no name of the project: the file's base name serves. */

static void read_fcs(struct reader *rd, struct yaml_node *top)
{
        struct yaml_node *metadata = reader_get(rd, top, "metadata");
        _cleanup_free_ char *version = reader_text(rd, top, "schema_version");

        if (version && strcmp(version, "1.0") != 0 && strcmp(version, "1") != 0)
                reader_warn(rd, reader_get(rd, top, "schema_version"),
                            "schema_version %.20s is read as 1.0", version);
        (void)reader_get(rd, top, "id");
        (void)reader_get(rd, top, "original_spec_id");
        if (reader_get(rd, metadata, "clarifications") &&
            reader_get(rd, metadata, "clarifications")->n_items > 0)
                reader_warn(rd, reader_get(rd, metadata, "clarifications"),
                            "clarifications are not used: what they decided must stand in the "
                            "requirements");
        read_top(rd, top);
}

static const char *knows(const struct yaml_node *top)
{
        if (reader_peek(top, "schema_version") &&
            (reader_peek(top, "data_model") || reader_peek(top, "requirements") ||
             reader_peek(top, "architecture")))
                return "it has the key `schema_version`";
        return NULL;
}

const struct spec_format spec_format_fcs = {
        .name = "a final clarified specification (FCS)", .knows = knows, .read = read_fcs};
