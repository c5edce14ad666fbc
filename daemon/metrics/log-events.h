#pragma once
/* The events of the log: names that programs may match on. A line carries one (GENOPT_EVENT under
 * journald) or none. A test compares this table with the code: every name that is logged stands
 * here, and every name here is logged. */

/* name, when */
#define LOG_EVENT_TABLE(X)                                                              \
        X(cache_hit, "a result was found by its key")                                   \
        X(cache_miss, "no result has this key")                                         \
        X(cache_write, "a result was stored")                                           \
        X(cache_cleanup, "old or little used entries were removed")                     \
        X(template_selected, "a task is rendered, not asked for")                       \
        X(template_fallback, "a template could not be used; the model is asked")        \
        X(call_split, "a call does not fit the window; each file is asked for alone")   \
        X(tier_raised, "a prompt does not fit the window; a better tier is asked")      \
        X(provider_passed, "a provider does not answer; the next of the list is asked") \
        X(joined, "another job makes it; this one waits")                               \
        X(not_joined, "the other job did not make it; it is asked for here")            \
        X(held, "calls wait for a limit of their provider's")                           \
        X(kept_late, "its job has left; it is kept for who asks for it next")           \
        X(mended, "a rule mended what an answer lacked")                                \
        X(call_started, "a model is asked")                                             \
        X(call_done, "a model call ended, well or not")                                 \
        X(retry, "something is tried again, with the reason")                           \
        X(job_started, "work on a job begins or goes on")                               \
        X(job_waiting, "a job waits for somebody")                                      \
        X(budget_warning, "a share of a budget is spent")                               \
        X(job_done, "a job ended, in whatever way")                                     \
        X(optimization_summary, "what a run cost, beside the naive plan")               \
        X(retention, "old jobs were removed")
