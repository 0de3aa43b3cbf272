/*
 * Hostile names, output and trace of a recording: by the first byte. Whatever the bytes are they
 * are taken or refused, and every stack and name that comes of them can be read to its end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "model/format.h"
#include "model/model.h"
#include "model/restore.h"
#include "record/layout.h"
#include "record/output.h"
#include "record/trace_coder.h"

static void read_names(struct ms_unpack unpack)
{
    struct ms_names *names = ms_names_new();
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    if (names == NULL || model == NULL || ms_names_lend(names, model) != 0) {
        abort();
    }
    (void)ms_names_read(names, &unpack);
    const struct ms_lent_names *lent = ms_model_lent_names(model);
    for (uint32_t id = 1; id < 64; id++) {
        uint32_t depth;
        const uint32_t *stack = lent->stack(lent->context, id, &depth);
        const struct ms_site *site =
            stack == NULL ? NULL : ms_model_restore_site(model, id, 1, stack, depth, 0);
        if (site == NULL) {
            abort();
        }
        (void)ms_site_holds(site, "nowhere");
    }
    ms_model_free(model);
    ms_names_free(names);
}

static bool take(void *context, const struct ms_trace_record *event)
{
    *(uint64_t *)context += event->bytes;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct ms_unpack unpack = ms_unpack_of(data + 1, size - 1);
    if (data[0] % 4 == 0) {
        uint64_t sum = 0;
        uint64_t lost;
        (void)ms_trace_block_read(&unpack, &lost, take, &sum);
    } else if (data[0] % 4 == 1) {
        struct ms_output *output = ms_output_new();
        if (output == NULL) {
            abort();
        }
        (void)ms_output_read(output, &unpack, UINT64_MAX);
        size_t bytes;
        for (size_t i = 0; i < ms_output_line_count(output); i++) {
            (void)ms_output_line(output, i, &bytes);
        }
        ms_output_free(output);
    } else {
        read_names(unpack);
    }
    return 0;
}
