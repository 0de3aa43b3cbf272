/* The words for what is seen of a process, and when they hold. */
#include "collect/seen.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/elf_allocator.h"

void ms_say_seen(struct ms_process *process, enum ms_seen seen, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    process->seen = seen;
    (void)vsnprintf(process->seen_because, sizeof process->seen_because, format, arguments);
    va_end(arguments);
}

static const char *off_words(uint32_t reason)
{
    switch (reason) {
    case MS_OFF_NO_REAL_MALLOC:
        return "no malloc behind ours was found";
    case MS_OFF_NO_MEMORY:
        return "the program has no memory left for its counters";
    default:
        return "it gave no reason";
    }
}

static const char *untagged_words(uint32_t reason)
{
    switch (reason) {
    case MS_UNTAGGED_MIXED_OBJECTS:
        return "malloc and its kin come from more than one library";
    case MS_UNTAGGED_SELF_TEST:
        return "the allocator failed the self-test";
    case MS_UNTAGGED_NO_USABLE_SIZE:
        return "the allocator tells no usable size";
    case MS_UNTAGGED_SIZED_FREE:
        return "the allocator frees by size, and calls of that could not be led to the probe";
    case MS_UNTAGGED_UNKNOWN:
        return "the allocator is none of those that the probe knows";
    default:
        return "an unknown reason";
    }
}

/* Allocations that went past the probe; false: it knows of none. */
static bool say_unseen(const struct ms_target *target, struct ms_process *process,
                       const struct ms_region_facts *facts)
{
    static const char *const words[MS_UNSEEN_WAYS] = {
        [MS_UNSEEN_OWN_MALLOC] = "its executable defines %s itself: the blocks of that allocator "
                                 "are not seen; mmap, threads and CPU are",
        [MS_UNSEEN_OWN_CALL] = "it calls %s, a function of its allocator that the probe does not "
                               "count; what goes through malloc and new is seen",
        [MS_UNSEEN_DEEPBIND] = "%s is opened with RTLD_DEEPBIND: what it allocates and frees goes "
                               "past the probe, the rest is seen",
        [MS_UNSEEN_NAMESPACE] = "%s is opened by dlmopen, with a C library of its own: what it "
                                "allocates goes past the probe, the rest is seen"};
    for (unsigned way = 0; way < MS_UNSEEN_WAYS; way++) {
        char name[128];
        if (facts->unseen[way] == 0) {
            continue;
        }
        if (facts->unseen[way] == MS_UNSEEN_NAMELESS ||
            ms_region_view_string(&target->view, facts->unseen[way], name, sizeof name) == 0) {
            (void)snprintf(name, sizeof name, "(name unknown)");
        }
        process->seen = MS_SEEN_PARTIAL;
        const char *mark = strstr(words[way], "%s");
        (void)snprintf(process->seen_because, sizeof process->seen_because, "%.*s%s%s",
                       (int)(mark - words[way]), words[way], name, mark + 2);
        return true;
    }
    return false;
}

/* The same file is looked at once for all processes in a row that run it. */
static const char *allocator_inside(const struct ms_target *target,
                                    const struct ms_process *process)
{
    static struct {
        dev_t device;
        ino_t file;
        const char *name;
    } last;
    char path[32];
    struct stat status;
    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)target->pid);
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int descriptor = open(path, flags);
    descriptor = descriptor < 0 ? open(process->exe, flags) : descriptor;
    if (descriptor < 0) {
        return NULL;
    }
    const char *name = NULL;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        if (status.st_dev != last.device || status.st_ino != last.file) {
            last.device = status.st_dev;
            last.file = status.st_ino;
            last.name = ms_executable_allocator(descriptor, &name) == 1 ? name : NULL;
        }
        name = last.name;
    }
    close(descriptor);
    return name;
}

static bool say_allocator_inside(struct ms_target *target, struct ms_process *process)
{
    if (!target->exe_looked_at && target->exe_told) {
        target->exe_looked_at = true;
        target->allocator_inside = allocator_inside(target, process);
    }
    if (target->allocator_inside != NULL) {
        ms_say_seen(
            process, MS_SEEN_PARTIAL,
            "its executable has %s inside: blocks of that allocator are not seen; what goes "
            "through the C library's malloc, mmap, threads and CPU are",
            target->allocator_inside);
    }
    return target->allocator_inside != NULL;
}

static void say_children_missed(struct ms_process *process, const struct ms_region_facts *facts)
{
    ms_say_seen(process, MS_SEEN_PARTIAL, "%" PRIu64 " forked %s not counted: %s",
                facts->untracked_children,
                facts->untracked_children == 1 ? "child was" : "children were",
                facts->slots_taken >= MS_REGION_SLOTS
                    ? "all places for them are taken"
                    : "there was no memory for their counters, or a seccomp filter was in place");
}

void ms_judge_seen(struct ms_target *target, struct ms_process *process,
                   const struct ms_region_facts *facts, uint64_t now_ns)
{
    bool counted = process->totals.allocations != 0;
    /* A forked child takes its slot when it allocates first: claimed is as good as active. */
    bool forked = MS_PROCESS_SLOT(target->process_id) != 0;
    if (facts->untracked_children != 0 &&
        (facts->state == MS_REGION_ACTIVE || facts->state == MS_REGION_EXEC)) {
        say_children_missed(process, facts);
        return;
    }
    switch (facts->state) {
    case MS_REGION_OFF:
        ms_say_seen(process, counted ? MS_SEEN_PARTIAL : MS_SEEN_NONE,
                    "the probe turned itself off: %s", off_words(facts->off_reason));
        return;
    case MS_REGION_EXEC:
        if (!process->replaced_by_exec &&
            (target->ended ||
             (facts->exec_ns != 0 && now_ns > facts->exec_ns + MS_PROBE_START_NS))) {
            ms_say_seen(process, MS_SEEN_PARTIAL,
                        "it executed another program, which the probe did not enter");
            return;
        }
        break;
    case MS_REGION_ACTIVE:
        break;
    case MS_REGION_CLAIMED:
        if (forked) {
            break;
        }
        __attribute__((fallthrough));
    default:
        if (counted) {
            break;
        }
        if (target->ended || now_ns > target->heard_ns + MS_PROBE_START_NS) {
            ms_say_seen(process, MS_SEEN_NONE,
                        "the probe did not start: the program is static, privileged, of another C "
                        "library, it dropped LD_PRELOAD, or no memory or descriptor was left");
        }
        return;
    }
    if (say_unseen(target, process, facts) || say_allocator_inside(target, process)) {
        return;
    }
    if (facts->untagged_reason == MS_TAGGED) {
        ms_say_seen(process, MS_SEEN_FULL, "%s", "");
    } else if (facts->side_table_full == 0) {
        ms_say_seen(process, MS_SEEN_FULL, "owners of blocks are kept in a table: %s",
                    untagged_words(facts->untagged_reason));
    } else {
        ms_say_seen(process, MS_SEEN_PARTIAL,
                    "the table of block owners is full, which is needed because %s",
                    untagged_words(facts->untagged_reason));
    }
}
