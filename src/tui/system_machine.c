/* The machine: its processor and cores, memory, pressure, disks, interfaces, sensors and GPUs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/chart.h"
#include "tui/system.h"

#define CORE_WIDTH   26
#define CORES_SINGLY 64u /* shown one by one up to so many, else as a strip */

static int pair_pct(struct ms_sheet *sheet, int column, const char *word, double value)
{
    char text[MS_FORMAT_MAX];
    return ms_sheet_pair(sheet, column, word, ms_sheet_pct(value, text, sizeof text));
}

static void put_caches(struct ms_sheet *sheet, const struct ms_cpu_identity *identity)
{
    int column = 1;
    for (size_t i = 0; i < identity->cache_count; i++) {
        const struct ms_cache *cache = &identity->caches[i];
        char word[24];
        char size[MS_FORMAT_MAX];
        char text[64];
        snprintf(word, sizeof word, "L%u%s", cache->level,
                 cache->kind == 'd'   ? " data"
                 : cache->kind == 'i' ? " code"
                                      : "");
        /* Caches are known by powers of two. */
        if (cache->bytes >= (1u << 20) && cache->bytes % (1u << 20) == 0) {
            snprintf(size, sizeof size, "%" PRIu64 " MiB", cache->bytes >> 20);
        } else {
            snprintf(size, sizeof size, "%" PRIu64 " KiB", cache->bytes >> 10);
        }
        if (cache->instances > 0) {
            snprintf(text, sizeof text, "%u x %s", cache->instances, size);
        } else {
            snprintf(text, sizeof text, "%s", size);
        }
        column = ms_sheet_pair(sheet, column, word, text);
    }
    sheet->row += column > 1 ? 1 : 0;
}

static void put_identity(struct ms_sheet *sheet, const struct ms_system *system)
{
    const struct ms_cpu_identity *identity = &system->identity;
    char text[256];
    ms_sheet_heading(sheet, "processor");
    ms_grid_put(sheet->grid, sheet->row, 1, sheet->columns - 2,
                identity->have && identity->brand[0] != '\0' ? identity->brand
                : system->cpu_model[0] != '\0'               ? system->cpu_model
                                                             : "(no name)");
    sheet->row++;
    if (!identity->have) {
        (void)ms_sheet_source(sheet, MS_SOURCE_CPU_IDENTITY);
        return;
    }
    int column = ms_sheet_pair(sheet, 1, "vendor", identity->vendor);
    snprintf(text, sizeof text, "%u model %u stepping %u", identity->family, identity->model,
             identity->stepping);
    column = ms_sheet_pair(sheet, column, "family", text);
    if (identity->codename[0] != '\0') {
        column = ms_sheet_pair(sheet, column, "code name", identity->codename);
    }
    snprintf(text, sizeof text, "%u", identity->packages);
    column = ms_sheet_pair(sheet, column, "packages", identity->packages > 0 ? text : "n/a");
    snprintf(text, sizeof text, "%u", identity->physical_cores);
    column =
        ms_sheet_pair(sheet, column, "physical cores", identity->physical_cores > 0 ? text : "n/a");
    snprintf(text, sizeof text, "%u", identity->logical_cores);
    column = ms_sheet_pair(sheet, column, "logical", identity->logical_cores > 0 ? text : "n/a");
    snprintf(text, sizeof text, "%u", system->nodes);
    column = ms_sheet_pair(sheet, column, "NUMA nodes", system->nodes > 0 ? text : "n/a");
    if (identity->hypervisor[0] != '\0') {
        ms_sheet_pair(sheet, column, "hypervisor", identity->hypervisor);
    }
    sheet->row++;
    put_caches(sheet, identity);
    if (identity->codename[0] == '\0' && identity->codename_because[0] != '\0') {
        snprintf(text, sizeof text, "code name n/a: %s", identity->codename_because);
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, text);
    }
}

