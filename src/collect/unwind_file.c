/* See unwind_file.h. */
#include "collect/unwind_file.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define EH_HEADER_BYTES 12u
#define NOTES_MAX       64u

static const void *at(const struct ms_unwind_file *file, uint64_t offset, uint64_t bytes)
{
    return offset <= file->bytes && bytes <= file->bytes - offset ? file->data + offset : NULL;
}

static void take_segment(struct ms_unwind_file *file, const Elf64_Phdr *header)
{
    if (file->segment_count == MS_UNWIND_SEGMENTS || header->p_memsz == 0 ||
        header->p_vaddr + header->p_memsz < header->p_vaddr) {
        return;
    }
    file->segments[file->segment_count++] =
        (struct ms_unwind_segment){.address = header->p_vaddr,
                                   .file_offset = header->p_offset,
                                   .bytes = header->p_filesz,
                                   .writable = (header->p_flags & PF_W) != 0,
                                   .executable = (header->p_flags & PF_X) != 0};
    if (file->segment_count == 1 || header->p_vaddr < file->first) {
        file->first = header->p_vaddr;
    }
    if (header->p_vaddr + header->p_memsz > file->end) {
        file->end = header->p_vaddr + header->p_memsz;
    }
}

static void take_notes(struct ms_unwind_file *file, const Elf64_Phdr *header)
{
    uint64_t offset = header->p_offset;
    uint64_t left = header->p_filesz;
    for (unsigned i = 0; i < NOTES_MAX && left >= sizeof(Elf64_Nhdr); i++) {
        Elf64_Nhdr note;
        const void *bytes = at(file, offset, sizeof note);
        if (bytes == NULL) {
            return;
        }
        memcpy(&note, bytes, sizeof note);
        const uint64_t name = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        const uint64_t all = sizeof note + name + (((uint64_t)note.n_descsz + 3) & ~UINT64_C(3));
        const char *body = all <= left ? at(file, offset, all) : NULL;
        if (body == NULL) {
            return;
        }
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(body + sizeof note, "GNU", 4) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= MS_BUILD_ID_MAX) {
            file->build_id_bytes = (uint8_t)note.n_descsz;
            memcpy(file->build_id, body + sizeof note + name, note.n_descsz);
            return;
        }
        offset += all;
        left -= all;
    }
}

/* The sorted table of what all compilers and linkers make: 32 bits relative to the header. */
static void take_table(struct ms_unwind_file *file, const Elf64_Phdr *header)
{
    enum { UDATA4 = 0x03, DATA_RELATIVE_SDATA4 = 0x3b };
    const uint8_t *bytes = at(file, header->p_offset, EH_HEADER_BYTES);
    uint32_t entries;
    if (bytes == NULL || bytes[0] != 1 || bytes[2] != UDATA4 || bytes[3] != DATA_RELATIVE_SDATA4) {
        return;
    }
    memcpy(&entries, bytes + 8, sizeof entries);
    if (at(file, header->p_offset + EH_HEADER_BYTES, (uint64_t)entries * 8) != NULL) {
        file->header = header->p_vaddr;
        file->table = header->p_vaddr + EH_HEADER_BYTES;
        file->entries = entries;
    }
}

static bool parse(struct ms_unwind_file *file)
{
    Elf64_Ehdr elf;
    const void *bytes = at(file, 0, sizeof elf);
    if (bytes == NULL) {
        return false;
    }
    memcpy(&elf, bytes, sizeof elf);
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
        elf.e_phentsize != sizeof(Elf64_Phdr)) {
        return false;
    }
    for (unsigned i = 0; i < elf.e_phnum; i++) {
        Elf64_Phdr header;
        bytes = at(file, elf.e_phoff + (uint64_t)i * sizeof header, sizeof header);
        if (bytes == NULL) {
            return file->segment_count > 0;
        }
        memcpy(&header, bytes, sizeof header);
        if (header.p_type == PT_LOAD) {
            take_segment(file, &header);
        } else if (header.p_type == PT_NOTE && file->build_id_bytes == 0) {
            take_notes(file, &header);
        } else if (header.p_type == PT_GNU_EH_FRAME) {
            take_table(file, &header);
        }
    }
    return file->segment_count > 0;
}

bool ms_unwind_file_open(struct ms_unwind_file *file, int descriptor)
{
    struct stat status;
    *file = (struct ms_unwind_file){.data = NULL};
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0) {
        return false;
    }
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    file->data = data;
    file->bytes = (size_t)status.st_size;
    file->mapped = true;
    if (!parse(file)) {
        ms_unwind_file_close(file);
        return false;
    }
    return true;
}

bool ms_unwind_file_open_image(struct ms_unwind_file *file, const void *image, size_t bytes)
{
    *file = (struct ms_unwind_file){.data = image, .bytes = bytes};
    return parse(file);
}

void ms_unwind_file_close(struct ms_unwind_file *file)
{
    if (file->mapped) {
        (void)munmap((void *)(uintptr_t)file->data, file->bytes);
    }
    *file = (struct ms_unwind_file){.data = NULL};
}

bool ms_unwind_file_read(const struct ms_unwind_file *file, uint64_t address, bool as_linked,
                         void *out, size_t bytes)
{
    for (uint32_t i = 0; i < file->segment_count; i++) {
        const struct ms_unwind_segment *segment = &file->segments[i];
        const uint64_t offset = address - segment->address;
        if (address >= segment->address && offset < segment->bytes &&
            bytes <= segment->bytes - offset && (as_linked || !segment->writable)) {
            const void *from = at(file, segment->file_offset + offset, bytes);
            if (from != NULL) {
                memcpy(out, from, bytes);
            }
            return from != NULL;
        }
    }
    return false;
}

bool ms_unwind_file_address(const struct ms_unwind_file *file, uint64_t file_offset,
                            uint64_t *address)
{
    for (uint32_t i = 0; i < file->segment_count; i++) {
        const struct ms_unwind_segment *segment = &file->segments[i];
        /* Mappings begin at pages, and so before the segment. */
        const uint64_t begin = segment->file_offset & ~UINT64_C(4095);
        if (segment->executable && file_offset >= begin &&
            file_offset - begin < segment->bytes + (segment->file_offset - begin)) {
            *address = segment->address - segment->file_offset + file_offset;
            return true;
        }
    }
    return false;
}
