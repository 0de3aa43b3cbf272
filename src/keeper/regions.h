/* Region files: made, sealed, handed over, dropped when many ended ones have piled up. */
#ifndef MS_KEEPER_REGIONS_H
#define MS_KEEPER_REGIONS_H

#include <sys/types.h>

#include "keeper/session.h"

/*
 * A new region file: sparse, formatted with `config`, sealed against any change of size. Returns
 * the descriptor (close-on-exec) or -errno.
 */
int ms_region_create(const struct ms_probe_config *config);

/*
 * Registers region file `fd` (taken over, closed on failure too) for process `pid`. When too many
 * are open, the oldest whose processes all ended is dropped. Returns 0 and *out, or -errno;
 * -ENOSPC when all of them are in use.
 */
int ms_regions_add(struct ms_keeper *keeper, int fd, pid_t pid, struct ms_region_file **out);

/* Closes it; whose processes end is no longer seen. Accepts NULL. */
void ms_region_file_free(struct ms_region_file *file);

/* NULL when the number was never given or the file was dropped. */
struct ms_region_file *ms_regions_find(const struct ms_keeper *keeper, uint32_t number);

/* First region file with this number or a higher one, NULL when there is none. */
struct ms_region_file *ms_regions_from(const struct ms_keeper *keeper, uint32_t number);

/* MS_MSG_REGION for file `number`. */
struct ms_message_region ms_region_message(uint32_t number, pid_t pid, bool first);

/*
 * Sends `message` with descriptor `fd`. To a probe, which writes, as it is, and with it the writing
 * end of the trace socket, -1: none. To a viewer opened anew for reading only. As ms_send.
 */
int ms_region_send_probe(int socket, const struct ms_message_region *message, int fd, int trace);
int ms_region_send_viewer(int socket, const struct ms_message_region *message, int fd);

/*
 * Looks for children that claimed a slot since. `all`: in every file; else only where somebody
 * lives.
 */
void ms_regions_scan(struct ms_keeper *keeper, bool all);

#endif
