#include "unit.h"

#include "client/files/manifest.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ENTRY(path, hex) \
        "{\"fingerprint\": \"f1\", \"path\": \"" path "\", \"sha256\": \"" hex "\"}"
#define MANIFEST(entries) "{\"version\": 1, \"files\": [\n" entries "\n]}\n"

static struct hash hash_a, hash_b;

static int set_up(void **state)
{
        (void)state;
        assert_int_equal(hash_from_hex(SPAN(HEX_A), &hash_a), 0);
        assert_int_equal(hash_from_hex(SPAN(HEX_B), &hash_b), 0);
        return 0;
}

static struct manifest *new_manifest(void)
{
        struct manifest *m = NULL;

        assert_int_equal(manifest_new(&m), 0);
        return m;
}

/* A project's manifest is read by other versions of genopt and on other machines: its bytes by
 * version. Whoever changes them raises MANIFEST_VERSION and adds a row. */
static void the_form_is_frozen(void **state)
{
        static const struct {
                int version;
                const char *manifest, *pending;
        } rows[] = {
                {1,
                 "{\"version\": 1, \"files\": [\n"
                 "{\"fingerprint\": \"f1\", \"path\": \"a\", \"sha256\": \"" HEX_A "\"}\n]}\n",
                 "{\"before\": null, \"fingerprint\": \"f1\", \"path\": \"a\", \"sha256\": \"" HEX_A
                 "\"}\n"},
        };
        _cleanup_buf_ struct buf text = {0}, pending = {0};
        struct manifest *m = new_manifest();
        struct pending_line line = {.path = "a", .fingerprint = "f1", .sha256 = &hash_a};
        size_t i = 0;

        (void)state;
        while (i < N_ELEMENTS(rows) && rows[i].version != MANIFEST_VERSION)
                i++;
        assert_true(i < N_ELEMENTS(rows));
        assert_int_equal(manifest_set(m, "a", "f1", &hash_a), 0);
        assert_int_equal(manifest_write(m, &text), 0);
        assert_string_equal(text.at, rows[i].manifest);
        assert_int_equal(pending_write(&pending, &line), 0);
        assert_string_equal(pending.at, rows[i].pending);
        manifest_free(m);
}

static void entries_are_sorted_and_written_one_a_line(void **state)
{
        struct manifest *m = new_manifest(), *again = new_manifest();
        _cleanup_buf_ struct buf text = {0}, second = {0};
        struct diag diag;

        (void)state;
        assert_int_equal(manifest_set(m, "b", "f1", &hash_b), 0);
        assert_int_equal(manifest_set(m, "a/z", "f1", &hash_a), 0);
        assert_int_equal(manifest_set(m, "a", "old", &hash_b), 0);
        assert_int_equal(manifest_set(m, "a", "f1", &hash_a), 0);
        assert_int_equal(manifest_n(m), 3);
        assert_int_equal(manifest_write(m, &text), 0);
        assert_string_equal(text.at, MANIFEST(ENTRY("a", HEX_A) ",\n" ENTRY(
                                             "a/z", HEX_A) ",\n" ENTRY("b", HEX_B)));
        assert_int_equal(manifest_read(again, buf_span(&text), &diag), 0);
        assert_int_equal(manifest_write(again, &second), 0);
        assert_string_equal(text.at, second.at);
        manifest_remove(again, "a/z");
        manifest_remove(again, "never");
        assert_null(manifest_get(again, "a/z"));
        assert_string_equal(manifest_get(again, "b")->path, "b");
        manifest_free(m);
        manifest_free(again);
}

static void many_entries_are_found_again(void **state)
{
        struct manifest *m = new_manifest();
        char path[32];

        (void)state;
        for (unsigned i = 0; i < 3000; i++) {
                snprintf(path, sizeof(path), "%u/%u", i * 7919 % 3000, i);
                assert_int_equal(manifest_set(m, path, "f", &hash_a), 0);
        }
        for (size_t i = 1; i < manifest_n(m); i++)
                assert_true(strcmp(manifest_at(m, i - 1)->path, manifest_at(m, i)->path) < 0);
        for (unsigned i = 0; i < 3000; i++) {
                snprintf(path, sizeof(path), "%u/%u", i * 7919 % 3000, i);
                assert_non_null(manifest_get(m, path));
        }
        manifest_free(m);
}

