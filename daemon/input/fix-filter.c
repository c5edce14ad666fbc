/* Which findings are wanted, and what language a file is in. */

#include <fnmatch.h>

#include "common/json.h"
#include "daemon/input/fix-tasks.h"

static bool has_text(const json_t *list, const char *text)
{
        const json_t *item;
        size_t i;

        json_array_foreach ((json_t *)list, i, item)
                if (text && str_is_equal(json_string_value(item), text))
                        return true;
        return false;
}

bool fix_filter_matches(const char *pattern, const char *text)
{
        const char *slash = strrchr(text, '/'), *base = slash ? slash + 1 : text;

        return fnmatch(pattern, text, 0) == 0 ||
               (!strchr(pattern, '/') && fnmatch(pattern, base, 0) == 0);
}

static bool has_match(const json_t *list, const char *text)
{
        const json_t *item;
        size_t i;

        json_array_foreach ((json_t *)list, i, item) {
                const char *pattern = json_string_value(item);

                if (pattern && fix_filter_matches(pattern, text))
                        return true;
        }
        return false;
}

bool fix_filter_takes(const struct fix_filter *f, const struct analysis_rule *rule,
                      const char *path)
{
        if (rule->is_insight && !f->has_insights)
                return false;
        if (f->categories && !has_text(f->categories, rule->category))
                return false;
        if (f->rules && !has_match(f->rules, rule->id))
                return false;
        if (f->max_effort >= 0 && rule->effort > f->max_effort)
                return false;
        if (f->files && !has_match(f->files, path))
                return false;
        return !f->exclude || !has_match(f->exclude, path);
}

const char *fix_language(const char *path)
{
        static const char *const table[][2] = {{".java", "java"},
                                               {".kt", "kotlin"},
                                               {".groovy", "groovy"},
                                               {".scala", "scala"},
                                               {".go", "go"},
                                               {".py", "python"},
                                               {".ts", "typescript"},
                                               {".tsx", "typescript"},
                                               {".js", "javascript"},
                                               {".jsx", "javascript"},
                                               {".cs", "csharp"},
                                               {".php", "php"},
                                               {".rb", "ruby"},
                                               {".rs", "rust"},
                                               {".xml", "xml"},
                                               {".xhtml", "xml"},
                                               {".html", "html"},
                                               {".jsp", "html"},
                                               {".css", "css"},
                                               {".scss", "css"},
                                               {".properties", "properties"},
                                               {".yaml", "yaml"},
                                               {".yml", "yaml"},
                                               {".json", "json"},
                                               {".toml", "toml"},
                                               {".sql", "sql"},
                                               {".sh", "shell"},
                                               {".md", "markdown"},
                                               {"Dockerfile", "dockerfile"},
                                               {"Makefile", "makefile"}};

        for (size_t i = 0; i < N_ELEMENTS(table); i++)
                if (str_has_suffix(path, table[i][0]))
                        return table[i][1];
        return "text";
}
