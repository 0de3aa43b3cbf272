/* Regions of a file that is proven not to shrink, mapped read-only. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "collect/region_words.h"
#include "wire/layout.h"

#define WINDOW_MAX_BYTES (UINT64_C(256) << 20)

int ms_region_mapping_open(struct ms_region_mapping *file, int descriptor)
{
    *file = (struct ms_region_mapping){0};
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
        return -EPROTO;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode) || status.st_size < 0 ||
        (uint64_t)status.st_size != ms_region_file_bytes()) {
        return -EPROTO;
    }
    size_t bytes = (size_t)ms_region_bytes(0);
    void *base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (base == MAP_FAILED) {
        return -errno;
    }
    /* A restarted symbolizer needs none of this; a core file of ours would be huge. */
    (void)madvise(base, bytes, MADV_DONTFORK);
    (void)madvise(base, bytes, MADV_DONTDUMP);
    file->base = base;
    file->bytes = bytes;
    struct ms_region_view view;
    int result = ms_region_view_init(&view, file, 0);
    if (result != 0) {
        ms_region_mapping_close(file);
    }
    return result;
}

int ms_region_mapping_open_slot(struct ms_region_mapping *slot_mapping,
                                const struct ms_region_mapping *file, uint32_t slot)
{
    *slot_mapping = (struct ms_region_mapping){0};
    if (slot == 0 || slot > MS_REGION_SLOTS) {
        return -EINVAL;
    }
    struct ms_region_window window = {0, file->bytes};
    struct ms_region_window next = window;
    unsigned char *base = (unsigned char *)(uintptr_t)file->base;
    while (ms_region_window_next(&next, slot, WINDOW_MAX_BYTES)) {
        void *again =
            mremap(base + (next.from - window.from), 0, (size_t)next.bytes, MREMAP_MAYMOVE);
        int error = errno;
        if (base != file->base) {
            (void)munmap(base, (size_t)window.bytes);
        }
        if (again == MAP_FAILED) {
            return -error;
        }
        base = again;
        window = next;
    }
    uint64_t before = ms_region_slot_offset(slot) - window.from;
    if (before > 0) {
        (void)munmap(base, (size_t)before);
    }
    slot_mapping->base = base + before;
    slot_mapping->bytes = ms_region_bytes(slot);
    return 0;
}

void ms_region_mapping_keep_header(struct ms_region_mapping *file)
{
    if (file->base != NULL && file->bytes > MS_PAGE_BYTES &&
        munmap((void *)(uintptr_t)(file->base + MS_PAGE_BYTES),
               (size_t)(file->bytes - MS_PAGE_BYTES)) == 0) {
        file->bytes = MS_PAGE_BYTES;
    }
}

void ms_region_mapping_close(struct ms_region_mapping *file)
{
    if (file->base != NULL) {
        munmap((void *)(uintptr_t)file->base, (size_t)file->bytes);
    }
    *file = (struct ms_region_mapping){0};
}

uint64_t ms_region_mapping_slots_ready(const struct ms_region_mapping *file, uint32_t word)
{
    const struct ms_region_header *header = (const void *)file->base;
    return acquired_u64(LOAD(&header->slots_ready[word]));
}
