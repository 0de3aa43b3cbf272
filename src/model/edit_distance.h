/* How far apart two words are, as somebody mistypes them. */
#ifndef MS_MODEL_EDIT_DISTANCE_H
#define MS_MODEL_EDIT_DISTANCE_H

#include <stddef.h>

#define MS_EDIT_NAME_MAX 48u

/*
 * Insertions, deletions, changes of one byte and swaps of two neighbours (optimal string
 * alignment, a restricted Damerau-Levenshtein distance) that make `typed` of `name`. Only the first
 * MS_EDIT_NAME_MAX bytes of `name` are looked at. `beginnings` may be NULL; else [x] becomes the
 * distance to the first x bytes of `name`.
 */
size_t ms_edit_distance(const char *typed, const char *name,
                        size_t beginnings[MS_EDIT_NAME_MAX + 1]);

/* So far away a name may be to be meant: one letter in a short word, two in a longer one. */
size_t ms_edit_distance_near(const char *typed);

#endif
