#include "model/module.h"

#include <stdio.h>
#include <string.h>

#include "model/internal.h"

static const struct {
    const char *name, *word;
} texts[] = {
#define MS_MODULE_NAMES_ROW(id, name, word) {name, word},
    MS_MODULE_NAMES(MS_MODULE_NAMES_ROW)
#undef MS_MODULE_NAMES_ROW
};

const char *ms_module_names_name(enum ms_module_names names)
{
    return texts[names].name;
}

const char *ms_module_names_word(enum ms_module_names names)
{
    return texts[names].word;
}

static const struct ms_chunks *modules_of(const struct ms_model *model)
{
    return model->lent != NULL ? model->lent->modules : &model->modules;
}

size_t ms_model_module_count(const struct ms_model *model)
{
    return modules_of(model)->count;
}

const struct ms_module *ms_model_module(const struct ms_model *model, size_t index)
{
    return ms_chunks_at(modules_of(model), index);
}

struct ms_module *ms_model_module_by_id(struct ms_model *model, uint32_t id)
{
    return id == 0 || id > model->modules.count ? NULL : ms_chunks_at(&model->modules, id - 1);
}

const struct ms_module *ms_model_module_of(const struct ms_model *model,
                                           const struct ms_frame *frame)
{
    const uint32_t id = frame->module_id;
    return id == 0 || id > modules_of(model)->count ? NULL : ms_model_module(model, id - 1);
}

struct ms_module *ms_model_module_mutable(struct ms_model *model, const char *path,
                                          const uint8_t *build_id, size_t build_id_bytes)
{
    char hex[41] = "";
    for (size_t i = 0; i < build_id_bytes && i < sizeof hex / 2; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
    }
    const char *kept_path = ms_model_string(model, path);
    const char *kept_hex = ms_model_string(model, hex);
    if (kept_path == NULL || kept_hex == NULL) {
        return NULL;
    }
    /* Interned: equal texts are equal pointers. There are a few hundred modules at most. */
    for (size_t i = 0; i < model->modules.count; i++) {
        struct ms_module *known = ms_chunks_at(&model->modules, i);
        if (known->path == kept_path && known->build_id == kept_hex) {
            return known;
        }
    }
    struct ms_module *module = ms_chunks_add(&model->modules);
    if (module != NULL) {
        *module = (struct ms_module){.id = (uint32_t)model->modules.count,
                                     .path = kept_path,
                                     .build_id = kept_hex,
                                     .names = MS_NAMES_ASKING,
                                     .advice = ""};
    }
    return module;
}
