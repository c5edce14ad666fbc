#include "client/offer/offer.h"

#include "common/path.h"
#include "proto/base64.h"

struct offer {
        int dir_fd;      /* borrowed: the caller keeps it open */
        json_t *by_path; /* owned: path -> sha256 or null */
        json_t *by_hash; /* owned: sha256 -> path */
        json_t *places;  /* owned: name -> [directory, path], of what is called otherwise here */
        json_t *sent;    /* owned: set of needs that were answered */
        json_t *flying;  /* owned: likewise, of those not yet said to have come */
};

/* Small contents go many at a time: each is a commit of the daemon's, and it makes one of those
 * that come together. */
#define FLYING_BYTES ((size_t)256 << 10)

int offer_new(int dir_fd, struct offer **ret)
{
        _cleanup_(offer_freep) struct offer *o = calloc(1, sizeof(*o));

        if (!o)
                return -ENOMEM;
        o->dir_fd = dir_fd;
        o->by_path = json_object();
        o->by_hash = json_object();
        o->places = json_object();
        o->sent = json_object();
        o->flying = json_object();
        if (!o->by_path || !o->by_hash || !o->places || !o->sent || !o->flying)
                return -ENOMEM;
        *ret = take(o);
        return 0;
}

struct offer *offer_free(struct offer *o)
{
        if (!o)
                return NULL;
        json_decref(o->by_path);
        json_decref(o->by_hash);
        json_decref(o->places);
        json_decref(o->sent);
        json_decref(o->flying);
        free(o);
        return NULL;
}

int offer_add(struct offer *o, const char *path, const char *sha256)
{
        int r;

        r = json_put(o->by_path, path, sha256 ? json_string(sha256) : json_null());
        if (r == 0 && sha256)
                r = json_put(o->by_hash, sha256, json_string(path));
        return r;
}

int offer_add_as(struct offer *o, const char *name, int dir_fd, const char *path,
                 const char *sha256)
{
        int r = json_put(o->places, name, json_pack("[i, s]", dir_fd, path));

        return r < 0 ? r : offer_add(o, name, sha256);
}

