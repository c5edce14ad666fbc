/* Checks of foreign text. The first byte chooses a language, the second what a pattern sees; the
 * rest is the text. What is found is the same each time, masks keep length and lines, and mending
 * gives a part of the text that needs no further mending. */

#include "daemon/check/check.h"
#include "daemon/check/imports.h"
#include "daemon/check/language.h"

/* What is added is added in one place of the text, or in a row there. */
static void mend_imports(struct span text)
{
        static struct check_imports *go;
        static const struct check_imports_source source = {
                .language = "go",
                .use = "(?<![\\w.])([a-z]\\w*)\\.\\p{Lu}",
                .said = "^(?:import\\s+|\\t)((?:[\\w.]+\\s+)?\"[^\"\\n]+\")\\s*$",
                .places = {{"^import \\(\\n", "\\t\"([^\"\\n]+)\"\\n", "\t\"$\"\n"},
                           {"^package \\w+\\n", NULL, "\nimport \"$\"\n"}},
                .n_places = 2,
                .names = {{"json", "encoding/json"}, {"time", "time"}},
                .n_names = 2,
        };
        _cleanup_buf_ struct buf out = {0}, said = {0};
        struct diag d;

        if (!go && check_imports_new(&source, &go, &d) != 0)
                abort();
        if (check_imports_mend(go, text, &out, &said) == 0 && (out.n <= text.n || said.n == 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const languages[] = {
        "go",  "c",    "java",  "js",   "cs",   "php",        "ruby", "rust", "python",   "sql",
        "css", "html", "shell", "yaml", "toml", "dockerfile", "make", "json", "markdown", "text"};

static void check_masks(const char *language, struct span text)
{
        struct check_mask m;

        if (check_mask_make(check_language_find(language), text, &m) != 0)
                abort();
        for (size_t i = 0; i < text.n; i++)
                if ((m.code[i] != text.at[i] && (m.code[i] != ' ' || text.at[i] == '\n')) ||
                    (m.strings[i] != text.at[i] && (m.strings[i] != ' ' || text.at[i] == '\n')))
                        abort();
        if (m.is_open && m.open_at >= text.n)
                abort();
        check_mask_done(&m);
}

static void check_report(const struct check_report *r, struct span text)
{
        _cleanup_buf_ struct buf b = {0};
        unsigned n_lines = 1;

        for (size_t i = 0; i < text.n; i++)
                n_lines += text.at[i] == '\n';
        if (r->n_findings > CHECK_MAX_FINDINGS || r->score < 0 || r->score > 1)
                abort();
        for (size_t i = 0; i < r->n_findings; i++)
                if (r->findings[i].line > n_lines || !r->findings[i].text[0] ||
                    !r->findings[i].rule[0])
                        abort();
        if (check_report_write(r, &b) != 0 || (r->n_findings > 0) != (b.n > 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        static struct check_set *sets[N_ELEMENTS(languages)][4];
        static const char *const expected[] = {"Order", "é"};
        struct check_subject subject = {.path = "x/y", .expected = expected, .n_expected = 2};
        struct check_report first, second;
        struct span mended;
        size_t language, sees;

        if (n < 2)
                return 0;
        language = bytes[0] % N_ELEMENTS(languages);
        sees = bytes[1] % 4;
        subject.text = (struct span){(const char *)bytes + 2, n - 2};
        if (!sets[language][sees]) {
                const struct check_rule_source rules[] = {
                        {"open", "^(\\w+\\s?)+$", true, 0.4, "words", (enum check_sight)sees},
                        {"panic", "\\bpanic\\(|\"gorm", false, 0.9, "panic",
                         (enum check_sight)sees},
                };
                struct diag d;

                if (check_set_new(languages[language], rules, N_ELEMENTS(rules),
                                  &sets[language][sees], &d) != 0)
                        abort();
        }
        check_masks(languages[language], subject.text);
        check_run(sets[language][sees], &subject, &first);
        check_run(sets[language][sees], &subject, &second);
        if (memcmp(&first, &second, sizeof(first)) != 0)
                abort();
        check_report(&first, subject.text);
        mended = check_mend(languages[language], subject.text);
        mend_imports(subject.text);
        if (mended.at < subject.text.at || mended.at + mended.n > subject.text.at + subject.text.n)
                abort();
        return 0;
}
