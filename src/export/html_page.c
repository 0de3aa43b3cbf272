/* The page, as src/export/report/assemble put it together: bytes between two marks. */
#include "export/html_parts.h"

__asm__(".pushsection .rodata\n"
        ".global ms_html_page\n"
        "ms_html_page:\n"
        ".incbin \"" MS_REPORT_PAGE "\"\n"
        ".global ms_html_page_end\n"
        "ms_html_page_end:\n"
        ".byte 0\n"
        ".popsection\n");
