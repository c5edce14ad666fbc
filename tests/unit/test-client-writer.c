#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "client/files/base.h"
#include "client/files/writer.h"
#include "common/path.h"
#include "common/str.h"

/* A directory of its own, an outdir and a writer over it; content is fetched from what was offered.
 */
struct place {
        char path[64];
        struct client client;
        struct outdir *outdir;
        struct writer *writer;
        struct fates *fates;
        json_t *blobs; /* hex -> text */
        enum edits edits;
        bool is_pruning;
        unsigned n_fetched;
        uint64_t seq;
};

static int fetch(const struct hash *sha256, struct buf *b, void *arg, struct failure **ret_failure)
{
        struct place *p = arg;
        char hex[HASH_HEX_BYTES];

        hash_to_hex(sha256, hex);
        p->n_fetched++;
        if (!json_get_text(p->blobs, hex)) {
                *ret_failure = failure_new(FAILURE_INTERNAL, "no such content");
                return CONDITION_REFUSED;
        }
        return buf_add_text(b, json_get_text(p->blobs, hex));
}

static void open_writer(struct place *p, uint64_t head, bool is_editing)
{
        struct failure *failure = NULL;
        struct writer_config config = {.delivery = {.client = &p->client,
                                                    .fetch = fetch,
                                                    .arg = p,
                                                    .edits = p->edits,
                                                    .is_pruning = p->is_pruning,
                                                    .is_editing = is_editing},
                                       .head = head};

        p->writer = writer_free(p->writer);
        p->outdir = outdir_free(p->outdir);
        assert_int_equal(
                outdir_open(&p->client, p->path, OUTDIR_GENERATED, true, &p->outdir, &failure), 0);
        p->fates = fates_free(p->fates);
        assert_int_equal(fates_new(&p->client, &p->fates), 0);
        config.delivery.outdir = p->outdir;
        config.delivery.fates = p->fates;
        assert_int_equal(writer_new(&config, &p->writer), 0);
        p->seq = 0;
        p->n_fetched = 0;
}

static int set_up(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        snprintf(p->path, sizeof(p->path), "/tmp/genopt-writer.XXXXXX");
        assert_non_null(mkdtemp(p->path));
        p->blobs = json_object();
        p->client.is_quiet = true;
        open_writer(p, 0, false);
        *state = p;
        return 0;
}

static int tear_down(void **state)
{
        struct place *p = *state;
        _cleanup_free_ char *command = str_printf("rm -rf %s", p->path);

        writer_free(p->writer);
        fates_free(p->fates);
        outdir_free(p->outdir);
        json_decref(p->blobs);
        assert_int_equal(system(command), 0);
        free(p);
        return 0;
}

static json_t *hash_json(struct place *p, const char *text)
{
        char hex[HASH_HEX_BYTES];
        struct hash h;

        if (!text)
                return json_null();
        hash_of(text, strlen(text), &h);
        hash_to_hex(&h, hex);
        assert_int_equal(json_put(p->blobs, hex, json_string(text)), 0);
        return json_string(hex);
}

static int apply(struct place *p, const char *action, const char *path, const char *from,
                 const char *base, const char *text)
{
        json_t *event =
                json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:s}", "seq", (json_int_t)++p->seq,
                          "type", "file", "action", action, "path", path, "base",
                          hash_json(p, base), "blob", hash_json(p, text), "fingerprint", "f");
        struct failure *failure = NULL;
        int r;

        assert_non_null(event);
        if (from)
                assert_int_equal(json_put(event, "from", json_string(from)), 0);
        r = writer_apply(p->writer, event, &failure);
        failure_free(failure);
        json_decref(event);
        return r;
}

static int write_text(struct place *p, const char *path, const char *base, const char *text)
{
        return apply(p, "write", path, NULL, base, text);
}

static void put(struct place *p, const char *path, const char *text)
{
        assert_int_equal(path_write_atomic(outdir_fd(p->outdir), path, span_of(text), 0666, false),
                         0);
}