static void a_manifest_with_any_fault_is_none(void **state)
{
        static const struct {
                const char *text;
                unsigned line;
        } faults[] = {
                {"", 0},
                {"[]", 2},
                {"{\"version\": 2, \"files\": []}", 2},
                {"{\"version\": 1, \"files\": [], \"more\": 1}", 2},
                {MANIFEST("7"), 2},
                {MANIFEST(ENTRY("a", HEX_A) ",\n" ENTRY("a", HEX_A)), 3},
                {MANIFEST(ENTRY("../a", HEX_A)), 2},
                {MANIFEST(ENTRY("/a", HEX_A)), 2},
                {MANIFEST(ENTRY("a", "AA")), 2},
                {MANIFEST("{\"path\": \"a\", \"sha256\": \"" HEX_A "\"}"), 2},
                {MANIFEST("{\"fingerprint\": \"f 1\", \"path\": \"a\", \"sha256\": \"" HEX_A "\"}"),
                 2},
                {MANIFEST("{\"fingerprint\": \"\", \"path\": \"a\", \"sha256\": \"" HEX_A "\"}"),
                 2},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(faults); i++) {
                struct manifest *m = new_manifest();
                struct diag diag = {0};

                assert_int_equal(manifest_read(m, span_of(faults[i].text), &diag),
                                 CONDITION_REFUSED);
                if (faults[i].line)
                        assert_int_equal(diag.line, faults[i].line);
                assert_true(strlen(diag.text) > 0);
                manifest_free(m);
        }
}

static int announce(struct buf *b, const char *path, const char *fingerprint,
                    const struct hash *sha256, const struct hash *before)
{
        return pending_write(b, &(struct pending_line){.path = path,
                                                       .fingerprint = fingerprint,
                                                       .sha256 = sha256,
                                                       .before = before});
}

/* "same" stands with content A, "other" with B, all else is absent. */
static int disk(const char *path, struct hash *ret, void *arg)
{
        (void)arg;
        if (strcmp(path, "same") == 0)
                *ret = hash_a;
        else if (strcmp(path, "other") == 0)
                *ret = hash_b;
        else
                return strcmp(path, "link") == 0 ? -ELOOP : CONDITION_ABSENT;
        return 0;
}

static void pending_counts_only_where_the_disk_agrees(void **state)
{
        struct manifest *m = new_manifest();
        _cleanup_buf_ struct buf text = {0};

        (void)state;
        assert_int_equal(manifest_set(m, "other", "old", &hash_b), 0);
        assert_int_equal(manifest_set(m, "gone", "old", &hash_b), 0);
        assert_int_equal(announce(&text, "same", "new", &hash_a, &hash_b), 0);
        assert_int_equal(announce(&text, "other", "new", &hash_a, &hash_b),
                         0); /* was not carried out */
        assert_int_equal(announce(&text, "never", "new", &hash_a, &hash_b), 0); /* nor this */
        assert_int_equal(announce(&text, "gone", "removed", NULL, &hash_b), 0);
        assert_int_equal(announce(&text, "link", "new", &hash_a, &hash_b), 0);
        assert_int_equal(announce(&text, "../out", "new", &hash_a, &hash_b), 0); /* not ours */
        assert_int_equal(buf_add_text(&text, "no json\n{\"path\": \"same\", \"fing"), 0); /* torn */
        assert_int_equal(pending_fold(m, buf_span(&text), disk, NULL), 0);
        assert_int_equal(manifest_n(m), 2);
        assert_string_equal(manifest_get(m, "same")->fingerprint, "new");
        assert_string_equal(manifest_get(m, "other")->fingerprint, "old");
        manifest_free(m);
}

static void the_later_of_two_pending_lines_counts(void **state)
{
        struct manifest *m = new_manifest();
        _cleanup_buf_ struct buf text = {0};

        (void)state;
        assert_int_equal(announce(&text, "same", "first", &hash_a, &hash_b), 0);
        assert_int_equal(announce(&text, "same", "second", &hash_a, &hash_b), 0);
        assert_int_equal(announce(&text, "same", "third", &hash_b, &hash_b), 0);
        assert_int_equal(pending_fold(m, buf_span(&text), disk, NULL), 0);
        assert_string_equal(manifest_get(m, "same")->fingerprint, "second");
        manifest_free(m);
}

/* A merge: what stands there is not what was made; the entry names what was made. */
static void a_merge_is_known_by_what_it_left_on_disk(void **state)
{
        struct pending_line line = {.path = "same",
                                    .fingerprint = "new",
                                    .sha256 = &hash_b,
                                    .before = &hash_b,
                                    .disk = &hash_a};
        struct manifest *m = new_manifest();
        _cleanup_buf_ struct buf text = {0};

        (void)state;
        assert_int_equal(pending_write(&text, &line), 0);
        line.path = "other";
        assert_int_equal(pending_write(&text, &line), 0); /* did not happen */
        assert_int_equal(pending_fold(m, buf_span(&text), disk, NULL), 0);
        assert_int_equal(manifest_n(m), 1);
        assert_memory_equal(manifest_get(m, "same")->sha256.at, hash_b.at, HASH_BYTES);
        manifest_free(m);
}

