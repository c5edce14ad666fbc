/* What a power cut may leave on disk. The first byte chooses: 'p' the rest is the file of an
 * environment; 'v' a stored value; 'z' a compressed payload under a checksum that is right (two
 * bytes of length, then the stream). */

#include <sys/mman.h>

#include "daemon/store/env.h"
#include "daemon/store/pages.h"
#include "daemon/store/value.h"

/* Not assert(), which a build may leave out. */
#define check(condition)          \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pages(struct span file)
{
        int fd = memfd_create("environment", MFD_CLOEXEC);
        int r;

        check(fd >= 0);
        check(write(fd, file.at, file.n) == (ssize_t)file.n);
        r = pages_check_file(fd, UINT64_MAX);
        check(r == 0 || r == CONDITION_DAMAGED || r == CONDITION_EMPTY);
        (void)close(fd);
}

static void unpack(const struct value *v)
{
        struct buf b = {0};
        int r = value_unpack(v, &b);

        check(r == 0 || r == CONDITION_BAD_VALUE || r == -ENOMEM);
        check(b.n == (r == 0 ? v->n_content : 0));
        buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span rest = {(const char *)data + 1, size - 1};
        struct value v = {.codec = CODEC_ZLIB};

        if (size > 0 && data[0] == 'p') {
                check_pages(rest);
        } else if (size > 0 && data[0] == 'v') {
                if (value_open(TABLE_JOB, SPAN("key"), rest, &v) == 0)
                        unpack(&v);
        } else if (size > 2 && data[0] == 'z') {
                v.n_content = (size_t)data[1] << 8 | data[2];
                v.payload = (struct span){rest.at + 2, rest.n - 2};
                unpack(&v);
        }
        return 0;
}