static void expect(struct place *p, const char *path, const char *text)
{
        _cleanup_buf_ struct buf b = {0};
        int r = path_read(outdir_fd(p->outdir), path, 1000, &b);

        assert_int_equal(r, text ? 0 : -ENOENT);
        if (text)
                assert_string_equal(b.at ? b.at : "", text);
}

static void expect_base(struct place *p, const char *text, bool is_there)
{
        struct hash h;

        hash_of(text, strlen(text), &h);
        assert_int_equal(base_has(outdir_fd(p->outdir), &h), is_there);
}

static void a_file_is_written_and_recorded(void **state)
{
        struct place *p = *state;

        assert_int_equal(write_text(p, "a/b", NULL, "one"), 0);
        expect(p, "a/b", "one");
        expect_base(p, "one", true);
        assert_int_equal(writer_finish(p->writer), 0);
        open_writer(p, 0, false);
        assert_int_equal(manifest_n(outdir_manifest(p->outdir)), 1);
        assert_int_equal(write_text(p, "a/b", "one", "two"), 0);
        expect(p, "a/b", "two");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 0);
}

static void what_stands_already_is_only_recorded(void **state)
{
        struct place *p = *state;

        put(p, "a", "same");
        assert_int_equal(write_text(p, "a", NULL, "same"), 0);
        assert_int_equal(p->n_fetched, 0);
        assert_int_equal(writer_counts(p->writer)->n_same, 1);
        assert_non_null(manifest_get(outdir_manifest(p->outdir), "a"));
}

static void the_users_file_is_kept(void **state)
{
        struct place *p = *state;

        put(p, "own", "mine");
        assert_int_equal(write_text(p, "own", NULL, "new"), 0); /* expected absent */
        assert_int_equal(write_text(p, "own", "mine", "new"),
                         0); /* expected as it is, but not ours */
        assert_int_equal(write_text(p, "ours", NULL, "one"), 0);
        put(p, "ours", "edited");
        assert_int_equal(write_text(p, "ours", "one", "two"), 0);
        assert_int_equal(write_text(p, "ours", "edited", "two"), 0);
        assert_int_equal(apply(p, "remove", "ours", NULL, "one", NULL), 0);
        assert_int_equal(path_remove(outdir_fd(p->outdir), "ours"), 0);
        assert_int_equal(write_text(p, "ours", "one", "two"),
                         0); /* removed by the user meanwhile */
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 6);
        assert_int_equal(p->n_fetched, 1);
        expect(p, "own", "mine");
        expect(p, "ours", NULL);
}

static void a_job_that_edits_may_change_what_it_was_shown(void **state)
{
        struct place *p = *state;

        open_writer(p, 0, true);
        put(p, "own", "mine");
        assert_int_equal(write_text(p, "own", "mine", "fixed"), 0);
        expect(p, "own", "fixed");
        put(p, "own", "edited meanwhile");
        assert_int_equal(write_text(p, "own", "fixed", "fixed again"), 0);
        expect(p, "own", "edited meanwhile");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
}

static void links_and_directories_are_conflicts(void **state)
{
        struct place *p = *state;

        assert_int_equal(symlinkat("/etc/passwd", outdir_fd(p->outdir), "link"), 0);
        assert_int_equal(symlinkat("/tmp", outdir_fd(p->outdir), "dir"), 0);
        assert_int_equal(mkdirat(outdir_fd(p->outdir), "real", 0777), 0);
        put(p, "plain", "x");
        assert_int_equal(write_text(p, "link", NULL, "x"), 0);
        assert_int_equal(write_text(p, "dir/x", NULL, "x"), 0);
        assert_int_equal(write_text(p, "real", NULL, "x"), 0);
        assert_int_equal(write_text(p, "plain/x", NULL, "x"), 0);
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 4);
}

