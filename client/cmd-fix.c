/* `genopt fix ANALYSIS`: findings of an analyser, repaired in the files of a tree. */

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

#include "client/choices.h"
#include "client/command.h"
#include "client/files/commits.h"
#include "client/follow.h"
#include "client/offer/text-file.h"
#include "client/offer/tree.h"
#include "client/spending.h"
#include "client/submit.h"
#include "client/wait.h"
#include "common/path.h"
#include "common/str.h"

#define ANALYSIS_BYTES ((size_t)16 << 20)
#define STATE_NAME "state"
#define ANALYSIS_NAME "analysis" /* under which it travels */

enum fix_option {
        FIX_SOURCE,
        FIX_CATEGORIES,
        FIX_RULES,
        FIX_FILES,
        FIX_EXCLUDE,
        FIX_PHASE,
        FIX_STATE,
        FIX_EFFORT,
        FIX_INSIGHTS,
        FIX_FRESH,
        FIX_DETACH,
        FIX_SPENDING,
        FIX_VERIFY = FIX_SPENDING + N_SPENDING,
        FIX_TIMEOUT,
        FIX_COMMIT,
        FIX_REPORT,
        FIX_RESUME,
        FIX_MERGE,
        N_FIX_OPTIONS
};

static const struct option_row fix_options[] = {
        [FIX_SOURCE] = {"source", 's', "DIR", "the tree to repair (default: the current one)"},
        [FIX_CATEGORIES] = {"categories", 0, "LIST",
                            "only these, with commas: mandatory, optional, potential"},
        [FIX_RULES] = {"rules", 0, "LIST", "only these rules, with commas; * and ? match"},
        [FIX_FILES] = {"files", 0, "LIST", "only these files, with commas; * and ? match"},
        [FIX_EXCLUDE] = {"exclude", 0, "LIST", "not these files, with commas; * and ? match"},
        [FIX_PHASE] = {"phase", 0, "LIST",
                       "only these phases, by number or name, with commas: mechanical, simple, "
                       "moderate, hard, optional, or those of a plan"},
        [FIX_STATE] = {"state", 0, "FILE",
                       "what kantra-ai noted of its work on a plan: what is completed there is "
                       "not done again"},
        [FIX_EFFORT] = {"max-effort", 0, "N", "only findings of at most this effort (0 to 10)"},
        [FIX_INSIGHTS] = {"insights", 0, NULL, "insights, too"},
        [FIX_FRESH] = {"fresh", 0, NULL, "ask again also for what is known"},
        [FIX_DETACH] = {"detach", 'd', NULL, "print the job's id and leave"},
        SPENDING_ROWS(FIX_SPENDING),
        [FIX_VERIFY] = {"verify", 0, "COMMAND",
                        "run this in the tree when the repairs are in place; what it refuses is "
                        "asked for again with its output, then taken back"},
        [FIX_TIMEOUT] =
                {"verify-timeout", 0, "TIME",
                 "end the command after this time (90s, 15m): it has given no verdict then"},
        [FIX_COMMIT] = {"commit", 0, "per-file|per-rule|at-end",
                        "commit what was changed, with git"},
        [FIX_REPORT] = {"report", 0, "FILE", "write a page (HTML) with all changes"},
        [FIX_RESUME] = {"resume", 0, NULL, "go on with the job that was last started for the tree"},
        [FIX_MERGE] = {"merge", 0, NULL,
                       "put repairs also into files that were changed meanwhile (by git)"},
        {NULL, 0, NULL, NULL},
};

/* Options that are lists, and what the job calls them. */
static const struct {
        enum fix_option option;
        const char *field;
} lists[] = {{FIX_CATEGORIES, "categories"},
             {FIX_RULES, "rules"},
             {FIX_FILES, "include"},
             {FIX_EXCLUDE, "exclude"},
             {FIX_PHASE, "phases"}};

static bool find_style(const char *name, enum commit_style *ret)
{
        for (enum commit_style i = 0; i < N_COMMIT_STYLES; i++)
                if (strcmp(commit_style_names[i], name) == 0) {
                        *ret = i;
                        return true;
                }
        return false;
}

/* A file that travels by its hash, under a name of ours. */
struct sent {
        const char *path, *as, *what; /* borrowed */
        struct buf text;
        int folder_fd;
};

