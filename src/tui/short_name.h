/*
 * Long names of functions in few cells. What goes first is what says least: the parameters, then
 * the arguments of templates, then classes and name spaces:
 *
 *   std::vector<std::pair<int, long>, std::allocator<...> >::push_back(std::pair<int, long>&&)
 *   std::vector<…>::push_back(…)
 *   …push_back
 */
#ifndef MS_TUI_SHORT_NAME_H
#define MS_TUI_SHORT_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Stands for what is left out. */
const char *ms_short_name_sign(bool ascii);

/*
 * Fills `out` (always terminated) with at most `cells` characters of `name`, as they come: a
 * character is taken for one cell, so that a name of wide ones may need more. Returns `out`.
 */
char *ms_short_name(char *out, size_t size, const char *name, int cells, bool ascii);

#endif
