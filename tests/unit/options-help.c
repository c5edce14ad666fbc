#include "tests/unit/options-help.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

char options_directory[64];

void options_clear_environment(void)
{
        for (size_t i = 0; i < N_OPTIONS; i++)
                unsetenv(option_table[i].variable);
        for (const char *const *v = option_alias_variables; *v; v++)
                unsetenv(*v);
        unsetenv("GENOPT_CONFIG");
        unsetenv("CREDENTIALS_DIRECTORY");
}

int options_set_up(void **state)
{
        (void)state;
        snprintf(options_directory, sizeof(options_directory), "/tmp/test-options-XXXXXX");
        if (!mkdtemp(options_directory))
                return -1;
        options_clear_environment();
        setenv("XDG_CONFIG_HOME", options_directory, 1);
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

int options_tear_down(void **state)
{
        (void)state;
        return nftw(options_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct config *options_parse(const char *text)
{
        struct failure *f = NULL;
        struct config *c = NULL;
        int r = config_parse(span_of(text), "genopt.yaml", "/etc/x", &c, &f);

        if (r != 0)
                fail_msg("%s: %s", f ? f->where : "?", f ? f->message : strerror(-r));
        return c;
}

void options_write_file(const char *path, const char *text, mode_t mode)
{
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}
