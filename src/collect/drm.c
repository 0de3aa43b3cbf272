/* See drm.h. */
#include "collect/drm.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_file.h"
#include "collect/proc_text.h"

#define CLIENTS_MAX     1024u
#define DESCRIPTORS_MAX 8192u /* of a process that are looked at */

struct known_client {
    struct ms_drm_client client;
    uint32_t process_id;
    size_t gpu;
    pid_t pid;
    bool present, compared;
    double pct[MS_DRM_ENGINES_MAX]; /* since the reading before, valid when `compared` */
};

struct ms_drm {
    const char *proc, *sys;
    uint64_t read_ns; /* of the reading before; 0: none */
    size_t client_count;
    struct known_client clients[CLIENTS_MAX];
};

struct ms_drm *ms_drm_new(const char *proc, const char *sys)
{
    struct ms_drm *drm = calloc(1, sizeof *drm);
    if (drm != NULL) {
        drm->proc = proc;
        drm->sys = sys;
    }
    return drm;
}

void ms_drm_free(struct ms_drm *drm)
{
    free(drm);
}

/* "card0", not "card0-HDMI-A-1". */
static bool is_card(const char *name)
{
    return strncmp(name, "card", 4) == 0 && name[4] != '\0' &&
           strspn(name + 4, "0123456789") == strlen(name + 4);
}

bool ms_drm_any(const char *sys, char *because, size_t size)
{
    char path[512];
    bool any = false;
    (void)snprintf(path, sizeof path, "%s/class/drm", sys);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder != NULL && !any && (entry = readdir(folder)) != NULL;) {
        any = is_card(entry->d_name);
    }
    if (!any) {
        (void)snprintf(because, size, "%s",
                       folder == NULL ? "the kernel has no DRM device (/sys/class/drm)"
                                      : "no card in /sys/class/drm");
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return any;
}

static bool read_text(const char *folder, const char *name, char *text, size_t size)
{
    const ssize_t bytes = ms_proc_read_in(folder, name, text, size);
    if (bytes > 0 && text[bytes - 1] == '\n') {
        text[bytes - 1] = '\0';
    }
    return bytes > 0;
}

/* NaN: the file is not there, or cannot be read (a GPU that sleeps answers EPERM). */
static double read_number(const char *folder, const char *name)
{
    char text[64];
    const char *at = text;
    uint64_t number;
    return read_text(folder, name, text, sizeof text) &&
                   ms_proc_number(&at, text + strlen(text), &number)
               ? (double)number
               : (double)NAN;
}

/* The value of KEY=value in uevent, "" when missing. */
static void uevent_value(const char *text, const char *key, char *out, size_t size)
{
    const size_t key_bytes = strlen(key);
    out[0] = '\0';
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, key, key_bytes) == 0 && line[key_bytes] == '=') {
            const char *value = line + key_bytes + 1;
            const size_t bytes = strcspn(value, "\n");
            (void)snprintf(out, size, "%.*s", (int)(bytes < size ? bytes : size - 1), value);
            return;
        }
    }
}

/* Temperature, power and clocks, where the driver has a hwmon. */
static void read_hwmon(const char *device, struct ms_gpu *gpu)
{
    char path[680];
    (void)snprintf(path, sizeof path, "%s/hwmon", device);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, "hwmon", 5) == 0) {
            char chip[760];
            (void)snprintf(chip, sizeof chip, "%s/%.60s", path, entry->d_name);
            gpu->temperature_c = read_number(chip, "temp1_input") / 1000;
            gpu->power_w = read_number(chip, "power1_average") / 1e6;
            gpu->power_w =
                isnan(gpu->power_w) ? read_number(chip, "power1_input") / 1e6 : gpu->power_w;
            gpu->power_limit_w = read_number(chip, "power1_cap") / 1e6;
            gpu->sm_mhz = read_number(chip, "freq1_input") / 1e6;
            gpu->memory_mhz = read_number(chip, "freq2_input") / 1e6;
            break;
        }
    }
    closedir(folder);
}

static struct ms_gpu none_told(void)
{
    const double none = (double)NAN;
    return (struct ms_gpu){.pct = none,
                           .memory_traffic_pct = none,
                           .sm_mhz = none,
                           .sm_max_mhz = none,
                           .memory_mhz = none,
                           .temperature_c = none,
                           .power_w = none,
                           .power_limit_w = none,
                           .pcie_sent_bytes_per_s = none,
                           .pcie_received_bytes_per_s = none};
}

static double first_told(double a, double b)
{
    return isnan(a) ? b : a;
}

