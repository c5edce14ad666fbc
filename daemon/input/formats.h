#pragma once
/* The formats of specifications (read-*.c). A format is either plain text, or a tree: YAML, JSON,
 * or the front matter of Markdown. */

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

/* All there are, in the order in which they are asked: a new one is a file and a row. */
#define SPEC_FORMAT_TABLE(X) \
        X(sentences)         \
        X(openapi)           \
        X(fcs)               \
        X(entities)          \
        X(gocreator)
#define X(name) extern const struct spec_format spec_format_##name;
SPEC_FORMAT_TABLE(X)
#undef X
