/*
 * Reading the same small /proc file again and again: the descriptor is kept and pread from the
 * start, which costs a third of opening it anew; past the budget files are opened for one read.
 * Files of /sys are read by the same functions.
 */
#ifndef MS_COLLECT_PROC_FILE_H
#define MS_COLLECT_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ms_descriptor_budget {
    unsigned limit; /* descriptors that may be kept open */
    unsigned open;
};

/* Raises the soft limit of descriptors to the hard one and takes 80 % of it. */
void ms_descriptor_budget_init(struct ms_descriptor_budget *budget);

/*
 * Reads a file, at most size - 1 bytes, NUL-terminated. `*kept` is its descriptor from the last
 * call, -1 before the first. Returns the bytes read or -errno; -ESRCH and -ENOENT: the process or
 * thread is gone.
 */
ssize_t ms_proc_read(struct ms_descriptor_budget *budget, int *kept, int folder, const char *path,
                     char *text, size_t size);
/*
 * The same of a list (diskstats, net/dev): the kernel gives no more than a page of whole lines at a
 * time, so it is read on to its end.
 */
ssize_t ms_proc_read_list(struct ms_descriptor_budget *budget, int *kept, int folder,
                          const char *path, char *text, size_t size);

/* As ms_proc_read, of a file that is read but once. */
ssize_t ms_proc_read_once(int folder, const char *path, char *text, size_t size);
/* As that, of the file "folder/name". */
ssize_t ms_proc_read_in(const char *folder, const char *name, char *text, size_t size);
/* Whether the folder is there and has any entry. */
bool ms_proc_has_entries(const char *path);
void ms_proc_close(struct ms_descriptor_budget *budget, int *kept);

#endif
