/* A file as lines that end with LF, and back. */

#include "daemon/edit/edits.h"

void edit_base_done(struct edit_base *b)
{
        free(b->text);
        *b = (struct edit_base){0};
}

/* Every LF has its CR, and one alone: then they are no part of the lines. A mixture is left as it
 * is. */
static bool is_crlf(struct span file)
{
        size_t n = 0;

        for (size_t i = 0; i < file.n; i++) {
                if (file.at[i] != '\n')
                        continue;
                if (i == 0 || file.at[i - 1] != '\r' || (i > 1 && file.at[i - 2] == '\r'))
                        return false;
                n++;
        }
        return n > 0;
}

#define MARK "\xef\xbb\xbf"
#define MARK_BYTES 3u

static bool begins_with_mark(struct span s)
{
        return s.n >= MARK_BYTES && memcmp(s.at, MARK, MARK_BYTES) == 0;
}

int edit_base_read(struct span file, struct edit_base *ret)
{
        struct edit_base b = {.was_crlf = is_crlf(file)};

        if (begins_with_mark(file)) {
                struct span rest = {file.at + MARK_BYTES, file.n - MARK_BYTES};

                /* A second one would be taken for the first when the text is given back. */
                b.had_mark = !begins_with_mark(rest);
                file = b.had_mark ? rest : file;
        }
        if (file.n > EDIT_BASE_MAX_BYTES)
                return -EMSGSIZE;
        b.text = malloc(file.n + 2);
        if (!b.text)
                return -ENOMEM;
        for (size_t i = 0; i < file.n; i++)
                if (!b.was_crlf || file.at[i] != '\r' || i + 1 == file.n || file.at[i + 1] != '\n')
                        b.text[b.n++] = file.at[i];
        b.had_no_end = b.n > 0 && b.text[b.n - 1] != '\n';
        if (b.had_no_end)
                b.text[b.n++] = '\n';
        b.text[b.n] = '\0';
        *ret = b;
        return 0;
}

int edit_base_write(const struct edit_base *b, struct span text, struct buf *out)
{
        if (b->had_mark && !begins_with_mark(text))
                (void)buf_add(out, MARK, MARK_BYTES);
        if (b->had_no_end && text.n > 0 && text.at[text.n - 1] == '\n')
                text.n--;
        if (!b->was_crlf)
                return buf_add_span(out, text);
        for (size_t i = 0; i < text.n; i++) {
                if (text.at[i] == '\n' && (i == 0 || text.at[i - 1] != '\r'))
                        (void)buf_add_char(out, '\r');
                (void)buf_add_char(out, text.at[i]);
        }
        return out->failed;
}
