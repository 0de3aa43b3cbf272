/*
 * A malicious region: the input is a list of patches (area or header, offset, bytes) on an image
 * that was whole, after which everything is read from it as a viewer does.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../unit/collect_region_image.h"
#include "collect/io.h"
#include "collect/marks.h"
#include "collect/misuse.h"
#include "collect/sites.h"
#include "collect/threads.h"
#include "fuzz.h"
#include "model/figures.h"
#include "model/model.h"

enum { PATCH_BYTES = 12, PATCHES_MAX = 32, PATCHED_AREA_BYTES = 8192 };

const size_t fuzz_bytes_max = PATCH_BYTES * (size_t)PATCHES_MAX;

/* One context with histograms in details, and one that is sampled. */
static void add_details(void *file)
{
    struct ms_region_header *header = file;
    struct ms_region_context *contexts = image_area(file, MS_AREA_CONTEXTS);
    contexts[2].size_home = contexts[2].lifetime_home = 1;
    contexts[2].sizes = 1;
    contexts[2].lifetimes = 2;
    contexts[2].remote_lifetimes = 2u << MS_REMOTE_DETAIL_BITS | 3u;
    contexts[3].rate = 1;
    contexts[3].estimate = 4;
    contexts[3].sizes = 5;
    header->rates[1] = 4096;
    header->peak_epoch = 2;
    header->epoch_bytes = 1000;
    image_publish(header, MS_AREA_DETAILS, 6);
}

/* Of all kinds, with the stacks that there are. */
static void add_misuses(void *file)
{
    struct ms_region_header *header = file;
    struct ms_region_misuse *misuses = image_area(file, MS_AREA_MISUSES);
    for (uint32_t i = 1; i < 9; i++) {
        misuses[i] = (struct ms_region_misuse){.identity = (i < 5 ? 1u : 5u) | UINT64_C(5) << 25 |
                                                           (uint64_t)i << 50,
                                               .bytes = 10,
                                               .samples = 1,
                                               .count = i,
                                               .first_ns = 1,
                                               .first_thread = UINT64_C(1) << 32 | 1};
    }
    header->misuses = 1;
    image_publish(header, MS_AREA_MISUSES, 9);
}

static void add_io(void *file)
{
    struct ms_region_thread_io *lines = image_area(file, MS_AREA_THREAD_IO);
    struct ms_region_io_site *sites = image_area(file, MS_AREA_IO_SITES);
    lines[1].serial = 1;
    lines[1].calls[MS_REGION_IO_READ] = 10;
    sites[1] = (struct ms_region_io_site){
        .identity = MS_IO_SITE_IDENTITY(1, MS_REGION_IO_READ, 1), .calls = 10, .samples = 10};
    image_publish(file, MS_AREA_THREAD_IO, 3);
    image_publish(file, MS_AREA_IO_SITES, 3);
}

/* Some there, one being written, one that another took the place of. */
static void add_marks(void *file)
{
    struct ms_region_header *header = file;
    struct ms_region_mark *marks = image_area(file, MS_AREA_MARKS);
    for (uint32_t i = 0; i < 6; i++) {
        marks[1 + i] = (struct ms_region_mark){
            .version = MS_MARK_WRITTEN(i), .at_ns = 2000 + i, .serial = i % 3, .text = "a mark"};
    }
    marks[3].version = MS_MARK_WRITING(2);
    marks[4].version = MS_MARK_WRITTEN(3 + 4095);
    header->marks = 7;
    image_publish(header, MS_AREA_MARKS, 20);
}

static uint64_t offsets[MS_AREA_COUNT + 1]; /* of what is patched: the header, then each area */
static uint8_t whole[MS_AREA_COUNT + 1][PATCHED_AREA_BYTES];

static size_t room_of(int place)
{
    return place == 0 ? MS_PAGE_BYTES : PATCHED_AREA_BYTES;
}

/* Only so far into each area: what the image fills, so that it can be put back quickly. */
static void keep_whole(void *file)
{
    image_fill(file, "/no/such/file");
    add_details(file);
    add_misuses(file);
    add_io(file);
    add_marks(file);
    const struct ms_region_header *header = file;
    for (int place = 0; place <= MS_AREA_COUNT; place++) {
        offsets[place] = place == 0 ? 0 : header->areas[place - 1].offset_bytes;
        memcpy(whole[place], (const char *)file + offsets[place], room_of(place));
    }
}

