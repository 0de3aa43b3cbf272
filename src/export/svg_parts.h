/* Shapes and text of an SVG document, coordinates in pixels. For src/export only. */
#ifndef MS_EXPORT_SVG_PARTS_H
#define MS_EXPORT_SVG_PARTS_H

#include <stddef.h>
#include <stdio.h>

#include "model/model.h"

#define MS_SVG_WIDTH  1000.0
#define MS_SVG_MARGIN 24.0

/* `look`: a class of the style sheet. What does not fit into `width` ends in "..."; 0: no limit. */
void ms_svg_text(FILE *out, double x, double y, double width, const char *look, const char *text);
void ms_svg_box(FILE *out, double x, double y, double width, double height, const char *colour);

struct ms_svg_area {
    double x, y, width, height;
};

/* svg_chart.c: live bytes and resident memory, and CPU below them. */
void ms_svg_timeline(FILE *out, const struct ms_model *model, struct ms_svg_area area);

#endif
