#include "daemon/input/fix-place.h"

#include <ctype.h>
#include <stdio.h>

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what was to be added is NULL */
#include <uthash.h>

const char *const place_kind_names[N_PLACE_KINDS] = {"here", "gone", "build", "dependency",
                                                     "elsewhere"};

/* Folders that builds fill, and those of libraries. */
static const char *const build_folders[] = {"target", "build", "out",     "dist",
                                            "bin",    "obj",   ".gradle", "generated-sources"};
static const char *const library_folders[] = {".m2", "node_modules", ".nuget", "site-packages",
                                              ".gradle/caches"};
/* Of a project's own. */
static const char *const own_library_folders[] = {"vendor"};

/* C:\app, /C:/app, and what has no other slashes; elsewhere a backslash is a letter of a name. */
static bool is_of_windows(const char *path)
{
        const char *drive = path + strspn(path, "/");

        return (isalpha((unsigned char)drive[0]) && drive[1] == ':' &&
                (drive[2] == '\\' || drive[2] == '/')) ||
               str_has_prefix(path, "\\\\") || !strchr(path, '/');
}

/* The path of a URI, decoded in place; percent signs that are no escapes stay. */
static char *decode(char *uri)
{
        char *at = uri, *to;
        bool has_backslashes;

        if (str_has_prefix(uri, "file://"))
                at += strlen("file://");
        has_backslashes = is_of_windows(at);
        if (at[0] == '/' && isalpha((unsigned char)at[1]) && at[2] == ':')
                at++; /* C:/app is /C:/app in a URI */
        for (to = uri; *at; at++) {
                unsigned c;

                if (at[0] == '%' && sscanf(at + 1, "%2x", &c) == 1 && c >= 0x20 &&
                    strspn(at + 1, "0123456789abcdefABCDEF") >= 2) {
                        *to++ = (char)c;
                        at += 2;
                } else {
                        *to++ = *at == '\\' && has_backslashes ? '/' : *at;
                }
        }
        *to = '\0';
        return uri;
}

static int compare(const void *key, const void *item)
{
        return strcmp(key, *(const char *const *)item);
}

static const char *const *find(const char *path, const char *const *paths, size_t n)
{
        return n ? bsearch(path, paths, n, sizeof(*paths), compare) : NULL;
}

/* The longest end of the path that is a file here. */
static const char *longest_end(const char *path, const char *const *paths, size_t n)
{
        const char *at = path + strspn(path, "/");

        while (*at) {
                if (find(at, paths, n))
                        return at;
                at = strchr(at, '/');
                if (!at)
                        break;
                at++;
        }
        return NULL;
}

struct prefix {
        size_t weight;
        UT_hash_handle hh;
        char text[];
};

static size_t count_parts(const char *path)
{
        size_t n = 1;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

static int vote(struct prefix **table, const char *path, const char *end)
{
        size_t n = (size_t)(end - path), parts = count_parts(end);
        struct prefix *p = NULL;

        HASH_FIND(hh, *table, path, n, p);
        if (!p) {
                p = calloc(1, sizeof(*p) + n + 1);
                if (!p)
                        return -ENOMEM;
                memcpy(p->text, path, n);
                HASH_ADD_KEYPTR(hh, *table, p->text, n, p);
                if (!p->hh.tbl) {
                        free(p);
                        return -ENOMEM;
                }
        }
        p->weight += parts * parts; /* one long path says more than many `pom.xml` */
        return 0;
}

static char *choose(struct prefix *table)
{
        struct prefix *p, *best = NULL;

        for (p = table; p; p = p->hh.next)
                if (!best || p->weight > best->weight ||
                    (p->weight == best->weight && strcmp(p->text, best->text) < 0))
                        best = p;
        return str_dup_span(span_of(best ? best->text : ""));
}

static void forget(struct prefix *table)
{
        struct prefix *p, *next;

        HASH_ITER (hh, table, p, next) {
                HASH_DEL(table, p);
                free(p);
        }
}

/* Within so many bytes of the path. */
static bool has_folder_in(const char *path, size_t size, const char *const *folders,
                          size_t n_folders)
{
        for (size_t i = 0; i < n_folders; i++) {
                size_t n = strlen(folders[i]);

                for (const char *at = path; (at = strstr(at, folders[i])) && at < path + size; at++)
                        if ((at == path || at[-1] == '/') && at[n] == '/')
                                return true;
        }
        return false;
}

static bool has_folder(const char *path, const char *const *folders, size_t n)
{
        return has_folder_in(path, strlen(path), folders, n);
}

/* Below `src` such names are packages: com.acme.build, com.acme.vendor. */
static bool has_folder_above_sources(const char *path, const char *const *folders, size_t n)
{
        const char *src = str_has_prefix(path, "src/") ? path : strstr(path, "/src/");

        return has_folder_in(path, src ? (size_t)(src - path) : strlen(path), folders, n);
}

static struct place place_of(const struct incident *i, const char *prefix, const char *const *paths,
                             size_t n)
{
        bool is_under = str_has_prefix(i->uri, prefix);
        struct place p = {.path = is_under ? i->uri + strlen(prefix) : i->uri};
        const char *const *found = is_under ? find(p.path, paths, n) : NULL;

        if (i->is_dependency || has_folder(i->uri, library_folders, N_ELEMENTS(library_folders)) ||
            has_folder_above_sources(p.path, own_library_folders, N_ELEMENTS(own_library_folders)))
                p.kind = PLACE_DEPENDENCY;
        else if (is_under &&
                 has_folder_above_sources(p.path, build_folders, N_ELEMENTS(build_folders)))
                p.kind = PLACE_BUILD;
        else if (found)
                p.file = (uint32_t)(found - paths);
        else
                p.kind = is_under ? PLACE_GONE : PLACE_ELSEWHERE;
        return p;
}

int places_of(const struct analysis *a, const char *const *paths, size_t n_paths,
              struct place **ret, char **ret_prefix)
{
        _cleanup_free_ struct place *places = calloc(a->n_incidents + 1, sizeof(*places));
        _cleanup_free_ char *prefix = NULL;
        struct prefix *table = NULL;
        int r = places ? 0 : -ENOMEM;

        for (size_t i = 0; i < a->n_incidents && r == 0; i++) {
                const char *path = decode(a->incidents[i].uri),
                           *end = a->incidents[i].is_dependency ? NULL
                                                                : longest_end(path, paths, n_paths);

                if (end && !has_folder(path, library_folders, N_ELEMENTS(library_folders)))
                        r = vote(&table, path, end);
        }
        if (r == 0 && !(prefix = choose(table)))
                r = -ENOMEM;
        forget(table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < a->n_incidents; i++)
                places[i] = place_of(&a->incidents[i], prefix, paths, n_paths);
        *ret = take(places);
        *ret_prefix = take(prefix);
        return 0;
}