static void sent_done(struct sent *s)
{
        buf_done(&s->text);
        cleanup_close(&s->folder_fd);
}

static int sent_read(struct sent *s, struct failure **ret_failure)
{
        _cleanup_free_ char *copy = str_dup_span(span_of(s->path));
        _cleanup_close_ int fd = open(s->path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
                return text_file_refuse(ret_failure, s->path,
                                        "it is no plain file; write what it gives into one");
        r = text_file_read(fd, s->path, s->what, ANALYSIS_BYTES, &s->text, ret_failure);
        if (r == 0 && s->text.n == 0)
                r = text_file_refuse(ret_failure, s->path, "it is empty");
        if (r != 0)
                return r;
        s->folder_fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        return copy ? s->folder_fd < 0 ? -errno : 0 : -ENOMEM;
}

static int sent_name(const struct sent *s, json_t *input)
{
        _cleanup_free_ char *copy = str_dup_span(span_of(s->path));
        char hex[HASH_HEX_BYTES];
        struct hash hash;

        if (!copy)
                return -ENOMEM;
        hash_of(s->text.at, s->text.n, &hash);
        hash_to_hex(&hash, hex);
        return json_put(input, s->as,
                        json_pack("{s:s, s:s}", "name", basename(copy), "sha256", hex));
}

static int sent_offer(const struct sent *s, const json_t *input, struct offer *offer)
{
        _cleanup_free_ char *copy = str_dup_span(span_of(s->path));

        if (!copy)
                return -ENOMEM;
        return offer_add_as(offer, s->as, s->folder_fd, basename(copy),
                            json_get_text(json_object_get(input, s->as), "sha256"));
}

static int put_list(json_t *input, const char *field, const char *text)
{
        json_t *list = json_array();
        int r = json_put(input, field, list);

        while (r == 0 && *text) {
                size_t n = strcspn(text, ",");

                if (n > 0)
                        r = json_add(list, json_stringn(text, n));
                text += n + (text[n] == ',');
        }
        return r;
}

static int put_filters(const struct client *c, json_t *input)
{
        uint64_t effort;
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(lists) && r == 0; i++)
                if (c->values[lists[i].option])
                        r = put_list(input, lists[i].field, c->values[lists[i].option]);
        if (r == 0 && c->values[FIX_EFFORT] && str_to_u64(c->values[FIX_EFFORT], &effort) == 0)
                r = json_put(input, "max_effort", json_integer((json_int_t)effort));
        if (r == 0 && c->values[FIX_INSIGHTS])
                r = json_put(input, "insights", json_true());
        return r;
}

static int make_input(const struct client *c, const struct outdir *o, const struct sent *analysis,
                      const struct sent *state, json_t **ret)
{
        _cleanup_json_ json_t *input = json_object();
        json_t *files = NULL;
        size_t n_more = 0;
        int r = input ? tree_list(outdir_fd(o), buf_span(&analysis->text), &files, &n_more)
                      : -ENOMEM;

        if (r < 0)
                return r;
        if (n_more > 0)
                client_warn(c, "%zu files beyond the first %u were not listed", n_more,
                            TREE_MAX_FILES);
        r = json_put(input, "files", files);
        r = r ? r : sent_name(analysis, input);
        r = r || !state->path ? r : sent_name(state, input);
        r = r ? r : put_filters(c, input);
        if (r == 0 && c->values[FIX_VERIFY])
                r = json_put(input, "verify", json_integer(0));
        if (r == 0)
                *ret = take(input);
        return r;
}

/* Analysis and state under names of ours, wherever they lie; the tree by hashes. */
static int make_offer(const struct outdir *o, const json_t *input, const struct sent *analysis,
                      const struct sent *state, struct offer **ret)
{
        _cleanup_(offer_freep) struct offer *offer = NULL;
        int r = offer_new(outdir_fd(o), &offer);

        r = r ? r : sent_offer(analysis, input, offer);
        r = r || !state->path ? r : sent_offer(state, input, offer);
        r = r ? r : offer_add_list(offer, json_object_get(input, "files"), "sha256");
        if (r == 0)
                *ret = take(offer);
        return r;
}

/* 0: there is no end to it. */
static uint64_t time_of(const struct client *c)
{
        uint64_t ms = 0;

        return c->values[FIX_TIMEOUT] && str_to_ms(c->values[FIX_TIMEOUT], &ms) == 0 ? ms : 0;
}

