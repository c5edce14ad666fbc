/* `genopt ask PROMPT`: one question, one answer.
 *
 * Editors and scripts call this for each question, so that the way of a known answer is short: one
 * write, one read, no look at any directory or file. */

#include <stdio.h>

#include "client/command.h"
#include "client/follow.h"
#include "client/submit.h"
#include "common/str.h"

#define PROMPT_BYTES ((size_t)4 << 20)
#define LABEL_CHARS 60

enum ask_option { ASK_TIER, ASK_SYSTEM, ASK_MAX_TOKENS, ASK_FRESH, ASK_STREAM };

static const struct option_row ask_options[] = {
        [ASK_TIER] = {"tier", 't', "TIER", "fast, balanced or quality (default: balanced)"},
        [ASK_SYSTEM] = {"system", 's', "TEXT", "what the model is told beforehand"},
        [ASK_MAX_TOKENS] = {"max-tokens", 'm', "N", "the longest answer, in tokens"},
        [ASK_FRESH] = {"fresh", 0, NULL, "ask again also when the answer is known"},
        [ASK_STREAM] = {"stream", 0, NULL, "print text as it comes, also into a pipe"},
        {NULL, 0, NULL, NULL},
};

static int read_prompt(const struct client *c, struct buf *prompt)
{
        bool is_stdin = c->n_args == 0 || (c->n_args == 1 && strcmp(c->args[0], "-") == 0);
        size_t n;

        prompt->max_bytes = PROMPT_BYTES;
        for (int i = 0; !is_stdin && i < c->n_args; i++) {
                if (i > 0)
                        (void)buf_add_char(prompt, ' ');
                (void)buf_add_text(prompt, c->args[i]);
        }
        while (is_stdin && buf_reserve(prompt, 4096) == 0 &&
               (n = fread(prompt->at + prompt->n, 1, 4096, stdin)) > 0) {
                prompt->n += n;
                prompt->at[prompt->n] = '\0';
        }
        return prompt->failed;
}

static int make_input(const struct client *c, const struct buf *prompt, json_t **ret)
{
        _cleanup_json_ json_t *input = json_object();
        uint64_t max_tokens = 0;
        int r = input ? 0 : -ENOMEM;

        r = r < 0 ? r : json_put(input, "prompt", json_stringn(prompt->at, prompt->n));
        if (r == 0 && c->values[ASK_SYSTEM])
                r = json_put(input, "system", json_string(c->values[ASK_SYSTEM]));
        if (r == 0 && c->values[ASK_TIER])
                r = json_put(input, "tier", json_string(c->values[ASK_TIER]));
        if (r == 0 && c->values[ASK_MAX_TOKENS] &&
            str_to_u64(c->values[ASK_MAX_TOKENS], &max_tokens) == 0)
                r = json_put(input, "max_tokens", json_integer((json_int_t)max_tokens));
        if (r == 0)
                *ret = take(input);
        return r;
}

static int print_known(const struct client *c, const json_t *done)
{
        const json_t *text = json_object_get(done, "text");
        size_t n = json_string_length(text);

        if (c->is_json)
                return follow_put_known(done) < 0 ? EXIT_INTERNAL : EXIT_DONE;
        if (n > 0 && fwrite(json_string_value(text), 1, n, stdout) != n)
                return client_fail(c, -EIO, NULL);
        if (n == 0 || json_string_value(text)[n - 1] != '\n')
                putchar('\n');
        return EXIT_DONE;
}

static int ask(struct client *c, const json_t *input, const char *label, int *ret_code,
               struct failure **ret_failure)
{
        struct submission s = {
                .kind = "ask", .input = input, .label = label, .is_fresh = c->values[ASK_FRESH]};
        struct follow f = {.client = c, .is_text = true};
        struct submit_reply reply = {0};
        struct view *view = NULL;
        int r;

        r = submit_job(c, &s, NULL, &f.connection, &reply, ret_failure);
        if (r != 0)
                return r;
        if (reply.done) {
                *ret_code = print_known(c, reply.done);
        } else {
                r = view_new(c, true, &view);
                f.job = reply.job;
                f.view = view;
                f.is_streaming = c->values[ASK_STREAM] || (isatty(STDOUT_FILENO) && !c->is_json);
                if (r == 0)
                        *ret_code = follow_job(&f);
        }
        view_free(view);
        json_decref(reply.done);
        connection_free(f.connection);
        return r;
}

static int cmd_ask(struct client *c)
{
        static const char *const tiers[] = {"fast", "balanced", "quality"};
        const char *tier = c->values[ASK_TIER];
        _cleanup_json_ json_t *input = NULL;
        _cleanup_free_ char *label = NULL;
        _cleanup_buf_ struct buf prompt = {0};
        struct failure *failure = NULL;
        int code = EXIT_INTERNAL, r;
        uint64_t n;

        if (tier && strcmp(tier, tiers[0]) != 0 && strcmp(tier, tiers[1]) != 0 &&
            strcmp(tier, tiers[2]) != 0)
                return client_usage(c, "--tier is fast, balanced or quality, not `%s`", tier);
        if (c->values[ASK_MAX_TOKENS] &&
            (str_to_u64(c->values[ASK_MAX_TOKENS], &n) < 0 || n == 0 || n > INT32_MAX))
                return client_usage(c, "--max-tokens is a number above 0, not `%s`",
                                    c->values[ASK_MAX_TOKENS]);
        r = read_prompt(c, &prompt);
        if (r == -EMSGSIZE)
                return client_fail(c, CONDITION_REFUSED,
                                   failure_new(FAILURE_BAD_SPEC, "a prompt is at most 4 MiB"));
        if (r < 0)
                return client_fail(c, r, NULL);
        if (prompt.n == 0)
                return client_usage(c, "the prompt is empty");
        if (!str_is_utf8(buf_span(&prompt)) || memchr(prompt.at, '\0', prompt.n) ||
            (c->values[ASK_SYSTEM] && !str_is_utf8(span_of(c->values[ASK_SYSTEM]))))
                return client_fail(c, CONDITION_REFUSED,
                                   failure_new(FAILURE_BAD_SPEC, "a prompt is UTF-8 text"));
        n = strcspn(prompt.at, "\n");
        for (n = MIN2(n, (uint64_t)LABEL_CHARS);
             n < prompt.n && n > 0 && ((unsigned char)prompt.at[n] & 0xc0) == 0x80;)
                n--;
        label = str_dup_span((struct span){prompt.at, n});
        r = label ? make_input(c, &prompt, &input) : -ENOMEM;
        r = r < 0 ? r : ask(c, input, label, &code, &failure);
        return r == 0 ? code : client_fail(c, r, failure);
}

const struct command command_ask = {
        .name = "ask",
        .args = "[PROMPT…|-] [OPTION…]",
        .sentence = "ask a model one question and print its answer",
        .detail = "Several words are joined by blanks; - or no word reads the prompt from standard "
                  "input. On a terminal the answer streams; elsewhere it is printed when it is "
                  "whole, unless --stream is given.",
        .options = ask_options,
        .n_args_max = -1,
        .takes = TAKES_ALL,
        .run = cmd_ask,
};