static void put_back(void *file)
{
    for (int place = 0; place <= MS_AREA_COUNT; place++) {
        memcpy((char *)file + offsets[place], whole[place], room_of(place));
    }
}

/* Most patches go where something is; most counts that they make stay small, as each of those that
 * do not costs as much as a hundred inputs. */
static void patch(void *file, const uint8_t *data, size_t size)
{
    struct ms_region_header *header = file;
    const bool tame = size > 0 && data[0] % 16 != 0;
    for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
        uint16_t offset;
        memcpy(&offset, data + 2, sizeof offset);
        const int place = data[0] % (MS_AREA_COUNT + 1);
        const size_t room = place > 0 && (data[1] & 0x30) != 0 ? 1024 : room_of(place);
        memcpy((char *)file + offsets[place] + offset % (room - 8), data + 4, 1 + data[1] % 8);
    }
    for (int area = 0; tame && area < MS_AREA_COUNT; area++) {
        header->areas[area].published %= 2048u;
    }
}

static void read_all(const struct ms_region_view *view, struct ms_watched_threads *threads,
                     struct ms_watched_sites *sites, struct ms_model *model)
{
    struct ms_descriptor_budget budget = {.limit = 16};
    struct ms_threads_sum sum;
    struct ms_region_facts facts;
    struct ms_figures figures;
    char text[4096];
    ms_region_view_facts(view, &facts);
    (void)ms_region_view_string(view, facts.exe, text, sizeof text);
    (void)ms_region_view_string(view, facts.allocator, text, sizeof text);
    (void)ms_watched_threads_records(threads, model, &budget, view, 5000, true);
    (void)ms_watched_sites_read(sites, model, view, threads, NULL, &facts, true);
    ms_watched_threads_flows(threads, model, view);
    const struct ms_watched_misuse_room room = {
        .model = model, .view = view, .threads = threads, .sites = sites};
    struct ms_watched_misuse *misuse = ms_watched_misuse_new(128);
    if (misuse != NULL) {
        (void)ms_watched_misuse_read(misuse, &room, facts.misuses, true);
        ms_watched_misuse_free(misuse);
    }
    struct ms_watched_marks marks = {0};
    const struct ms_watched_marks_room marks_room = {
        .model = model,
        .view = view,
        .threads = threads,
        .process_id = 128,
        .now_ns = 5000,
        .end = ms_region_view_marks(view),
    };
    for (int i = 0; i < 4; i++) {
        (void)ms_watched_marks_read(&marks, &marks_room, i == 3);
    }
    struct ms_watched_io *io = ms_watched_io_new();
    if (io != NULL) {
        (void)ms_watched_io_threads(io, model, view, threads, &facts, 5000, true);
        (void)ms_watched_io_sites(io, model, view, threads, sites, NULL, true);
        ms_watched_io_free(io);
    }
    ms_watched_threads_sum(threads, model, &sum);
    ms_model_process_mutable(model, 128)->peak.epoch = facts.peak_epoch;
    (void)ms_model_tick_end(model, 5000);
    ms_figures_of_process(model, 128, &figures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *file;
    static struct ms_region_mapping mapping;
    struct ms_descriptor_budget budget = {.limit = 16};
    struct ms_region_view view;
    if (file == NULL) {
        file = image_new(&mapping.bytes);
        if (file == NULL) {
            return 0;
        }
        mapping.base = file;
        keep_whole(file);
    }
    put_back(file);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    struct ms_watched_threads *threads = ms_watched_threads_new(128);
    struct ms_watched_sites *sites = ms_watched_sites_new(128, 0, NULL);
    if (model != NULL && threads != NULL && sites != NULL && ms_model_add_process(model, 128)) {
        /* Checked while whole, then changed under the reader: the worst that can happen. */
        bool before = ms_region_view_init(&view, &mapping, 0) == 0;
        if (before && size > 0 && (data[0] & 0x80) != 0) {
            read_all(&view, threads, sites, model);
        }
        patch(file, data, size);
        if (before) {
            read_all(&view, threads, sites, model);
        }
        (void)ms_region_view_init(&view, &mapping, 0);
    }
    ms_watched_threads_free(threads, &budget);
    ms_watched_sites_free(sites);
    ms_model_free(model);
    return 0;
}
