/*
 * What the files of a watched process share: target.c has its life, target_identity.c who it is,
 * target_region.c what it counts itself, target_proc.c what the kernel counts. For
 * src/collect/target*.c only.
 */
#ifndef MS_COLLECT_TARGET_PARTS_H
#define MS_COLLECT_TARGET_PARTS_H

#include "collect/target.h"

enum { MS_TARGET_EAGER_TICKS = 5 /* the first read everything: the first screen has it */ };
#define MS_TARGET_SLOW_NS (500 * MS_NS_PER_MS) /* between two reads of sites and flows */

/* Wall clock at a time of ours. */
uint64_t ms_target_unix_ns(const struct ms_message_session *session, uint64_t time_ns);
/* Executable and arguments: as /proc shows them; as the session message knows them, before /proc
 * does, and after. */
void ms_target_read_identity(struct ms_target *target, struct ms_process *process);
void ms_target_take_session_identity(struct ms_process *process,
                                     const struct ms_message_session *session);
/* The executable alone, unless the process is about to become another. */
void ms_target_read_exe(struct ms_target *target, struct ms_process *process);
/* When it began, as its probe knows it. */
void ms_target_take_start(struct ms_process *process, const struct ms_target_room *room,
                          const struct ms_region_facts *facts);

/* `all`: sites and flows, too; `last`: for the last time. */
void ms_target_read_region(struct ms_target *target, const struct ms_target_room *room,
                           struct ms_process *process, uint64_t now_ns, bool all, bool last);
/*
 * Its region is written by the process alone: when it has not run since sites and flows were read
 * they are the same. After an end, or when its number is of another process, nobody asks.
 */
bool ms_target_sites_stand_still(struct ms_target *target, struct ms_process *process,
                                 uint64_t now_ns);
/* It became a program that the probe did not enter: all there is of it is in /proc. */
bool ms_target_executed_for_long(const struct ms_target *target, uint64_t now_ns);

/* 0 or -ENOMEM. `slow`: what is dear is due. */
int ms_target_read_proc(struct ms_target *target, const struct ms_target_room *room,
                        struct ms_process *process, uint64_t now_ns, bool slow);
/* The last figures, as the keeper read them. */
void ms_target_take_final(const struct ms_target *target, struct ms_process *process,
                          const struct ms_process_final *final);

#endif
