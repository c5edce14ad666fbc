/* The YAML reader; and what was read, as data, written and read again must be the same data. */

#include <stdio.h>

#include "common/yaml.h"

#define MAX_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int ignore_key(const char *path, const struct yaml_node *key, void *arg)
{
        (void)arg;
        if (!path[0] || !key->line)
                abort();
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_(yaml_freep) struct yaml_node *first = NULL, *second = NULL;
        _cleanup_json_ json_t *before = NULL, *after = NULL;
        _cleanup_buf_ struct buf b = {0};
        struct diag diag = {0};
        int r;

        r = yaml_read((struct span){(const char *)bytes, n}, MAX_BYTES, &first, &diag);
        if (r == CONDITION_REFUSED) {
                if (!diag.text[0])
                        abort();
                return 0;
        }
        if (r != 0 || yaml_unread(first, ignore_key, NULL) != 0)
                abort();
        if (yaml_to_json(first, &before) != 0 || yaml_write(before, 0, &b) != 0)
                abort();
        r = yaml_read(buf_span(&b), BUF_MAX_BYTES, &second, &diag);
        if (r != 0) {
                fprintf(stderr, "%u:%u: %s\n", diag.line, diag.column, diag.text);
                abort();
        }
        if (yaml_to_json(second, &after) != 0 || !json_equal(before, after))
                abort();
        return 0;
}
