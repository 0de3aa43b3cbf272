/*
 * The leader of the session that the program's terminal belongs to. When the leader of a session
 * dies the kernel sends SIGHUP to the foreground group of its terminal, whoever has the master: so
 * the leader must be somebody who does nothing that could end him, and not the keeper.
 */
#ifndef MS_KEEPER_LEADER_H
#define MS_KEEPER_LEADER_H

/*
 * The caller leads a session whose controlling terminal has `master`. Forks: the child returns and
 * goes on as the keeper in that session; the parent stays as its leader and never returns. It
 * sleeps until the keeper ends. After a keeper that was killed it reads the terminal in his place,
 * so that the program does not wait in write(), until nobody has it open and its foreground group
 * is empty. Where no process can be had the caller goes on as keeper and leader in one.
 */
void ms_leader_stay_behind(int master);

#endif