static void put_core(struct ms_sheet *sheet, const struct ms_system *system, uint32_t index,
                     int column)
{
    const struct ms_core *core = &system->core[index];
    char pct[MS_FORMAT_MAX];
    ms_grid_pen(sheet->grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(sheet->grid, sheet->row, column, 4, "%3u", index);
    ms_grid_pen(sheet->grid, MS_COLOUR_CPU, 0);
    ms_chart_bar(sheet->grid, sheet->tui->glyphs, sheet->row, column + 4, 10,
                 (double)core->pct / 100);
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    if (isnan(core->pct)) {
        snprintf(pct, sizeof pct, "off");
    } else {
        snprintf(pct, sizeof pct, "%.0f%%", (double)core->pct);
    }
    int at = column + 14;
    at += ms_grid_printf(sheet->grid, sheet->row, at, 6, "%5s", pct);
    if (!isnan(core->mhz)) {
        ms_grid_pen(sheet->grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(sheet->grid, sheet->row, at, 7, " %.1fG", (double)core->mhz / 1000);
        ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    }
}

/* Many cores: a cell each. */
static void put_strips(struct ms_sheet *sheet, const struct ms_system *system, uint32_t cores)
{
    const uint32_t across = sheet->columns >= 80 ? 64 : 16;
    double points[64];
    for (uint32_t first = 0; first < cores; first += across) {
        const uint32_t count = cores - first < across ? cores - first : across;
        for (uint32_t i = 0; i < count; i++) {
            points[i] = (double)system->core[first + i].pct;
        }
        ms_grid_pen(sheet->grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(sheet->grid, sheet->row, 1, 10, "%4u-%u", first, first + count - 1);
        ms_grid_pen(sheet->grid, MS_COLOUR_CPU, 0);
        const struct ms_area area = {
            .row = sheet->row++, .column = 12, .rows = 1, .columns = (int)count};
        /* A point is a cell here, whatever the glyphs. */
        ms_chart_strip(sheet->grid,
                       sheet->tui->glyphs == MS_GLYPHS_ASCII ? MS_GLYPHS_ASCII : MS_GLYPHS_BLOCK,
                       area, points, count, 0, 100);
    }
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
}

static void put_cores(struct ms_sheet *sheet, const struct ms_system *system)
{
    const uint32_t cores = system->cores < MS_CORES_MAX ? system->cores : MS_CORES_MAX;
    const uint32_t across = (uint32_t)(sheet->columns - 1) / CORE_WIDTH;
    char text[96];
    char figures[3][MS_FORMAT_MAX];
    ms_sheet_heading(sheet, "cores");
    const bool nothing = ms_sheet_source(sheet, MS_SOURCE_CORES);
    int column = pair_pct(sheet, 1, "busy", system->cpu_pct);
    column = pair_pct(sheet, column, "user", system->user_pct);
    column = pair_pct(sheet, column, "system", system->system_pct);
    column = pair_pct(sheet, column, "I/O wait", system->io_wait_pct);
    column = pair_pct(sheet, column, "stolen", system->steal_pct);
    const double loads[] = {system->load_1, system->load_5, system->load_15};
    for (int i = 0; i < 3; i++) {
        ms_format_value(figures[i], sizeof figures[i], ms_value_of(loads[i]), MS_UNIT_RATIO);
    }
    snprintf(text, sizeof text, "%.10s %.10s %.10s", figures[0], figures[1], figures[2]);
    column = ms_sheet_pair(sheet, column, "load", text);
    if (system->tasks > 0) {
        snprintf(text, sizeof text, "%" PRIu64 " of %" PRIu64 " tasks", system->runnable,
                 system->tasks);
        column = ms_sheet_pair(sheet, column, "runnable", text);
    }
    if (!isnan(system->mhz) && system->mhz > 0) {
        snprintf(text, sizeof text, "%.2f GHz", system->mhz / 1000);
        ms_sheet_pair(sheet, column, "mean frequency", text);
    }
    sheet->row++;
    if (nothing && isnan(system->core[0].pct)) {
        return;
    }
    if (cores > CORES_SINGLY || across == 0) {
        put_strips(sheet, system, cores);
        return;
    }
    for (uint32_t i = 0; i < cores; i++) {
        put_core(sheet, system, i, 1 + (int)(i % across) * CORE_WIDTH);
        sheet->row += i % across == across - 1 || i + 1 == cores ? 1 : 0;
    }
}

static void put_memory(struct ms_sheet *sheet, const struct ms_system *system)
{
    char text[MS_FORMAT_MAX];
    char used[2 * MS_FORMAT_MAX + 8];
    char total[MS_FORMAT_MAX];
    ms_sheet_heading(sheet, "memory");
    if (system->memory_total_bytes == 0) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "unavailable: /proc/meminfo could not be read");
        return;
    }
    ms_format_bytes(total, sizeof total, (double)system->memory_total_bytes);
    ms_format_bytes(text, sizeof text, (double)system->memory_available_bytes);
    snprintf(used, sizeof used, "%s of %s", text, total);
    int column = ms_sheet_pair(sheet, 1, "available", used);
    ms_format_bytes(text, sizeof text,
                    system->page_cache_bytes > 0 ? (double)system->page_cache_bytes : NAN);
    column = ms_sheet_pair(sheet, column, "page cache", text);
    if (system->swap_total_bytes == 0) {
        ms_sheet_pair(sheet, column, "swap", "none");
    } else {
        ms_format_bytes(total, sizeof total, (double)system->swap_total_bytes);
        ms_format_bytes(text, sizeof text,
                        (double)system->swap_total_bytes - (double)system->swap_free_bytes);
        snprintf(used, sizeof used, "%s of %s used", text, total);
        ms_sheet_pair(sheet, column, "swap", used);
    }
    sheet->row++;
}

static void put_stall(struct ms_sheet *sheet, const char *word, const struct ms_stall *stall)
{
    int column = 1 + ms_grid_printf(sheet->grid, sheet->row, 1, 8, "%-7s", word);
    column = pair_pct(sheet, column, "some, 10 s", stall->some_avg10_pct);
    column = pair_pct(sheet, column, "60 s", stall->some_avg60_pct);
    if (isnan(stall->full_avg10_pct) && isnan(stall->full_avg60_pct)) {
        ms_sheet_pair(sheet, column, "all", "not defined by the kernel");
    } else {
        column = pair_pct(sheet, column, "all, 10 s", stall->full_avg10_pct);
        pair_pct(sheet, column, "60 s", stall->full_avg60_pct);
    }
    sheet->row++;
}

static void put_pressure(struct ms_sheet *sheet, const struct ms_system *system)
{
    ms_sheet_heading(sheet, "pressure: time in which some or all tasks waited");
    (void)ms_sheet_source(sheet, MS_SOURCE_PRESSURE);
    if (system->pressure.have) {
        put_stall(sheet, "cpu", &system->pressure.cpu);
        put_stall(sheet, "memory", &system->pressure.memory);
        put_stall(sheet, "io", &system->pressure.io);
    }
}

static void put_table_head(struct ms_sheet *sheet, const char *text)
{
    ms_grid_pen(sheet->grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    ms_grid_put(sheet->grid, sheet->row++, 1, sheet->columns - 1, text);
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
}

static void put_disks(struct ms_sheet *sheet, const struct ms_system *system)
{
    char texts[6][MS_FORMAT_MAX];
    ms_sheet_heading(sheet, "disks");
    if (!ms_sheet_source(sheet, MS_SOURCE_DISKS) && system->disk_count == 0) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "there is no disk");
    }
    if (system->disk_count > 0) {
        put_table_head(sheet,
                       "DISK               READ    WRITTEN  READS/S WRITES/S   BUSY     WAIT");
    }
    for (size_t i = 0; i < system->disk_count; i++) {
        const struct ms_disk *disk = &system->disks[i];
        ms_sheet_rate(disk->read_bytes_per_s, texts[0], sizeof texts[0]);
        ms_sheet_rate(disk->write_bytes_per_s, texts[1], sizeof texts[1]);
        ms_format_count(texts[2], sizeof texts[2], disk->reads_per_s);
        ms_format_count(texts[3], sizeof texts[3], disk->writes_per_s);
        ms_sheet_pct(disk->busy_pct, texts[4], sizeof texts[4]);
        if (isnan(disk->wait_ms)) {
            snprintf(texts[5], sizeof texts[5], "n/a");
        } else {
            snprintf(texts[5], sizeof texts[5], "%.1fms", disk->wait_ms);
        }
        ms_grid_put(sheet->grid, sheet->row, 1, 12, disk->name);
        ms_grid_printf(sheet->grid, sheet->row++, 13, sheet->columns - 13, "%10s%11s%9s%9s%7s%9s",
                       texts[0], texts[1], texts[2], texts[3], texts[4], texts[5]);
    }
}

