/* The folder of sockets: private or refused, dead sockets swept, living ones found. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/directory.h"

static char runtime[] = "/tmp/memscope-test-XXXXXX";
static char folder[MS_SOCKET_PATH_MAX];

static int make_runtime(void **state)
{
    (void)state;
    if (mkdtemp(runtime) == NULL) {
        return -1;
    }
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    snprintf(folder, sizeof(folder), "%s/memscope-top", runtime);
    return 0;
}

static int remove_runtime(void **state)
{
    (void)state;
    rmdir(folder);
    return rmdir(runtime);
}

/* A socket file; whoever holds the descriptor listens on it. */
static int listen_at(pid_t pid, char path[MS_SOCKET_PATH_MAX])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(ms_socket_path(folder, pid, path), 0);
    memcpy(address.sun_path, path, sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void folder_is_made_for_the_owner_alone(void **state)
{
    (void)state;
    char path[MS_SOCKET_PATH_MAX];
    struct stat status;
    for (int times = 0; times < 2; times++) {
        assert_int_equal(ms_keeper_directory(path, sizeof(path)), 0);
        assert_string_equal(path, folder);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
    }
}

static void folder_open_to_others_is_refused(void **state)
{
    (void)state;
    char path[MS_SOCKET_PATH_MAX];
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(ms_keeper_directory(path, sizeof(path)), -EPERM);
    assert_int_equal(ms_keeper_find(4242, path, sizeof(path)), -ENOENT);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void link_in_place_of_the_folder_is_refused(void **state)
{
    (void)state;
    char path[MS_SOCKET_PATH_MAX];
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(symlink("/tmp", folder), 0);
    assert_int_equal(ms_keeper_directory(path, sizeof(path)), -EPERM);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(ms_keeper_directory(path, sizeof(path)), 0);
}

struct seen {
    int count;
    pid_t pid;
    char path[MS_SOCKET_PATH_MAX];
};

static int note(const char *path, pid_t pid, void *context)
{
    struct seen *seen = context;
    if (strncmp(path, folder, strlen(folder)) == 0) {
        seen->count++;
        seen->pid = pid;
        snprintf(seen->path, sizeof(seen->path), "%s", path);
    }
    return 0;
}

static void living_sockets_are_found_and_dead_ones_removed(void **state)
{
    (void)state;
    char living_path[MS_SOCKET_PATH_MAX];
    char dead_path[MS_SOCKET_PATH_MAX];
    char found[MS_SOCKET_PATH_MAX];
    int living = listen_at(71234, living_path);
    close(listen_at(71235, dead_path));

    assert_int_equal(ms_keeper_find(71234, found, sizeof(found)), 0);
    assert_string_equal(found, living_path);
    assert_int_equal(ms_keeper_find(71235, found, sizeof(found)), -ENOENT);
    assert_int_equal(ms_keeper_find(71236, found, sizeof(found)), -ENOENT);

    struct seen seen = {0};
    assert_int_equal(ms_keeper_each(note, &seen), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.pid, 71234);
    assert_string_equal(seen.path, living_path);
    assert_int_equal(access(living_path, F_OK), 0);
    assert_int_equal(access(dead_path, F_OK), -1);
    close(living);
    assert_int_equal(ms_keeper_each(note, &seen), 0);
    assert_int_equal(seen.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_is_made_for_the_owner_alone),
        cmocka_unit_test(folder_open_to_others_is_refused),
        cmocka_unit_test(link_in_place_of_the_folder_is_refused),
        cmocka_unit_test(living_sockets_are_found_and_dead_ones_removed),
    };
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
