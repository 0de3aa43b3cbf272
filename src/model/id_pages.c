#include "model/id_pages.h"

#include <stdlib.h>

void *ms_id_page_make(struct ms_id_pages *pages, uint32_t id, size_t page_bytes)
{
    const uint32_t number = id / MS_ID_PAGE;
    void ***table = &pages->tables[number / MS_ID_TABLE_PAGES];
    if (*table == NULL) {
        *table = calloc(MS_ID_TABLE_PAGES, sizeof(**table));
        if (*table == NULL) {
            return NULL;
        }
        pages->table_count++;
    }
    void **page = &(*table)[number % MS_ID_TABLE_PAGES];
    if (*page == NULL) {
        *page = calloc(1, page_bytes);
        pages->page_count += *page != NULL;
    }
    return *page;
}

void ms_id_page_drop(struct ms_id_pages *pages, uint32_t id)
{
    const uint32_t number = id / MS_ID_PAGE;
    void **page = &pages->tables[number / MS_ID_TABLE_PAGES][number % MS_ID_TABLE_PAGES];
    free(*page);
    *page = NULL;
    pages->page_count--;
}

void ms_id_pages_free(struct ms_id_pages *pages)
{
    for (size_t i = 0; i < MS_ID_TABLES; i++) {
        void **table = pages->tables[i];
        for (size_t page = 0; table != NULL && page < MS_ID_TABLE_PAGES; page++) {
            if (table[page] != NULL) { /* seldom */
                free(table[page]);
            }
        }
        if (table != NULL) {
            free(table);
        }
        pages->tables[i] = NULL;
    }
}
