#include "client/command.h"

#include <ctype.h>
#include <getopt.h>

#include "client/view/format.h"
#include "common/str.h"

/* Where columns of --help begin, and where its lines end. */
#define COMMAND_COLUMNS 13
#define OPTION_COLUMNS 27
#define HELP_COLUMNS 80

enum common_option {
        OPT_JSON,
        OPT_DRY_RUN,
        OPT_SET,
        OPT_QUIET,
        OPT_WAIT,
        OPT_SOCKET,
        OPT_COLOR,
        OPT_HELP,
        OPT_VERSION,
        N_COMMON
};

const struct option_row common_options[] = {
        [OPT_JSON] = {"json", 0, NULL,
                      "events as they are, or the result, as JSON on standard output, one "
                      "object per line"},
        [OPT_DRY_RUN] = {"dry-run", 'n', NULL,
                         "show what would be done and what it would cost; spend and write nothing"},
        [OPT_SET] = {"set", 0, "KEY=VALUE", "set an option for this job (repeatable)"},
        [OPT_QUIET] = {"quiet", 'q', NULL, "no words but warnings and errors"},
        [OPT_WAIT] = {"wait", 0, NULL,
                      "stay while the job waits for something that only a person can do"},
        [OPT_SOCKET] = {"socket", 0, "PATH",
                        "the daemon's socket (default: $GENOPT_SOCKET, then the user's, then the "
                        "system's)"},
        [OPT_COLOR] = {"color", 0, "WHEN", "auto, always or never"},
        [OPT_HELP] = {"help", 'h', NULL, "show help"},
        [OPT_VERSION] = {"version", 'V', NULL, "show the version"},
        [N_COMMON] = {NULL, 0, NULL, NULL},
};

const struct option_row no_options[] = {{NULL, 0, NULL, NULL}};

const struct command *const command_table[] = {
#define X(name) &command_##name,
        COMMAND_TABLE(X)
#undef X
};
const size_t n_commands = N_ELEMENTS(command_table);

const struct command *command_find(const char *name)
{
        for (size_t i = 0; i < n_commands; i++)
                if (strcmp(command_table[i]->name, name) == 0)
                        return command_table[i];
        return NULL;
}

const char *command_nearest(const char *name)
{
        const char *names[N_ELEMENTS(command_table)];
        size_t n = 0;

        for (size_t i = 0; i < n_commands; i++)
                if (!command_table[i]->is_hidden)
                        names[n++] = command_table[i]->name;
        return str_nearest(name, names, n);
}

/* Rows of both tables as getopt_long() wants them: val is 256 + row for common ones, 512 + row for
 * the command's. */
#define VAL_COMMON 256
#define VAL_OWN 512
#define LONG_MAX_ROWS (N_COMMON + CLIENT_OPTIONS_MAX + 1)
#define SHORT_BYTES (2 * LONG_MAX_ROWS + 2)

static void add_rows(const struct option_row *rows, int val, struct option *longs, size_t *n,
                     char *shorts, size_t *n_shorts)
{
        for (size_t i = 0; rows && rows[i].name; i++) {
                longs[(*n)++] = (struct option){rows[i].name,
                                                rows[i].value ? required_argument : no_argument,
                                                NULL, val + (int)i};
                if (rows[i].letter) {
                        shorts[(*n_shorts)++] = rows[i].letter;
                        if (rows[i].value)
                                shorts[(*n_shorts)++] = ':';
                }
        }
}

static int val_of_letter(const struct option_row *own, int letter)
{
        for (size_t i = 0; common_options[i].name; i++)
                if (common_options[i].letter == letter)
                        return VAL_COMMON + (int)i;
        for (size_t i = 0; own && own[i].name; i++)
                if (own[i].letter == letter)
                        return VAL_OWN + (int)i;
        return -1;
}

static int add_setting(struct client *c, const char *setting)
{
        const char *equals = strchr(setting, '=');
        _cleanup_free_ char *key = NULL;

        if (!equals || equals == setting)
                return client_usage(c, "--set wants KEY=VALUE, not `%s`", setting);
        if (!str_is_utf8(span_of(setting)))
                return client_usage(c, "--set wants UTF-8");
        key = str_dup_span((struct span){setting, (size_t)(equals - setting)});
        if (!c->options)
                c->options = json_object();
        if (!key || json_object_set_new(c->options, key, json_string(equals + 1)) < 0)
                return client_fail(c, -ENOMEM, NULL);
        return -1;
}

