/* See debug_file.h. */
#include "collect/debug_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_ROOT "/usr/lib/debug"

static const struct ms_file_root own_root;

static bool has_build_id(int descriptor, const uint8_t *build_id, size_t bytes)
{
    Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
    const void *bits;
    ssize_t found = elf == NULL ? -1 : dwelf_elf_gnu_build_id(elf, &bits);
    bool equal = found > 0 && (size_t)found == bytes && memcmp(bits, build_id, bytes) == 0;
    elf_end(elf);
    return equal;
}

/* CRC-32 as of zlib and ISO 3309, over the whole file: what .gnu_debuglink holds. */
static bool has_checksum(int descriptor, uint32_t wanted)
{
    static uint32_t table[256];
    static unsigned char buffer[65536];
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t rest = i;
            for (int bit = 0; bit < 8; bit++) {
                rest = (rest & 1) != 0 ? rest >> 1 ^ UINT32_C(0xedb88320) : rest >> 1;
            }
            table[i] = rest;
        }
    }
    uint32_t sum = UINT32_MAX;
    off_t at = 0;
    ssize_t bytes;
    while ((bytes = pread(descriptor, buffer, sizeof buffer, at)) > 0) {
        for (ssize_t i = 0; i < bytes; i++) {
            sum = table[(sum ^ buffer[i]) & 0xff] ^ sum >> 8;
        }
        at += bytes;
    }
    return bytes == 0 && (sum ^ UINT32_MAX) == wanted;
}

static int open_by_build_id(const struct ms_file_root *root, const uint8_t *build_id, size_t bytes,
                            char *path, size_t size)
{
    char hex[2 * 64 + 1];
    if (bytes < 2 || bytes > 64) {
        return -1;
    }
    for (size_t i = 0; i < bytes; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
    }
    (void)snprintf(path, size, DEBUG_ROOT "/.build-id/%.2s/%s.debug", hex, hex + 2);
    int descriptor = ms_file_root_open(root, path);
    if (descriptor >= 0 && !has_build_id(descriptor, build_id, bytes)) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

static bool belongs(const struct ms_debug_wanted *wanted, int descriptor)
{
    return wanted->build_id_bytes > 0
               ? has_build_id(descriptor, wanted->build_id, wanted->build_id_bytes)
               : has_checksum(descriptor, wanted->link_checksum);
}

/* `folder` is where the stripped file lies, by one of its names. */
static int open_by_link(const struct ms_debug_wanted *wanted, const struct ms_file_root *root,
                        const char *folder, int folder_bytes, char *path, size_t size)
{
    static const struct {
        const char *before, *between;
    } places[] = {{"", "/"}, {"", "/.debug/"}, {DEBUG_ROOT, "/"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int length = snprintf(path, size, "%s%.*s%s%s", places[i].before, folder_bytes, folder,
                              places[i].between, wanted->link);
        if (length < 0 || (size_t)length >= size) {
            continue;
        }
        int descriptor = ms_file_root_open(root, path);
        if (descriptor >= 0 && belongs(wanted, descriptor)) {
            return descriptor;
        }
        if (descriptor >= 0) {
            close(descriptor);
        }
    }
    return -1;
}

static int folder_bytes(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (int)(slash - path);
}

static int find_in(const struct ms_debug_wanted *wanted, const struct ms_file_root *root,
                   char *path, size_t size)
{
    int descriptor = open_by_build_id(root, wanted->build_id, wanted->build_id_bytes, path, size);
    /* A link is a plain name: one with a slash would lead elsewhere. */
    if (descriptor >= 0 || wanted->link == NULL || wanted->link[0] == '\0' ||
        strchr(wanted->link, '/') != NULL) {
        return descriptor;
    }
    int bytes = folder_bytes(wanted->path);
    descriptor = open_by_link(wanted, root, wanted->path, bytes, path, size);
    if (descriptor < 0 && wanted->real_path[0] == '/') {
        descriptor = open_by_link(wanted, root, wanted->real_path, folder_bytes(wanted->real_path),
                                  path, size);
    }
    /* /lib is a link to /usr/lib nearly everywhere, and packages know either name. */
    char merged[PATH_MAX];
    if (descriptor < 0 && strncmp(wanted->path, "/lib", 4) == 0 &&
        (size_t)snprintf(merged, sizeof merged, "/usr%s", wanted->path) < sizeof merged) {
        descriptor = open_by_link(wanted, root, merged, folder_bytes(merged), path, size);
    }
    return descriptor;
}

int ms_debug_file_find(const struct ms_debug_wanted *wanted, char *found, size_t size)
{
    int descriptor = find_in(wanted, wanted->root, found, size);
    if (descriptor < 0 && wanted->root->pinned) {
        descriptor = find_in(wanted, &own_root, found, size);
    }
    return descriptor;
}

static int find_shared_in(const struct ms_file_root *root, const char *debug_path, const char *link,
                          const uint8_t *build_id, size_t build_id_bytes)
{
    char path[PATH_MAX];
    int descriptor = open_by_build_id(root, build_id, build_id_bytes, path, sizeof path);
    if (descriptor >= 0) {
        return descriptor;
    }
    int length = link[0] == '/' ? snprintf(path, sizeof path, "%s", link)
                                : snprintf(path, sizeof path, "%.*s/%s", folder_bytes(debug_path),
                                           debug_path, link);
    descriptor = length > 0 && (size_t)length < sizeof path ? ms_file_root_open(root, path) : -1;
    if (descriptor >= 0 && !has_build_id(descriptor, build_id, build_id_bytes)) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

int ms_debug_file_find_shared(const struct ms_file_root *root, const char *debug_path,
                              const char *link, const uint8_t *build_id, size_t build_id_bytes)
{
    int descriptor = find_shared_in(root, debug_path, link, build_id, build_id_bytes);
    if (descriptor < 0 && root->pinned) {
        descriptor = find_shared_in(&own_root, debug_path, link, build_id, build_id_bytes);
    }
    return descriptor;
}