static void what_stands_where_nothing_did_is_an_edit_of_ours(void **state)
{
        struct manifest *m = new_manifest();
        _cleanup_buf_ struct buf text = {0};

        (void)state;
        assert_int_equal(announce(&text, "other", "new", &hash_a, NULL), 0); /* B stands there */
        assert_int_equal(announce(&text, "gone", "new", &hash_a, NULL), 0);
        assert_int_equal(announce(&text, "link", "new", &hash_a, NULL), 0);
        assert_int_equal(pending_fold(m, buf_span(&text), disk, NULL), 0);
        assert_int_equal(manifest_n(m), 1);
        assert_memory_equal(manifest_get(m, "other")->sha256.at, hash_a.at, HASH_BYTES);
        manifest_free(m);
        m = new_manifest();
        assert_int_equal(manifest_set(m, "other", "old", &hash_b), 0);
        assert_int_equal(pending_fold(m, buf_span(&text), disk, NULL), 0);
        assert_string_equal(manifest_get(m, "other")->fingerprint, "old");
        manifest_free(m);
}

static void lines_with_any_fault_are_skipped(void **state)
{
        static const char *const lines[] = {
                "{\"before\": null, \"fingerprint\": \"f\", \"path\": \"same\"}\n",
                "{\"before\": 1, \"fingerprint\": \"f\", \"path\": \"same\", \"sha256\": \"" HEX_A
                "\"}\n",
                "{\"before\": null, \"disk\": null, \"fingerprint\": \"f\", \"path\": \"same\", "
                "\"sha256\": \"" HEX_A "\"}\n",
                "{\"before\": null, \"more\": 1, \"fingerprint\": \"f\", \"path\": \"same\", "
                "\"sha256\": \"" HEX_A "\"}\n",
                "[]\n7\n\n",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
                struct manifest *m = new_manifest();

                assert_int_equal(pending_fold(m, span_of(lines[i]), disk, NULL), 0);
                assert_int_equal(manifest_n(m), 0);
                manifest_free(m);
        }
}

static void conflicts_of_a_merge_are_settled_by_what_stands_there(void **state)
{
        static const char *const text = "{\"version\": 1, \"files\": [\n" ENTRY(
                "left",
                HEX_A) ",\n"
                       "<<<<<<< HEAD\n" ENTRY("other", HEX_A) ",\n" ENTRY(
                               "same",
                               HEX_A) ",\n"
                                      "=======\n" ENTRY("other", HEX_B) ",\n" ENTRY(
                                              "same",
                                              HEX_B) ",\n" ENTRY("third",
                                                                 HEX_B) "\n>>>>>>> branch\n]}\n";
        struct manifest *m = new_manifest();
        struct diag diag = {0};

        (void)state;
        assert_int_equal(manifest_read(m, span_of(text), &diag), CONDITION_REFUSED);
        manifest_free(m);
        m = new_manifest();
        assert_true(manifest_has_conflicts(span_of(text)));
        assert_false(manifest_has_conflicts(SPAN(MANIFEST(ENTRY("<<<<<<< ", HEX_A)))));
        assert_int_equal(manifest_salvage(m, span_of(text), disk, NULL), 0);
        assert_int_equal(manifest_n(m), 4);
        assert_memory_equal(manifest_get(m, "other")->sha256.at, hash_b.at, HASH_BYTES);
        assert_memory_equal(manifest_get(m, "same")->sha256.at, hash_a.at, HASH_BYTES);
        manifest_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_form_is_frozen),
                cmocka_unit_test(entries_are_sorted_and_written_one_a_line),
                cmocka_unit_test(many_entries_are_found_again),
                cmocka_unit_test(a_manifest_with_any_fault_is_none),
                cmocka_unit_test(pending_counts_only_where_the_disk_agrees),
                cmocka_unit_test(the_later_of_two_pending_lines_counts),
                cmocka_unit_test(a_merge_is_known_by_what_it_left_on_disk),
                cmocka_unit_test(what_stands_where_nothing_did_is_an_edit_of_ours),
                cmocka_unit_test(lines_with_any_fault_are_skipped),
                cmocka_unit_test(conflicts_of_a_merge_are_settled_by_what_stands_there),
        };

        return cmocka_run_group_tests(tests, set_up, NULL);
}
