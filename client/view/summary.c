/* What a job cost: each number beside the naive way. */

#include <inttypes.h>
#include <stdio.h>

#include "client/view/figures.h"
#include "client/view/format.h"
#include "client/view/view.h"

#define LEFT_COLUMNS_MAX 60 /* a longer one does not push the others away */

/* One fact: what it was, and beside it what it would have been. */
struct fact {
        const char *name;
        struct buf is; /* owned */
        char naive[FORMAT_BYTES], change[FORMAT_BYTES];
};

enum { FACT_TIME, FACT_TOKENS, FACT_MONEY, FACT_CACHE, FACT_FILES, N_FACTS };

static void write_facts(const struct fact facts[N_FACTS], struct buf *b)
{
        size_t columns = 0, width;

        for (size_t i = 0; i < N_FACTS; i++) {
                width = format_width(buf_span(&facts[i].is));
                if (width <= LEFT_COLUMNS_MAX)
                        columns = MAX2(columns, width);
        }
        for (size_t i = 0; i < N_FACTS; i++) {
                (void)buf_printf(b, "%-9s ", facts[i].name);
                (void)buf_add_span(b, buf_span(&facts[i].is));
                for (width = format_width(buf_span(&facts[i].is)); width < columns; width++)
                        (void)buf_add_char(b, ' ');
                (void)buf_printf(b, "  naive %s%s%s\n", facts[i].naive,
                                 *facts[i].change ? "  " : "", facts[i].change);
        }
}

/* 0.83 or 83: in percent */
static unsigned percent_of(const json_t *share)
{
        double value = json_number_value(share);

        return value <= 0   ? 0
               : value <= 1 ? (unsigned)(value * 100 + 0.5)
                            : (unsigned)MIN2(value, 100.0);
}

static void add_cache(struct buf *is, const json_t *shares, const json_t *tokens)
{
        uint64_t read = progress_number(tokens, "cache_read");
        uint64_t input =
                progress_number(tokens, "input") + progress_number(tokens, "cache_write") + read;
        const char *provider;
        json_t *share;

        json_object_foreach ((json_t *)shares, provider, share)
                (void)buf_printf(is, "%s%u %% of input from cache at %s", is->n ? ", " : "",
                                 percent_of(share), provider);
        if (is->n == 0)
                (void)buf_printf(is, "%u %% of input from cache", format_share(read, input));
}

static void add_source(struct buf *b, size_t source, uint64_t n, uint64_t total,
                       const json_t *summary)
{
        static const char *const words[N_SOURCES] = {"kept", "reused", "by template", "mechanical",
                                                     "by model"};
        uint64_t calls = progress_number(summary, "calls");
        uint64_t batched = progress_number(json_object_get(summary, "files"), "batched");

        (void)buf_printf(b, "%s %" PRIu64 " %s", b->at[b->n - 1] == ':' ? "" : ",", n,
                         words[source]);
        if (source == SOURCE_TEMPLATE)
                (void)buf_printf(b, " (%u %%)", format_share(n, total));
        if (source == SOURCE_CALL)
                (void)buf_printf(b, " in %" PRIu64 " call%s", calls, calls == 1 ? "" : "s");
        if (source == SOURCE_CALL && batched > 0)
                (void)buf_printf(b, " (%" PRIu64 " batched)", batched);
}

/* "; 12 of them by other jobs at the same time" */
static void add_joined(struct buf *is, const json_t *files)
{
        uint64_t joined = progress_number(files, "joined");

        if (joined > 0)
                (void)buf_printf(is, "; %" PRIu64 " of them by another job at the same time",
                                 joined);
}

static void add_files(struct buf *is, const json_t *summary)
{
        const json_t *files = json_object_get(summary, "files");
        uint64_t failed = progress_number(files, "failed"), total = failed, n;
        uint64_t retries = progress_number(summary, "retries");

        for (size_t i = 0; i < N_SOURCES; i++)
                total += progress_number(files, progress_source_names[i]);
        if (buf_printf(is, "%" PRIu64 ":", total) < 0)
                return;
        for (size_t i = 0; i < N_SOURCES; i++) {
                n = progress_number(files, progress_source_names[i]);
                if (n > 0)
                        add_source(is, i, n, total, summary);
        }
        if (failed > 0)
                (void)buf_printf(is, "%s %" PRIu64 " failed", is->at[is->n - 1] == ':' ? "" : ",",
                                 failed);
        if (retries > 0)
                (void)buf_printf(is, ", %" PRIu64 " retr%s", retries, retries == 1 ? "y" : "ies");
        add_joined(is, files);
}

void view_add_unpriced(const json_t *o, const char *lead, const char *tail, struct buf *b)
{
        const json_t *models = json_object_get(o, "unpriced");
        json_t *one;
        size_t i;

        if (json_array_size(models) == 0)
                return;
        json_array_foreach ((json_t *)models, i, one) {
                (void)buf_add_text(b, i == 0 ? lead : ", ");
                (void)buf_add_text(b, json_string_value(one) ?: "?");
        }
        (void)buf_add_text(b, tail);
}

/* Where a part of it is not known there is nothing to compare. */
static void compare_money(struct fact *f, const json_t *summary, const json_t *naive)
{
        uint64_t is = progress_number(summary, "nanousd"), was = progress_number(naive, "nanousd");
        char text[FORMAT_BYTES];

        (void)buf_add_text(&f->is, format_money(is, text));
        view_add_unpriced(summary, " without ", ", of unknown price", &f->is);
        if (json_object_get(summary, "unpriced")) {
                snprintf(f->naive, sizeof(f->naive), "unknown");
                return;
        }
        (void)format_money(was, f->naive);
        (void)format_change(is, was, f->change);
}

