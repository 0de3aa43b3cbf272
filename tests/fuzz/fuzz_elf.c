/*
 * Damaged ELF files: /bin/true in memory, changed as the input says where its headers and tables
 * are (each 12 bytes: which of them, how far in it, how many bytes, the bytes), then read by all
 * that looks into a program before and while it runs. Not libdw, which is not ours, but the
 * unwinder's reader: it looks for segments, rules and build id.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/unwind_file.h"
#include "fuzz.h"
#include "wire/elf.h"
#include "wire/elf_allocator.h"

enum { PATCH_BYTES = 12, PATCHES_MAX = 12, PLACES_MAX = 16, FILE_MAX = 1 << 20 };

const size_t fuzz_bytes_max = PATCH_BYTES * (size_t)PATCHES_MAX;

static uint8_t sound[FILE_MAX];
static size_t sound_bytes;
static int descriptor = -1;
static struct place {
    size_t offset, bytes;
} places[PLACES_MAX];
static size_t place_count;

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

static void add_place(uint64_t offset, uint64_t bytes)
{
    if (place_count < PLACES_MAX && bytes >= 8 && offset < sound_bytes &&
        bytes <= sound_bytes - offset) {
        places[place_count++] = (struct place){(size_t)offset, (size_t)bytes};
    }
}

static void find_places(void)
{
    Elf64_Ehdr header;
    Elf64_Shdr section;
    memcpy(&header, sound, sizeof header);
    add_place(0, sizeof header);
    add_place(header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr));
    add_place(header.e_shoff, (uint64_t)header.e_shnum * sizeof section);
    for (unsigned i = 0; i < header.e_shnum; i++) {
        uint8_t *at = sound + header.e_shoff + i * sizeof section;
        memcpy(&section, at, sizeof section);
        if (section.sh_type == SHT_DYNSYM) { /* it is stripped: one table stands for both */
            section.sh_type = SHT_SYMTAB;
            memcpy(at, &section, sizeof section);
        }
        if (section.sh_type == SHT_DYNAMIC || section.sh_type == SHT_SYMTAB ||
            section.sh_type == SHT_GNU_HASH || section.sh_type == SHT_NOTE ||
            section.sh_type == SHT_STRTAB) {
            add_place(section.sh_offset, section.sh_size);
        }
    }
    add_place(0, sound_bytes);
}

static void take_sound_one(void)
{
    const int file = open("/bin/true", O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = read(file, sound, sizeof sound);
    need(bytes > (ssize_t)sizeof(Elf64_Ehdr) && memcmp(sound, ELFMAG, SELFMAG) == 0);
    close(file);
    sound_bytes = (size_t)bytes;
    find_places();
    descriptor = memfd_create("elf", MFD_CLOEXEC);
    need(descriptor >= 0 && write(descriptor, sound, sound_bytes) == bytes);
}

/* `back`: as it was. */
static void patch(const uint8_t *data, size_t size, bool back)
{
    for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
        const struct place *place = &places[data[0] % place_count];
        const size_t count = 1u << data[1] % 4;
        uint16_t within;
        memcpy(&within, data + 2, sizeof within);
        /* Places of numbers are multiples of their size. */
        const size_t at = place->offset + within % (place->bytes - count + 1) / count * count;
        need(pwrite(descriptor, back ? sound + at : data + 4, count, (off_t)at) == (ssize_t)count);
    }
}

static void look(const struct ms_unwind_file *file)
{
    uint8_t bytes[16];
    uint64_t address;
    for (uint64_t i = 0; i < 8; i++) {
        (void)ms_unwind_file_read(file, file->first + i * 4093, i % 2 == 0, bytes, sizeof bytes);
        (void)ms_unwind_file_read(file, file->end - i, true, bytes, sizeof bytes);
        (void)ms_unwind_file_read(file, UINT64_MAX - i, true, bytes, sizeof bytes);
        (void)ms_unwind_file_address(file, i * 4096, &address);
    }
    (void)ms_unwind_file_read(file, file->table, false, bytes, sizeof bytes);
    need(file->build_id_bytes <= sizeof file->build_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ms_executable found;
    struct ms_unwind_file file;
    const char *name = NULL;
    if (descriptor < 0) {
        take_sound_one();
    }
    patch(data, size, false);
    const bool cut = size > 1 && data[1] >= 0xf0;
    need(!cut || ftruncate(descriptor, (off_t)(sound_bytes * data[0] / 256)) == 0);
    if (ms_executable_read(descriptor, &found) == 0) {
        need(strnlen(found.interpreter, sizeof found.interpreter) < sizeof found.interpreter);
        (void)ms_executable_defines(descriptor, "malloc");
        (void)ms_executable_is_privileged(descriptor, false);
    }
    need(ms_executable_allocator(descriptor, &name) != 1 || name != NULL);
    if (ms_unwind_file_open(&file, descriptor)) {
        look(&file);
        ms_unwind_file_close(&file);
    }
    if (cut) {
        need(pwrite(descriptor, sound, sound_bytes, 0) == (ssize_t)sound_bytes);
    }
    patch(data, size, true);
    return 0;
}
