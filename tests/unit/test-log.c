#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/log.h"

struct caught {
        int n;
        enum log_level level;
        char event[64], text[2048], fields[512];
};

static void catch (enum log_level level, const char *event, const char *text,
                   const struct log_field *fields, size_t n_fields, void *arg)
{
        struct caught *c = arg;
        size_t n = 0;

        c->n++;
        c->level = level;
        snprintf(c->event, sizeof(c->event), "%s", event ? event : "-");
        snprintf(c->text, sizeof(c->text), "%s", text);
        c->fields[0] = '\0';
        for (size_t i = 0; i < n_fields; i++)
                n += (size_t)snprintf(c->fields + n, sizeof(c->fields) - n, "%s=%s ",
                                      fields[i].name, fields[i].value);
}

static void test_sink_gets_event_and_fields(void **state)
{
        struct caught c = {0};

        (void)state;
        log_set_sink(catch, &c);
        log_push("job", "01J");
        log_push("task", "7");
        log_event(LOG_LEVEL_INFO, "cache_hit", "result %s", "found");
        assert_int_equal(c.n, 1);
        assert_string_equal(c.event, "cache_hit");
        assert_string_equal(c.text, "result found");
        assert_string_equal(c.fields, "job=01J task=7 ");
        log_pop();
        log_error("plain");
        assert_int_equal(c.level, LOG_LEVEL_ERROR);
        assert_string_equal(c.event, "-");
        assert_string_equal(c.fields, "job=01J ");
        log_pop();
        log_set_sink(NULL, NULL);
}

static void test_level(void **state)
{
        struct caught c = {0};

        (void)state;
        log_set_sink(catch, &c);
        log_debug("not asked for");
        assert_int_equal(c.n, 0);
        log_set_level(LOG_LEVEL_DEBUG);
        log_debug("asked for");
        assert_int_equal(c.n, 1);
        log_set_level(LOG_LEVEL_ERROR);
        log_warning("not asked for");
        assert_int_equal(c.n, 1);
        log_set_level(LOG_LEVEL_INFO);
        log_set_sink(NULL, NULL);
}

static void test_long_text_is_cut(void **state)
{
        struct caught c = {0};
        char text[4000];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        log_set_sink(catch, &c);
        log_info("%s", text);
        log_set_sink(NULL, NULL);
        assert_true(strlen(c.text) > 500);
        assert_true(strlen(c.text) < 1100);
}

static void test_errno_is_kept(void **state)
{
        struct caught c = {0};

        (void)state;
        log_set_sink(catch, &c);
        errno = ENOSPC;
        log_info("text");
        assert_int_equal(errno, ENOSPC);
        log_set_sink(NULL, NULL);
}

static void *other_thread(void *arg)
{
        log_info("from the other");
        return arg;
}

static void test_fields_belong_to_their_thread(void **state)
{
        struct caught c = {0};
        pthread_t thread;

        (void)state;
        log_set_sink(catch, &c);
        log_push("job", "mine");
        assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
        pthread_join(thread, NULL);
        assert_string_equal(c.fields, "");
        log_pop();
        log_set_sink(NULL, NULL);
}

/* Runs a child whose standard error is a pipe (JOURNAL_STREAM names it when asked) and returns what
 * it wrote. */
static void log_in_child(bool is_journal, char *ret, size_t room)
{
        int pipe_fds[2], status;
        size_t n = 0;
        ssize_t got;
        pid_t pid;

        assert_int_equal(pipe(pipe_fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct stat st;
                char name[64];

                dup2(pipe_fds[1], STDERR_FILENO);
                fstat(STDERR_FILENO, &st);
                snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
                         (unsigned long long)st.st_ino + !is_journal);
                setenv("JOURNAL_STREAM", name, 1);
                log_push("job", "01J\n<0>forged");
                log_event(LOG_LEVEL_WARNING, "cache_hit", "found");
                log_pop();
                log_warning("plain");
                _exit(0);
        }
        close(pipe_fds[1]);
        while ((got = read(pipe_fds[0], ret + n, room - 1 - n)) > 0)
                n += (size_t)got;
        ret[n] = '\0';
        close(pipe_fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_lines_on_standard_error(void **state)
{
        char text[1000];

        (void)state;
        log_in_child(false, text, sizeof(text));
        /* A value cannot begin a line of its own. */
        assert_string_equal(text, "cache_hit job=01J <0>forged: found\nplain\n");
        log_in_child(true, text, sizeof(text));
        assert_string_equal(text, "<4>cache_hit job=01J <0>forged: found\n<4>plain\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sink_gets_event_and_fields),
                cmocka_unit_test(test_level),
                cmocka_unit_test(test_long_text_is_cut),
                cmocka_unit_test(test_errno_is_kept),
                cmocka_unit_test(test_fields_belong_to_their_thread),
                cmocka_unit_test(test_lines_on_standard_error),
        };

        return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
