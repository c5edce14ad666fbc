#include "common/log.h"

#include <stdio.h>
#include <sys/stat.h>

#define MAX_PUSHED 8
#define TEXT_BYTES 1024 /* a sentence; longer ones are cut */
#define LINE_BYTES 4096

static log_sink_fn *the_sink;
static void *the_arg;
static enum log_level the_level = LOG_LEVEL_INFO;

static __thread struct log_field pushed[MAX_PUSHED];
static __thread size_t n_pushed;

void log_set_sink(log_sink_fn *sink, void *arg)
{
        the_sink = sink;
        the_arg = arg;
}

void log_set_level(enum log_level most)
{
        __atomic_store_n(&the_level, most, __ATOMIC_RELAXED);
}

void log_push(const char *name, const char *value)
{
        assert(n_pushed < MAX_PUSHED);
        pushed[n_pushed++] = (struct log_field){name, value};
}

void log_pop(void)
{
        assert(n_pushed > 0);
        n_pushed--;
}

/* systemd gives JOURNAL_STREAM=dev:inode of the stream; only if standard error still is that stream
 * are prefixes read (sd-daemon(3)). */
static bool is_journal_stream(void)
{
        static int known; /* 0 not asked, 1 no, 2 yes; asking twice does no harm */
        int now = __atomic_load_n(&known, __ATOMIC_RELAXED);

        if (now == 0) {
                const char *text = getenv("JOURNAL_STREAM");
                unsigned long long device, inode;
                struct stat st;

                now = 1;
                if (text && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
                    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode)
                        now = 2;
                __atomic_store_n(&known, now, __ATOMIC_RELAXED);
        }
        return now == 2;
}

struct line {
        char at[LINE_BYTES];
        size_t n;
};

/* A line is one line: control characters of a value could forge others. */
static void line_add(struct line *l, const char *text)
{
        for (; *text && l->n < sizeof(l->at) - 1; text++)
                l->at[l->n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
}

static void write_line(enum log_level level, const char *event, const char *text,
                       const struct log_field *fields, size_t n_fields)
{
        struct line l;
        ssize_t r;

        l.n = 0;
        if (is_journal_stream()) {
                line_add(&l, "<");
                line_add(&l, (char[]){(char)('0' + (int)level), '\0'});
                line_add(&l, ">");
        }
        if (event)
                line_add(&l, event);
        for (size_t i = 0; i < n_fields; i++) {
                if (l.n > 0 && l.at[l.n - 1] != '>')
                        line_add(&l, " ");
                line_add(&l, fields[i].name);
                line_add(&l, "=");
                line_add(&l, fields[i].value ? fields[i].value : "");
        }
        if (event || n_fields > 0)
                line_add(&l, ": ");
        line_add(&l, text);
        l.at[l.n++] = '\n';
        /* One write: lines of several threads do not mix. If it fails there is nobody to tell. */
        r = write(STDERR_FILENO, l.at, l.n);
        (void)r;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
        int saved_errno = errno;
        char text[TEXT_BYTES];
        va_list args;

        if (level > __atomic_load_n(&the_level, __ATOMIC_RELAXED))
                return;
        va_start(args, format);
        if (vsnprintf(text, sizeof(text), format, args) < 0)
                text[0] = '\0';
        va_end(args);
        if (the_sink)
                the_sink(level, event, text, pushed, n_pushed, the_arg);
        else
                write_line(level, event, text, pushed, n_pushed);
        errno = saved_errno;
}