static void paths_of_git_and_ours_are_refused(void **state)
{
        static const char *const refused[] = {".git/config", "a/.git/hooks/x",
                                              ".GiT/x",      ".genopt/manifest.json",
                                              "../x",        "/x",
                                              "a//b",        "./a",
                                              "a\\b",        "",
                                              "a/.Genopt"};
        static const char *const allowed[] = {"a",       "a/b.c",    ".gitignore", ".github/x",
                                              "x.git/y", ".genopt2", "...",        "ä/ö"};
        struct place *p = *state;

        for (size_t i = 0; i < N_ELEMENTS(refused); i++) {
                assert_false(writer_is_path_allowed(refused[i]));
                assert_int_equal(write_text(p, refused[i], NULL, "x"), CONDITION_REFUSED);
        }
        for (size_t i = 0; i < N_ELEMENTS(allowed); i++)
                assert_true(writer_is_path_allowed(allowed[i]));
        assert_int_equal(apply(p, "rename", "b", "../a", "x", "x"), CONDITION_REFUSED);
        assert_int_equal(apply(p, "explode", "b", NULL, NULL, "x"), CONDITION_REFUSED);
        assert_int_equal(write_text(p, "a", NULL, NULL), CONDITION_REFUSED); /* no blob */
}

static void removing_takes_only_what_is_ours(void **state)
{
        struct place *p = *state;

        assert_int_equal(write_text(p, "d/a", NULL, "one"), 0);
        assert_int_equal(apply(p, "remove", "d/a", NULL, "one", NULL), 0);
        expect(p, "d/a", NULL);
        assert_int_equal(manifest_n(outdir_manifest(p->outdir)), 0);
        assert_int_equal(apply(p, "remove", "d/a", NULL, "one", NULL), 0); /* gone already */
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 0);
}

static void renaming_moves_what_is_ours(void **state)
{
        struct place *p = *state;

        assert_int_equal(write_text(p, "a", NULL, "one"), 0);
        assert_int_equal(apply(p, "rename", "b", "a", "one", "one"), 0);
        expect(p, "a", NULL);
        expect(p, "b", "one");
        put(p, "c", "mine");
        assert_int_equal(apply(p, "rename", "c", "b", "one", "one"), 0); /* the new name is taken */
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
        expect(p, "c", "mine");
}

/* An edit of the user's at either name stops a move whole. */
static void a_move_is_whole_or_not(void **state)
{
        struct place *p = *state;

        open_writer(p, 0, true);
        put(p, "a", "one, and mine");
        assert_int_equal(apply(p, "rename", "b", "a", "one", "two"), 0);
        expect(p, "a", "one, and mine");
        expect(p, "b", NULL);
        put(p, "a", "one");
        put(p, "b", "mine");
        assert_int_equal(apply(p, "rename", "b", "a", "one", "two"), 0);
        expect(p, "a", "one");
        expect(p, "b", "mine");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 2);
        assert_int_equal(apply(p, "rename", "c", "d", "one", "two"), 0); /* deleted meanwhile */
        expect(p, "c", NULL);
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 3);
}

/* Written, then moved; and moved back where `is_back`. Replayed over each state that an earlier
 * delivery may have left. */
static void replay_move(struct place *p, const char *a, const char *b, bool is_back)
{
        struct failure *failure = NULL;

        open_writer(p, is_back ? 3 : 2, true);
        (void)!path_remove(outdir_fd(p->outdir), "a");
        (void)!path_remove(outdir_fd(p->outdir), "b");
        if (a)
                put(p, "a", a);
        if (b)
                put(p, "b", b);
        assert_int_equal(write_text(p, "a", "one", "two"), 0);
        assert_int_equal(apply(p, "rename", "b", "a", "two", "three"), 0);
        if (is_back)
                assert_int_equal(apply(p, "rename", "a", "b", "three", "two"), 0);
        assert_int_equal(writer_catch_up(p->writer, &failure), 0);
        expect(p, "a", is_back ? "two" : NULL);
        expect(p, "b", is_back ? NULL : "three");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 0);
}

static void a_replayed_move_ends_the_same(void **state)
{
        struct place *p = *state;

        for (int is_back = 0; is_back < 2; is_back++) {
                replay_move(p, "one", NULL, is_back);
                replay_move(p, "two", NULL, is_back);
                replay_move(p, "two", "three", is_back); /* killed in between */
                replay_move(p, NULL, "three", is_back);
        }
}

/* A journal of three writes of one path, replayed over each state that an earlier delivery may have
 * left. */
