/* See process_tree.h. */
#include "collect/process_tree.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/region_reader.h"
#include "collect/resources.h"
#include "collect/shared_code.h"
#include "wire/clock.h"

#define END_GRACE_NS (2 * MS_NS_PER_S) /* for the keeper to tell an end that /proc shows */
/* So long an ended process is remembered: the keeper may still tell its status. */
#define REMEMBER_NS (60 * MS_NS_PER_S)
/*
 * Files in which nobody counts any more, the newest. A child that was forked and has not counted
 * anything yet may still do so; of a file that is older it is not seen.
 */
#define IDLE_REGIONS_MAX 64u

/* A region file and which of its slots are watched. */
struct region {
    uint32_t number;
    bool same_namespace;
    bool used;                                 /* by a process that may still count */
    struct ms_region_mapping mapping;          /* of an idle one: its first page */
    uint64_t slots_seen[MS_REGION_SLOTS / 64]; /* as slots_ready */
};

struct ms_process_tree {
    struct ms_target_room room;
    struct ms_shared_code *code;
    struct ms_shared_resources *resources;
    bool children;
    bool ended;
    struct region **regions;
    size_t region_count, region_capacity;
    struct ms_target **targets;
    size_t target_count, target_capacity;
    bool moved; /* a target began or ended since parents were looked for */
};

/* The array of `count` pointers with room for one more; NULL without memory, then the old array
 * stands. */
static void *with_room(void *pointers, size_t count, size_t *capacity)
{
    if (count < *capacity) {
        return pointers;
    }
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = reallocarray(pointers, wanted, sizeof(void *));
    if (grown != NULL) {
        *capacity = wanted;
    }
    return grown;
}

static struct ms_target *find_target(const struct ms_process_tree *tree, uint32_t process_id)
{
    for (size_t i = tree->target_count; i-- > 0;) {
        if (tree->targets[i]->process_id == process_id) {
            return tree->targets[i];
        }
    }
    return NULL;
}

const struct ms_target *ms_process_tree_target(const struct ms_process_tree *tree,
                                               uint32_t process_id)
{
    return find_target(tree, process_id);
}

static struct ms_target *find_alive(const struct ms_process_tree *tree, pid_t pid,
                                    const struct ms_target *except)
{
    for (size_t i = tree->target_count; i-- > 0;) {
        struct ms_target *target = tree->targets[i];
        if (target != except && !target->ended && target->pid == pid) {
            return target;
        }
    }
    return NULL;
}

static struct ms_target *add_target(struct ms_process_tree *tree, uint32_t process_id, pid_t pid,
                                    const struct ms_region_mapping *mapping, uint64_t now_ns)
{
    struct ms_target *target = calloc(1, sizeof *target);
    struct ms_target **grown =
        target != NULL ? with_room(tree->targets, tree->target_count, &tree->target_capacity)
                       : NULL;
    if (grown == NULL) {
        free(target);
        return NULL;
    }
    tree->targets = grown;
    if (ms_target_begin(target, &tree->room, process_id, pid, mapping, MS_PROCESS_SLOT(process_id),
                        now_ns) == -ENOMEM) {
        free(target);
        return NULL;
    }
    tree->targets[tree->target_count++] = target;
    tree->moved = true;
    return target;
}

struct ms_process_tree *ms_process_tree_new(const struct ms_target_room *room, bool children,
                                            uint64_t now_ns)
{
    struct ms_process_tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL) {
        return NULL;
    }
    tree->room = *room;
    tree->code = ms_shared_code_new();
    tree->room.code = tree->code;
    tree->resources = ms_shared_resources_new();
    tree->room.resources = tree->resources;
    tree->children = children;
    if (tree->code == NULL || tree->resources == NULL ||
        add_target(tree, MS_PROCESS_ID(1, 0), (pid_t)room->session->pid, NULL, now_ns) == NULL) {
        ms_process_tree_free(tree);
        return NULL;
    }
    return tree;
}

struct ms_shared_code *ms_process_tree_code(const struct ms_process_tree *tree)
{
    return tree->code;
}

