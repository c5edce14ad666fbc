#pragma once
/* The formats of specifications (read-*.c), rows of the table in spec.c. A format is either plain
 * text, or a tree: YAML, JSON, or the front matter of Markdown. */

#include "daemon/input/reader.h"

struct spec_format {
        const char *name; /* as a note says it */
        /* Why it is this one, for people: "it has the key `openapi`"; NULL: it is another. Looks
         * only (reader_peek()). */
        const char *(*knows)(const struct yaml_node *top);
        void (*read)(struct reader *rd, struct yaml_node *top);
        /* Plain text: instead of the two above. */
        const char *(*knows_text)(struct span text);
        void (*read_text)(struct reader *rd, struct span text);
};

extern const struct spec_format spec_format_entities;
extern const struct spec_format spec_format_fcs;
extern const struct spec_format spec_format_gocreator;
extern const struct spec_format spec_format_openapi;
extern const struct spec_format spec_format_sentences;
