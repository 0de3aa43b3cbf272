/* Names of symbols for people, and the crates that Rust's names tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "collect/symbol_name.h"

struct example {
    const char *name, *readable, *crate;
};

static void check(const struct example *examples, size_t count)
{
    char text[512];
    for (size_t i = 0; i < count; i++) {
        ms_symbol_readable(examples[i].name, text, sizeof text);
        assert_string_equal(text, examples[i].readable);
        ms_symbol_crate(examples[i].name, text, sizeof text);
        assert_string_equal(text, examples[i].crate);
    }
}

static void test_c_and_cpp(void **state)
{
    (void)state;
    const struct example examples[] = {
        {"main", "main", ""},
        {"_Dmain", "_Dmain", ""},
        {"", "", ""},
        {"_ZN3app3useEi", "app::use(int)", ""},
        {"_ZNSt6vectorIiSaIiEE9push_backERKi",
         "std::vector<int, std::allocator<int> >::push_back(int const&)", ""},
        {"_Znwm", "operator new(unsigned long)", ""},
        {"_Z", "_Z", ""},
        {"_ZN", "_ZN", ""},
    };
    check(examples, sizeof examples / sizeof examples[0]);
}

/* What a compiler split off or cloned is the function that its source names. */
static void test_suffixes(void **state)
{
    (void)state;
    const struct example examples[] = {
        {"parse.part.0", "parse", ""},
        {"parse.isra.0.cold", "parse", ""},
        {"parse.constprop.2.isra.1", "parse", ""},
        {"parse.llvm.1234567890", "parse", ""},
        {"_ZN3app3useEi.cold", "app::use(int)", ""},
        {"_ZN3app3useEi.lto_priv.0", "app::use(int)", ""},
        {"_Z6workeri.actor", "worker(int) [clone .actor]", ""},
        {"_Z6workeri.resume", "worker(int) [clone .resume]", ""},
        {"counter.1", "counter.1", ""},
        {".cold", ".cold", ""},
        {"memcpy@@GLIBC_2.14", "memcpy@@GLIBC_2.14", ""},
    };
    check(examples, sizeof examples / sizeof examples[0]);
}

static void test_rust_legacy(void **state)
{
    (void)state;
    const struct example examples[] = {
        {"_ZN3app4main17h0123456789abcdefE", "app::main", "app"},
        {"_ZN3app4main17h0123456789abcdefE.llvm.42", "app::main", "app"},
        {"_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place", "core"},
        /* the standard library's trait on a type of the program */
        {"_ZN48_$LT$app..Pile$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
         "<app::Pile as core::fmt::Display>::fmt", "app"},
        /* the program's trait on a type of the standard library */
        {"_ZN55_$LT$alloc..string..String$u20$as$u20$app..Describe$GT$8describe"
         "17h0123456789abcdefE",
         "<alloc::string::String as app::Describe>::describe", "app"},
        {"_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt"
         "17h0123456789abcdefE",
         "<alloc::string::String as core::fmt::Display>::fmt", "alloc"},
        {"_ZN50_$LT$$RF$mut$u20$W$u20$as$u20$core..fmt..Write$GT$9write_str17h0123456789abcdefE",
         "<&mut W as core::fmt::Write>::write_str", "core"},
        /* C++, whatever it looks like */
        {"_ZN3app17h0123456789abcdeZE", "app::h0123456789abcdeZ", ""},
    };
    check(examples, sizeof examples / sizeof examples[0]);
}

static void test_rust_v0(void **state)
{
    (void)state;
    const struct example examples[] = {
        {"_RNvCs1234_7mycrate4main", "mycrate::main", "mycrate"},
        {"_RNvMs_NtCsabc_5alloc3vecINtB4_3VecjE4push", "<alloc::vec::Vec<usize>>::push", "alloc"},
        {"_RNvXCs1_3appNtB2_4PileNtNtCs2_4core3fmt7Display3fmt",
         "<app::Pile as core::fmt::Display>::fmt", "app"},
        {"_RNvXCs1_3appNtNtCs2_5alloc6string6StringNtB2_8Describe8describe",
         "<alloc::string::String as app::Describe>::describe", "app"},
        /* what the trait itself provides is the trait's */
        {"_RNvYjNtNtCs1_4core3cmp3Ord3max", "<usize as core::cmp::Ord>::max", "core"},
        {"_RNvYNtCs2_3app4PileNtNtCs1_4core3cmp3Ord3max", "<app::Pile as core::cmp::Ord>::max",
         "core"},
        {"_RINvNtCs1_4core3ptr13drop_in_placeNtCs2_3app4PileE",
         "core::ptr::drop_in_place::<app::Pile>", "core"},
        {"_RNCNvCs1_3app4main0", "app::main::{closure#0}", "app"},
        {"_RNvCs1_7___rustc12___rust_alloc", "__rustc::__rust_alloc", "__rustc"},
    };
    check(examples, sizeof examples / sizeof examples[0]);
}

/* References to themselves, cut ones, and nests without end. */
static void test_hostile(void **state)
{
    (void)state;
    static char nest[20000];
    char text[64];
    const char *const odd[] = {
        "_R",     "_RN", "_RB_", "_RNvB_1a", "_RNvCs_", "_RNvC9", "_RNvC99999999999999999999a",
        "_RYB_B_"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        ms_symbol_crate(odd[i], text, sizeof text);
        assert_string_equal(text, "");
    }
    memset(nest, 'N', sizeof nest - 1);
    memcpy(nest, "_R", 2);
    ms_symbol_crate(nest, text, sizeof text);
    assert_string_equal(text, "");
    ms_symbol_readable(nest, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_string_equal(text + sizeof text - 4, "...");
}

/* Each argument is twice the one before: 2^40 letters, of which the first are taken at once. */
static void test_name_that_explodes(void **state)
{
    (void)state;
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char name[1024] = "_Z1f1a1bIS_S_E";
    char text[64];
    for (unsigned i = 1; i <= 40; i++) {
        char last[8];
        (void)snprintf(last, sizeof last, i < 36 ? "S%c_" : "S1%c_", digits[i % 36]);
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), "S0_I%s%sE", last, last);
    }
    ms_symbol_readable(name, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_string_equal(text + sizeof text - 4, "...");
    assert_memory_equal(text, "f(a, b<a, a>, b<b<a, a>", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c_and_cpp),   cmocka_unit_test(test_suffixes),
        cmocka_unit_test(test_rust_legacy), cmocka_unit_test(test_rust_v0),
        cmocka_unit_test(test_hostile),     cmocka_unit_test(test_name_that_explodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