/* The command stands in our own submit, and runs in the tree. */
static int make_commands(const struct client *c, const char *dir, json_t **ret)
{
        _cleanup_free_ char *place = NULL;

        if (!c->values[FIX_VERIFY])
                return 0;
        place = str_printf("%s%s", *dir == '/' ? "" : "./", dir); /* no option, nor of CDPATH */
        if (!place)
                return -ENOMEM;
        *ret = json_pack("[[s,s,s,s,s,s]]", "sh", "-c", "cd \"$1\" && eval \"$2\"", "genopt-verify",
                         place, c->values[FIX_VERIFY]);
        return *ret ? 0 : -ENOMEM;
}

/* Reports and commits what was changed, however it ended. What a command refuses, or has not
 * judged, is not committed. */
static int conclude(struct client *c, struct follow *f, const char *dir, const char *name,
                    int *ret_code, struct failure **ret_failure)
{
        const char *slash = strrchr(name, '/');
        enum commit_style style = 0;
        int r = 0;

        name = slash && slash[1] ? slash + 1 : name;

        if (!f->changes || c->is_dry_run)
                return 0;
        if (f->has_no_verdict && follow_is_interrupted())
                *ret_code = EXIT_INTERRUPTED;
        changes_settle(f->changes);
        if (r == 0 && c->values[FIX_REPORT])
                r = changes_report(f->changes, c->values[FIX_REPORT], name, f->done, ret_failure);
        if (r != 0 || !c->values[FIX_COMMIT] || !find_style(c->values[FIX_COMMIT], &style))
                return r;
        if (f->is_unverified || (!f->done && (f->commands || f->has_no_verdict))) {
                client_warn(c, "nothing was committed: the repairs are not verified\n"
                               "  → when the command passes, repeat with --resume, --verify and "
                               "--commit");
                return 0;
        }
        if (changes_n(f->changes) == 0) {
                client_warn(c, "nothing was committed: this job changed no file\n"
                               "  → what an earlier one left uncommitted, `git status` tells");
                return 0;
        }
        r = commits_make(f->changes, dir, style, name);
        if (r == CONDITION_REFUSED) {
                client_warn(c, "the repairs are in place, but not all are committed\n"
                               "  → mend what git says, then repeat with --resume and --commit");
                *ret_code = *ret_code ? *ret_code : EXIT_TASKS_FAILED;
                return 0;
        }
        return r;
}

static int follow_or_leave(struct client *c, struct follow *f, struct outdir *o,
                           struct submit_reply *reply)
{
        int r;

        if (reply->done) {
                if (wait_verify(f, reply->done) < 0)
                        return client_fail(c, -ENOMEM, NULL);
                if (c->is_json && follow_put_known(reply->done) < 0)
                        return EXIT_INTERNAL;
                r = follow_print_done(f, reply->done);
                buf_done(&f->said);
                return r;
        }
        if (!c->is_dry_run && outdir_set_job(o, reply->job) < 0)
                client_warn(c, "the job's id cannot be noted in .genopt/job");
        f->job = reply->job;
        if (c->values[FIX_DETACH] && !c->is_dry_run)
                return follow_detach(f, true);
        f->outdir = c->is_dry_run ? NULL : o;
        return follow_job(f);
}

/* What both ways of following a repair have in common. */
static struct follow follow_of(struct client *c)
{
        return (struct follow){.client = c,
                               .hint_dir = c->values[FIX_SOURCE],
                               .verify = c->values[FIX_VERIFY],
                               .verify_ms = time_of(c),
                               .edits = c->values[FIX_MERGE] ? EDITS_MERGE : EDITS_KEEP,
                               .is_editing = true};
}

