/* Symbol tables of executables: an allocator inside, none, stripped, damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire/elf_allocator.h"

/* Three sections: none, symbols, strings. */
struct image {
    ElfW(Ehdr) header;
    ElfW(Shdr) sections[3];
    ElfW(Sym) symbols[3];
    char strings[64];
};

static struct image image_of(const char *strings, size_t bytes)
{
    struct image image = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
                   .e_shoff = offsetof(struct image, sections),
                   .e_shentsize = sizeof(ElfW(Shdr)),
                   .e_shnum = 3}};
    image.sections[1] = (ElfW(Shdr)){.sh_type = SHT_SYMTAB,
                                     .sh_link = 2,
                                     .sh_offset = offsetof(struct image, symbols),
                                     .sh_size = sizeof image.symbols};
    image.sections[2] = (ElfW(Shdr)){
        .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct image, strings), .sh_size = bytes};
    memcpy(image.strings, strings, bytes);
    return image;
}

static void define(struct image *image, unsigned index, uint32_t name, uint16_t section)
{
    image->symbols[index] = (ElfW(Sym)){
        .st_name = name, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC), .st_shndx = section};
}

static int look(const struct image *image, const char **name)
{
    int descriptor = memfd_create("executable", MFD_CLOEXEC);
    assert_int_equal(write(descriptor, image, sizeof *image), (ssize_t)sizeof *image);
    *name = NULL;
    int result = ms_executable_allocator(descriptor, name);
    close(descriptor);
    return result;
}

static void found_by_name(void **state)
{
    (void)state;
    const char *name;
    static const char strings[] = "\0main\0_rjem_malloc";
    struct image image = image_of(strings, sizeof strings);
    define(&image, 1, 1, 7);
    define(&image, 2, 6, 7);
    assert_int_equal(look(&image, &name), 1);
    assert_string_equal(name, "_rjem_malloc");

    /* The tail of a string is a name too, when a symbol says so: one malloc, and one xmalloc. */
    static const char tail[] = "\0xmalloc";
    image = image_of(tail, sizeof tail);
    define(&image, 1, 1, 7);
    assert_int_equal(look(&image, &name), 0);
    define(&image, 2, 2, 7);
    assert_int_equal(look(&image, &name), 1);
    assert_string_equal(name, "malloc");
}

static void not_defined_here(void **state)
{
    (void)state;
    const char *name;
    static const char strings[] = "\0malloc";
    struct image image = image_of(strings, sizeof strings);
    define(&image, 1, 1, SHN_UNDEF);
    assert_int_equal(look(&image, &name), 0);
    define(&image, 1, 1, 7);
    image.symbols[1].st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT);
    assert_int_equal(look(&image, &name), 0);
}

static void damaged(void **state)
{
    (void)state;
    const char *name;
    static const char strings[] = "\0malloc";
    struct image image = image_of(strings, sizeof strings);
    define(&image, 1, 1, 7);
    assert_int_equal(look(&image, &name), 1);

    struct image broken = image;
    broken.sections[2].sh_size = UINT64_MAX;
    assert_int_equal(look(&broken, &name), 0);
    broken = image;
    broken.sections[2].sh_offset = UINT64_MAX;
    assert_int_equal(look(&broken, &name), 0);
    broken = image;
    broken.sections[1].sh_link = 9;
    assert_int_equal(look(&broken, &name), 0);
    broken = image;
    broken.sections[1].sh_size = 1u << 20;
    assert_int_equal(look(&broken, &name), 0);
    broken = image;
    broken.header.e_shoff = UINT64_MAX - 8;
    assert_int_equal(look(&broken, &name), 0);
    broken = image;
    broken.symbols[1].st_name = UINT32_MAX;
    assert_int_equal(look(&broken, &name), 0);
}

/* A name across the border of two batches of the string table. */
static void across_batches(void **state)
{
    (void)state;
    static struct {
        struct image image;
        char strings[40000];
    } file;
    for (uint32_t at = 16370; at < 16400; at++) {
        memset(file.strings, 'x', sizeof file.strings);
        memcpy(file.strings + at - 1, "\0mi_malloc", 11);
        file.image = image_of("", 1);
        file.image.sections[2].sh_offset = sizeof file.image;
        file.image.sections[2].sh_size = sizeof file.strings;
        define(&file.image, 1, at, 7);
        int descriptor = memfd_create("executable", MFD_CLOEXEC);
        assert_int_equal(write(descriptor, &file, sizeof file), (ssize_t)sizeof file);
        const char *name = NULL;
        assert_int_equal(ms_executable_allocator(descriptor, &name), 1);
        assert_string_equal(name, "mi_malloc");
        close(descriptor);
    }
}

static void real_files(void **state)
{
    (void)state;
    const char *name;
    int descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ms_executable_allocator(descriptor, &name), 0);
    close(descriptor);
    descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ms_executable_allocator(descriptor, &name), 0);
    close(descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_name), cmocka_unit_test(not_defined_here),
        cmocka_unit_test(damaged),       cmocka_unit_test(across_batches),
        cmocka_unit_test(real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
