/*
 * Which processes there are: the program and what it forked and executed, as region files, their
 * slots, the keeper and /proc tell it. Each is one target, in the model once heard of; the memory
 * of those that ended is bounded.
 *
 * A process counts in a region file of its own after exec, in a slot of its ancestor's after fork;
 * one that calls exec goes on under another id and its former one ends. One thread at a time.
 */
#ifndef MS_COLLECT_PROCESS_TREE_H
#define MS_COLLECT_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/target.h"
#include "wire/message.h"

struct ms_process_tree; /* opaque; owns the targets and the mappings of region files */

/*
 * Watches the session's program, by /proc alone until its region is taken. `room` is copied but
 * for its `code`, which is the tree's; what it points to must outlive the tree. `children` false:
 * only the program is watched, and what it executes. NULL: no memory.
 */
struct ms_process_tree *ms_process_tree_new(const struct ms_target_room *room, bool children,
                                            uint64_t now_ns);
/* NULL: it is not known. Valid until the next call. */
const struct ms_target *ms_process_tree_target(const struct ms_process_tree *tree,
                                               uint32_t process_id);
/* The frames that its processes share; the tree's. */
struct ms_shared_code *ms_process_tree_code(const struct ms_process_tree *tree);
/* Lets go of all that is held; the model keeps what was read. Accepts NULL. */
void ms_process_tree_free(struct ms_process_tree *tree);

/*
 * A region file came: watches its process, or the known one with it, and a tree that had ended
 * lives again. `descriptor` stays the caller's and may be -1. Nothing happens for a region that is
 * known, makes no sense or is not wanted, nor without memory; the process of a damaged one is
 * watched by /proc alone.
 */
void ms_process_tree_take_region(struct ms_process_tree *tree,
                                 const struct ms_message_region *message, int descriptor,
                                 uint64_t now_ns);
/* The keeper tells the end of one process. Of a process that nobody knows: nothing happens. */
void ms_process_tree_take_end(struct ms_process_tree *tree,
                              const struct ms_message_process_end *end, uint64_t now_ns);
/* No process is left: those whose end was not told have ended too. */
void ms_process_tree_end(struct ms_process_tree *tree, uint64_t now_ns);
/*
 * Sends `signal` to a process without its keeper; id 0: the program, `group`: all of the group it
 * leads. 0 or -errno: -ESRCH when it has ended, or its /proc was never seen.
 */
int ms_process_tree_signal(const struct ms_process_tree *tree, uint32_t process_id, bool group,
                           int signal);

/* Was ms_process_tree_end called, with no region taken since? */
bool ms_process_tree_ended(const struct ms_process_tree *tree);

/*
 * One tick: looks for new children, reads what is due of every process, ends those that /proc has
 * not shown for a while, and gives back files that nobody will count in any more. The end of
 * `keeper_tells_pid` (0: none) is left to the keeper. Returns 0 or -ENOMEM: the rest was still
 * done.
 */
int ms_process_tree_tick(struct ms_process_tree *tree, uint64_t now_ns, pid_t keeper_tells_pid);
/* A full reading of every process now, new children included. */
void ms_process_tree_read_all(struct ms_process_tree *tree, uint64_t now_ns);

#endif