/* What stands here unjudged is not repaired a second time, nor left waiting by mistake. */
static int check_waiting(struct client *c, const char *dir, struct failure **ret_failure)
{
        _cleanup_json_ json_t *about = NULL;
        struct failure *unknown = NULL;
        char job[OUTDIR_JOB_BYTES];
        const char *state, *on;
        int r = outdir_read_repairing_job(dir, job);

        if (r != 0 || c->is_dry_run)
                return r == -ENOMEM ? r : 0;
        r = connection_ask(c, START_IF_NEEDED, "job/get", json_pack("{s:s}", "job", job), &about,
                           &unknown);
        failure_free(unknown); /* long ago, or whoever is asked next tells the same */
        state = r == 0 ? json_get_text(about, "state") : NULL;
        on = json_get_text(json_array_get(json_object_get(about, "waits"), 0), "on");
        if (!str_is_equal(json_get_text(about, "kind"), "fix") || !str_is_equal(state, "waiting") ||
            !str_is_equal(on, "client"))
                return r == -ENOMEM ? r : 0;
        *ret_failure = failure_new(FAILURE_LOCKED,
                                   "repairs of an earlier job stand here and wait for their "
                                   "command (job %s)",
                                   job);
        if (!*ret_failure ||
            failure_set_remedy(*ret_failure,
                               "`genopt fix --resume --verify COMMAND` has them judged; `genopt "
                               "cancel %s` leaves them as they stand, and this can begin",
                               job) < 0)
                return -ENOMEM;
        return CONDITION_REFUSED;
}

static int fix(struct client *c, const char *dir, int *ret_code, struct failure **ret_failure)
{
        _cleanup_(outdir_freep) struct outdir *o = NULL;
        _cleanup_(offer_freep) struct offer *offer = NULL;
        _cleanup_(view_freep) struct view *view = NULL;
        _cleanup_(sent_done) struct sent analysis = {.path = c->args[0],
                                                     .as = ANALYSIS_NAME,
                                                     .what = "an analysis",
                                                     .folder_fd = -1},
                                         state = {.path = c->values[FIX_STATE],
                                                  .as = STATE_NAME,
                                                  .what = "a state",
                                                  .folder_fd = -1};
        _cleanup_json_ json_t *input = NULL, *commands = NULL;
        _cleanup_(changes_freep) struct changes *changes = NULL;
        struct submission s = {
                .kind = "fix", .label = c->args[0], .is_fresh = c->values[FIX_FRESH]};
        struct submit_reply reply = {0};
        struct follow f = follow_of(c);
        int r;

        s.can_ask = client_is_terminal(c) && isatty(STDIN_FILENO) && !c->values[FIX_DETACH];
        r = spending_set(c, FIX_SPENDING);
        r = r ? r : sent_read(&analysis, ret_failure);
        r = r || !state.path ? r : sent_read(&state, ret_failure);
        r = r ? r : outdir_open(c, dir, OUTDIR_REPAIRED, !c->is_dry_run, &o, ret_failure);
        r = r ? r : check_waiting(c, dir, ret_failure);
        r = r ? r : make_input(c, o, &analysis, &state, &input);
        r = r ? r : make_offer(o, input, &analysis, &state, &offer);
        r = r ? r : view_new(c, c->is_dry_run, &view);
        r = r ? r : make_commands(c, dir, &commands);
        r = r ? r : changes_new(c, isatty(STDOUT_FILENO) && !c->is_json && !c->is_quiet, &changes);
        s.input = input;
        s.commands = f.commands = commands;
        f.changes = changes;
        r = r ? r : submit_job(c, &s, offer, &f.connection, &reply, ret_failure);
        if (r != 0)
                return r;
        f.offer = offer;
        f.view = view;
        *ret_code = follow_or_leave(c, &f, o, &reply);
        r = conclude(c, &f, dir, c->args[0], ret_code, ret_failure);
        json_decref(f.done);
        json_decref(reply.done);
        connection_free(f.connection);
        return r;
}

/* An older client noted the last job of any kind. ret_name: its analysis, for who reads of it. */
static int look_at_job(struct connection *connection, const char *dir, const char *job,
                       char **ret_name, struct failure **ret_failure)
{
        _cleanup_json_ json_t *about = NULL;
        int r = connection_call(connection, "job/get", json_pack("{s:s}", "job", job), &about,
                                ret_failure);
        const char *kind = json_get_text(about, "kind"), *label = json_get_text(about, "label");

        if (r != 0)
                return r;
        if (!kind || strcmp(kind, "fix") != 0)
                return text_file_refuse(ret_failure, dir, "no repair was started for this tree");
        *ret_name = str_dup_span(span_of(label && *label ? label : "the analyser"));
        return *ret_name ? 0 : -ENOMEM;
}

