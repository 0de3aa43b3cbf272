/*
 * What MS_BLOCK_NAMES holds: sections, each begun by one of these. Strings, frames and stacks are
 * numbered in the order in which they are first written; a section of new ones says the number of
 * its first, so that a reader sees what a lost block takes with it.
 *
 * Strings come before what refers to them; number 0 is "". A frame is written again as a whole when
 * something of it changed. A stack shares its outer frames with one of the last
 * MS_NAMES_WINDOW before it, so that neither side need look anything up: among neighbours, which
 * were met about the same time, that is nearly as short as looking among all (cc1plus: 7.1 and 6.9
 * bytes a stack behind zstd -1).
 */
#ifndef MS_RECORD_NAMES_FORMAT_H
#define MS_RECORD_NAMES_FORMAT_H

#define MS_NAMES_WINDOW 16u

enum ms_names_section {
    MS_NAMES_STRINGS = 1, /* first, count, texts */
    MS_NAMES_FRAMES,      /* first, count, frames */
    MS_NAMES_RENAMED,     /* count; gap to the number before, frame */
    MS_NAMES_MODULES,     /* count; id, path, build id, names, why, advice */
    /* first, highest site id before, count; site id - the one before, stacks back to the one that
     * it shares frames with or 0, how many of its outermost, how many more, those from the outside
     * in, each as the difference to the one written before in this section */
    MS_NAMES_STACKS
};

#endif
