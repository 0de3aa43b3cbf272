/*
 * Texts that programs have a hand in (names in /proc, of sockets and of control groups) and texts
 * that somebody wrote (rules, suppressions, threads to be tracked). The first byte says which; the
 * rest is one that is as it should be, changed as in change.h, or is the text itself.
 */
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "analysis/leaks.h"
#include "analysis/rule.h"
#include "change.h"
#include "cli/config.h"
#include "collect/cgroup.h"
#include "collect/cpu_list.h"
#include "collect/drm.h"
#include "collect/memory_map.h"
#include "collect/pressure.h"
#include "collect/proc_text.h"
#include "collect/resource_limits.h"
#include "collect/sockets.h"
#include "fuzz.h"
#include "model/tracking.h"
#include "wire/selection.h"

const size_t fuzz_bytes_max = 256;

/* What a reader makes of a text must end within what it says it fills. */
static void need_text(const char *text, size_t size)
{
    if (strnlen(text, size) == size) {
        abort();
    }
}

static void stat_line(const char *text, size_t bytes)
{
    struct ms_proc_stat stat;
    if (ms_proc_parse_stat(text, bytes, &stat)) {
        need_text(stat.name, sizeof stat.name);
    }
}

static void schedstat(const char *text, size_t bytes)
{
    uint64_t run_ns;
    uint64_t wait_ns;
    (void)ms_proc_parse_schedstat(text, bytes, &run_ns, &wait_ns);
}

static void status(const char *text, size_t bytes)
{
    char list[16];
    uint32_t count;
    uint64_t one;
    uint64_t other;
    (void)ms_proc_parse_switches(text, bytes, &one, &other);
    (void)ms_proc_parse_key(text, bytes, "Threads:", &one);
    if (ms_proc_parse_affinity(text, bytes, &count, list, sizeof list)) {
        need_text(list, sizeof list);
    }
}

static void sched(const char *text, size_t bytes)
{
    struct ms_proc_sched figures;
    (void)ms_proc_parse_sched(text, bytes, &figures);
}

static void io(const char *text, size_t bytes)
{
    struct ms_proc_io figures;
    (void)ms_proc_parse_io(text, bytes, &figures);
}

static void smaps(const char *text, size_t bytes)
{
    struct ms_mappings mappings = {0};
    struct ms_smaps_parser parser = {.mappings = &mappings};
    struct ms_memory_hints hints = {.glibc_allocator = true, .mem = -1};
    struct ms_memory_map sum;
    for (size_t at = 0; at < bytes; at += 100) {
        (void)ms_smaps_parse(&parser, text + at, bytes - at < 100 ? bytes - at : 100);
    }
    ms_memory_map_sum(&mappings, &hints, &sum);
    ms_mappings_free(&mappings);
}

static void cpu_list(const char *text, size_t bytes)
{
    (void)ms_cpu_list_each(text, bytes, 0, NULL, NULL);
}

static void pressure(const char *text, size_t bytes)
{
    struct ms_stall stall;
    (void)ms_pressure_parse(text, bytes, &stall);
}

static void fdinfo(const char *text, size_t bytes)
{
    struct ms_drm_client client;
    if (ms_drm_parse(text, bytes, &client)) {
        need_text(client.driver, sizeof client.driver);
        need_text(client.device, sizeof client.device);
        if (client.engine_count > MS_DRM_ENGINES_MAX) {
            abort();
        }
    }
}

static void limits(const char *text, size_t bytes)
{
    struct ms_resource_limits found;
    (void)ms_resource_limits_parse(text, bytes, &found);
}

/* As either of the two. */
static void groups(const char *text, size_t bytes)
{
    static const char mounts[] = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
                                 "30 23 0:27 /a /m rw - cgroup cgroup rw,memory\n";
    struct ms_cgroup_places places;
    char *one = strndup(text, bytes);
    if (one != NULL && (ms_cgroup_find(one, mounts, "", &places) == 0 ||
                        ms_cgroup_find("0::/a/b\n4:memory:/a\n", one, "", &places) == 0)) {
        need_text(places.path, sizeof places.path);
        need_text(places.memory.folder, sizeof places.memory.folder);
    }
    free(one);
}