/* Its files and its command are those of its own submit; what is left of it is delivered. */
static int resume(struct client *c, const char *dir, int *ret_code, struct failure **ret_failure)
{
        _cleanup_(outdir_freep) struct outdir *o = NULL;
        _cleanup_(view_freep) struct view *view = NULL;
        _cleanup_(changes_freep) struct changes *changes = NULL;
        _cleanup_json_ json_t *commands = NULL, *resumed = NULL;
        struct follow f = follow_of(c);
        _cleanup_free_ char *name = NULL;
        struct failure *at_rest = NULL;
        char job[OUTDIR_JOB_BYTES];
        int r = outdir_read_repairing_job(dir, job);

        if (r == CONDITION_ABSENT)
                return text_file_refuse(ret_failure, dir, "no job was started for this tree");
        r = r ? r : outdir_open(c, dir, OUTDIR_REPAIRED, true, &o, ret_failure);
        r = r ? r : view_new(c, false, &view);
        r = r ? r : make_commands(c, dir, &commands);
        r = r ? r : changes_new(c, isatty(STDOUT_FILENO) && !c->is_json && !c->is_quiet, &changes);
        r = r ? r : connection_open(c, START_IF_NEEDED, &f.connection, ret_failure);
        if (r != 0)
                return r;
        r = look_at_job(f.connection, dir, job, &name, ret_failure);
        if (r != 0) {
                connection_free(f.connection);
                return r;
        }
        /* One that runs, or is done, needs no push. */
        r = connection_call(f.connection, "job/resume", json_pack("{s:s}", "job", job), &resumed,
                            &at_rest);
        failure_free(at_rest);
        if (r < 0)
                return r;
        f.job = job;
        f.outdir = o;
        f.view = view;
        f.commands = commands;
        f.changes = changes;
        *ret_code = follow_job(&f);
        r = conclude(c, &f, dir, name, ret_code, ret_failure);
        json_decref(f.done);
        connection_free(f.connection);
        return r;
}

static int check_source(const char *dir, struct failure **ret_failure)
{
        struct stat st;
        int error = stat(dir, &st) < 0             ? errno
                    : !S_ISDIR(st.st_mode)         ? ENOTDIR
                    : access(dir, R_OK | X_OK) < 0 ? errno
                                                   : 0;

        return error ? text_file_refuse(ret_failure, dir, strerror(error)) : 0;
}

/* Before money is spent. */
static int check_commits(const struct client *c, const char *dir, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf why = {0};
        int r = 0;

        if (c->values[FIX_COMMIT] && !c->is_dry_run)
                r = commits_check(dir, &why);
        return r == CONDITION_REFUSED
                       ? text_file_refuse(ret_failure, "--commit", why.n > 0 ? why.at : "no git")
                       : r;
}

/* Before money is spent, too. */
static int check_report(const struct client *c, struct failure **ret_failure)
{
        const char *file = c->values[FIX_REPORT];
        _cleanup_free_ char *copy = file ? str_dup_span(span_of(file)) : NULL;
        struct stat st;
        int r = 0;

        if (!file || c->is_dry_run)
                return 0;
        if (!copy)
                return -ENOMEM;
        if (stat(file, &st) == 0)
                r = S_ISDIR(st.st_mode) ? -EISDIR : access(file, W_OK) < 0 ? -errno : 0;
        else if (errno != ENOENT || access(dirname(copy), W_OK | X_OK) < 0)
                r = -errno;
        if (r == 0)
                return 0;
        *ret_failure = failure_new_at(FAILURE_BAD_SPEC, "--report", "%s cannot be written: %s",
                                      file, strerror(-r));
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

/* What is said of a job when it begins; NULL: nothing of that. */
static const char *find_beginning(const struct client *c)
{
        static const enum fix_option options[] = {FIX_CATEGORIES,
                                                  FIX_RULES,
                                                  FIX_FILES,
                                                  FIX_EXCLUDE,
                                                  FIX_PHASE,
                                                  FIX_STATE,
                                                  FIX_EFFORT,
                                                  FIX_FRESH,
                                                  FIX_DETACH,
                                                  FIX_INSIGHTS,
                                                  FIX_SPENDING + SPENDING_BUDGET};

        for (size_t i = 0; i < N_ELEMENTS(options); i++)
                if (c->values[options[i]])
                        return fix_options[options[i]].name;
        return NULL;
}

/* Words that do not go together. 0, or an exit code. */
static int check_together(const struct client *c)
{
        bool is_resumed = c->values[FIX_RESUME];
        const char *beginning = is_resumed ? find_beginning(c) : NULL;

        if (is_resumed && c->is_dry_run)
                return client_usage(c, "--resume writes what was made, --dry-run writes nothing: "
                                       "leave out one of them");
        if (beginning)
                return client_usage(c,
                                    "--resume goes on with a job as it was started: leave out --%s",
                                    beginning);
        if (is_resumed && c->n_args > 0)
                return client_usage(c, "--resume goes on with a job as it was started: leave out "
                                       "the ANALYSIS");
        if (!is_resumed && c->n_args == 0)
                return client_usage(c, "name an ANALYSIS, or --resume");
        if (c->values[FIX_DETACH] && !c->is_dry_run &&
            (c->values[FIX_COMMIT] || c->values[FIX_REPORT]))
                return client_usage(c, "--commit and --report come at the end: give them to "
                                       "`genopt fix --resume`, not with --detach");
        return 0;
}

/* A variable that is not set would select, or verify, everything. 0, or an exit code. */
static int check_words(const struct client *c)
{
        for (int i = 0; i < N_FIX_OPTIONS; i++)
                if (c->values[i] && fix_options[i].value && !*c->values[i])
                        return client_usage(c, "--%s is empty", fix_options[i].name);
        for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
                const char *text = c->values[lists[i].option];

                if (text && text[strspn(text, ", ")] == '\0')
                        return client_usage(c, "--%s names nothing",
                                            fix_options[lists[i].option].name);
        }
        return 0;
}

