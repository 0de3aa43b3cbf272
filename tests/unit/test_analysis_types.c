#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/type_text.h"
#include "analysis/types.h"
#include "analysis_type_stacks.h"

#define TENTH   (MS_SECOND_NS / 10)
#define PROCESS 128

static struct ms_model *new_model(void)
{
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    assert_non_null(model);
    assert_non_null(ms_model_add_process(model, PROCESS));
    return model;
}

static const struct ms_frame *add_frame(struct ms_model *model, const struct stack_frame *frame,
                                        bool debug)
{
    struct ms_frame *added = ms_model_add_frame(model);
    assert_non_null(added);
    added->module = frame->module != NULL ? frame->module : "/opt/program";
    added->crate = "";
    added->function = frame->function;
    added->file = frame->file != NULL ? frame->file : "";
    added->line = debug ? 31 : 0;
    return added;
}

static const struct ms_site *add_site(struct ms_model *model, const struct stack_frame *frames,
                                      bool debug)
{
    const struct ms_frame *added[STACK_FRAMES_MAX];
    uint32_t depth = 0;
    while (depth < STACK_FRAMES_MAX && frames[depth].function != NULL) {
        added[depth] = add_frame(model, &frames[depth], debug);
        depth++;
    }
    const struct ms_site *site = ms_model_add_site(model, PROCESS, added, depth, 0);
    assert_non_null(site);
    return site;
}

static void read_all(struct ms_types *types, const struct ms_model *model)
{
    int more = 1;
    while (more > 0) {
        more = ms_types_update(types, model, SIZE_MAX);
    }
    assert_int_equal(more, 0);
}

/* The type of one stack, read as everybody does it. */
static struct ms_block_type type_of(struct ms_types *types, struct ms_model *model,
                                    const struct stack_frame *frames, bool debug)
{
    struct ms_block_type type;
    const struct ms_site *site = add_site(model, frames, debug);
    assert_int_equal(ms_types_of_site(types, site, &type), -ENOENT);
    read_all(types, model);
    assert_int_equal(ms_types_of_site(types, site, &type), 0);
    return type;
}

