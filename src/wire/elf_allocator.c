/* Names first, symbols after: most of both tables is read once and looked at in passing. */
#include "wire/elf_allocator.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wire/elf.h"

enum {
    SECTIONS_MAX = 4096,
    PLACES_MAX = 512,
    BATCH_BYTES = 16384,
    LONGEST = 32,
    TABLE_BYTES_MAX = 64 << 20
};

/* The most telling first. */
static const char *const names[] = {"_rjem_malloc", "je_malloc",        "mi_malloc",
                                    "tc_malloc",    "runtime.mallocgc", "malloc"};
#define NAMES (sizeof names / sizeof names[0])

/* Where in the string table one of the names ends a string: a linker lets strings share tails. */
struct places {
    size_t count;
    uint32_t offset[PLACES_MAX]; /* ascending */
    uint8_t name[PLACES_MAX];
};

/* Section header of the symbol table, and of its strings. 1: found. */
static int find_sections(int descriptor, ElfW(Shdr) * symbols, ElfW(Shdr) * strings)
{
    ElfW(Ehdr) header;
    int error = ms_executable_bytes(descriptor, &header, sizeof header, 0);
    if (error != 0 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        header.e_shentsize != sizeof *symbols) {
        return error == -ENOEXEC ? 0 : error;
    }
    for (unsigned i = 0; i < header.e_shnum && i < SECTIONS_MAX; i++) {
        error = ms_executable_bytes(descriptor, symbols, sizeof *symbols,
                                    header.e_shoff + (uint64_t)i * sizeof *symbols);
        if (error != 0) {
            return error == -ENOEXEC ? 0 : error;
        }
        if (symbols->sh_type != SHT_SYMTAB) {
            continue;
        }
        error = symbols->sh_link >= header.e_shnum
                    ? -ENOEXEC
                    : ms_executable_bytes(descriptor, strings, sizeof *strings,
                                          header.e_shoff +
                                              (uint64_t)symbols->sh_link * sizeof *strings);
        bool fits = error == 0 && symbols->sh_size <= TABLE_BYTES_MAX &&
                    strings->sh_size <= TABLE_BYTES_MAX;
        return fits ? 1 : 0;
    }
    return 0;
}

/* Notes each name that the string ending at `end` ends in; `text` begins at table offset `base`. */
static void note_names(struct places *places, const char *text, size_t end, uint64_t base)
{
    for (size_t name = 0; name < NAMES; name++) {
        size_t length = strlen(names[name]);
        if (end >= length && places->count < PLACES_MAX &&
            memcmp(text + end - length, names[name], length) == 0) {
            places->offset[places->count] = (uint32_t)(base + end - length);
            places->name[places->count++] = (uint8_t)name;
        }
    }
}

static int read_names(int descriptor, const ElfW(Shdr) * strings, struct places *places)
{
    /* The tail of the batch before lies in front of each batch. */
    char text[LONGEST + BATCH_BYTES] = "";
    for (uint64_t done = 0; done < strings->sh_size;) {
        size_t bytes =
            strings->sh_size - done < BATCH_BYTES ? strings->sh_size - done : BATCH_BYTES;
        int error =
            ms_executable_bytes(descriptor, text + LONGEST, bytes, strings->sh_offset + done);
        if (error != 0) {
            return error;
        }
        size_t end = LONGEST + bytes;
        for (size_t at = LONGEST; at < end; at++) {
            const char *zero = memchr(text + at, '\0', end - at);
            if (zero == NULL) {
                break;
            }
            at = (size_t)(zero - text);
            note_names(places, text, at, done - LONGEST);
        }
        memmove(text, text + bytes, LONGEST);
        done += bytes;
    }
    return 0;
}

/* Which name begins at `offset` of the string table; NAMES: none. A later name is part of an
 * earlier one's tail, never at the same offset. */
static size_t name_at(const struct places *places, uint32_t offset)
{
    for (size_t low = 0, high = places->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (places->offset[middle] == offset) {
            return places->name[middle];
        }
        if (places->offset[middle] < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NAMES;
}

static int read_symbols(int descriptor, const ElfW(Shdr) * symbols, const struct places *places,
                        size_t *best)
{
    ElfW(Sym) batch[256];
    for (uint64_t done = 0; done + sizeof batch[0] <= symbols->sh_size;) {
        uint64_t left = symbols->sh_size - done;
        size_t count = left < sizeof batch ? (size_t)left / sizeof batch[0] : 256;
        int error = ms_executable_bytes(descriptor, batch, count * sizeof batch[0],
                                        symbols->sh_offset + done);
        if (error != 0) {
            return error;
        }
        for (size_t i = 0; i < count; i++) {
            if (ELF64_ST_TYPE(batch[i].st_info) == STT_FUNC && batch[i].st_shndx != SHN_UNDEF) {
                size_t name = name_at(places, batch[i].st_name);
                *best = name < *best ? name : *best;
            }
        }
        done += count * sizeof batch[0];
    }
    return 0;
}

int ms_executable_allocator(int descriptor, const char **name)
{
    ElfW(Shdr) symbols;
    ElfW(Shdr) strings;
    struct places places = {.count = 0};
    size_t best = NAMES;
    int result = find_sections(descriptor, &symbols, &strings);
    if (result <= 0) {
        return result;
    }
    result = read_names(descriptor, &strings, &places);
    if (result == 0 && places.count > 0) {
        result = read_symbols(descriptor, &symbols, &places, &best);
    }
    if (result != 0) {
        return result == -ENOEXEC ? 0 : result;
    }
    *name = best < NAMES ? names[best] : NULL;
    return best < NAMES;
}