static void compare_time(struct fact *f, uint64_t is, uint64_t naive)
{
        char text[FORMAT_BYTES];

        (void)buf_add_text(&f->is, format_ms(is, text));
        (void)format_ms(naive, f->naive);
        (void)format_change(is, naive, f->change);
}

static void compare_tokens(struct fact *f, const json_t *is, const json_t *naive)
{
        uint64_t output = progress_number(is, "output"), all = progress_tokens(is);
        char in[FORMAT_BYTES], out[FORMAT_BYTES];

        (void)buf_printf(&f->is, "%s in, %s out", format_count(all - output, in),
                         format_count(output, out));
        (void)format_count(progress_tokens(naive), f->naive);
        (void)format_change(all, progress_tokens(naive), f->change);
}

/* "120 a minute, $0.0012 each, 2.50 files a call; tokens …": what there is of it. */
static void add_rates(struct buf *b, const struct figures *f)
{
        char texts[4][FORMAT_BYTES];
        size_t before;

        (void)buf_printf(b, "%-10s", "");
        before = b->n;
        if (f->per_minute > 0)
                (void)buf_printf(b, "%" PRIu64 " a minute", f->per_minute);
        if (f->n_repaired > 0)
                (void)buf_printf(b, "%s%s each", b->n > before ? ", " : "",
                                 format_money(f->nanousd_each, texts[0]));
        if (f->hundredths_files > 0)
                (void)buf_printf(b, "%s%" PRIu64 ".%02" PRIu64 " files a call",
                                 b->n > before ? ", " : "", f->hundredths_files / 100,
                                 f->hundredths_files % 100);
        if (f->input + f->cache_read + f->cache_write + f->output > 0)
                (void)buf_printf(b, "%stokens %s fresh, %s from cache, %s into cache, %s written",
                                 b->n > before ? "; " : "", format_count(f->input, texts[0]),
                                 format_count(f->cache_read, texts[1]),
                                 format_count(f->cache_write, texts[2]),
                                 format_count(f->output, texts[3]));
        if (b->n > before)
                (void)buf_add_char(b, '\n');
        else
                b->n -= 10;
}

void view_add_outcome(struct buf *b, const json_t *summary)
{
        const json_t *findings = json_object_get(summary, "findings");
        struct figures f;

        if (!findings)
                return;
        figures_of(summary, &f);
        (void)buf_printf(b, "findings  %" PRIu64 " of %" PRIu64 " repaired", f.n_repaired,
                         f.n_total);
        for (size_t i = 0; i < N_SOURCES; i++)
                if (f.by[i] > 0)
                        (void)buf_printf(b, ", %" PRIu64 " %s", f.by[i], figures_source_words[i]);
        if (f.n_unverified > 0)
                (void)buf_printf(b, "; %" PRIu64 " in place, but not verified", f.n_unverified);
        for (size_t i = 0; i < figures_n_aside; i++)
                if (figures_aside_count(findings, i) > 0)
                        (void)buf_printf(b, "; %" PRIu64 " %s", figures_aside_count(findings, i),
                                         figures_aside[i].words);
        (void)buf_add_char(b, '\n');
}

void view_add_resume(const json_t *resume, const char *mark, const char *how, struct buf *b)
{
        char in[FORMAT_BYTES], out[FORMAT_BYTES], money[FORMAT_BYTES], time[FORMAT_BYTES];
        uint64_t calls = progress_number(resume, "calls"),
                 output = progress_number(resume, "output");

        if (!resume)
                return;
        if (calls > 0)
                (void)buf_printf(b,
                                 "%sresume    about %" PRIu64
                                 " call%s, %s tokens in, %s out, %s, %s (estimated)",
                                 mark, calls, calls == 1 ? "" : "s",
                                 format_count(progress_tokens(resume) - output, in),
                                 format_count(output, out),
                                 format_money(progress_number(resume, "nanousd"), money),
                                 format_ms(progress_number(resume, "ms"), time));
        else
                (void)buf_printf(b, "%sresume    no call, no money (estimated)", mark);
        (void)buf_printf(b, "%s%s\n", how ? ": " : "", how ? how : "");
}

int view_summarise(const json_t *summary, struct buf *b)
{
        const json_t *naive = json_object_get(summary, "naive");
        const json_t *tokens = json_object_get(summary, "tokens");
        struct fact facts[N_FACTS] = {{"time"}, {"tokens"}, {"money"}, {"cache"}, {"files"}};
        struct figures f;
        int failed = 0;

        compare_time(&facts[FACT_TIME], progress_number(summary, "ms"),
                     progress_number(naive, "ms"));
        compare_tokens(&facts[FACT_TOKENS], tokens, json_object_get(naive, "tokens"));
        compare_money(&facts[FACT_MONEY], summary, naive);
        add_cache(&facts[FACT_CACHE].is, json_object_get(summary, "cache_share"), tokens);
        snprintf(facts[FACT_CACHE].naive, FORMAT_BYTES, "0 %%");
        add_files(&facts[FACT_FILES].is, summary);
        snprintf(facts[FACT_FILES].naive, FORMAT_BYTES, "%" PRIu64 " calls",
                 progress_number(naive, "calls"));
        for (size_t i = 0; i < N_FACTS; i++)
                failed = failed ? failed : facts[i].is.failed;
        if (!failed)
                write_facts(facts, b);
        if (!failed && json_object_get(summary, "findings")) {
                figures_of(summary, &f);
                view_add_outcome(b, summary);
                add_rates(b, &f);
        }
        if (!failed && !json_get_bool(summary, "verified", true))
                (void)buf_add_text(b, "verified  no\n");
        for (size_t i = 0; i < N_FACTS; i++)
                buf_done(&facts[i].is);
        return failed ? failed : b->failed;
}
