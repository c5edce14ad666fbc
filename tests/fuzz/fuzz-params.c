/* Parameters by table. The first byte of the input names the method. What passes may be read
 * without questions. */

#include "common/json.h"
#include "common/str.h"
#include "proto/base64.h"
#include "proto/methods.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool is_well)
{
        if (!is_well)
                abort();
}

static void check_base64(struct span text)
{
        _cleanup_buf_ struct buf bytes = {0}, again = {0};
        size_t size;

        if (base64_decode(&bytes, text) != 0) {
                check(bytes.n == 0);
                return;
        }
        check(base64_decoded_size(text, &size) == 0 && size == bytes.n);
        check(base64_encode(&again, buf_span(&bytes)) == 0);
        check(span_is_equal(buf_span(&again), text));
}

static void check_accepted(const struct method *m, const json_t *params)
{
        for (const struct param *p = m->params; p->name; p++) {
                const json_t *value = json_object_get(params, p->name);

                check(value || !p->is_required || p->unless);
                if (value && p->type == PARAM_U64)
                        check(json_integer_value(value) >= 0);
                if (value && p->type == PARAM_TEXT)
                        check(json_string_value(value) != NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        _cleanup_json_ json_t *params = NULL;
        const struct method *m;
        struct span text;
        struct diag diag;
        int r;

        if (n == 0)
                return 0;
        m = &method_table[bytes[0] % N_METHODS];
        text = (struct span){(const char *)bytes + 1, n - 1};
        check_base64(text);
        if (json_read(text, &params, &diag) != 0)
                return 0;
        r = params_check(m->params, params, &f);
        check(r == 0 || r == CONDITION_REFUSED);
        if (r == 0) {
                check_accepted(m, params);
                return 0;
        }
        check(f && f->id == FAILURE_INVALID_PARAMS && str_has_prefix(f->where, "/params"));
        return 0;
}
