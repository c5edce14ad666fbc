/* Renderings: for a plan that shows one as a frame, and for the run that delivers them. */

#include <stdio.h>

#include "daemon/plan/planner.h"
#include "daemon/template/template.h"

/* Test builds: GENOPT_TEST_TEMPLATE_FAILS names kinds of files, with commas between, or `all`. */
static bool is_made_to_fail(const struct task *t)
{
#if GENOPT_TESTING
        const char *at = getenv("GENOPT_TEST_TEMPLATE_FAILS");

        while (at && *at) {
                struct span kind = {at, strcspn(at, ",")};

                if (span_is_equal(kind, SPAN("all")) || span_is_equal(kind, span_of(t->kind)))
                        return true;
                at += kind.n + (at[kind.n] == ',');
        }
        return false;
#else
        (void)t;
        return false;
#endif
}

int plan_render(const struct task *t, struct buf *out, struct diag *ret_diag)
{
        if (is_made_to_fail(t)) {
                *ret_diag = (struct diag){0};
                snprintf(ret_diag->text, sizeof(ret_diag->text), "it is made to fail");
                return CONDITION_REFUSED;
        }
        return template_render(t->template, t->context, out, ret_diag);
}

bool plan_base(const struct plan *p, const struct task *t, struct span *ret)
{
        const struct frame *f = p ? &p->frames[t->index] : NULL;

        if (t->base)
                *ret = (struct span){t->base, t->n_base};
        else if (f && f->text)
                *ret = (struct span){f->text, f->n};
        else
                return false;
        return true;
}