static void put_interfaces(struct ms_sheet *sheet, const struct ms_system *system)
{
    char texts[6][MS_FORMAT_MAX];
    ms_sheet_heading(sheet, "network interfaces");
    if (!ms_sheet_source(sheet, MS_SOURCE_INTERFACES) && system->interface_count == 0) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "there is no interface");
    }
    if (system->interface_count > 0) {
        put_table_head(sheet,
                       "INTERFACE      RECEIVED       SENT    IN/S    OUT/S ERRORS  DROPPED");
    }
    for (size_t i = 0; i < system->interface_count; i++) {
        const struct ms_interface *interface = &system->interfaces[i];
        ms_sheet_rate(interface->received_bytes_per_s, texts[0], sizeof texts[0]);
        ms_sheet_rate(interface->sent_bytes_per_s, texts[1], sizeof texts[1]);
        ms_format_count(texts[2], sizeof texts[2], interface->received_packets_per_s);
        ms_format_count(texts[3], sizeof texts[3], interface->sent_packets_per_s);
        ms_format_count(texts[4], sizeof texts[4], (double)interface->errors);
        ms_format_count(texts[5], sizeof texts[5], (double)interface->dropped);
        ms_grid_put(sheet->grid, sheet->row, 1, 12, interface->name);
        ms_grid_printf(sheet->grid, sheet->row++, 13, sheet->columns - 13, "%11s%11s%8s%9s%7s%9s",
                       texts[0], texts[1], texts[2], texts[3], texts[4], texts[5]);
    }
}