static void a_replay_carries_out_only_the_last_of_a_path(void **state)
{
        static const char *const left[] = {NULL, "one", "two", "three"};
        struct place *p = *state;

        for (size_t i = 0; i < N_ELEMENTS(left); i++) {
                struct failure *failure = NULL;

                if (left[i])
                        put(p, "a", left[i]);
                open_writer(p, 3, false);
                assert_int_equal(write_text(p, "a", NULL, "one"), 0);
                assert_int_equal(write_text(p, "a", "one", "two"), 0);
                assert_int_equal(write_text(p, "a", "two", "three"), 0);
                expect(p, "a", left[i]);
                assert_int_equal(writer_catch_up(p->writer, &failure), 0);
                expect(p, "a", "three");
                assert_int_equal(fates_n(p->fates, FATE_KEPT), 0);
                assert_int_equal(p->n_fetched, i == 0 ? 1 : 0); /* then a copy is at hand */
        }
        put(p, "a", "edited");
        open_writer(p, 1, false);
        assert_int_equal(write_text(p, "a", NULL, "one"), 0);
        assert_int_equal(write_text(p, "b", NULL, "one"), 0); /* beyond head: catches up first */
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
        expect(p, "a", "edited");
        expect(p, "b", "one");
}

static void a_replay_does_not_make_the_users_file_ours(void **state)
{
        struct failure *failure = NULL;
        struct place *p = *state;

        put(p, "a", "mine");
        open_writer(p, 5, false);
        assert_int_equal(write_text(p, "a", "mine", "one"), 0);
        assert_int_equal(writer_catch_up(p->writer, &failure), 0);
        expect(p, "a", "mine");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
}

static void only_one_may_write(void **state)
{
        struct place *p = *state;
        struct failure *failure = NULL;
        struct outdir *second = NULL;

        assert_int_equal(outdir_set_job(p->outdir, "01J"), 0);
        assert_int_equal(
                outdir_open(&p->client, p->path, OUTDIR_GENERATED, true, &second, &failure),
                CONDITION_REFUSED);
        assert_int_equal(failure->id, FAILURE_LOCKED);
        assert_non_null(strstr(failure_message(failure), ", job 01J)"));
        failure_free(failure);
        failure = NULL;
        assert_int_equal(
                outdir_open(&p->client, p->path, OUTDIR_GENERATED, false, &second, &failure),
                0); /* reading is free */
        outdir_free(second);
        p->writer = writer_free(p->writer);
        p->outdir = outdir_free(p->outdir);
        assert_int_equal(
                outdir_open(&p->client, p->path, OUTDIR_GENERATED, true, &second, &failure), 0);
        outdir_free(second);
}

static void pending_of_a_run_that_died_is_folded_in(void **state)
{
        struct place *p = *state;

        assert_int_equal(write_text(p, "a", NULL, "one"), 0);
        assert_int_equal(write_text(p, "b", NULL, "one"), 0);
        put(p, "b", "edited");
        expect(p, ".genopt/manifest.json", NULL); /* it died before it finished */
        open_writer(p, 0, false);
        assert_non_null(manifest_get(outdir_manifest(p->outdir), "a"));
        /* Nothing stood there before: so it is our file, edited since. */
        assert_non_null(manifest_get(outdir_manifest(p->outdir), "b"));
        expect(p, ".genopt/pending", NULL);
        assert_int_equal(write_text(p, "b", "one", "two"), 0);
        expect(p, "b", "edited");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
        assert_int_equal(write_text(p, "a", "one", "two"), 0);
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
}

static void lists_are_sorted_and_leave_out_what_is_ours(void **state)
{
        _cleanup_json_ json_t *manifest = NULL, *files = NULL;
        struct place *p = *state;

        assert_int_equal(write_text(p, "m", NULL, "one"), 0);
        put(p, "z", "z");
        put(p, "a/b", "");
        put(p, ".git/x", "x");
        put(p, "node_modules/x", "x");
        assert_int_equal(symlinkat("z", outdir_fd(p->outdir), "l"), 0);
        assert_int_equal(outdir_list_manifest(p->outdir, false, &manifest), 0);
        assert_int_equal(outdir_list_others(p->outdir, &files), 0);
        assert_int_equal(json_array_size(manifest), 1);
        assert_int_equal(json_array_size(files), 2);
        assert_string_equal(json_get_text(json_array_get(files, 0), "path"), "a/b");
        assert_string_equal(json_get_text(json_array_get(files, 1), "path"), "z");
}

