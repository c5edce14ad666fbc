#include "client/view/view.h"

#include <signal.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "client/view/format.h"
#include "common/clock.h"

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
/* Line by line: some terminals take the erasing of a whole screen for a page that is to be kept and
 * move what was drawn into their history. */
#define ERASE_LINE "\033[K"

struct view {
        const struct client *client; /* borrowed: outlives us */
        struct progress progress;
        bool is_live, is_brief, is_utf8, is_dirty;
        uint64_t drawn_at_ms; /* monotonic */
        struct buf drawn;     /* the lines that stand on the terminal now */
        size_t drawn_columns; /* how wide it was then */
};

/* While the cursor is hidden, a signal that ends or stops us must show it first. */
static const int cursor_signals[] = {SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

static void show_cursor_and_go(int signal_number)
{
        int saved = errno;

        (void)!write(STDERR_FILENO, SHOW_CURSOR, sizeof(SHOW_CURSOR) - 1);
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        errno = saved;
}

static void hide_cursor(void)
{
        for (size_t i = 0; i < N_ELEMENTS(cursor_signals); i++)
                signal(cursor_signals[i], show_cursor_and_go);
        fputs(HIDE_CURSOR, stderr);
}

static void show_cursor(void)
{
        for (size_t i = 0; i < N_ELEMENTS(cursor_signals); i++)
                signal(cursor_signals[i], SIG_DFL);
        fputs(SHOW_CURSOR, stderr);
        fflush(stderr);
}

/* What the environment says of the terminal; loading a locale to ask costs more than all of this
 * program. */
static bool has_utf8(void)
{
        static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

        for (size_t i = 0; i < N_ELEMENTS(variables); i++) {
                const char *value = getenv(variables[i]);

                if (value && *value)
                        return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
        }
        return false;
}

int view_new(const struct client *c, bool is_brief, struct view **ret)
{
        struct view *v = calloc(1, sizeof(*v));

        if (!v)
                return -ENOMEM;
        v->client = c;
        v->is_brief = is_brief;
        progress_init(&v->progress);
        v->is_live = client_is_terminal(c) && !c->is_quiet;
        if (v->is_live) {
                v->is_utf8 = has_utf8();
                v->is_dirty = true;
        }
        *ret = v;
        return 0;
}

struct view *view_free(struct view *v)
{
        if (!v)
                return NULL;
        view_clear(v);
        buf_done(&v->drawn);
        progress_done(&v->progress);
        free(v);
        return NULL;
}

size_t view_columns(int fd)
{
        struct winsize size;

        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return MAX2((size_t)size.ws_col, (size_t)VIEW_WIDTH_MIN);
        return 80;
}

/* Lines that the drawn text takes now: a terminal that became narrower has wrapped them. */
static size_t drawn_lines(const struct view *v, size_t columns)
{
        const char *at = v->drawn.at, *end;
        size_t total = 0;

        for (; at && (end = strchr(at, '\n')); at = end + 1) {
                size_t width = format_width((struct span){at, (size_t)(end - at)});

                total += columns < v->drawn_columns && width > columns
                                 ? (width + columns - 1) / columns
                                 : 1;
        }
        return total;
}

void view_clear(struct view *v)
{
        size_t n;

        if (v->drawn.n == 0)
                return;
        n = drawn_lines(v, view_columns(STDERR_FILENO));
        fprintf(stderr, "\r\033[%zuA" ERASE_LINE, n);
        for (size_t i = 1; i < n; i++)
                fputs("\n" ERASE_LINE, stderr);
        if (n > 1)
                fprintf(stderr, "\033[%zuA", n - 1);
        buf_clear(&v->drawn);
        v->is_dirty = true;
        show_cursor();
}

static void draw(struct view *v)
{
        size_t columns = view_columns(STDERR_FILENO);
        _cleanup_buf_ struct buf lines = {0}, out = {0};
        size_t n, n_new = 0;

        if (view_render(&v->progress, columns - 1, clock_realtime_ms(), v->is_utf8, &lines) < 0)
                return;
        n = v->drawn.n > 0 ? drawn_lines(v, columns) : 0;
        if (n == 0)
                hide_cursor();
        else
                (void)buf_printf(&out, "\r\033[%zuA", n);
        for (const char *at = lines.at, *end; (end = strchr(at, '\n')); at = end + 1, n_new++)
                (void)buf_printf(&out, "%.*s" ERASE_LINE "\n", (int)(end - at), at);
        if (n > n_new) /* below the first line of the screen: see ERASE_LINE */
                (void)buf_add_text(&out, "\033[J");
        if (out.failed)
                return;
        fwrite(out.at, 1, out.n, stderr); /* at once, so that no half is seen */
        fflush(stderr);
        buf_clear(&v->drawn);
        (void)buf_add_span(&v->drawn, buf_span(&lines));
        v->drawn_columns = columns;
        v->drawn_at_ms = clock_monotonic_usec() / 1000;
        v->is_dirty = false;
}

void view_mute(struct view *v)
{
        view_clear(v);
        v->is_live = false;
}

int view_timeout_ms(const struct view *v)
{
        uint64_t now, due;

        if (!v->is_live)
                return -1;
        now = clock_monotonic_usec() / 1000;
        due = v->drawn_at_ms +
              (v->is_dirty ? VIEW_REDRAW_MS : 1000); /* the clock moves each second */
        return due > now ? (int)(due - now) : 0;
}

void view_tick(struct view *v)
{
        if (v->is_live && view_timeout_ms(v) == 0)
                draw(v);
}

void view_say(struct view *v, const char *format, ...)
{
        va_list args;

        if (v->client->is_quiet)
                return;
        view_clear(v);
        va_start(args, format);
        client_print_words("", format, args);
        va_end(args);
}

void view_warn(struct view *v, const char *format, ...)
{
        va_list args;

        view_clear(v);
        va_start(args, format);
        client_print_words(client_has_color(v->client, STDERR_FILENO) ? "\033[33mwarning:\033[0m "
                                                                      : "warning: ",
                           format, args);
        va_end(args);
}

static bool is_out_of_the_ordinary(const char *type)
{
        return type && (strcmp(type, "warning") == 0 || strcmp(type, "task.retry") == 0);
}

int view_apply(struct view *v, const json_t *event)
{
        const char *type = json_get_text(event, "type");
        _cleanup_buf_ struct buf line = {0};
        int r;

        r = progress_apply(&v->progress, event);
        if (r < 0)
                return r;
        v->is_dirty = true;
        if (v->client->is_json)
                return 0;
        if (!v->is_brief || is_out_of_the_ordinary(type))
                r = view_describe(&v->progress, event, v->is_live, &line);
        if (r == 0 && line.n > 0) {
                if (type && strcmp(type, "warning") == 0 && !json_get_text(event, "level"))
                        view_warn(v, "%s", line.at);
                else
                        view_say(v, "%s", line.at);
        }
        view_tick(v);
        return r;
}
