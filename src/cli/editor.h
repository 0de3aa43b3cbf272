/*
 * The user's editor at a line of a file, in the foreground of the terminal and as a job of its own:
 * what is typed there (^C, ^Z) concerns it alone. Never by way of a shell.
 */
#ifndef MS_CLI_EDITOR_H
#define MS_CLI_EDITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MS_EDITOR_WORDS_MAX 32u
#define MS_EDITOR_BYTES_MAX 8192u

/* What is run: pointers into `bytes`, ended by NULL. */
struct ms_editor_command {
    char bytes[MS_EDITOR_BYTES_MAX];
    char *words[MS_EDITOR_WORDS_MAX + 1];
};

struct ms_editor {
    pid_t pid; /* 0: none runs */
    int ended; /* descriptor that is readable when it has */
    int tty;
    pid_t own_group; /* that had the terminal before */
};

/* $VISUAL, else $EDITOR, else "vi". */
const char *ms_editor_choice(void);

/*
 * `editor` may hold arguments; it is split at blanks. The line is told in the way that the editor
 * knows, "+LINE PATH" if we do not know better; 0: no line. `path` is absolute, so that it is never
 * taken for an option. Returns 0 or -E2BIG.
 */
int ms_editor_make_command(struct ms_editor_command *command, const char *editor, const char *path,
                           uint32_t line);

/* Starts it with `tty` as its input and gives it the terminal. Returns 0 or -errno. */
int ms_editor_start(struct ms_editor *editor, const struct ms_editor_command *command, int tty);

enum ms_editor_state { MS_EDITOR_RUNS, MS_EDITOR_STOPPED, MS_EDITOR_ENDED };
/* Never waits. When it has stopped or ended the terminal is ours again; *exit_status is 128 + N
 * after signal N. */
enum ms_editor_state ms_editor_look(struct ms_editor *editor, int *exit_status);
/* After it was stopped: the terminal is its own again. */
void ms_editor_go_on(struct ms_editor *editor);
/* Hangs up on it when it still runs. */
void ms_editor_end(struct ms_editor *editor);

#endif
