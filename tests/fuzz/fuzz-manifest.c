/* The manifest of an output directory and the lines of pending, which anyone may have edited: what
 * is read is written the same again, and no path in it leads out of the directory. */

#include "client/files/manifest.h"
#include "common/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Every other path stands on disk, with a content that some lines name. */
static int disk(const char *path, struct hash *ret, void *arg)
{
        (void)arg;
        if (!path_is_relative(span_of(path)))
                abort();
        if (path[0] % 2 == 0)
                return CONDITION_ABSENT;
        memset(ret->at, 0xaa, sizeof(ret->at));
        return 0;
}

static void check(const struct manifest *m)
{
        _cleanup_(manifest_freep) struct manifest *again = NULL;
        _cleanup_buf_ struct buf first = {0}, second = {0};
        struct diag diag;

        for (size_t i = 0; i < manifest_n(m); i++)
                if (!path_is_relative(span_of(manifest_at(m, i)->path)) ||
                    (i > 0 && strcmp(manifest_at(m, i - 1)->path, manifest_at(m, i)->path) >= 0))
                        abort();
        if (manifest_write(m, &first) < 0 || manifest_new(&again) < 0)
                return;
        if (manifest_read(again, buf_span(&first), &diag) != 0 ||
            manifest_write(again, &second) < 0 ||
            !span_is_equal(buf_span(&first), buf_span(&second)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_(manifest_freep) struct manifest *m = NULL;
        struct span text = {(const char *)bytes, n};
        struct diag diag;

        if (manifest_new(&m) < 0)
                return 0;
        if (manifest_read(m, text, &diag) == 0)
                check(m);
        m = manifest_free(m);
        if (manifest_new(&m) == 0 && manifest_salvage(m, text, disk, NULL) == 0)
                check(m);
        m = manifest_free(m);
        if (manifest_new(&m) == 0 && pending_fold(m, text, disk, NULL) == 0)
                check(m);
        return 0;
}
