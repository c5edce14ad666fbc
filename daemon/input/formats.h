#pragma once
/* The rows of the table of specification formats (spec.c). */

#include "daemon/input/input.h"

extern const struct spec_format spec_format_fcs;
extern const struct spec_format spec_format_gocreator;
