/* The scanner beside the JSON parser: they agree on what is JSON, and on what the spans hold. */

#include "common/buf.h"
#include "common/json.h"
#include "proto/listed.h"
#include "proto/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool is_well)
{
        if (!is_well)
                abort();
}

static json_t *parse(struct span s, json_error_t *error)
{
        return json_loadb(s.at, s.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

/* What the scanner leaves to the parser. */
static bool is_left_to_parser(const json_error_t *error)
{
        enum json_error_code code = json_error_code(error);

        return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
               code == json_error_duplicate_key || code == json_error_null_character;
}

static void check_span(struct span text, struct span s, const json_t *message, const char *key)
{
        _cleanup_json_ json_t *value = NULL;
        json_error_t error;

        if (s.n == 0)
                return;
        check(s.at >= text.at && s.at + s.n <= text.at + text.n);
        check(scan_value(s) == 0);
        value = parse(s, &error);
        check(value && json_equal(value, json_object_get(message, key)));
}

/* params with meta cut out are params without meta. */
static void check_params(const struct scan *s, json_t *message)
{
        json_t *params = json_object_get(message, "params");
        _cleanup_json_ json_t *joined = NULL;
        _cleanup_buf_ struct buf b = {0};
        json_error_t error;

        for (size_t i = 0; i < N_ELEMENTS(s->params_at); i++)
                buf_add_span(&b, s->params_at[i]);
        if (b.n == 0)
                return;
        check(scan_value(buf_span(&b)) == 0);
        joined = parse(buf_span(&b), &error);
        /* "meta" spelt with escapes is not cut out */
        if (s->meta.n > 0)
                json_object_del(params, "meta");
        check(joined && json_equal(joined, params));
}

static void check_text(struct span s, const json_t *entry, const char *key)
{
        const json_t *value = json_object_get(entry, key);

        if (s.n == 0)
                check(!value || json_is_null(value) || json_string_length(value) == 0);
        else
                check(json_is_string(value) &&
                      span_is_equal(s, (struct span){json_string_value(value),
                                                     json_string_length(value)}));
}

/* A manifest is that of the parser's tree, and so is each of its entries. */
static void check_manifest(const struct scan *s, const json_t *message)
{
        const json_t *manifest = json_object_get(
                json_object_get(json_object_get(message, "params"), "input"), "manifest");
        struct listed_cursor c;
        struct listed e;
        size_t i = 0;

        if (s->manifest.n == 0)
                return;
        check(json_is_array(manifest) && scan_value(s->manifest) == 0);
        if (!listed_is_plain(s->manifest))
                return;
        listed_begin(&c, s->manifest);
        for (; listed_next(&c, &e) == 0; i++) {
                const json_t *entry = json_array_get(manifest, i);

                check_text(e.path, entry, "path");
                check_text(e.fingerprint, entry, "fingerprint");
                check_text(e.sha256, entry, "sha256");
                check_text(e.disk, entry, "disk");
        }
        check(i == json_array_size(manifest));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct span text = {(const char *)bytes, n};
        _cleanup_json_ json_t *message = NULL, *any = NULL;
        char method[SCAN_METHOD_BYTES];
        json_error_t error;
        struct scan s;
        int r;

        any = parse(text, &error);
        r = scan_value(text);
        if (r == 0)
                check(any || is_left_to_parser(&error));
        r = scan_message(text, &s);
        if (r != 0)
                check(s.fault != NULL && s.fault_at <= n);
        if (r == 0) {
                check(any || is_left_to_parser(&error));
                scan_get_method(&s, method);
                check(strlen(method) < SCAN_METHOD_BYTES);
        }
        if (r != 0 || !any)
                return 0;
        message = json_loadb(text.at, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        if (!message)
                return 0; /* duplicates below the top */
        check_span(text, s.id, message, "id");
        check_span(text, s.params, message, "params");
        check_span(text, s.result, message, "result");
        check_span(text, s.error, message, "error");
        check_manifest(&s, message);
        check_params(&s, message);
        return 0;
}
