/*
 * The environment block: our entries taken out for the program, put in again for its children.
 * Nothing allocates; join is async-signal-safe and writes only to memory of the caller, so that it
 * may run in a vfork child.
 */
#ifndef MS_PROBE_ENVIRONMENT_H
#define MS_PROBE_ENVIRONMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "probe/real.h"

#define MS_SESSION_PATH_MAX 108 /* sockaddr_un.sun_path */

/* What the environment said about us. `probe` and `session` are the values, "" if absent. */
struct ms_environment_carried {
    char preload_entry[sizeof("LD_PRELOAD=") + PATH_MAX]; /* LD_PRELOAD=probe */
    char session_entry[sizeof("MEMSCOPE_TOP_SESSION=") + MS_SESSION_PATH_MAX]; /* ...=path */
    const char *probe;
    const char *session;
    int socket; /* -1 if absent */
};

/* Filled by ms_environment_hide; constant afterwards. */
extern MS_HIDDEN struct ms_environment_carried ms_environment_carried;

/*
 * Takes our entries out of the array `environment`, in place, and our path out of the LD_PRELOAD
 * entry that begins with `probe`, in the string itself. The order of the others stays; slots that
 * become free at the end are NULL.
 */
MS_HIDDEN void ms_environment_strip(char **environment, const char *probe,
                                    struct ms_environment_carried *carried);

/*
 * Bytes of storage that ms_environment_join needs for `environment` (NULL: empty), or 0 when the
 * array is to be passed on as it is: we carry no session, it names one already (a memscope-top
 * inside this one), or it is longer than is wise to copy to a stack.
 */
MS_HIDDEN size_t ms_environment_join_bytes(const struct ms_environment_carried *carried,
                                           char *const *environment);

/*
 * A copy of `environment` in `storage` with our path in front of its LD_PRELOAD value, or an entry
 * of its own, and with the session. Strings are shared with `environment` and `carried`.
 */
MS_HIDDEN char **ms_environment_join(const struct ms_environment_carried *carried,
                                     char *const *environment, void *storage);

#endif
