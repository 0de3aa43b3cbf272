#include "export/html_escape.h"

#include <stdbool.h>
#include <string.h>

#include "model/format.h"

void ms_html_escape(FILE *out, const char *text)
{
    char safe[4096];
    const size_t bytes = ms_format_safe(safe, sizeof safe, text, strlen(text), true);
    for (size_t i = 0; i < bytes; i++) {
        if (strchr("&<>\"'", safe[i]) != NULL) {
            (void)fprintf(out, "&#%d;", safe[i]);
        } else {
            (void)fputc(safe[i], out);
        }
    }
}