static void socket_inet(const char *text, size_t bytes)
{
    struct ms_socket found = {0};
    char words[64];
    if (ms_socket_parse_inet(text, bytes, MS_CONNECTION_TCP, &found)) {
        ms_socket_local(&found, words, sizeof words);
        ms_socket_remote(&found, words, sizeof words);
        need_text(words, sizeof words);
    }
}

static void socket_unix(const char *text, size_t bytes)
{
    struct ms_socket found = {0};
    char words[64];
    if (ms_socket_parse_unix(text, bytes, &found)) {
        need_text(found.name, sizeof found.name);
        ms_socket_local(&found, words, sizeof words);
        need_text(words, sizeof words);
    }
}

static void rule(const char *text, size_t bytes)
{
    struct ms_rule found;
    char error[100];
    char *one = strndup(text, bytes);
    for (int of = MS_RULE_OF_SESSION; one != NULL && of <= MS_RULE_OF_THREAD; of++) {
        if (ms_rule_parse(one, (enum ms_rule_of)of, &found, error, sizeof error) == 0) {
            need_text(found.text, sizeof found.text);
        } else {
            need_text(error, sizeof error);
        }
    }
    free(one);
}

static void suppressions(const char *text, size_t bytes)
{
    struct ms_suppressions *found = NULL;
    char error[100];
    char *one = strndup(text, bytes);
    if (one != NULL && ms_suppressions_parse(one, &found, error, sizeof error) == 0) {
        ms_suppressions_free(found);
    }
    free(one);
}

/* A file is what it is read from. */
static void config(const char *text, size_t bytes)
{
    static int descriptor = -1;
    char path[64];
    char error[120] = "";
    if (descriptor < 0) {
        descriptor = memfd_create("config", MFD_CLOEXEC);
    }
    struct ms_settings settings;
    ms_settings_default(&settings);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, bytes, 0) == (ssize_t)bytes &&
        (ms_config_read(path, &settings, error, sizeof error) != 0) != (error[0] != '\0')) {
        abort();
    }
}

static void selection(const char *text, size_t bytes)
{
    char *one = strndup(text, bytes);
    struct ms_sample_rate rate;
    if (one != NULL && ms_selection_valid(one)) {
        (void)ms_selection_matches(one, "worker-aaaaaaaa", 1000, 3);
    }
    if (one != NULL) {
        (void)ms_sample_rate_read(one, &rate);
    }
    free(one);
}

/* As the kernel answers: what a socket is, then what it has done. */
static struct {
    struct inet_diag_msg head;
    struct rtattr attribute;
    struct tcp_info info;
} inet_message = {
    .head = {.idiag_family = AF_INET6, .idiag_state = MS_TCP_CLOSE_WAIT, .idiag_inode = 7},
    .attribute = {.rta_len = sizeof(struct rtattr) + sizeof(struct tcp_info),
                  .rta_type = INET_DIAG_INFO},
    .info = {.tcpi_rtt = 120, .tcpi_bytes_acked = 10, .tcpi_bytes_received = 5}};
static struct {
    struct unix_diag_msg head;
    struct rtattr queues_attribute;
    struct unix_diag_rqlen queues;
    struct rtattr peer_attribute;
    uint32_t peer;
    struct rtattr name_attribute;
    char name[8];
} unix_message = {
    .head = {.udiag_family = AF_UNIX, .udiag_state = MS_TCP_ESTABLISHED, .udiag_ino = 7},
    .queues_attribute = {.rta_len = sizeof(struct rtattr) + sizeof(struct unix_diag_rqlen),
                         .rta_type = UNIX_DIAG_RQLEN},
    .queues = {.udiag_rqueue = 3, .udiag_wqueue = 4},
    .peer_attribute = {.rta_len = sizeof(struct rtattr) + sizeof(uint32_t),
                       .rta_type = UNIX_DIAG_PEER},
    .peer = 9,
    .name_attribute = {.rta_len = sizeof(struct rtattr) + 8, .rta_type = UNIX_DIAG_NAME},
    .name = "/tmp/a"};

