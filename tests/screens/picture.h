/*
 * What a screen draws, compared as text with tests/screens/expected/NAME-COLUMNSxROWS.txt. With
 * MS_UPDATE_EXPECTED set the files are written anew: look at them before they are committed.
 */
#ifndef MS_TESTS_SCREENS_PICTURE_H
#define MS_TESTS_SCREENS_PICTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

static inline char *picture_read(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, 200000);
    assert_non_null(text);
    const size_t bytes = fread(text, 1, 199999, file);
    text[bytes] = '\0';
    fclose(file);
    return text;
}

static inline void picture_check(struct world *world, const char *name, int rows, int columns)
{
    world_size(world, rows, columns);
    char *drawn = world_draw(world);
    char path[256];
    snprintf(path, sizeof path, "tests/screens/expected/%s-%dx%d.txt", name, columns, rows);
    if (getenv("MS_UPDATE_EXPECTED") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(drawn, file);
        assert_int_equal(fclose(file), 0);
    }
    char *expected = picture_read(path);
    if (expected == NULL) {
        fail_msg("%s is missing (tests run in the root of the source tree)", path);
    }
    if (strcmp(drawn, expected) != 0) {
        fail_msg("%s differs; drawn was:\n%s", path, drawn);
    }
    free(expected);
    free(drawn);
}

/* Usual, large and small, which has so many rows. */
static inline void picture_check_sizes(struct world *world, const char *name, int small_rows)
{
    picture_check(world, name, 24, 80);
    picture_check(world, name, 40, 120);
    picture_check(world, name, small_rows, 40);
}

static inline void picture_check_says(struct world *world, const char *what, bool there)
{
    char *drawn = world_draw(world);
    if ((strstr(drawn, what) != NULL) != there) {
        fail_msg("\"%s\" is %s in:\n%s", what, there ? "not" : "wrongly", drawn);
    }
    free(drawn);
}

#endif
