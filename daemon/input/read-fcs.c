#include "daemon/input/formats.h"
#include "daemon/input/reader.h"

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

static bool contains(struct span text, const char *word)
{
        return memmem(text.at, text.n, word, strlen(word)) != NULL;
}

static bool is_it(struct span text, const char *file_name)
{
        (void)file_name;
        return contains(text, "schema_version") &&
               (contains(text, "data_model") || contains(text, "requirements"));
}

static int read_text(struct span text, const char *file_name, struct model **ret,
                     struct failure **ret_failure)
{
        return reader_run(text, file_name, read_fcs, ret, ret_failure);
}

const struct spec_format spec_format_fcs = {"fcs", is_it, read_text};
