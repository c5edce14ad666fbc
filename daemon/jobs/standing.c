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

static int compare_entries(const void *a, const void *b)
{
        return strcmp(((const struct run_file *)a)->path, ((const struct run_file *)b)->path);
}

static int make_key(const struct hash *seed, struct run_file *files, size_t n, struct hash *ret)
{
        struct hasher *h;
        int r = hasher_new(&h);

        if (r < 0)
                return r;
        qsort(files, n, sizeof(*files), compare_entries);
        hasher_add(h, seed->at, HASH_BYTES);
        for (size_t i = 0; i < n; i++) {
                hasher_add(h, files[i].path, strlen(files[i].path) + 1);
                hasher_add(h, files[i].key.at, HASH_BYTES);
                hasher_add(h, files[i].content.at, HASH_BYTES);
        }
        hasher_get(h, ret);
        hasher_free(h);
        return 0;
}

/* CONDITION_ABSENT: a file does not stand as it was written. */
static int read_entry(const json_t *entry, struct run_file *ret)
{
        const char *print = json_get_text(entry, "fingerprint"),
                   *written = json_get_text(entry, "sha256"), *disk = json_get_text(entry, "disk");

        ret->path = json_get_text(entry, "path");
        if (!ret->path || !print || !written || !disk || strcmp(written, disk) != 0 ||
            hash_from_hex(span_of(print), &ret->key) < 0 ||
            hash_from_hex(span_of(written), &ret->content) < 0)
                return CONDITION_ABSENT;
        return 0;
}

int standing_find(const struct jobs *j, const struct hash *seed, const json_t *params,
                  struct buf *out)
{
        const json_t *manifest = json_object_get(json_object_get(params, "input"), "manifest"),
                     *entry;
        size_t n = json_array_size(manifest), i;
        _cleanup_free_ struct run_file *files = NULL;
        struct hash key;
        int r = 0;

        if (n == 0)
                return CONDITION_ABSENT;
        files = calloc(n, sizeof(*files));
        if (!files)
                return -ENOMEM;
        json_array_foreach ((json_t *)manifest, i, entry) {
                r = read_entry(entry, &files[i]);
                if (r)
                        return r;
        }
        r = make_key(seed, files, n, &key);
        return r ? r : cache_get(j->c.store, CACHE_RAW, &key, out);
}

void standing_remember(const struct job *job, struct span reply)
{
        _cleanup_free_ struct run_file *files = NULL;
        struct hash key;
        size_t n;

        if (!job->has_seed || run_files(job->run, &files, &n) != 0)
                return;
        if (make_key(&job->seed, files, n, &key) == 0)
                cache_put(job->jobs->c.store, CACHE_RAW, &key, reply);
}