void ms_process_tree_free(struct ms_process_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    for (size_t i = 0; i < tree->target_count; i++) {
        ms_target_release(tree->targets[i], &tree->room);
        free(tree->targets[i]);
    }
    free(tree->targets);
    for (size_t i = 0; i < tree->region_count; i++) {
        ms_region_mapping_close(&tree->regions[i]->mapping);
        free(tree->regions[i]);
    }
    free(tree->regions);
    ms_shared_code_free(tree->code);
    ms_shared_resources_free(tree->resources, tree->room.budget);
    free(tree);
}

static struct region *find_region(const struct ms_process_tree *tree, uint32_t number)
{
    for (size_t i = tree->region_count; i-- > 0;) {
        if (tree->regions[i]->number == number) {
            return tree->regions[i];
        }
    }
    return NULL;
}

/* `newer` is what the process of `older` became. */
static void link_by_exec(const struct ms_process_tree *tree, const struct ms_target *older,
                         const struct ms_target *newer)
{
    struct ms_process *process = ms_model_process_mutable(tree->room.model, newer->process_id);
    if (process != NULL && process->exec_of == 0 && newer->process_id != older->process_id) {
        process->exec_of = older->process_id;
    }
}

/* A process that goes on under another number has executed something. */
static void replace_by_exec(struct ms_process_tree *tree, struct ms_target *newer, uint64_t now_ns)
{
    struct ms_target *older = newer->pid > 0 ? find_alive(tree, newer->pid, newer) : NULL;
    if (older != NULL) {
        ms_target_inherit(newer, older, &tree->room);
        ms_target_end(older, &tree->room, now_ns, true);
        link_by_exec(tree, older, newer);
    }
}

static void watch_region(struct ms_process_tree *tree, struct region *region, uint32_t process_id,
                         pid_t pid, uint64_t now_ns)
{
    struct ms_target *target = find_target(tree, process_id);
    if (target == NULL) {
        target = add_target(tree, process_id, pid, &region->mapping, now_ns);
    } else if (!target->has_view && !target->finished) {
        target->has_view = ms_region_view_init(&target->view, &region->mapping, 0) == 0;
    }
    if (target != NULL) {
        replace_by_exec(tree, target, now_ns);
    }
}

void ms_process_tree_take_region(struct ms_process_tree *tree,
                                 const struct ms_message_region *message, int descriptor,
                                 uint64_t now_ns)
{
    uint32_t process_id = message->header.process_id;
    uint32_t number = MS_PROCESS_REGION(process_id);
    bool wanted = message->first != 0 || tree->children || process_id == MS_PROCESS_ID(1, 0);
    if (descriptor < 0 || number == 0 || MS_PROCESS_SLOT(process_id) != 0 || !wanted ||
        find_region(tree, number) != NULL) {
        return;
    }
    struct region *region = calloc(1, sizeof *region);
    if (region == NULL) {
        return;
    }
    region->number = number;
    region->same_namespace = true;
    int result = ms_region_mapping_open(&region->mapping, descriptor);
    struct region **grown =
        result == 0 ? with_room(tree->regions, tree->region_count, &tree->region_capacity) : NULL;
    if (grown != NULL) {
        tree->regions = grown;
        tree->regions[tree->region_count++] = region;
        tree->ended = false;
        watch_region(tree, region, process_id, (pid_t)message->pid, now_ns);
        return;
    }
    /* Damaged: watched by /proc alone. */
    if (result != 0 && find_target(tree, process_id) == NULL) {
        (void)add_target(tree, process_id, (pid_t)message->pid, &region->mapping, now_ns);
    }
    ms_region_mapping_close(&region->mapping);
    free(region);
}

/* As what does the process of `target`, which called exec, count since? NULL: as nothing. */
static const struct ms_target *went_on(const struct ms_process_tree *tree,
                                       const struct ms_target *target, uint64_t exec_ns)
{
    for (size_t i = 0; target->pid > 0 && i < tree->target_count; i++) {
        const struct ms_target *other = tree->targets[i];
        const struct ms_process *process =
            ms_model_process_by_id(tree->room.model, other->process_id);
        if (other != target && other->pid == target->pid && process != NULL &&
            (process->end_ns == 0 || process->end_ns >= exec_ns)) {
            return other;
        }
    }
    return NULL;
}