/* Writes `text` as a run of its own. */
static void deliver_first(struct place *p, const char *path, const char *text)
{
        assert_int_equal(write_text(p, path, NULL, text), 0);
        assert_int_equal(writer_finish(p->writer), 0);
}

static void again(struct place *p, enum edits edits, bool is_pruning)
{
        p->edits = edits;
        p->is_pruning = is_pruning;
        open_writer(p, 0, false);
}

static void expect_entry(struct place *p, const char *path, const char *text)
{
        const struct manifest_entry *e = manifest_get(outdir_manifest(p->outdir), path);
        struct hash h;

        assert_int_equal(e != NULL, text != NULL);
        if (!text)
                return;
        hash_of(text, strlen(text), &h);
        assert_memory_equal(e->sha256.at, h.at, HASH_BYTES);
}

#define V1 "one\ntwo\nthree\nfour\nfive\n"
#define V2 "one\nTWO\nthree\nfour\nfive\n"
#define V1_MINE "one\ntwo\nthree\nfour\nmine\n"
#define V2_MINE "one\nTWO\nthree\nfour\nmine\n"

static void what_is_new_is_merged_into_an_edit(void **state)
{
        struct place *p = *state;

        deliver_first(p, "a", V1);
        put(p, "a", V1_MINE);
        again(p, EDITS_MERGE, false);
        assert_int_equal(write_text(p, "a", V1, V2), 0);
        expect(p, "a", V2_MINE);
        expect_entry(p, "a", V2); /* what was made; what stands there is still an edit */
        assert_int_equal(fates_n(p->fates, FATE_MERGED), 1);
        assert_false(fates_need_attention(p->fates));
        assert_int_equal(writer_finish(p->writer), 0);

        again(p, EDITS_MERGE, false); /* told again: there is nothing newer */
        assert_int_equal(write_text(p, "a", V1, V2), 0);
        expect(p, "a", V2_MINE);
        assert_int_equal(fates_n(p->fates, FATE_MERGED), 0);
        assert_int_equal(write_text(p, "a", V2, "one\nTWO\nthree\nFOUR\n\nfive\n"), 0);
        assert_int_equal(fates_n(p->fates, FATE_CONFLICT), 1);
}

static void conflicts_are_left_to_a_person_and_not_merged_twice(void **state)
{
        static const char *const marked = "one\n<<<<<<< yours\nmine\n||||||| generated before\n"
                                          "two\n=======\nTWO\n>>>>>>> generated now\nthree\n"
                                          "four\nfive\n";
        _cleanup_json_ json_t *list = NULL;
        struct place *p = *state;

        deliver_first(p, "a", V1);
        put(p, "a", "one\nmine\nthree\nfour\nfive\n");
        again(p, EDITS_MERGE, false);
        assert_int_equal(write_text(p, "a", V1, V2), 0);
        expect(p, "a", marked);
        assert_int_equal(fates_n(p->fates, FATE_CONFLICT), 1);
        assert_true(fates_need_attention(p->fates));
        assert_int_equal(writer_finish(p->writer), 0);

        again(p, EDITS_MERGE, false);
        assert_int_equal(outdir_list_manifest(p->outdir, false, &list), 0);
        assert_int_equal(outdir_unresolved(p->outdir)->n, 1);
        assert_int_equal(write_text(p, "a", V2, "one\nagain\n"), 0);
        expect(p, "a", marked);
        expect_entry(p, "a", V2);
        assert_int_equal(fates_n(p->fates, FATE_UNRESOLVED), 1);

        put(p, "a", "one\nmine and TWO\nthree\nfour\nfive\n");
        assert_int_equal(write_text(p, "a", V2, "one\nTWO\nthree\nfour\nFIVE\n"), 0);
        expect(p, "a", "one\nmine and TWO\nthree\nfour\nFIVE\n");
}