#define TEXT(text) (text), sizeof(text) - 1
static const struct {
    void (*read)(const char *text, size_t bytes);
    const void *sound;
    size_t bytes;
} texts[] = {
    {stat_line,
     TEXT("7 (a) b) S 1 7 7 0 -1 4194304 100 0 3 0 12 34 0 0 20 0 5 0 900 1000000 200 "
          "18446744073709551615 1 1 0 0 0 0 0 4096 81 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0")},
    {schedstat, TEXT("123456 7890 12\n")},
    {status, TEXT("Name:\ta\nThreads:\t5\nCpus_allowed_list:\t0-3,8,10-11\n"
                  "voluntary_ctxt_switches:\t10\nnonvoluntary_ctxt_switches:\t2\n")},
    {sched, TEXT("a (7, #threads: 1)\n-----\nse.nr_migrations     :     12\n"
                 "nr_switches   :   3\nnr_voluntary_switches : 2\nnr_involuntary_switches : 1\n")},
    {io, TEXT("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n"
              "cancelled_write_bytes: 0\n")},
    {smaps,
     TEXT("7f00-7f10000 r-xp 00000000 08:01 42   /usr/lib/libmemscope-probe.so\nRss: 4 kB\n"
          "Pss: 4 kB\nAnonHugePages: 0 kB\nSwap: 0 kB\nVmFlags: rd ex mr mw me\n"
          "7f20000-7f30000 rw-p 00000000 00:00 0 [stack]\nRss: 8 kB\nVmFlags: rd wr nh um\n")},
    {cpu_list, TEXT("0-3,8,10-11\n")},
    {pressure, TEXT("some avg10=0.12 avg60=1.00 avg300=0.00 total=123\n"
                    "full avg10=0.00 avg60=0.00 avg300=0.00 total=4\n")},
    {fdinfo,
     TEXT("pos: 0\ndrm-driver: amdgpu\ndrm-pdev: 0000:01:00.0\ndrm-client-id: 7\n"
          "drm-engine-gfx: 1200 ns\ndrm-engine-capacity-gfx: 2\ndrm-cycles-render: 5\n"
          "drm-total-cycles-render: 9\ndrm-memory-vram: 12 KiB\ndrm-resident-system0: 3 MiB\n")},
    {limits,
     TEXT("Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max cpu time              unlimited            unlimited            seconds   \n"
          "Max stack size            8388608              unlimited            bytes     \n"
          "Max open files            1024                 1048576              files     \n"
          "Max address space         unlimited            unlimited            bytes     \n")},
    {groups, TEXT("12:memory:/a/b\n3:cpu,cpuacct:/\n0::/user.slice/x.scope\n")},
    {socket_inet, &inet_message, sizeof inet_message},
    {socket_unix, &unix_message, sizeof unix_message},
    {rule, TEXT("likely_leak_bytes >= 1.5Mi")},
    {suppressions, TEXT("# known\nleak:g_*_new\n\nleak:^*/cache.c$\n")},
    {config, TEXT("# mine\n[screen]\nrefresh_s = 0.5\n; else\nmouse=no\nsort = cpu_percent\n"
                  "columns = cpu_percent peak_bytes\n[rates]\ninterval_ms = 50\n[colours]\nwaiting "
                  "= blue\n")},
    {selection, TEXT("worker-*,tid:1000,even,main,[a-c]?x")},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const size_t which = data[0] % (sizeof texts / sizeof texts[0]);
    const bool as_it_is = data[1] % 8 == 0;
    const char *from = as_it_is ? (const char *)data + 2 : texts[which].sound;
    size_t bytes = as_it_is ? size - 2 : texts[which].bytes;
    char *text = malloc(bytes + CHANGES_ROOM);
    memcpy(text, from, bytes);
    if (!as_it_is) {
        bytes = change((uint8_t *)text, bytes, data + 2, size - 2);
    }
    /* Of its exact size: the sanitizer sees every byte behind it. */
    char *exact = malloc(bytes > 0 ? bytes : 1);
    memcpy(exact, text, bytes);
    texts[which].read(exact, bytes);
    free(exact);
    free(text);
    return 0;
}
