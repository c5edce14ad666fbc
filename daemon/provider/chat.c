/* Messages of a chat, as OpenAI and Ollama read them: the system's blocks are one message, wherever
 * they stand, then there is one for each run of blocks of one side. A message is a text, because
 * not every server takes lists; where a mark ends a stretch of it, it is a list of parts. */

#include "common/json.h"
#include "common/str.h"
#include "daemon/provider/dialects.h"

/* The message under way. */
struct message {
        const char *role;
        struct buf text; /* gathered; blocks end with a line break of their own */
        size_t n_parts, n_messages;
};

static const char *role_of(const struct prompt_block *b)
{
        return b->is_system ? "system" : b->is_assistant ? "assistant" : "user";
}

static int write_part(struct message *m, bool is_marked, struct buf *out)
{
        int k;

        if (m->n_parts == 0)
                (void)buf_printf(out, "%s{\"role\":\"%s\",\"content\":[",
                                 m->n_messages > 0 ? "," : "", m->role);
        (void)buf_printf(out, "%s{\"type\":\"text\",\"text\":", m->n_parts > 0 ? "," : "");
        k = json_write_string(out, buf_span(&m->text));
        if (k < 0)
                return k;
        m->n_parts++;
        buf_clear(&m->text);
        return buf_add_text(out, is_marked ? ",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}"
                                           : "}");
}

static int end_message(struct message *m, struct buf *out)
{
        int k = m->text.failed;

        if (k < 0 || (m->text.n == 0 && m->n_parts == 0))
                return k;
        if (m->n_parts > 0) {
                k = m->text.n > 0 ? write_part(m, false, out) : 0;
                (void)buf_add_char(out, ']');
        } else {
                (void)buf_printf(out,
                                 "%s{\"role\":\"%s\",\"content\":", m->n_messages > 0 ? "," : "",
                                 m->role);
                k = json_write_string(out, buf_span(&m->text));
        }
        buf_clear(&m->text);
        m->n_parts = 0;
        m->n_messages++;
        return k < 0 ? k : buf_add_char(out, '}');
}

/* A block of white space is not sent; its mark counts for what is before it. */
int chat_write_messages(const struct request *r, struct buf *out)
{
        struct message m = {.role = "system"};
        bool has_user = false;
        int k = 0;

        for (size_t i = 0; i < 2 * r->n_blocks && k == 0; i++) {
                const struct prompt_block *b = &r->blocks[i % r->n_blocks];

                if (b->is_system != (i < r->n_blocks))
                        continue;
                if (!block_is_empty(b)) {
                        if (!str_is_equal(m.role, role_of(b)))
                                k = end_message(&m, out);
                        m.role = role_of(b);
                        has_user |= str_is_equal(m.role, "user");
                        (void)buf_add_span(&m.text, b->text);
                }
                if (k == 0 && b->is_marked && r->is_cache_explicit && m.text.n > 0)
                        k = write_part(&m, true, out);
        }
        k = k ? k : end_message(&m, out);
        buf_done(&m.text);
        return k < 0 || has_user ? k : -EINVAL;
}

int chat_write_head(struct head *h, const char *key)
{
        _cleanup_free_ char *value = NULL;
        int r;

        if (!key)
                return 0;
        value = str_printf("Bearer %s", key);
        if (!value)
                return -ENOMEM;
        r = head_add(h, "authorization", value);
        explicit_bzero(value, strlen(value));
        return r;
}