static void put_sensors(struct ms_sheet *sheet, const struct ms_system *system)
{
    static const char *const units[] = {
        [MS_SENSOR_TEMPERATURE] = "C",
        [MS_SENSOR_FAN] = "rpm",
        [MS_SENSOR_POWER] = "W",
        [MS_SENSOR_VOLTAGE] = "V",
    };
    ms_sheet_heading(sheet, "sensors");
    if (!ms_sheet_source(sheet, MS_SOURCE_SENSORS) && system->sensor_count == 0) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "this machine has no sensors that can be read");
    }
    for (size_t i = 0; i < system->sensor_count; i++) {
        const struct ms_sensor *sensor = &system->sensors[i];
        char text[128];
        const bool hot = sensor->value >= sensor->high || sensor->value >= sensor->critical;
        ms_grid_pen(sheet->grid, hot ? MS_COLOUR_ALERT_HIGH : MS_COLOUR_DEFAULT, 0);
        int column = 1 + ms_grid_printf(sheet->grid, sheet->row, 1, 44, "%-20.20s %-22.22s",
                                        sensor->chip, sensor->label);
        snprintf(text, sizeof text, "%9.1f %s", sensor->value, units[sensor->kind]);
        column += ms_grid_put(sheet->grid, sheet->row, column, 20, text);
        ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
        if (!isnan(sensor->high)) {
            snprintf(text, sizeof text, "%.0f", sensor->high);
            column = ms_sheet_pair(sheet, column + 2, "high from", text);
        }
        if (!isnan(sensor->critical)) {
            snprintf(text, sizeof text, "%.0f", sensor->critical);
            ms_sheet_pair(sheet, column, "critical", text);
        }
        sheet->row++;
    }
}

static void put_gpu_users(struct ms_sheet *sheet, const struct ms_gpu *gpu)
{
    for (size_t i = 0; i < gpu->user_count; i++) {
        const struct ms_gpu_user *user = &gpu->users[i];
        const struct ms_process *process =
            ms_model_process_by_id(sheet->view->model, user->process_id);
        char text[64];
        char bytes[MS_FORMAT_MAX];
        if (process != NULL) {
            ms_tui_process_text(process, text, sizeof text);
        } else {
            snprintf(text, sizeof text, "pid %d, not part of this session", (int)user->pid);
        }
        ms_format_bytes(bytes, sizeof bytes, user->have_memory ? (double)user->memory_bytes : NAN);
        ms_grid_put(sheet->grid, sheet->row, 3, 28, text);
        const int column = ms_sheet_pair(sheet, 32, "memory", bytes);
        pair_pct(sheet, column, "busy", user->pct);
        sheet->row++;
    }
}