/* False: NVIDIA's driver, of which NVML tells more. */
static bool read_card(const char *card, struct ms_gpu *gpu)
{
    char device[640];
    char uevent[2048];
    char driver[sizeof gpu->driver];
    char id[32];
    *gpu = none_told();
    (void)snprintf(device, sizeof device, "%s/device", card);
    if (!read_text(device, "uevent", uevent, sizeof uevent)) {
        return false;
    }
    uevent_value(uevent, "DRIVER", driver, sizeof driver);
    memcpy(gpu->driver, driver, sizeof driver);
    uevent_value(uevent, "PCI_SLOT_NAME", gpu->pci, sizeof gpu->pci);
    uevent_value(uevent, "PCI_ID", id, sizeof id);
    if (strcmp(driver, "nvidia") == 0) {
        return false;
    }
    if (!read_text(device, "product_name", gpu->name, sizeof gpu->name)) {
        (void)snprintf(gpu->name, sizeof gpu->name, "%.60s %.30s", driver, id);
    }
    gpu->pct = read_number(device, "gpu_busy_percent");
    gpu->memory_traffic_pct = read_number(device, "mem_busy_percent");
    const double used = read_number(device, "mem_info_vram_used");
    const double total = read_number(device, "mem_info_vram_total");
    if (used >= 0 && total > 0) {
        gpu->memory_used_bytes = (uint64_t)used;
        gpu->memory_total_bytes = (uint64_t)total;
    }
    read_hwmon(device, gpu);
    gpu->sm_mhz =
        first_told(gpu->sm_mhz, first_told(read_number(card, "gt_act_freq_mhz"),
                                           read_number(device, "tile0/gt0/freq0/act_freq")));
    gpu->sm_max_mhz = first_told(read_number(card, "gt_max_freq_mhz"),
                                 read_number(device, "tile0/gt0/freq0/max_freq"));
    return true;
}

static bool tells(const struct ms_gpu *gpu)
{
    return gpu->user_count > 0 || gpu->memory_total_bytes > 0 || !isnan(gpu->pct) ||
           !isnan(gpu->sm_mhz);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strverscmp((*a)->d_name, (*b)->d_name);
}

static int card_filter(const struct dirent *entry)
{
    return is_card(entry->d_name);
}

static void read_cards(const struct ms_drm *drm, struct ms_drm_result *result)
{
    char folder[512];
    struct dirent **cards = NULL;
    (void)snprintf(folder, sizeof folder, "%s/class/drm", drm->sys);
    const int count = scandir(folder, &cards, card_filter, by_name);
    for (int i = 0; i < count; i++) {
        char card[600];
        (void)snprintf(card, sizeof card, "%s/%.60s", folder, cards[i]->d_name);
        if (result->count < MS_GPUS_MAX && read_card(card, &result->gpus[result->count])) {
            result->count++;
        }
        free(cards[i]);
    }
    free(cards);
}

/* By its place on the bus; devices without one by their driver. MS_GPUS_MAX: none. */
static size_t gpu_of(const struct ms_drm_result *result, const struct ms_drm_client *client)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct ms_gpu *gpu = &result->gpus[i];
        if (client->device[0] != '\0' ? strcmp(gpu->pci, client->device) == 0
                                      : strcmp(gpu->driver, client->driver) == 0) {
            return i;
        }
    }
    return MS_GPUS_MAX;
}

static double engine_pct(const struct ms_drm_engine *then, const struct ms_drm_engine *now,
                         double passed_ns)
{
    const double busy = now->busy > then->busy ? (double)(now->busy - then->busy) : 0;
    const double passed = !now->by_cycles        ? passed_ns
                          : now->all > then->all ? (double)(now->all - then->all)
                                                 : 0;
    const double pct = passed > 0 ? 100.0 * busy / passed / now->capacity : 0;
    return pct > 100 ? 100 : pct;
}

static void compare(struct known_client *known, const struct ms_drm_client *now, double passed_ns)
{
    known->compared = passed_ns > 0;
    for (size_t i = 0; i < now->engine_count; i++) {
        const struct ms_drm_engine none = {.capacity = 1};
        const struct ms_drm_engine *then = &none;
        for (size_t k = 0; k < known->client.engine_count; k++) {
            if (strcmp(known->client.engines[k].name, now->engines[i].name) == 0) {
                then = &known->client.engines[k];
            }
        }
        known->pct[i] = engine_pct(then, &now->engines[i], passed_ns);
    }
}

static void take_client(struct ms_drm *drm, const struct ms_drm_result *result,
                        const struct ms_drm_client *client, pid_t pid, uint32_t process_id,
                        double passed_ns)
{
    const size_t gpu = gpu_of(result, client);
    struct known_client *known = NULL;
    if (gpu == MS_GPUS_MAX || !client->have_id) {
        return;
    }
    for (size_t i = 0; i < drm->client_count && known == NULL; i++) {
        if (drm->clients[i].client.id == client->id &&
            strcmp(drm->clients[i].client.device, client->device) == 0 &&
            strcmp(drm->clients[i].client.driver, client->driver) == 0) {
            known = &drm->clients[i];
        }
    }
    if (known != NULL && known->present) {
        return; /* another descriptor of the same client, here or in a forked process */
    }
    if (known != NULL) {
        compare(known, client, passed_ns);
    } else if (drm->client_count < CLIENTS_MAX) {
        known = &drm->clients[drm->client_count++];
        *known = (struct known_client){0};
    } else {
        return;
    }
    known->client = *client;
    known->gpu = gpu;
    known->pid = pid;
    known->process_id = process_id;
    known->present = true;
}

