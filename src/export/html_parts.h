/* The parts of the report for a browser, a file each. For src/export only. */
#ifndef MS_EXPORT_HTML_PARTS_H
#define MS_EXPORT_HTML_PARTS_H

#include "export/chosen.h"
#include "export/html.h"
#include "export/html_block.h"
#include "export/html_texts.h"

/* What all parts are written from; each returns 0 or -errno. */
struct ms_html {
    FILE *out;
    const struct ms_model *model;
    const struct ms_export_options *options;
    uint32_t sections;
    struct ms_chosen chosen; /* threads that are in the report: they pass all rules */
    struct ms_html_texts *texts;
    /* What was left out, for the page to say. */
    uint64_t threads, threads_filtered;
    uint64_t sites, sites_kept;
    uint64_t usages, usages_kept;
    uint64_t series, series_kept, points;
    uint64_t done, all; /* for progress */
};

/* -ECANCELED when whoever waits for it does no more. */
int ms_html_progress(struct ms_html *html, uint64_t more);

int ms_html_threads(struct ms_html *html); /* html_threads.c */
int ms_html_sites(struct ms_html *html);   /* html_sites.c */
int ms_html_series(struct ms_html *html);  /* html_series.c */

/* The page as it was built, see src/export/report/assemble. */
extern const char ms_html_page[];
extern const char ms_html_page_end[];

#endif