static void test_real_stacks(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    struct ms_types *types = ms_types_new();
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(stack_cases) / sizeof(stack_cases[0]); i++) {
        const struct stack_case *expected = &stack_cases[i];
        const struct ms_block_type type = type_of(types, model, expected->frames, expected->debug);
        const bool known = type.family != MS_TYPE_FAMILY_UNKNOWN;
        if (strcmp(known ? type.name : "unknown", expected->type) != 0 ||
            strcmp(ms_type_family_name(type.family), expected->family) != 0 ||
            strcmp(ms_type_trust_name(type.trust), expected->trust) != 0) {
            print_error("%s: %s (%s, %s), expected %s (%s, %s) of %s\n", expected->built, type.name,
                        ms_type_family_name(type.family), ms_type_trust_name(type.trust),
                        expected->type, expected->family, expected->trust,
                        expected->frames[0].function);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    ms_types_free(types);
    ms_model_free(model);
}

struct c_case {
    const char *type, *family, *language;
    struct stack_frame frames[4];
};

static void test_c_and_glib(void **state)
{
    (void)state;
    static const struct c_case cases[] = {
        {"C string", "c_string", "C", {{"__GI___strdup", "libc.so.6", NULL}, {"f", NULL, NULL}}},
        {"FILE", "stream", "C", {{"__fopen_internal", "libc.so.6", NULL}, {"f", NULL, NULL}}},
        {"FILE buffer", "stream", "C", {{"_IO_file_doallocate", "libc.so.6", NULL}}},
        {"DIR",
         "stream",
         "C",
         {{"__alloc_dir", "libc.so.6", NULL}, {"opendir", "libc.so.6", NULL}}},
        {"z_stream state", "object", "C", {{"deflateInit2_", "libz.so.1", NULL}}},
        {"unknown (C malloc)", "unknown", "C", {{"xmalloc", NULL, NULL}, {"build", NULL, NULL}}},
        /* a program's own function that begins like one of libc's */
        {"unknown (C malloc)", "unknown", "C", {{"globals_init", NULL, NULL}}},
        {"unknown (C++ new or malloc)",
         "unknown",
         "C++",
         {{"operator new(unsigned long)", NULL, NULL}, {"Shop::open(int)", NULL, NULL}}},
        {"shop::Order<int>",
         "object",
         "C++",
         {{"shop::Order<int>::operator new(unsigned long)", NULL, NULL}, {"main", NULL, NULL}}},
        {"Order[] (std::allocator)",
         "array",
         "C++",
         {{"Arena<Order>::allocate(unsigned long)", NULL, NULL}, {"main", NULL, NULL}}},
        {"GHashTable",
         "hash_map",
         "GLib",
         {{"g_malloc", "libglib-2.0.so.0", NULL},
          {"", "libglib-2.0.so.0", NULL},
          {"g_hash_table_insert", "libglib-2.0.so.0", NULL},
          {"f", NULL, NULL}}},
        {"GList",
         "container",
         "GLib",
         {{"g_slice_alloc", "libglib-2.0.so.0", NULL},
          {"g_list_append", "libglib-2.0.so.0", NULL}}},
        {"GtkButton",
         "object",
         "GLib",
         {{"g_type_create_instance", "libgobject-2.0.so.0", NULL},
          {"g_object_new", "libgobject-2.0.so.0", NULL},
          {"gtk_button_new_with_label", "libgtk-4.so.1", NULL}}},
        {"GObject",
         "object",
         "GLib",
         {{"g_type_create_instance", "libgobject-2.0.so.0", NULL},
          {"g_object_new", "libgobject-2.0.so.0", NULL},
          {"make", NULL, NULL}}},
        {"unknown (no names in libshop.so)",
         "unknown",
         "",
         {{"", "/usr/lib/libshop.so", NULL}, {"std::vector<int>::f()", NULL, NULL}}},
        {"Vec<corpus::Order>",
         "container",
         "Rust",
         {{"alloc::vec::Vec<corpus::Order, alloc::alloc::Global>::push", NULL, NULL}}},
        {"tokio task<srv::client::{async_fn_env#0}>",
         "task",
         "Rust",
         {{"alloc::boxed::Box<T>::new", NULL, NULL},
          {"tokio::runtime::task::core::Cell<srv::client::{async_fn_env#0}, S>::new", NULL, NULL}}},
        {"Box<srv::run::{async_block_env#0}>",
         "task",
         "Rust",
         {{"<alloc::boxed::Box<srv::run::{async_block_env#0}>>::new", NULL, NULL}}},
    };
    struct ms_model *model = new_model();
    struct ms_types *types = ms_types_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ms_block_type type = type_of(types, model, cases[i].frames, false);
        assert_string_equal(type.name, cases[i].type);
        assert_string_equal(ms_type_family_name(type.family), cases[i].family);
        assert_string_equal(ms_type_language_name(type.language), cases[i].language);
    }
    ms_types_free(types);
    ms_model_free(model);
}

static void test_type_names_for_people(void **state)
{
    (void)state;
    static const struct {
        bool rust;
        const char *raw, *shown;
    } cases[] = {
        {false, "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
         "std::string"},
        {false,
         "std::map<std::__1::basic_string<wchar_t>, Order*, "
         "std::less<std::__1::basic_string<wchar_t>"
         " >, std::allocator<std::pair<std::__1::basic_string<wchar_t> const, Order*> > >",
         "std::map<std::wstring, Order*>"},
        {false, "std::set<int, std::greater<int>, std::allocator<int> >",
         "std::set<int, std::greater<int>>"},
        {false, "std::queue<A, std::deque<A, std::allocator<A> > >", "std::queue<A>"},
        {false, "std::pair<int, std::vector<A, std::allocator<A> > >",
         "std::pair<int, std::vector<A>>"},
        {false, "mine::Box<int, std::allocator<int> >", "mine::Box<int, std::allocator<int>>"},
        {false, "std::function<long (int, char const*)>", "std::function<long (int, char const*)>"},
        {false, "std::map<int, std::vecto", "std::map<int, std::vecto>..."},
        {true, "alloc::vec::Vec<alloc::string::String, alloc::alloc::Global>", "Vec<String>"},
        {true, "std::collections::hash::map::HashMap<u32,my::Key,std::hash::random::RandomState>",
         "HashMap<u32, my::Key>"},
        {true, "alloc::boxed::Box<dyn core::ops::function::Fn(u32) -> bool>",
         "Box<dyn Fn(u32) -> bool>"},
        {true, "(&str, [T; 4])", "(&str, [?; 4])"},
    };
    char out[MS_TYPE_TEXT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ms_slice raw = ms_slice_of(cases[i].raw);
        assert_string_equal(cases[i].rust ? ms_type_text_rust(out, sizeof out, raw)
                                          : ms_type_text_cpp(out, sizeof out, raw),
                            cases[i].shown);
    }
}