static void put_gpu(struct ms_sheet *sheet, const struct ms_gpu *gpu, size_t index)
{
    char text[2 * MS_FORMAT_MAX + 8];
    char used[MS_FORMAT_MAX];
    char total[MS_FORMAT_MAX];
    ms_grid_pen(sheet->grid, MS_COLOUR_TITLE, 0);
    ms_grid_printf(sheet->grid, sheet->row++, 1, sheet->columns - 2, "GPU %zu  %s  %s%s%s", index,
                   gpu->name, gpu->driver, gpu->lost ? "  LOST: no longer responding" : "",
                   gpu->partitioned ? "  partitioned (MIG)" : "");
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    int column = pair_pct(sheet, 1, "busy", gpu->pct);
    if (gpu->memory_total_bytes > 0) {
        ms_format_bytes(used, sizeof used, (double)gpu->memory_used_bytes);
        ms_format_bytes(total, sizeof total, (double)gpu->memory_total_bytes);
        snprintf(text, sizeof text, "%s of %s", used, total);
        column = ms_sheet_pair(sheet, column, "memory", text);
    }
    column = pair_pct(sheet, column, "memory traffic", gpu->memory_traffic_pct);
    const struct {
        const char *word, *unit;
        double value;
    } rows[] = {{"SM clock", " MHz", gpu->sm_mhz},
                {"temperature", " C", gpu->temperature_c},
                {"power", " W", gpu->power_w},
                {"of at most", " W", gpu->power_limit_w}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!isnan(rows[i].value)) {
            snprintf(text, sizeof text, "%.0f%s", rows[i].value, rows[i].unit);
            column = ms_sheet_pair(sheet, column, rows[i].word, text);
        }
    }
    if (!isnan(gpu->pcie_received_bytes_per_s)) {
        column = ms_sheet_pair(sheet, column, "PCIe in",
                               ms_sheet_rate(gpu->pcie_received_bytes_per_s, text, sizeof text));
        column = ms_sheet_pair(sheet, column, "out",
                               ms_sheet_rate(gpu->pcie_sent_bytes_per_s, text, sizeof text));
    }
    if (gpu->multiprocessors > 0) {
        snprintf(text, sizeof text, "%u", gpu->multiprocessors);
        ms_sheet_pair(sheet, column, "multiprocessors", text);
    }
    sheet->row++;
    if (gpu->because[0] != '\0') {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, gpu->because);
    }
    put_gpu_users(sheet, gpu);
}

static void put_gpus(struct ms_sheet *sheet, const struct ms_system *system)
{
    ms_sheet_heading(sheet, "GPUs");
    if (system->gpu_count == 0 || system->gpus == NULL) {
        (void)ms_sheet_source_of(sheet, "NVIDIA: ", MS_SOURCE_NVIDIA_GPU);
        if (!ms_sheet_source_of(sheet, "others: ", MS_SOURCE_DRM_GPU)) {
            ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "no GPU was found");
        }
        return;
    }
    for (size_t i = 0; i < system->gpu_count; i++) {
        put_gpu(sheet, &system->gpus[i], i);
    }
}

void ms_system_machine_page(struct ms_sheet *sheet)
{
    const struct ms_system *system = ms_model_system(sheet->view->model);
    int column = ms_sheet_pair(sheet, 1, "host", system->host[0] != '\0' ? system->host : "n/a");
    ms_sheet_pair(sheet, column, "kernel", system->kernel[0] != '\0' ? system->kernel : "n/a");
    sheet->row++;
    put_cores(sheet, system);
    put_memory(sheet, system);
    put_pressure(sheet, system);
    put_disks(sheet, system);
    put_interfaces(sheet, system);
    put_gpus(sheet, system);
    put_sensors(sheet, system);
    put_identity(sheet, system);
}
