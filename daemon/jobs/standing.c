/* An output directory that stands as an earlier job left it is known without reading or planning.
 *
 *     seed = hash(generation, uid, kind, input without manifest and list of other files, options)
 *     key  = hash(seed, (path, fingerprint, sha256) of every entry of the manifest, by path)
 *
 * When a job has ended and all its files are there, the key of the manifest that the client will
 * have next is known, and the answer to it: all kept. A request whose files all stand as the
 * manifest says is looked up by it. Each task would come to the same full key again: its own inputs
 * follow from the seed, and the interfaces of the files it depends on from theirs. */

#include "daemon/jobs/standing.h"

#include "common/canon.h"
#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/store/store.h"
#include "proto/listed.h"

#define STANDING_VERSION 1

enum { FIELD_GENERATION = 1, FIELD_UID, FIELD_KIND, FIELD_INPUT, FIELD_OPTIONS };

/* What the output directory holds is no part of the question. */
static int add_input(struct canon *c, const json_t *input)
{
        _cleanup_json_ json_t *asked = json_copy((json_t *)input);

        if (!asked)
                return -ENOMEM;
        (void)json_object_del(asked, "manifest");
        (void)json_object_del(asked, "files");
        return canon_add_json(c, FIELD_INPUT, asked);
}

int standing_seed(const struct jobs *j, uint32_t uid, const json_t *params, struct hash *ret)
{
        const json_t *options = json_object_get(params, "options");
        struct canon *c;
        int r = canon_new(STANDING_VERSION, &c);

        if (r < 0)
                return r;
        canon_add_hash(c, FIELD_GENERATION, &j->generation);
        canon_add_u64(c, FIELD_UID, uid);
        canon_add_text(c, FIELD_KIND, json_get_text(params, "kind"));
        r = add_input(c, json_object_get(params, "input"));
        if (r == 0 && options)
                r = canon_add_json(c, FIELD_OPTIONS, options);
        canon_get(c, ret);
        canon_free(c);
        return r;
}

static void add_file(struct hasher *h, struct span path, const struct hash *key,
                     const struct hash *content)
{
        hasher_add(h, path.at, path.n);
        hasher_add(h, "", 1);
        hasher_add(h, key->at, HASH_BYTES);
        hasher_add(h, content->at, HASH_BYTES);
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct run_file *)a)->path, ((const struct run_file *)b)->path);
}

static int key_of_run(const struct hash *seed, struct run_file *files, size_t n, struct hash *ret)
{
        struct hasher *h;
        int r = hasher_new(&h);

        if (r < 0)
                return r;
        qsort(files, n, sizeof(*files), compare_files);
        hasher_add(h, seed->at, HASH_BYTES);
        for (size_t i = 0; i < n; i++)
                add_file(h, span_of(files[i].path), &files[i].key, &files[i].content);
        hasher_get(h, ret);
        hasher_free(h);
        return 0;
}

static bool is_before(struct span a, struct span b)
{
        int order = memcmp(a.at, b.at, MIN2(a.n, b.n));

        return order < 0 || (order == 0 && a.n < b.n);
}

/* CONDITION_ABSENT: a file does not stand as it was written, or is out of order, which no client of
 * ours does. */
static int add_entry(struct hasher *h, struct span before, const struct listed *e)
{
        struct hash key, content;

        if (e->path.n == 0 || (before.n > 0 && !is_before(before, e->path)) ||
            !span_is_equal(e->sha256, e->disk) || hash_from_hex(e->fingerprint, &key) < 0 ||
            hash_from_hex(e->sha256, &content) < 0)
                return CONDITION_ABSENT;
        add_file(h, e->path, &key, &content);
        return 0;
}

static int key_of_manifest(const struct hash *seed, struct span manifest, struct hash *ret)
{
        _cleanup_(hasher_freep) struct hasher *h = NULL;
        struct listed_cursor c;
        struct span before = {0};
        struct listed e;
        int r = hasher_new(&h);

        if (r < 0)
                return r;
        hasher_add(h, seed->at, HASH_BYTES);
        listed_begin(&c, manifest);
        while ((r = listed_next(&c, &e)) == 0) {
                r = add_entry(h, before, &e);
                if (r)
                        return r;
                before = e.path;
        }
        if (r != CONDITION_ABSENT)
                return CONDITION_ABSENT; /* of another form: it is not ours */
        hasher_get(h, ret);
        return 0;
}

int standing_find(const struct jobs *j, const struct hash *seed, struct span manifest,
                  struct buf *out)
{
        struct hash key;
        int r = key_of_manifest(seed, manifest, &key);

        return r ? r : cache_get(j->c.store, CACHE_RAW, &key, out);
}

void standing_remember(const struct job *job, struct span reply)
{
        _cleanup_free_ struct run_file *files = NULL;
        struct hash key;
        size_t n;

        if (!job->has_seed || run_files(job->run, &files, &n) != 0)
                return;
        if (key_of_run(&job->seed, files, n, &key) == 0)
                cache_put(job->jobs->c.store, CACHE_RAW, &key, reply);
}
