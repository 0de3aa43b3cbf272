/* A folder that stands for /proc or /sys: files are written into it as kernels write them. */
#ifndef TESTS_COLLECT_TREE_H
#define TESTS_COLLECT_TREE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree[64];

static __attribute__((unused)) void tree_begin(void)
{
    (void)snprintf(tree, sizeof tree, "/tmp/memscope-tree.XXXXXX");
    if (mkdtemp(tree) == NULL) {
        abort();
    }
}

static __attribute__((unused)) void tree_end(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", tree);
    if (system(command) != 0) {
        abort();
    }
}

static void tree_folders(const char *path)
{
    char folder[512];
    for (const char *slash = strchr(path + strlen(tree) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        (void)mkdir(folder, 0755);
    }
}

/* `name` ending in "/" makes a folder only. */
static __attribute__((unused)) void tree_put(const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", tree, name);
    tree_folders(path);
    if (path[strlen(path) - 1] == '/') {
        return;
    }
    FILE *file = fopen(path, "w"); /* the same file: kept descriptors see what is new */
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        abort();
    }
}

static __attribute__((unused)) void tree_link(const char *name, const char *target)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", tree, name);
    tree_folders(path);
    if (symlink(target, path) != 0) {
        abort();
    }
}

static __attribute__((unused)) void tree_remove(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", tree, name);
    if (unlink(path) != 0) {
        abort();
    }
}

#endif
