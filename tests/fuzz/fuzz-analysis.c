/* Analyses of others: what is read keeps what it promises, and finding where it lies never fails.
 */

#include "daemon/input/analysis.h"
#include "daemon/input/fix-place.h"
#include "daemon/input/fix-state.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The same bytes as a state of another's. */
static void check_state(struct span text)
{
        static const char plan[] =
                "violations: [{id: a, incidents: [{uri: 'file:///x/A.java', lineNumber: 3}]}]\n";
        struct fix_state_counts counts = {0};
        struct failure *failure = NULL;
        struct analysis *a = NULL;
        uint8_t *states = NULL;
        int r = analysis_read(span_of(plan), "x", &a, &failure);

        if (r != 0)
                abort();
        r = fix_state_read(text, "x", a, &states, &counts, &failure);
        if (r < 0 || (r > 0) != (failure != NULL) || (r == 0 && states[0] > INCIDENT_FAILED))
                abort();
        failure_free(failure);
        free(states);
        analysis_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        static const char *const paths[] = {"pom.xml", "src/A.java", "src/b c.java"};
        struct failure *failure = NULL;
        struct analysis *a = NULL;
        struct place *places = NULL;
        char *prefix = NULL;
        int r = analysis_read((struct span){(const char *)bytes, n}, "x", &a, &failure);

        if (r < 0 || (r > 0) != (failure != NULL) || (r > 0 && !failure->where))
                abort();
        failure_free(failure);
        check_state((struct span){(const char *)bytes, n});
        if (r)
                return 0;
        for (size_t i = 0; i < a->n_incidents; i++)
                if (a->incidents[i].rule >= a->n_rules || !a->incidents[i].uri ||
                    !a->incidents[i].message || !a->rules[a->incidents[i].rule].id)
                        abort();
        if (places_of(a, paths, N_ELEMENTS(paths), &places, &prefix) != 0)
                abort();
        for (size_t i = 0; i < a->n_incidents; i++)
                if (places[i].kind >= N_PLACE_KINDS || places[i].file >= N_ELEMENTS(paths))
                        abort();
        free(places);
        free(prefix);
        analysis_free(a);
        return 0;
}