/* < 0: go on. */
static int apply_common(struct client *c, enum common_option option, const char *value)
{
        static const char *const whens[] = {
                [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

        switch (option) {
        case OPT_JSON:
                c->is_json = true;
                break;
        case OPT_DRY_RUN:
                c->is_dry_run = true;
                break;
        case OPT_SET:
                return add_setting(c, value);
        case OPT_QUIET:
                c->is_quiet = true;
                break;
        case OPT_WAIT:
                c->is_waiting = true;
                break;
        case OPT_SOCKET:
                c->socket = value;
                break;
        case OPT_COLOR:
                for (size_t i = 0; i < N_ELEMENTS(whens); i++)
                        if (strcmp(value, whens[i]) == 0) {
                                c->color = (enum color_choice)i;
                                return -1;
                        }
                return client_usage(c, "--color is auto, always or never, not `%s`", value);
        case OPT_HELP:
                command_print_help(c->command, stdout);
                return EXIT_DONE;
        case OPT_VERSION:
                printf("genopt %s\n", GENOPT_VERSION);
                return EXIT_DONE;
        case N_COMMON:
                break;
        }
        return -1;
}

static int refuse_option(struct client *c, const char *word, const struct option *longs,
                         size_t n_longs, bool is_missing_value)
{
        const char *names[LONG_MAX_ROWS], *nearest = NULL;
        _cleanup_free_ char *bare = NULL;

        if (is_missing_value)
                return client_usage(c, "%s wants a value", word);
        if (str_has_prefix(word, "--")) {
                bare = str_dup_span((struct span){word + 2, strcspn(word + 2, "=")});
                for (size_t i = 0; i < n_longs; i++)
                        names[i] = longs[i].name;
                nearest = bare ? str_nearest(bare, names, n_longs) : NULL;
        }
        if (nearest)
                return client_usage(c, "no option %s; did you mean --%s?", word, nearest);
        return client_usage(c, "no option %s", word);
}

/* Options from argv[1]; before_command: stops at the first word that is none. < 0: go on at optind.
 */
static int parse_options(struct client *c, int argc, char **argv, bool before_command)
{
        const struct option_row *own = before_command ? NULL : c->command->options;
        struct option longs[LONG_MAX_ROWS] = {0};
        char shorts[SHORT_BYTES] = "+:";
        size_t n = 0, n_shorts = before_command ? 2 : 1;
        int r, val;

        if (!before_command)
                shorts[0] = ':';
        add_rows(common_options, VAL_COMMON, longs, &n, shorts, &n_shorts);
        add_rows(own, VAL_OWN, longs, &n, shorts, &n_shorts);
        shorts[n_shorts] = '\0';
        optind = 0; /* glibc: start afresh */
        opterr = 0;
        for (;;) {
                val = getopt_long(argc, argv, shorts, longs, NULL);
                if (val < 0)
                        return -1;
                if (val == '?' || val == ':') {
                        const char *word = argv[optind - 1];
                        char letter[3] = {'-', (char)optopt, '\0'};

                        if (optopt > 0 && optopt < VAL_COMMON)
                                word = letter;
                        return refuse_option(c, word, longs, n, val == ':');
                }
                if (val < VAL_COMMON)
                        val = val_of_letter(own, val);
                if (val >= VAL_OWN) {
                        c->values[val - VAL_OWN] = optarg ? optarg : "";
                        continue;
                }
                r = apply_common(c, (enum common_option)(val - VAL_COMMON), optarg);
                if (r >= 0)
                        return r;
        }
}

int command_parse(struct client *c, int argc, char **argv)
{
        const char *nearest;
        int r;

        r = parse_options(c, argc, argv, true);
        if (r >= 0)
                return r;
        if (optind >= argc) {
                command_print_help(NULL, stderr);
                return EXIT_USAGE;
        }
        argc -= optind;
        argv += optind;
        c->command = command_find(argv[0]);
        if (!c->command) {
                nearest = command_nearest(argv[0]);
                if (nearest)
                        return client_usage(c, "no command `%s`; did you mean `%s`?", argv[0],
                                            nearest);
                return client_usage(c, "no command `%s`", argv[0]);
        }
        r = parse_options(c, argc, argv, false);
        if (r >= 0)
                return r;
        if (c->is_dry_run && !(c->command->takes & TAKES_DRY_RUN))
                return client_usage(c, "%s has no --dry-run", c->command->name);
        c->args = argv + optind;
        c->n_args = argc - optind;
        if (c->n_args < c->command->n_args_min)
                return client_usage(c, "%s wants %s", c->command->name, c->command->args);
        if (c->command->n_args_max >= 0 && c->n_args > c->command->n_args_max)
                return client_usage(c, "%s: one word too many: `%s`", c->command->name,
                                    c->args[c->command->n_args_max]);
        return -1;
}

/* Words from column `at` on, wrapped; following lines begin at column `indent`. */
static void print_wrapped(FILE *out, size_t at, size_t indent, const char *text)
{
        bool is_first = true;

        for (size_t n; *text; text += n, is_first = false) {
                struct span word;

                text += strspn(text, " ");
                n = strcspn(text, " ");
                word = (struct span){text, n};
                if (!is_first && at + 1 + format_width(word) > HELP_COLUMNS) {
                        fprintf(out, "\n%*s", (int)indent, "");
                        at = indent;
                } else if (!is_first) {
                        fputc(' ', out);
                        at++;
                }
                fprintf(out, "%.*s", (int)n, text);
                at += format_width(word);
        }
        fputc('\n', out);
}

/* One entry of a list: what is typed, and from column `indent` on what it means. */
static void print_entry(FILE *out, size_t indent, const char *left, const char *sentence)
{
        size_t at = 2 + format_width(span_of(left));

        fprintf(out, "  %s", left);
        if (at + 1 > indent) {
                fputc('\n', out);
                at = 0;
        }
        fprintf(out, "%*s", (int)(indent - at), "");
        print_wrapped(out, indent, indent, sentence);
}

bool command_takes(const struct command *command, const struct option_row *common)
{
        size_t option = (size_t)(common - common_options);
        unsigned takes = command ? command->takes : TAKES_ALL;

        return option == OPT_DRY_RUN ? takes & TAKES_DRY_RUN
               : option == OPT_SET   ? takes & TAKES_SET
               : option == OPT_WAIT  ? takes & TAKES_WAIT
                                     : true;
}

static void print_options(const struct command *command, const struct option_row *rows, FILE *out)
{
        for (size_t i = 0; rows[i].name; i++) {
                _cleanup_free_ char *left = NULL;
                char letter[] = "-x, ";

                if (rows == common_options && !command_takes(command, &rows[i]))
                        continue;
                letter[1] = rows[i].letter;
                left = str_printf("%s--%s%s%s", rows[i].letter ? letter : "    ", rows[i].name,
                                  rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
                print_entry(out, OPTION_COLUMNS, left ? left : rows[i].name, rows[i].sentence);
        }
}

static void print_command_help(const struct command *command, FILE *out)
{
        fprintf(out, "usage: genopt %s%s%s\n\n%c", command->name, *command->args ? " " : "",
                command->args, toupper((unsigned char)command->sentence[0]));
        fprintf(out, "%s.\n", command->sentence + 1);
        if (command->detail)
                print_wrapped(out, 0, 0, command->detail);
        if (command->options[0].name) {
                fputs("\nOptions:\n", out);
                print_options(command, command->options, out);
        }
        fputs("\nEverywhere:\n", out);
        print_options(command, common_options, out);
}

void command_print_help(const struct command *command, FILE *out)
{
        if (command) {
                print_command_help(command, out);
                return;
        }
        fputs("usage: genopt [OPTION…] COMMAND [WORD…]\n\nMakes LLM code generation cheap, fast "
              "and repeatable.\n\nCommands:\n",
              out);
        for (size_t i = 0; i < n_commands; i++)
                if (!command_table[i]->is_hidden)
                        print_entry(out, COMMAND_COLUMNS, command_table[i]->name,
                                    command_table[i]->sentence);
        fputs("\n`genopt help COMMAND` says more of one.\n\nOptions:\n", out);
        print_options(NULL, common_options, out);
        fputc('\n', out);
        print_wrapped(out, 0, 0,
                      "Exit codes: 0 done, 1 finished with failed tasks, 2 usage, 65 bad input, 69 "
                      "unavailable, 75 try again later, 77 key refused or missing, 78 "
                      "configuration, 130 interrupted (the job goes on).");
}
