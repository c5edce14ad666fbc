#pragma once
/* Beside libcurl's own functions, which curl-late.c provides under their own names. */

/* Of libcurl or a library that it has loaded, not of this program; NULL: there is none, or libcurl
 * is not loaded yet. */
void *curl_late_symbol(const char *name);
