/*
 * What the program must not notice and its children must inherit: environment, handshake, exec.
 */
#ifndef MS_PROBE_PROCESS_H
#define MS_PROBE_PROCESS_H

#include <stdbool.h>

#include "probe/real.h"

/*
 * Takes LD_PRELOAD's first entry (us) and the MS_ENV_* variables out of the environment block, in
 * place, so that environ, main's envp and getenv show what the user set; remembers them for
 * children. Called first in the constructor; calls nothing that allocates.
 */
MS_HIDDEN void ms_environment_hide(void);

/*
 * Gets the region's descriptor: from the inherited socket, or by connecting to the keeper, waiting
 * MS_PROBE_WAIT_MS at most, MS_PROBE_WAIT_BUSY_MS while it wants to run and cannot. Returns the
 * descriptor (>= 0, close-on-exec, the caller closes it), or -errno. ms_handshake_finish answers
 * the keeper and closes the socket.
 */
MS_HIDDEN int ms_handshake_begin(void);
MS_HIDDEN void ms_handshake_finish(void);

/*
 * Are children to be tracked? Taken from the region by ms_handshake_finish, so map it before that;
 * kept apart from it, because a forked child without a slot still has children. False until then.
 */
extern MS_HIDDEN bool ms_follow_children;

/* May a child get the probe now (asked for, no seccomp filter, probe file in reach)? vfork-safe. */
MS_HIDDEN bool ms_children_wanted(void);

/*
 * Find the functions behind the hooks of a file each (hooks_process.c and so on); at the start.
 * ms_process_hooks_init calls those of shell and fork, ms_thread_hooks_init that of syscall.
 */
MS_HIDDEN void ms_process_hooks_init(void);
MS_HIDDEN void ms_shell_hooks_init(void);
MS_HIDDEN void ms_fork_hooks_init(void);
MS_HIDDEN void ms_thread_hooks_init(void);
MS_HIDDEN void ms_syscall_hooks_init(void);
MS_HIDDEN void ms_map_hooks_init(void);
MS_HIDDEN void ms_dlopen_hooks_init(void);
MS_HIDDEN void ms_io_hooks_init(void);

/*
 * Leads the functions that the allocator exports under names of its own to us, and notes a malloc
 * of the program's own. Before ms_allocator_examine, which it tells what it could not lead.
 */
MS_HIDDEN void ms_own_hooks_init(void);

#endif
