#include "common/walk.h"

#include <dirent.h>
#include <fcntl.h>

#include "common/str.h"

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_no_dot(const struct dirent *e)
{
        return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int pass_over(const struct walk *w, int error)
{
        return w->is_lenient && error != -ENOMEM ? 0 : error;
}

static int walk_dir(const struct walk *w, int parent, const char *name, const char *path,
                    unsigned depth);

static int walk_entry(const struct walk *w, int fd, const char *name, const char *path,
                      unsigned depth)
{
        _cleanup_free_ char *below = NULL;
        struct stat st;

        if (w->is_wanted && !w->is_wanted(name))
                return 0;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return pass_over(w, -errno);
        below = str_printf("%s%s%s", path, *path ? "/" : "", name);
        if (!below)
                return -ENOMEM;
        if (S_ISDIR(st.st_mode) && depth < w->max_depth)
                return walk_dir(w, fd, name, below, depth + 1);
        if (!S_ISREG(st.st_mode))
                return 0;
        return w->on_file(&(struct walk_file){fd, name, below, &st}, w->arg);
}

static int walk_dir(const struct walk *w, int parent, const char *name, const char *path,
                    unsigned depth)
{
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct dirent **entries = NULL;
        int n, r = 0;

        if (fd < 0)
                return pass_over(w, -errno);
        n = scandirat(fd, ".", &entries, is_no_dot, by_name);
        if (n < 0)
                return pass_over(w, -errno);
        for (int i = 0; i < n; i++) {
                r = r ? r : walk_entry(w, fd, entries[i]->d_name, path, depth);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int walk_files(int dir_fd, const struct walk *w)
{
        return walk_dir(w, dir_fd, ".", "", 0);
}