/* False: it cannot be mapped now. */
static bool watch_slot(struct ms_process_tree *tree, const struct region *region, uint32_t slot,
                       uint64_t now_ns)
{
    struct ms_region_mapping mapping;
    struct ms_region_view view;
    struct ms_region_facts facts = {0};
    if (ms_region_mapping_open_slot(&mapping, &region->mapping, slot) != 0) {
        return false;
    }
    if (ms_region_view_init(&view, &mapping, slot) == 0) {
        ms_region_view_facts(&view, &facts);
    }
    if (facts.pid == 0) { /* ready was a lie */
        ms_region_mapping_close(&mapping);
        return true;
    }
    /* In a pid namespace of its own the number would mean a stranger here. */
    bool known_pid = region->same_namespace && facts.pid <= INT32_MAX;
    struct ms_target *target = add_target(tree, MS_PROCESS_ID(region->number, slot),
                                          known_pid ? (pid_t)facts.pid : 0, &mapping, now_ns);
    if (target == NULL) {
        ms_region_mapping_close(&mapping);
        return false;
    }
    const struct ms_target *newer =
        facts.state == MS_REGION_EXEC ? went_on(tree, target, facts.exec_ns) : NULL;
    if (newer != NULL) {
        ms_target_end(target, &tree->room, facts.exec_ns != 0 ? facts.exec_ns : now_ns, true);
        link_by_exec(tree, target, newer);
    }
    return true;
}

/* Children that forked without exec count in spare slots of their ancestor's file. */
static void watch_slots(struct ms_process_tree *tree, struct region *region, uint64_t now_ns)
{
    for (uint32_t word = 0; word < MS_REGION_SLOTS / 64; word++) {
        uint64_t ready = ms_region_mapping_slots_ready(&region->mapping, word);
        for (uint64_t left = ready & ~region->slots_seen[word]; left != 0; left &= left - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(left);
            if (watch_slot(tree, region, word * 64 + bit + 1, now_ns)) {
                region->slots_seen[word] |= UINT64_C(1) << bit;
            }
        }
    }
}

/* A process may be heard of before its parent is, and both may be over by then; and when a process
 * began and ended may be known better once it has. */
static void find_parents(struct ms_process_tree *tree)
{
    for (size_t i = 0; tree->moved && i < tree->target_count; i++) {
        ms_target_find_parent(tree->targets[i], &tree->room);
    }
    tree->moved = false;
}

static void watch_all_slots(struct ms_process_tree *tree, uint64_t now_ns)
{
    for (size_t i = 0; tree->children && i < tree->region_count; i++) {
        watch_slots(tree, tree->regions[i], now_ns);
    }
}

void ms_process_tree_take_end(struct ms_process_tree *tree,
                              const struct ms_message_process_end *end, uint64_t now_ns)
{
    struct ms_target *target = find_target(tree, end->header.process_id);
    if (target == NULL) {
        watch_all_slots(tree, now_ns);
        target = find_target(tree, end->header.process_id);
    }
    if (target == NULL) {
        target = find_alive(tree, (pid_t)end->pid, NULL);
    }
    if (target != NULL) {
        ms_target_end_message(target, &tree->room, end);
        tree->moved = true;
    }
}

void ms_process_tree_end(struct ms_process_tree *tree, uint64_t now_ns)
{
    tree->ended = true;
    watch_all_slots(tree, now_ns);
    for (size_t i = 0; i < tree->target_count; i++) {
        struct ms_target *target = tree->targets[i];
        /* The program's own end is told apart and carries its status. */
        if (!target->ended) {
            ms_target_end(target, &tree->room, target->gone_ns != 0 ? target->gone_ns : now_ns,
                          false);
            tree->moved = true;
        }
    }
}

bool ms_process_tree_ended(const struct ms_process_tree *tree)
{
    return tree->ended;
}