static int cmd_fix(struct client *c)
{
        const char *dir = c->values[FIX_SOURCE] ? c->values[FIX_SOURCE] : ".",
                   *effort = c->values[FIX_EFFORT];
        struct failure *failure = NULL;
        enum commit_style style;
        int code, r;
        uint64_t n;

        for (int i = 0; i < N_FIX_OPTIONS; i++)
                if (c->values[i] && !str_is_utf8(span_of(c->values[i])))
                        return client_usage(c, "words must be UTF-8");
        if (c->n_args > 0 && !str_is_utf8(span_of(c->args[0])))
                return client_usage(c, "words must be UTF-8");
        code = spending_check(c, FIX_SPENDING);
        if (code)
                return code;
        if (effort && (str_to_u64(effort, &n) < 0 || n > 10))
                return client_usage(c, "--max-effort is a number from 0 to 10");
        if (c->values[FIX_TIMEOUT] && (str_to_ms(c->values[FIX_TIMEOUT], &n) < 0 || n == 0))
                return client_usage(c, "--verify-timeout is a time as in 90s or 15m");
        if (c->values[FIX_TIMEOUT] && !c->values[FIX_VERIFY])
                return client_usage(c, "--verify-timeout is of --verify, which is not given");
        if (c->values[FIX_COMMIT] && !find_style(c->values[FIX_COMMIT], &style))
                return client_usage(c, "--commit is per-file, per-rule or at-end");
        code = check_words(c);
        code = code ? code : check_together(c);
        if (code)
                return code;
        r = check_source(dir, &failure);
        r = r ? r : check_report(c, &failure);
        r = r ? r : check_commits(c, dir, &failure);
        r = r || !c->values[FIX_MERGE] ? r : choices_need_git(&failure);
        if (r == 0)
                r = c->values[FIX_RESUME] ? resume(c, dir, &code, &failure)
                                          : fix(c, dir, &code, &failure);
        return r == 0 ? code : client_fail(c, r, failure);
}

const struct command command_fix = {
        .name = "fix",
        .args = "[ANALYSIS] [--source DIR] [OPTION…]",
        .sentence = "repair what an analyser found in source files",
        .detail = "ANALYSIS is what Konveyor's analyser wrote (YAML or JSON), its simplified form, "
                  "or a plan of kantra-ai. What a finding spells out (renamed imports, "
                  "coordinates, XML names) is repaired without a model; the rest is asked for file "
                  "by file, as edits that must fit exactly. A file is written only if it still "
                  "stands as it was read. Findings in dependencies and build outputs are set aside "
                  "and counted. With --dry-run nothing is written and nothing asked: it says what "
                  "would be repaired how, and for how much.",
        .options = fix_options,
        .n_args_max = 1,
        .takes = TAKES_ALL,
        .run = cmd_fix,
};