int offer_add_list(struct offer *o, const json_t *list, const char *hash_key)
{
        json_t *entry;
        size_t i;
        int r = 0;

        json_array_foreach (list, i, entry) {
                const char *sha256 = json_get_text(entry, hash_key);

                if (sha256)
                        r = offer_add(o, json_get_text(entry, "path"), sha256);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Those under way have come: only now are they not sent again to a daemon that starts anew. */
static int land(struct offer *o, struct connection *k, struct failure **ret_failure)
{
        int r = connection_settle(k, ret_failure);

        if (r == 0 && json_object_update(o->sent, o->flying) < 0)
                r = -ENOMEM;
        json_object_clear(o->flying);
        return r;
}

static int put_absent(struct offer *o, struct connection *k, const char *job, const char *path,
                      struct failure **ret_failure)
{
        json_t *params = json_pack("{s:s, s:s, s:b}", "job", job, "path", path, "absent", 1);
        int r = params ? land(o, k, ret_failure) : -ENOMEM;

        if (r == 0)
                return connection_call(k, "blob/put", params, NULL, ret_failure);
        json_decref(params);
        return r;
}

/* The text is written as it goes: a tree of strings would hold each part twice. */
static int write_part(const char *job, const char *path, const char *sha256, struct span content,
                      size_t offset, struct buf *params)
{
        struct span part = {content.at + offset, MIN2(content.n - offset, OFFER_PART_BYTES)};
        int r;

        (void)buf_printf(params,
                         "{\"job\":\"%s\",\"sha256\":\"%s\",\"offset\":%zu,\"size\":%zu,\"path\":",
                         job, sha256, offset, content.n);
        r = json_write_string(params, span_of(path));
        if (r < 0)
                return r;
        (void)buf_add_text(params, ",\"data\":\"");
        r = base64_encode(params, part);
        (void)buf_add_text(params, "\"}");
        return r < 0 ? r : params->failed;
}

static int put_part(struct connection *k, const char *job, const char *path, const char *sha256,
                    struct span content, size_t offset, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf params = {0};
        struct span result;
        int r = write_part(job, path, sha256, content, offset, &params);

        return r ? r : connection_call_text(k, "blob/put", buf_span(&params), &result, ret_failure);
}

static int send_off(struct connection *k, const char *job, const char *path, const char *sha256,
                    struct span content)
{
        _cleanup_buf_ struct buf params = {0};
        int r = write_part(job, path, sha256, content, 0, &params);

        return r ? r : connection_send_text(k, "blob/put", buf_span(&params));
}

static int refuse_changed(const char *path, struct failure **ret_failure)
{
        *ret_failure =
                failure_new_at(FAILURE_CONFLICT, path, "the file changed while the job began");
        if (!*ret_failure || failure_set_remedy(*ret_failure, "run the command again") < 0)
                return -ENOMEM;
        return CONDITION_REFUSED;
}

static int read_offered(const struct offer *o, const char *name, struct buf *content)
{
        const json_t *place = json_object_get(o->places, name);

        if (!place)
                return path_read(o->dir_fd, name, OFFER_FILE_BYTES, content);
        return path_read((int)json_integer_value(json_array_get(place, 0)),
                         json_string_value(json_array_get(place, 1)), OFFER_FILE_BYTES, content);
}

static int put_file(struct offer *o, struct connection *k, const char *job, const char *path,
                    const char *wanted, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf content = {0};
        char hex[HASH_HEX_BYTES];
        struct hash h;
        size_t offset = 0;
        int r;

        r = read_offered(o, path, &content);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return wanted ? refuse_changed(path, ret_failure)
                              : put_absent(o, k, job, path, ret_failure);
        hash_of(content.at ? content.at : "", content.n, &h);
        hash_to_hex(&h, hex);
        if (wanted && strcmp(hex, wanted) != 0)
                return refuse_changed(path, ret_failure);
        if (wanted && content.n <= FLYING_BYTES)
                return send_off(k, job, path, hex, buf_span(&content));
        r = land(o, k, ret_failure);
        if (r != 0)
                return r;
        do {
                r = put_part(k, job, path, hex, buf_span(&content), offset, ret_failure);
                offset += OFFER_PART_BYTES;
        } while (r == 0 && offset < content.n);
        return r;
}

static int answer_one(struct offer *o, struct connection *k, const char *job, const json_t *need,
                      struct failure **ret_failure)
{
        const char *path = json_get_text(need, "path"), *sha256 = json_get_text(need, "sha256");
        const char *name = sha256 ? sha256 : path;
        const json_t *offered;
        int r;

        if (name && (json_object_get(o->sent, name) || json_object_get(o->flying, name)))
                return 0;
        if (!path && sha256)
                path = json_string_value(json_object_get(o->by_hash, sha256));
        if (!path) { /* a hash that we never named: there is no way to say so but to end it */
                *ret_failure = failure_new(FAILURE_INTERNAL,
                                           "genoptd asks for content that was not offered");
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        offered = json_object_get(o->by_path, path);
        r = offered ? put_file(o, k, job, path, sha256 ? sha256 : json_string_value(offered),
                               ret_failure)
                    : put_absent(o, k, job, path, ret_failure);
        r = r ? r : json_put(o->flying, name, json_true());
        return r || json_object_size(o->flying) < CONNECTION_SENT_MAX ? r : land(o, k, ret_failure);
}

int offer_answer(struct offer *o, struct connection *k, const char *job, const json_t *need,
                 struct failure **ret_failure)
{
        struct failure *late = NULL;
        json_t *entry;
        size_t i;
        int r = 0, l;

        json_array_foreach (need, i, entry) {
                r = answer_one(o, k, job, entry, ret_failure);
                if (r != 0)
                        break;
        }
        l = land(o, k, r ? &late : ret_failure); /* also where one of them cannot be sent */
        failure_free(late);
        return r ? r : l;
}
