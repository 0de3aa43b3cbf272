/* Long names in few cells: what says least goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tui/short_name.h"

static void check(const char *name, int cells, const char *expected)
{
    char out[512];
    ms_short_name(out, sizeof out, name, cells, true);
    if (strcmp(out, expected) != 0) {
        fail_msg("%s in %d cells: \"%s\", not \"%s\"", name, cells, out, expected);
    }
    assert_true(strlen(out) <= (size_t)cells);
}

static void test_what_goes_first(void **state)
{
    (void)state;
    static const char name[] =
        "void std::vector<std::pair<int, long>, std::allocator<std::pair<int, long> > >::"
        "push_back<int>(std::pair<int, long>&&) const";
    check(name, 200, name);
    check(name, 110,
          "void std::vector<std::pair<int, long>, std::allocator<std::pair<int, long> > >::"
          "push_back<int>(..) const");
    check(name, 50, "void std::vector<..>::push_back<..>(..) const");
    check("void std::vector<int>::push_back<int>(int)", 36, "std::vector<..>::push_back<..>(..)");
    check("void std::vector<int>::push_back<int>(int)", 28, "..vector<..>::push_back<..>");
    check("void std::vector<int>::push_back<int>(int)", 18, "..push_back<..>");
}

static void test_names_with_brackets_of_their_own(void **state)
{
    (void)state;
    check("operator new(unsigned long)", 20, "operator new(..)");
    check("std::ostream& operator<< <char>(std::ostream&, char)", 30, "operator<< <char>(..)");
    check("Cache::operator()(std::string const&) const", 30, "Cache::operator()(..) const");
    check("Cache::operator->(std::string const&)", 24, "Cache::operator->(..)");
    check("(anonymous namespace)::parse(char const*, long)", 34,
          "(anonymous namespace)::parse(..)");
    check("<alloc::vec::Vec<T> as core::ops::Drop>::drop", 42, "..drop");
    check("core::iter::Map<I, fn(u8) -> u8>::next", 25, "core::iter::Map<..>::next");
}

static void test_plain_names_keep_both_ends(void **state)
{
    (void)state;
    check("a_function_with_a_very_long_name", 20, "a_func..ry_long_name");
    check("short", 5, "short");
    check("short", 0, "");
    check("", 10, "");
}

/* Whatever the brackets, and whatever the room, it ends and stays within. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char signs[] = "<>():-a~ {}[]&,\x80\xe2\xc3operator";
    uint32_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char name[64];
        char out[32];
        const size_t length = (seed >> 8) % (sizeof name - 1);
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525u + 1013904223u;
            name[i] = signs[(seed >> 16) % (sizeof signs - 1)];
        }
        name[length] = '\0';
        ms_short_name(out, sizeof out, name, round % 40, round % 2 == 0);
        assert_true(strlen(out) < sizeof out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_first),
        cmocka_unit_test(test_names_with_brackets_of_their_own),
        cmocka_unit_test(test_plain_names_keep_both_ends),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests_name("short names", tests, NULL, NULL);
}
