/* Hostile names of symbols: the parts of ours, the demangler beneath runs in the worker only. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collect/symbol_name.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const begins[] = {"_R",  "_RNvC",      "_RNvX", "_RNvYI",
                                         "_ZN", "_ZN20_$LT$", "x"};
    /* Letters that mean something, so that more than the first one is looked at. */
    static const char letters[] = "CNMXYIBRQPOSATFDEKLsu_0123456789abcdefhijklmnopqrtvwxyz$.";
    char crate[64];
    if (size < 2) {
        return 0;
    }
    const char *begin = begins[data[0] % (sizeof begins / sizeof begins[0])];
    size_t count = strlen(begin);
    char *name = malloc(count + size);
    if (name == NULL) {
        return 0;
    }
    memcpy(name, begin, count);
    for (size_t i = 1; i < size; i++) {
        name[count++] = letters[data[i] % (sizeof letters - 1)];
    }
    name[count] = '\0';
    ms_symbol_crate(name, crate, sizeof crate);
    if (strnlen(crate, sizeof crate) == sizeof crate) {
        abort();
    }
    char text[32];
    name[0] = 'x';
    ms_symbol_readable(name, text, sizeof text);
    if (strnlen(text, sizeof text) == sizeof text) {
        abort();
    }
    free(name);
    return 0;
}