int ms_process_tree_signal(const struct ms_process_tree *tree, uint32_t process_id, bool group,
                           int signal)
{
    const struct ms_target *target = NULL;
    for (size_t i = 0; i < tree->target_count; i++) {
        const struct ms_target *one = tree->targets[i];
        if (!one->ended && (process_id == 0 ? one->pid == (pid_t)tree->room.session->pid
                                            : one->process_id == process_id)) {
            target = one;
        }
    }
    if (target == NULL || target->proc.folder < 0) {
        return -ESRCH;
    }
    /* The open folder is this process for ever, its number may be another's tomorrow. */
    const int sent = group ? 0 : signal;
    if (syscall(SYS_pidfd_send_signal, target->proc.folder, sent, NULL, 0) != 0) {
        return -errno;
    }
    return group && kill(-target->pid, signal) != 0 ? -errno : 0;
}

/* /proc shows an end that nobody told: a child the keeper does not know, or no keeper any more. */
static void end_vanished(struct ms_process_tree *tree, uint64_t now_ns, pid_t keeper_tells_pid)
{
    for (size_t i = 0; i < tree->target_count; i++) {
        struct ms_target *target = tree->targets[i];
        if (!target->ended && target->pid > 0 && target->gone_ns != 0 &&
            target->pid != keeper_tells_pid && now_ns > target->gone_ns + END_GRACE_NS) {
            ms_target_end(target, &tree->room, target->gone_ns, false);
            tree->moved = true;
        }
    }
}

static void note_users(const struct ms_process_tree *tree)
{
    for (size_t i = 0; i < tree->region_count; i++) {
        tree->regions[i]->used = false;
    }
    for (size_t i = 0; i < tree->target_count; i++) {
        const struct ms_target *target = tree->targets[i];
        struct region *region =
            target->finished ? NULL : find_region(tree, MS_PROCESS_REGION(target->process_id));
        if (region != NULL) {
            region->used = true;
            if (MS_PROCESS_SLOT(target->process_id) == 0) {
                region->same_namespace = target->same_namespace;
            }
        }
    }
}

/* Memory of files in which nobody counts any more is given back to the machine. */
static void close_idle_regions(struct ms_process_tree *tree)
{
    size_t idle = 0;
    note_users(tree);
    for (size_t i = 0; i < tree->region_count; i++) {
        idle += tree->regions[i]->used ? 0 : 1;
    }
    size_t too_many = tree->ended ? idle : idle > IDLE_REGIONS_MAX ? idle - IDLE_REGIONS_MAX : 0;
    size_t kept = 0;
    for (size_t i = 0; i < tree->region_count; i++) {
        struct region *region = tree->regions[i];
        if (!region->used && too_many > 0) {
            too_many--;
            ms_region_mapping_close(&region->mapping);
            free(region);
            continue;
        }
        if (!region->used) {
            ms_region_mapping_keep_header(&region->mapping);
        }
        tree->regions[kept++] = region;
    }
    tree->region_count = kept;
}

static void forget_ended(struct ms_process_tree *tree, uint64_t now_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->target_count; i++) {
        struct ms_target *target = tree->targets[i];
        if (target->finished && now_ns > target->ended_ns + REMEMBER_NS) {
            free(target);
        } else {
            tree->targets[kept++] = target;
        }
    }
    tree->target_count = kept;
}

int ms_process_tree_tick(struct ms_process_tree *tree, uint64_t now_ns, pid_t keeper_tells_pid)
{
    int result = 0;
    watch_all_slots(tree, now_ns);
    for (size_t i = 0; i < tree->target_count; i++) {
        int one = ms_target_tick(tree->targets[i], &tree->room, now_ns);
        result = one != 0 ? one : result;
    }
    find_parents(tree);
    end_vanished(tree, now_ns, keeper_tells_pid);
    close_idle_regions(tree);
    forget_ended(tree, now_ns);
    return result;
}

void ms_process_tree_read_all(struct ms_process_tree *tree, uint64_t now_ns)
{
    watch_all_slots(tree, now_ns);
    for (size_t i = 0; i < tree->target_count; i++) {
        ms_target_read_all(tree->targets[i], &tree->room, now_ns);
    }
    find_parents(tree);
}