static void read_process(struct ms_drm *drm, struct ms_drm_result *result, pid_t pid,
                         uint32_t process_id, double passed_ns)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%d/fd", drm->proc, (int)pid);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        result->refused |= errno == EACCES;
        return;
    }
    unsigned seen = 0;
    for (const struct dirent *entry; seen < DESCRIPTORS_MAX && (entry = readdir(folder)) != NULL;
         seen++) {
        static const char devices[] = "/dev/dri/";
        char target[64];
        char text[8192];
        const ssize_t bytes = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
        if (bytes < (ssize_t)sizeof devices || memcmp(target, devices, sizeof devices - 1) != 0) {
            continue;
        }
        struct ms_drm_client client;
        (void)snprintf(path, sizeof path, "%s/%d/fdinfo", drm->proc, (int)pid);
        const ssize_t told = ms_proc_read_in(path, entry->d_name, text, sizeof text);
        result->refused |= told == -EACCES;
        if (told > 0 && ms_drm_parse(text, (size_t)told, &client)) {
            take_client(drm, result, &client, pid, process_id, passed_ns);
        }
    }
    closedir(folder);
}

/* The share of a process is that of its busiest kind of engine: they run side by side. */
static void add_user(const struct ms_drm *drm, struct ms_drm_result *result, size_t index)
{
    const struct known_client *known = &drm->clients[index];
    struct ms_gpu *gpu = &result->gpus[known->gpu];
    for (size_t i = 0; i < gpu->user_count; i++) {
        if (gpu->users[i].pid == known->pid) {
            return; /* with the first client of the process all of them were summed */
        }
    }
    if (gpu->user_count == MS_GPU_USERS_MAX) {
        return;
    }
    struct ms_gpu_user *user = &gpu->users[gpu->user_count++];
    *user = (struct ms_gpu_user){
        .pid = known->pid, .process_id = known->process_id, .pct = NAN, .memory_pct = NAN};
    double sums[MS_DRM_ENGINES_MAX] = {0};
    for (size_t i = 0; i < drm->client_count; i++) {
        const struct known_client *other = &drm->clients[i];
        if (!other->present || other->pid != known->pid || other->gpu != known->gpu) {
            continue;
        }
        user->memory_bytes += other->client.bytes;
        user->have_memory |= other->client.have_bytes;
        for (size_t k = 0; other->compared && k < other->client.engine_count; k++) {
            sums[k] += other->pct[k]; /* one driver lists its engines in one order */
            const double pct = sums[k] > 100 ? 100 : sums[k];
            user->pct = isnan(user->pct) || pct > user->pct ? pct : user->pct;
        }
    }
}

static void forget_absent(struct ms_drm *drm)
{
    size_t kept = 0;
    for (size_t i = 0; i < drm->client_count; i++) {
        if (drm->clients[i].present) {
            drm->clients[kept] = drm->clients[i];
            drm->clients[kept++].present = false;
        }
    }
    drm->client_count = kept;
}

static void explain(struct ms_gpu *gpu, uint64_t now_ns)
{
    gpu->read_ns = now_ns;
    if (isnan(gpu->pct)) {
        (void)snprintf(gpu->because, sizeof gpu->because,
                       "its driver tells its use by process only");
    }
}

static void name_silent(char *names, size_t size, const char *driver)
{
    const size_t used = strlen(names);
    (void)snprintf(names + used, size - used, "%s%.40s", used > 0 ? ", " : "", driver);
}

void ms_drm_read(struct ms_drm *drm, const struct ms_drm_input *input, struct ms_drm_result *result,
                 uint64_t now_ns)
{
    const double passed_ns =
        drm->read_ns != 0 && now_ns > drm->read_ns ? (double)(now_ns - drm->read_ns) : 0;
    memset(result, 0, offsetof(struct ms_drm_result, gpus));
    read_cards(drm, result);
    for (size_t i = 0; i < input->count && i < MS_DRM_PROCESSES_MAX; i++) {
        read_process(drm, result, input->processes[i].pid, input->processes[i].process_id,
                     passed_ns);
    }
    for (size_t i = 0; i < drm->client_count; i++) {
        if (drm->clients[i].present) {
            add_user(drm, result, i);
        }
    }
    forget_absent(drm);
    drm->read_ns = now_ns;
    char names[sizeof result->names] = "";
    size_t kept = 0;
    for (size_t i = 0; i < result->count; i++) {
        const struct ms_gpu *gpu = &result->gpus[i];
        if (tells(gpu)) {
            result->gpus[kept] = *gpu;
            explain(&result->gpus[kept++], now_ns);
        } else {
            name_silent(names, sizeof names, gpu->driver);
            result->silent++;
        }
    }
    result->count = kept;
    memcpy(result->names, names, sizeof names);
}
