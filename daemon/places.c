#include "daemon/places.h"

#include "common/path.h"
#include "common/str.h"

/* systemd gives a list, separated by colons: ours is the first. */
static char *first_of_list(const char *list)
{
        return list && *list ? strndup(list, strcspn(list, ":")) : NULL;
}

static const char *set_or_null(const char *name)
{
        const char *value = getenv(name);

        return value && *value ? value : NULL;
}

static char *find_dir(const char *own, const char *service, const char *xdg, const char *below_home)
{
        const char *home = set_or_null("HOME");

        if (set_or_null(own))
                return strdup(getenv(own));
        if (set_or_null(service))
                return first_of_list(getenv(service));
        if (set_or_null(xdg))
                return path_join(getenv(xdg), "genopt");
        return home ? str_printf("%s/%s/genopt", home, below_home) : NULL;
}

static char *find_data(void)
{
        _cleanup_free_ char *program = path_of_program(), *beside = NULL, *book = NULL;

        if (set_or_null("GENOPT_DATA_DIR"))
                return strdup(getenv("GENOPT_DATA_DIR"));
        beside = program ? str_printf("%s/../share/genopt", program) : NULL;
        book = beside ? path_join(beside, "models.yaml") : NULL;
        if (book && access(book, R_OK) == 0)
                return take(beside);
        return strdup(GENOPT_PREFIX "/share/genopt");
}

int places_find(struct places *ret)
{
        struct places p = {
                .state_dir = find_dir("GENOPT_STATE_DIR", "STATE_DIRECTORY", "XDG_STATE_HOME",
                                      ".local/state"),
                .cache_dir =
                        find_dir("GENOPT_CACHE_DIR", "CACHE_DIRECTORY", "XDG_CACHE_HOME", ".cache"),
                .data_dir = find_data(),
        };

        if (!p.state_dir || !p.cache_dir || !p.data_dir) {
                places_done(&p);
                return -ENOENT;
        }
        *ret = p;
        return 0;
}

void places_done(struct places *p)
{
        free(p->state_dir);
        free(p->cache_dir);
        free(p->data_dir);
        *p = (struct places){0};
}
