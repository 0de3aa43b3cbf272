/*
 * Pages of what is found by an id. Ids are dense but things come and go for days, so pages are
 * freed when all in one are gone; and a damaged recording can name any id, so a high one must cost
 * no more than a low one: two tables lead to each page. For src/model only; as thread-safe as the
 * model.
 */
#ifndef MS_MODEL_ID_PAGES_H
#define MS_MODEL_ID_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define MS_ID_PAGE        1024u /* ids of one page */
#define MS_ID_TABLE_PAGES 2048u
#define MS_ID_TABLES      2048u /* of so many pages each: all ids there are */

/* All zero: empty. */
struct ms_id_pages {
    void **tables[MS_ID_TABLES];
    size_t table_count, page_count;
};

/* NULL: there is none. */
static inline void *ms_id_page(const struct ms_id_pages *pages, uint32_t id)
{
    const uint32_t page = id / MS_ID_PAGE;
    void *const *table = pages->tables[page / MS_ID_TABLE_PAGES];
    return table != NULL ? table[page % MS_ID_TABLE_PAGES] : NULL;
}

/* The page of `id`, made of zeroed `page_bytes` when there is none; NULL without memory. */
void *ms_id_page_make(struct ms_id_pages *pages, uint32_t id, size_t page_bytes);
void ms_id_page_drop(struct ms_id_pages *pages, uint32_t id);
void ms_id_pages_free(struct ms_id_pages *pages);

#endif
