/*
 * What a reader needs to know before anything else (MS_BLOCK_ABOUT), and the tables of fields by
 * which the blocks of this recording are read. For src/record only.
 */
#ifndef MS_RECORD_ABOUT_H
#define MS_RECORD_ABOUT_H

#include "record/layout.h"

#define MS_ABOUT_TEXT_MAX 512u

struct ms_about {
    char recorded_by[MS_ABOUT_TEXT_MAX], program[MS_ABOUT_TEXT_MAX], host[MS_ABOUT_TEXT_MAX];
    uint64_t interval_ns, start_ns, start_unix_ns;
    struct ms_fields_map **maps[MS_PART_TOTAL]; /* NULL-terminated; NULL: the part is not in it */
};

/* `hide_arguments`: the name of the program does not come from its arguments. */
void ms_about_write(struct ms_pack *pack, const struct ms_model *model, const char *recorded_by,
                    bool hide_arguments);
/* 0, -ENOMEM or -EBADMSG: then it is empty. */
int ms_about_read(struct ms_about *about, struct ms_unpack *unpack);
void ms_about_free(struct ms_about *about); /* what it holds */

#endif