static void test_path_of_a_function(void **state)
{
    (void)state;
    static const struct {
        const char *function, *parts; /* joined by | */
        bool called;
    } cases[] = {
        {"void a::B<int>::c<D>(int) const [clone .isra.0]", "a|B|c", true},
        {"std::ostream& operator<< <char>(std::ostream&, char)", "operator<< ", true},
        {"a::(anonymous namespace)::f()", "a|(anonymous namespace)|f", true},
        {"main::{lambda(int)#1}::operator()(int) const", "main|{lambda(int)#1}|operator()", true},
        {"f()::{lambda()#1}::operator()() const", "f()|{lambda()#1}|operator()", true},
        {"<a::B<u8> as c::D>::e::<F>", "a|B|e", false},
        {"std::enable_if<(4) < (5), int>::type f<4>(int)", "f", true},
        {"plain_c", "plain_c", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ms_symbol_path path;
        char joined[256] = "";
        size_t used = 0;
        ms_symbol_path_parse(&path, cases[i].function);
        for (size_t k = 0; k < path.count; k++) {
            used +=
                (size_t)snprintf(joined + used, sizeof joined - used, "%s%.*s", k > 0 ? "|" : "",
                                 (int)path.parts[k].name.bytes, path.parts[k].name.at);
        }
        assert_string_equal(joined, cases[i].parts);
        assert_int_equal(path.called, cases[i].called);
    }
}

/* Whatever stands in a name, and wherever it was cut: no crash, and all that is shown ends. */
static void test_hostile_names(void **state)
{
    (void)state;
    static const char bytes[] = "<>()[]{}:,&* -aT_~\x1b\xff"
                                "operator";
    struct ms_words words = {0};
    struct ms_frame_type type;
    uint32_t seed = 1;
    char name[2048];
    for (int round = 0; round < 20000; round++) {
        const size_t length = (seed >> 8) % 200;
        for (size_t i = 0; i < length; i++) {
            seed = seed * 1664525 + 1013904223;
            name[i] = bytes[(seed >> 16) % (sizeof bytes - 1)];
        }
        memcpy(name + length, round % 2 != 0 ? "" : "std::vector<", round % 2 != 0 ? 1 : 13);
        const struct ms_frame frame = {.module = "m", .function = name, .file = "", .crate = ""};
        assert_int_equal(ms_frame_type_of(&type, &frame, &words), 0);
    }
    for (size_t i = 0; i < sizeof(stack_cases) / sizeof(stack_cases[0]); i++) {
        const char *whole = stack_cases[i].frames[0].function;
        for (size_t cut = 0; cut < strlen(whole); cut += 7) {
            (void)snprintf(name, sizeof name, "%.*s", (int)cut, whole);
            const struct ms_frame frame = {
                .module = "m", .function = name, .file = "", .crate = ""};
            assert_int_equal(ms_frame_type_of(&type, &frame, &words), 0);
        }
    }
    memset(name, '<', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const struct ms_frame deep = {.module = "m", .function = name, .file = "", .crate = ""};
    assert_int_equal(ms_frame_type_of(&type, &deep, &words), 0);
    ms_words_free(&words);
}

static void use(struct ms_model *model, uint32_t thread, uint32_t site, uint64_t blocks,
                uint64_t freed, uint64_t size)
{
    struct ms_usage *usage = ms_model_usage_mutable(model, thread, site);
    assert_non_null(usage);
    usage->allocations = blocks;
    usage->deallocations = freed;
    usage->bytes_allocated = blocks * size;
    usage->bytes_freed = freed * size;
}

static const struct stack_frame vector_frames[STACK_FRAMES_MAX] = {
    {"std::_Vector_base<Order, std::allocator<Order> >::_M_allocate(unsigned long)", NULL, NULL}};
static const struct stack_frame other_vector_frames[STACK_FRAMES_MAX] = {
    {"std::vector<Order, std::allocator<Order> >::reserve(unsigned long)", NULL, NULL},
    {"load()", NULL, NULL}};
static const struct stack_frame c_frames[STACK_FRAMES_MAX] = {{"load", NULL, NULL}};
static const struct stack_frame string_frames[STACK_FRAMES_MAX] = {
    {"std::string::_Rep::_S_create(unsigned long, unsigned long, std::allocator<char> const&)",
     NULL, NULL}};

static const struct ms_type_row *row_named(const struct ms_types *types, const char *name)
{
    for (size_t i = 0; i < ms_types_count(types); i++) {
        if (strcmp(ms_types_at(types, i)->name, name) == 0) {
            return ms_types_at(types, i);
        }
    }
    return NULL;
}

struct sums {
    uint64_t current_bytes, current_blocks, bytes_allocated, allocations, sites;
};

static struct sums sums_of(const struct ms_types *types)
{
    struct sums sums = {0};
    for (size_t i = 0; i < ms_types_count(types); i++) {
        const struct ms_type_row *row = ms_types_at(types, i);
        sums.current_bytes += row->current_bytes;
        sums.current_blocks += row->current_blocks;
        sums.bytes_allocated += row->bytes_allocated;
        sums.allocations += row->allocations;
        sums.sites += row->sites;
    }
    return sums;
}

static void check_total(const struct ms_types *types, struct sums expected)
{
    const struct sums sums = sums_of(types);
    assert_memory_equal(&sums, &expected, sizeof sums);
    assert_int_equal(ms_types_total(types)->current_bytes, expected.current_bytes);
    assert_int_equal(ms_types_total(types)->allocations, expected.allocations);
}

/* Two threads, two sites of one type and three of others, one of them without a stack. */
static struct ms_model *shop(void)
{
    struct ms_model *model = new_model();
    const uint32_t first = ms_model_add_thread(model, PROCESS)->id;
    const uint32_t second = ms_model_add_thread(model, PROCESS)->id;
    use(model, first, add_site(model, vector_frames, false)->id, 10, 4, 100);
    use(model, first, add_site(model, other_vector_frames, false)->id, 3, 0, 1000);
    const uint32_t c = add_site(model, c_frames, false)->id;
    use(model, first, c, 5, 5, 10);
    use(model, second, c, 7, 1, 20);
    use(model, second, add_site(model, string_frames, false)->id, 2, 0, 50);
    use(model, second, ms_model_add_site(model, PROCESS, NULL, 0, MS_SITE_ROOT)->id, 1, 0, 8);
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    return model;
}

static void test_distribution(void **state)
{
    (void)state;
    struct ms_model *model = shop();
    struct ms_types *types = ms_types_new();
    const struct ms_scope all = {0};
    assert_int_equal(ms_types_update(types, model, SIZE_MAX), 0);
    assert_int_equal(ms_types_distribute(types, model, &all, false), 0);
    check_total(types, (struct sums){600 + 3000 + 120 + 100 + 8, 6 + 3 + 6 + 2 + 1,
                                     1000 + 3000 + 50 + 140 + 100 + 8, 10 + 3 + 12 + 2 + 1, 5});
    const struct ms_type_row *vector = ms_types_at(types, 0);
    assert_string_equal(vector->name, "std::vector<Order>");
    assert_string_equal(vector->element, "Order");
    assert_int_equal(vector->current_bytes, 3600);
    assert_int_equal(vector->sites, 2);
    assert_int_equal(vector->trust, MS_TYPE_BEST_EFFORT);
    assert_int_equal(row_named(types, "unknown (C malloc)")->current_blocks, 6);
    assert_int_equal(row_named(types, "unknown (no call stack)")->current_bytes, 8);
    assert_int_equal(ms_types_unknown(types)->current_bytes, 128);
    assert_int_equal(ms_types_row_of_site(types, 2, false), vector->id);
    struct ms_type_site sites[1];
    assert_int_equal(
        ms_types_sites(types, model, &all, vector->id, false, MS_TYPE_FIGURE_LIVE, sites, 1), 2);
    assert_int_equal(sites[0].site_id, 2);
    assert_int_equal(sites[0].sums.current_bytes, 3000);
    assert_int_equal(
        ms_types_sites(types, model, &all, vector->id, false, MS_TYPE_FIGURE_BLOCKS, sites, 1), 2);
    assert_int_equal(sites[0].site_id, 1);

    assert_int_equal(ms_types_distribute(types, model, &all, true), 0);
    assert_int_equal(ms_types_count(types), 3);
    assert_string_equal(ms_types_at(types, 0)->name, "container");
    assert_int_equal(ms_types_row_of_site(types, 2, true), ms_types_at(types, 0)->id);
    ms_types_free(types);
    ms_model_free(model);
}

static void test_scopes(void **state)
{
    (void)state;
    struct ms_model *model = shop();
    struct ms_types *types = ms_types_new();
    assert_int_equal(ms_types_update(types, model, SIZE_MAX), 0);
    const struct ms_scope second = {.thread_id = ms_model_thread(model, 1)->id};
    assert_int_equal(ms_types_distribute(types, model, &second, false), 0);
    check_total(types, (struct sums){120 + 100 + 8, 9, 140 + 100 + 8, 10, 3});
    const struct ms_scope site = {.site_id = 3};
    assert_int_equal(ms_types_distribute(types, model, &site, false), 0);
    check_total(types, (struct sums){120, 6, 190, 12, 1});
    const struct ms_scope nowhere = {.process_id = PROCESS + 1};
    assert_int_equal(ms_types_distribute(types, model, &nowhere, false), 0);
    check_total(types, (struct sums){0});
    ms_types_free(types);
    ms_model_free(model);
}

static void test_names_that_come_later(void **state)
{
    (void)state;
    static const struct stack_frame nameless[STACK_FRAMES_MAX] = {{"", "/lib/libshop.so", NULL}};
    struct ms_model *model = new_model();
    struct ms_types *types = ms_types_new();
    struct ms_block_type type = type_of(types, model, nameless, false);
    assert_string_equal(type.name, "unknown (no names in libshop.so)");
    const struct ms_site *site = ms_model_site(model, 0);
    struct ms_frame *frame = (struct ms_frame *)(uintptr_t)ms_site_frame(site, 0);
    frame->function = "std::__cxx11::basic_string<char>::reserve(unsigned long)";
    ms_model_names_changed(model);
    assert_int_equal(ms_types_update(types, model, SIZE_MAX), 0);
    assert_int_equal(ms_types_of_site(types, site, &type), 0);
    assert_string_equal(type.name, "std::string");
    char evidence[256];
    assert_string_equal(ms_type_evidence(evidence, sizeof evidence, &type),
                        "std::__cxx11::basic_string<char>::reserve(unsigned long)");
    ms_types_free(types);
    ms_model_free(model);
}

static void test_work_is_bounded(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    struct ms_types *types = ms_types_new();
    for (int i = 0; i < 10; i++) {
        (void)add_site(model, vector_frames, false);
    }
    assert_int_equal(ms_types_update(types, model, 4), 1);
    assert_int_not_equal(ms_types_row_of_site(types, 4, false), UINT32_MAX);
    assert_int_equal(ms_types_row_of_site(types, 5, false), UINT32_MAX);
    /* Names that keep coming do not keep the later sites from being read. */
    ms_model_names_changed(model);
    assert_int_equal(ms_types_update(types, model, 6), 1);
    assert_int_not_equal(ms_types_row_of_site(types, 10, false), UINT32_MAX);
    assert_int_equal(ms_types_update(types, model, 20), 0);
    ms_types_free(types);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_stacks),
        cmocka_unit_test(test_c_and_glib),
        cmocka_unit_test(test_type_names_for_people),
        cmocka_unit_test(test_path_of_a_function),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_names_that_come_later),
        cmocka_unit_test(test_work_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
