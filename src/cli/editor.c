#include "cli/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_START 127

/* How an editor is told the line. */
enum style { PLUS_LINE, COLON_LINE, GOTO_COLON_LINE, OPTION_L, OPTION_LINE, NO_LINE };

static enum style style_of(const char *program)
{
    static const struct {
        const char *pattern;
        enum style style;
    } known[] = {
        {"code", GOTO_COLON_LINE},     {"code-*", GOTO_COLON_LINE}, {"codium", GOTO_COLON_LINE},
        {"vscodium", GOTO_COLON_LINE}, {"cursor", GOTO_COLON_LINE}, {"subl", COLON_LINE},
        {"sublime_text", COLON_LINE},  {"hx", COLON_LINE},          {"helix", COLON_LINE},
        {"zed", COLON_LINE},           {"kate", OPTION_L},          {"mate", OPTION_L},
        {"idea", OPTION_LINE},         {"clion", OPTION_LINE},      {"ed", NO_LINE},
    };
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (fnmatch(known[i].pattern, name, 0) == 0) {
            return known[i].style;
        }
    }
    return PLUS_LINE;
}

const char *ms_editor_choice(void)
{
    static const char *const names[] = {"VISUAL", "EDITOR"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[strspn(value, " \t")] != '\0') {
            return value;
        }
    }
    return "vi";
}

struct words {
    struct ms_editor_command *command;
    size_t count, used;
    bool full;
};

static void add(struct words *words, const char *text, size_t bytes)
{
    struct ms_editor_command *command = words->command;
    if (words->count == MS_EDITOR_WORDS_MAX || bytes >= sizeof command->bytes - words->used) {
        words->full = true;
        return;
    }
    char *word = command->bytes + words->used;
    memcpy(word, text, bytes);
    word[bytes] = '\0';
    words->used += bytes + 1;
    command->words[words->count++] = word;
    command->words[words->count] = NULL;
}

static void add_text(struct words *words, const char *text)
{
    add(words, text, strlen(text));
}

static void add_place(struct words *words, const char *path, uint32_t line)
{
    char place[MS_EDITOR_BYTES_MAX];
    const int bytes = snprintf(place, sizeof place, "%s:%" PRIu32, path, line);
    if (bytes < 0 || (size_t)bytes >= sizeof place) {
        words->full = true;
        return;
    }
    add_text(words, place);
}

int ms_editor_make_command(struct ms_editor_command *command, const char *editor, const char *path,
                           uint32_t line)
{
    struct words words = {.command = command};
    char number[24];
    for (editor += strspn(editor, " \t"); *editor != '\0'; editor += strspn(editor, " \t")) {
        const size_t bytes = strcspn(editor, " \t");
        add(&words, editor, bytes);
        editor += bytes;
    }
    if (words.count == 0) {
        add_text(&words, "vi");
    }
    const enum style style = line == 0 ? NO_LINE : style_of(command->words[0]);
    switch (style) {
    case PLUS_LINE:
        (void)snprintf(number, sizeof number, "+%" PRIu32, line);
        add_text(&words, number);
        add_text(&words, path);
        break;
    case GOTO_COLON_LINE:
        add_text(&words, "-g");
        add_place(&words, path, line);
        break;
    case COLON_LINE:
        add_place(&words, path, line);
        break;
    case OPTION_L:
    case OPTION_LINE:
        (void)snprintf(number, sizeof number, "%" PRIu32, line);
        add_text(&words, style == OPTION_L ? "-l" : "--line");
        add_text(&words, number);
        add_text(&words, path);
        break;
    case NO_LINE:
        add_text(&words, path);
        break;
    }
    return words.full ? -E2BIG : 0;
}

/* Whoever gives the terminal away is in the background then: SIGTTOU would stop it. */
static void give_terminal(int tty, pid_t group)
{
    sigset_t set;
    sigset_t before;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, &before);
    (void)tcsetpgrp(tty, group);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static _Noreturn void run(const struct ms_editor_command *command, int tty, int report)
{
    static const int signals[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGPIPE,  SIGTSTP, SIGTTIN,
                                  SIGTTOU, SIGCHLD, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ};
    sigset_t none;
    (void)setpgid(0, 0);
    give_terminal(tty, getpid());
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        signal(signals[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)dup2(tty, STDIN_FILENO);
    execvp(command->words[0], command->words);
    const int error = errno;
    const ssize_t written = write(report, &error, sizeof error);
    (void)written;
    _exit(CANNOT_START);
}

int ms_editor_start(struct ms_editor *editor, const struct ms_editor_command *command, int tty)
{
    int report[2];
    int error = 0;
    if (pipe2(report, O_CLOEXEC) != 0) {
        return -errno;
    }
    *editor = (struct ms_editor){.ended = -1, .tty = tty, .own_group = getpgrp()};
    const pid_t pid = fork();
    if (pid < 0) {
        error = errno;
    } else if (pid == 0) {
        run(command, tty, report[1]);
    }
    close(report[1]);
    if (error == 0 && read(report[0], &error, sizeof error) == (ssize_t)sizeof error) {
        (void)waitpid(pid, NULL, 0);
        give_terminal(tty, editor->own_group);
    }
    close(report[0]);
    if (error == 0) {
        editor->pid = pid;
        editor->ended = (int)syscall(SYS_pidfd_open, pid, 0);
    }
    return -error;
}

static void forget(struct ms_editor *editor)
{
    if (editor->ended >= 0) {
        close(editor->ended);
    }
    editor->ended = -1;
    editor->pid = 0;
}

enum ms_editor_state ms_editor_look(struct ms_editor *editor, int *exit_status)
{
    int status = 0;
    const pid_t changed = waitpid(editor->pid, &status, WNOHANG | WUNTRACED);
    *exit_status = 0;
    if (changed == 0 || (changed < 0 && errno == EINTR)) {
        return MS_EDITOR_RUNS;
    }
    give_terminal(editor->tty, editor->own_group);
    if (changed > 0 && WIFSTOPPED(status)) {
        return MS_EDITOR_STOPPED;
    }
    if (changed > 0) {
        *exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    forget(editor);
    return MS_EDITOR_ENDED;
}

void ms_editor_go_on(struct ms_editor *editor)
{
    give_terminal(editor->tty, editor->pid);
    (void)kill(-editor->pid, SIGCONT);
}

void ms_editor_end(struct ms_editor *editor)
{
    if (editor->pid > 0) {
        (void)kill(-editor->pid, SIGHUP);
        (void)kill(-editor->pid, SIGCONT);
        give_terminal(editor->tty, editor->own_group);
        forget(editor);
    }
}
