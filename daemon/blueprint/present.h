#pragma once
/* Data as the YAML of a prompt, keys in their order; an item begins "  - name: …". Not for other
 * rooms. */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"

int present_value(const json_t *value, unsigned indent, struct buf *out) _must_check_;
int present_item(const json_t *value, unsigned indent, struct buf *out) _must_check_;
int present_key(const char *key, const json_t *value, unsigned indent,
                struct buf *out) _must_check_;
