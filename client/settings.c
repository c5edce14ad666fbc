#include "client/settings.h"

#include <stdlib.h>

#include "common/json.h"

const struct setting setting_table[] = {
        {"GENOPT_OBJECTIVE", "optimization.objective"},
        {"GENOPT_TEMPLATE", "optimization.template"},
        {"ENABLE_TEMPLATES", "optimization.template"},
};
const size_t n_settings = N_ELEMENTS(setting_table);

int settings_from_environment(json_t *options)
{
        for (size_t i = 0; i < n_settings; i++) {
                const char *value = getenv(setting_table[i].variable);
                int r;

                if (!value || !*value)
                        continue;
                r = json_put(options, setting_table[i].option, json_string(value));
                if (r < 0)
                        return r;
        }
        return 0;
}
