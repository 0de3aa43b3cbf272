/* The terminal of the program: opened once, drained for ever. */
#include "keeper/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "keeper/descriptor.h"

/* Reads of a pty end after 4 KiB at most; this many a call leave the clients their turn. */
#define READS_A_CALL    64
#define READ_BYTES      4096
#define PIPE_SAFE_BYTES 4096u

static void set_up(int slave, unsigned rows, unsigned columns)
{
    struct termios modes;
    if (tcgetattr(slave, &modes) == 0) {
        modes.c_oflag &= ~(tcflag_t)ONLCR;
        modes.c_iflag |= IUTF8;
        tcsetattr(slave, TCSANOW, &modes);
    }
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    ioctl(slave, TIOCSWINSZ, &size);
}

int ms_pty_open(unsigned rows, unsigned columns, int *master, int *slave)
{
    *slave = -1;
    *master = ms_fd_above_standard(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (*master < 0) {
        return *master;
    }
    char name[64];
    if (grantpt(*master) == 0 && unlockpt(*master) == 0 &&
        (errno = ptsname_r(*master, name, sizeof(name))) == 0) {
        *slave = ms_fd_above_standard(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    }
    if (*slave >= 0 && ioctl(*slave, TIOCSCTTY, 0) == 0) {
        set_up(*slave, rows, columns);
        return 0;
    }
    int error = errno;
    close(*master);
    if (*slave >= 0) {
        close(*slave);
    }
    *master = *slave = -1;
    return error != 0 ? -error : -EIO;
}

/*
 * A regular file may be waited for. Anything else (a pipe nobody reads) could hold up the program:
 * it gets what it takes at once, and is given up when that is not everything.
 */
static void write_tee(struct ms_keeper *keeper, const char *bytes, size_t count)
{
    struct stat status;
    bool regular = fstat(keeper->tee, &status) == 0 && S_ISREG(status.st_mode);
    while (count > 0) {
        struct pollfd ready = {.fd = keeper->tee, .events = POLLOUT};
        size_t part = regular || count < PIPE_SAFE_BYTES ? count : PIPE_SAFE_BYTES;
        ssize_t written = -1;
        if (regular || poll(&ready, 1, 0) == 1) {
            written = write(keeper->tee, bytes, part);
        }
        if (written < 0 && regular && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            close(keeper->tee);
            keeper->tee = -1;
            return;
        }
        bytes += written;
        count -= (size_t)written;
    }
}

void ms_pty_drain(struct ms_keeper *keeper)
{
    char bytes[READ_BYTES];
    keeper->terminal_ended = false;
    for (int reads = 0; reads < READS_A_CALL; reads++) {
        ssize_t count = read(keeper->terminal, bytes, sizeof(bytes));
        if (count > 0) {
            ms_ring_put(&keeper->output, bytes, (size_t)count);
            if (keeper->tee >= 0) {
                write_tee(keeper, bytes, (size_t)count);
            }
            continue;
        }
        /* EIO: nobody has it open any more. Somebody may open /dev/tty again. */
        keeper->terminal_ended = count == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
}

void ms_pty_flush_input(struct ms_keeper *keeper)
{
    while (keeper->input_bytes > 0) {
        ssize_t written = write(keeper->terminal, keeper->input, keeper->input_bytes);
        if (written <= 0) {
            return;
        }
        keeper->input_bytes -= (size_t)written;
        memmove(keeper->input, keeper->input + written, keeper->input_bytes);
    }
}

void ms_pty_input(struct ms_keeper *keeper, const char *bytes, size_t count)
{
    if (keeper->terminal < 0) {
        return;
    }
    while (count > 0) {
        size_t room = sizeof(keeper->input) - keeper->input_bytes;
        size_t part = count < room ? count : room;
        memcpy(keeper->input + keeper->input_bytes, bytes, part);
        keeper->input_bytes += part;
        bytes += part;
        count -= part;
        ms_pty_flush_input(keeper);
        if (part == 0) {
            return;
        }
    }
}

void ms_pty_window_size(const struct ms_keeper *keeper, unsigned rows, unsigned columns)
{
    if (keeper->terminal >= 0 && rows > 0 && columns > 0) {
        struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
        ioctl(keeper->terminal, TIOCSWINSZ, &size);
    }
}

void ms_pty_release(struct ms_keeper *keeper)
{
    if (keeper->terminal < 0) {
        return;
    }
    /* The hang-up of the pair goes to the foreground group: make that our own, where it is
     * ignored. A child of the program that works on without the terminal is not hit. */
    tcsetpgrp(keeper->terminal, getpgrp());
    close(keeper->terminal);
    keeper->terminal = -1;
}
