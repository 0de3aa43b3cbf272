/* What names code in a region: call stacks, return addresses, modules and strings. */
#include "collect/region_words.h"

uint32_t ms_region_view_stack(const struct ms_region_view *view, uint32_t stack,
                              uint32_t pcs[MS_STACK_DEPTH_MAX], uint32_t *flags)
{
    const uint32_t *words = element(view, MS_AREA_STACKS, stack, sizeof *words);
    *flags = 0;
    if (words == NULL) {
        return 0;
    }
    uint32_t word = LOAD(words);
    uint32_t depth = MS_STACK_DEPTH(word);
    uint32_t beyond = ms_region_view_published(view, MS_AREA_STACKS) - stack - 1;
    if (depth > MS_STACK_DEPTH_MAX || depth > beyond) {
        return 0;
    }
    for (uint32_t i = 0; i < depth; i++) {
        pcs[i] = LOAD(&words[1 + i]);
    }
    *flags = word & ~0xffu;
    return depth;
}

bool ms_region_view_pc(const struct ms_region_view *view, uint32_t index, struct ms_region_pc *copy)
{
    const void *pc = element(view, MS_AREA_PCS, index, sizeof *copy);
    if (pc == NULL) {
        return false;
    }
    copy_words(copy, pc, sizeof *copy);
    return true;
}

bool ms_region_view_module(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_module *copy)
{
    const void *module = element(view, MS_AREA_MODULES, index, sizeof *copy);
    if (module == NULL) {
        return false;
    }
    copy_words(copy, module, sizeof *copy);
    if (copy->build_id_bytes > MS_BUILD_ID_MAX) {
        copy->build_id_bytes = 0;
    }
    return true;
}

size_t ms_region_view_string(const struct ms_region_view *view, uint32_t offset, char *out,
                             size_t size)
{
    size_t length = 0;
    const char *text = element(view, MS_AREA_STRINGS, offset, 1);
    if (text != NULL) {
        uint32_t left = ms_region_view_published(view, MS_AREA_STRINGS) - offset;
        while (length + 1 < size && length < left) {
            char byte = LOAD(&text[length]);
            if (byte == '\0') {
                break;
            }
            out[length++] = byte;
        }
    }
    out[length] = '\0';
    return length;
}