static void a_merge_does_without_what_was_made_before(void **state)
{
        struct place *p = *state;

        put(p, "a", "same\nmine\n"); /* never ours */
        again(p, EDITS_MERGE, false);
        assert_int_equal(write_text(p, "a", NULL, "same\nmade\n"), 0);
        expect(p, "a", "same\n<<<<<<< yours\nmine\n=======\nmade\n>>>>>>> generated now\n");
        assert_int_equal(fates_n(p->fates, FATE_CONFLICT), 1);
}

static void what_cannot_be_merged_is_kept(void **state)
{
        struct place *p = *state;
        const char *path = getenv("PATH");
        _cleanup_free_ char *saved = str_printf("%s", path ? path : "");

        deliver_first(p, "a", V1);
        put(p, "a", V1_MINE);
        again(p, EDITS_MERGE, false);
        assert_int_equal(setenv("PATH", "bin:.:", 1), 0); /* relative directories do not count */
        assert_int_equal(write_text(p, "a", V1, V2), 0);
        assert_int_equal(setenv("PATH", saved, 1), 0);
        expect(p, "a", V1_MINE);
        expect_entry(p, "a", V1);
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
}

static void an_edit_is_saved_before_it_is_replaced(void **state)
{
        struct place *p = *state;
        _cleanup_free_ char *where = NULL;
        struct stat st;

        deliver_first(p, "d/a", V1);
        put(p, "d/a", V1_MINE);
        assert_int_equal(fchmodat(outdir_fd(p->outdir), "d/a", 0754, 0), 0);
        again(p, EDITS_OVERWRITE, false);
        assert_int_equal(write_text(p, "d/a", V1, V2), 0);
        put(p, "own", "mine");
        assert_int_equal(write_text(p, "own", NULL, "made"), 0);
        expect(p, "d/a", V2);
        expect(p, "own", "made");
        expect_entry(p, "own", "made");
        assert_int_equal(fstatat(outdir_fd(p->outdir), "d/a", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0754);
        assert_int_equal(fates_n(p->fates, FATE_SAVED), 2);
        where = str_printf("%s/d/a", outdir_saved(p->outdir)->dir);
        expect(p, where, V1_MINE);
}

static int orphan(struct place *p, const char *path, const char *written)
{
        json_t *event = json_pack("{s:I, s:s, s:s, s:s, s:o, s:s}", "seq", (json_int_t)++p->seq,
                                  "type", "file", "action", "remove", "path", path, "base",
                                  hash_json(p, written), "reason", "orphan");
        struct failure *failure = NULL;
        int r = writer_apply(p->writer, event, &failure);

        failure_free(failure);
        json_decref(event);
        return r;
}

static void orphans_are_named_and_pruned_when_told(void **state)
{
        struct place *p = *state;

        assert_int_equal(write_text(p, "d/e/a", NULL, "one"), 0);
        assert_int_equal(write_text(p, "d/edited", NULL, "one"), 0);
        assert_int_equal(write_text(p, "gone", NULL, "one"), 0);
        assert_int_equal(writer_finish(p->writer), 0);
        put(p, "d/edited", "mine");
        put(p, "own", "one");
        assert_int_equal(path_remove(outdir_fd(p->outdir), "gone"), 0);
        for (int is_pruning = 0; is_pruning < 2; is_pruning++) {
                again(p, EDITS_OVERWRITE, is_pruning); /* which is not about orphans */
                assert_int_equal(orphan(p, "d/e/a", "one"), 0);
                assert_int_equal(orphan(p, "d/edited", "one"), 0);
                assert_int_equal(orphan(p, "gone", "one"), 0);
                assert_int_equal(orphan(p, "own", "one"), 0); /* never ours */
                expect(p, "d/edited", "mine");
                expect(p, "own", "one");
                expect(p, "d/e/a", is_pruning ? NULL : "one");
                expect_entry(p, "d/e/a", is_pruning ? NULL : "one");
                expect_entry(p, "d/edited", is_pruning ? NULL : "one");
                expect_entry(p, "gone", NULL);
                assert_int_equal(fates_n(p->fates, FATE_ORPHAN), is_pruning ? 0 : 2);
                assert_int_equal(fates_n(p->fates, FATE_PRUNED), is_pruning ? 1 : 0);
                assert_int_equal(fates_n(p->fates, FATE_RELEASED), is_pruning ? 1 : 0);
                assert_false(fates_need_attention(p->fates));
                assert_int_equal(writer_finish(p->writer), 0);
        }
        assert_int_equal(faccessat(outdir_fd(p->outdir), "d/e", F_OK, 0), -1);
        assert_int_equal(orphan(p, "d/e/a", "one"), 0); /* told again */
        assert_int_equal(fates_n(p->fates, FATE_ORPHAN), 0);
}

/* A hard link is to us what a file system that folds case shows. */
static void two_names_of_one_file_are_told(void **state)
{
        struct place *p = *state;
        int fd = outdir_fd(p->outdir);

        deliver_first(p, "Order.go", "one");
        assert_int_equal(linkat(fd, "Order.go", fd, "order.go", 0), 0);
        again(p, EDITS_OVERWRITE, false);
        assert_int_equal(write_text(p, "order.go", NULL, "two"), 0);
        expect(p, "Order.go", "one");
        assert_int_equal(fates_n(p->fates, FATE_KEPT), 1);
        assert_int_equal(fates_n(p->fates, FATE_SAVED), 0);
}

static void copies_for_merging_are_made_where_they_are_missing(void **state)
{
        struct place *p = *state;
        _cleanup_json_ json_t *list = NULL, *gone = NULL;
        _cleanup_free_ char *command = NULL;

        assert_int_equal(write_text(p, "a", NULL, "one"), 0);
        assert_int_equal(write_text(p, "b", NULL, "two"), 0);
        assert_int_equal(writer_finish(p->writer), 0);
        put(p, "b", "mine");
        expect_base(p, "one", true);
        command = str_printf("rm -r %s/.genopt/base", p->path);
        assert_int_equal(system(command), 0);
        again(p, EDITS_KEEP, false); /* as in a fresh clone with the manifest */
        assert_int_equal(outdir_list_manifest(p->outdir, false, &list), 0);
        expect_base(p, "one", true);
        expect_base(p, "two", false);
        assert_int_equal(outdir_list_manifest(p->outdir, true, &gone), 0);
        assert_true(json_is_string(json_object_get(json_array_get(list, 1), "disk")));
        assert_true(json_is_null(json_object_get(json_array_get(gone, 1), "disk")));
        assert_true(json_is_string(json_object_get(json_array_get(gone, 0), "disk")));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_file_is_written_and_recorded),
                TEST(what_stands_already_is_only_recorded),
                TEST(the_users_file_is_kept),
                TEST(a_job_that_edits_may_change_what_it_was_shown),
                TEST(links_and_directories_are_conflicts),
                TEST(paths_of_git_and_ours_are_refused),
                TEST(removing_takes_only_what_is_ours),
                TEST(renaming_moves_what_is_ours),
                TEST(a_move_is_whole_or_not),
                TEST(a_replayed_move_ends_the_same),
                TEST(a_replay_carries_out_only_the_last_of_a_path),
                TEST(a_replay_does_not_make_the_users_file_ours),
                TEST(only_one_may_write),
                TEST(pending_of_a_run_that_died_is_folded_in),
                TEST(lists_are_sorted_and_leave_out_what_is_ours),
                TEST(what_is_new_is_merged_into_an_edit),
                TEST(conflicts_are_left_to_a_person_and_not_merged_twice),
                TEST(a_merge_does_without_what_was_made_before),
                TEST(what_cannot_be_merged_is_kept),
                TEST(an_edit_is_saved_before_it_is_replaced),
                TEST(orphans_are_named_and_pruned_when_told),
                TEST(two_names_of_one_file_are_told),
                TEST(copies_for_merging_are_made_where_they_are_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
