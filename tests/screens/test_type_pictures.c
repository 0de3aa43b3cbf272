/* Screen Y: types and families, call sites unfolded, what is not known; filtered by focus and text.
 */
#include "picture.h"

/* A call site of three functions whose thread keeps `live` of `blocks` blocks. */
static void add_typed(struct world *world, uint32_t thread, const char *innermost,
                      const char *owner, const char *file, uint32_t line, uint64_t blocks,
                      uint64_t live, uint64_t block_bytes)
{
    const struct ms_frame *frames[] = {
        world_frame(world, innermost, "/usr/include/c++/12/bits/alloc.h", 91),
        world_frame(world, owner, file, line),
        world_frame(world, "start_thread", "", 0),
    };
    const uint32_t site = ms_model_add_site(world->model, 1, frames, 3, 0)->id;
    struct ms_usage *usage = ms_model_usage_mutable(world->model, thread, site);
    assert_non_null(usage);
    usage->allocations = blocks;
    usage->bytes_allocated = blocks * block_bytes;
    usage->deallocations = blocks - live;
    usage->bytes_freed = (blocks - live) * block_bytes;
}

static void open_typed(struct world *world, enum ms_glyphs glyphs)
{
    static const char vector[] =
        "std::_Vector_base<Order, std::allocator<Order> >::_M_allocate(unsigned long)";
    static const char map[] =
        "std::map<int, Order, std::less<int>, std::allocator<std::pair<int const, Order> > "
        ">::operator[](int&&)";
    static const char string[] =
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> "
        ">::reserve(unsigned long)";
    world_open(world, ACTORS, glyphs);
    const uint32_t *threads = world->threads;
    add_typed(world, threads[3], vector, "book_load(Book&)", "/src/app/book.cpp", 61, 900, 400,
              131072);
    add_typed(world, threads[4], vector, "book_merge(Book&)", "/src/app/book.cpp", 204, 300, 20,
              65536);
    add_typed(world, threads[3], map, "index_add(Index&, int)", "/src/app/index.cpp", 31, 700000,
              690000, 72);
    add_typed(world, threads[5], string, "name_of(Order const&)", "/src/app/name.cpp", 17, 12000000,
              40000, 48);
    add_typed(world, threads[5], "<std::collections::hash::map::HashMap<u32, book::Order>>::insert",
              "book::intern", "/src/app/intern.rs", 88, 40, 1, 9000000);
    world_run(world, 20);
}

static void test_types_and_their_sites(void **state)
{
    (void)state;
    struct world world;
    open_typed(&world, MS_GLYPHS_BRAILLE);
    world_key(&world, 'Y');
    picture_check_sizes(&world, "types", 8);
    world_keys(&world, "jj\n");
    picture_check_sizes(&world, "types-sites", 8);
    world_keys(&world, "j\n"); /* on a call site: it is opened, and Esc comes back */
    char *site = world_draw(&world);
    assert_non_null(strstr(site, "call stack, "));
    assert_non_null(strstr(site, "index_add"));
    free(site);
    world_key(&world, MS_KEY_ESCAPE);
    picture_check_sizes(&world, "types-back", 8);
    world_close(&world);
}

static void test_families(void **state)
{
    (void)state;
    struct world world;
    open_typed(&world, MS_GLYPHS_ASCII);
    world_keys(&world, "Yt");
    picture_check(&world, "types-families", 24, 80);
    world_keys(&world, "t/rust\n");
    picture_check(&world, "types-filter", 24, 80);
    world_close(&world);
}

static void test_focus_and_nothing(void **state)
{
    (void)state;
    struct world world;
    open_typed(&world, MS_GLYPHS_BLOCK);
    world_keys(&world, "\nY");
    picture_check(&world, "types-focus", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    char *all = world_draw(&world);
    assert_null(strstr(all, "focus:"));
    free(all);
    world_close(&world);
    world_open(&world, 2, MS_GLYPHS_BLOCK);
    world_key(&world, 'Y');
    picture_check(&world, "types-none", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_and_their_sites),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_focus_and_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
