/* What to do about a module whose names are less than they could be. Pure. */
#ifndef MS_COLLECT_SYMBOL_ADVICE_H
#define MS_COLLECT_SYMBOL_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/module.h"

enum ms_packaging { MS_PACKAGING_DEB, MS_PACKAGING_RPM, MS_PACKAGING_OTHER };

struct ms_advice_facts {
    enum ms_packaging packaging;    /* of this machine */
    bool debuginfod;                /* the servers were asked */
    const char *debuginfod_missing; /* asked for, but cannot be: why; NULL */
};

/* By /etc/os-release, or what is given as one. */
enum ms_packaging ms_packaging_of(const char *os_release_path);

/* Writes one sentence without a full stop at its end, "" when there is nothing to say. */
void ms_symbol_advice(const struct ms_module *module, const struct ms_advice_facts *facts,
                      char *out, size_t size);

#endif
