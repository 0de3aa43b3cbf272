/*
 * See config.h. Debian's libinih is not used: it cuts lines at 200 characters without a word, and
 * tells a handler no line numbers.
 */
#include "cli/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES_MAX 8192u
#define FILE_BYTES_MAX (1u << 20)

char *ms_config_usual_path(char *out, size_t size)
{
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int used = 0;
    out[0] = '\0';
    if (folder != NULL && folder[0] == '/') {
        used = snprintf(out, size, "%s/memscope-top/config", folder);
    } else if (home != NULL && home[0] == '/') {
        used = snprintf(out, size, "%s/.config/memscope-top/config", home);
    }
    if (used < 0 || (size_t)used >= size) {
        out[0] = '\0';
    }
    return out;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

/* One line; false with `error` when it is not valid. */
static bool take_line(char *line, char *section, size_t section_size, struct ms_settings *settings,
                      char *error, size_t size)
{
    char why[200];
    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';') {
        return true;
    }
    const size_t length = strlen(line);
    if (line[0] == '[' && line[length - 1] == ']') {
        line[length - 1] = '\0';
        (void)snprintf(section, section_size, "%s", trim(line + 1));
        return true;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        (void)snprintf(error, size, "'%.60s' is not a setting; write name = value", line);
        return false;
    }
    *equals = '\0';
    const char *name = trim(line);
    const char *value = trim(equals + 1);
    const enum ms_setting setting = ms_setting_find(section, name);
    if (setting == MS_SETTING_TOTAL) {
        (void)snprintf(error, size, "there is no setting '%.60s' in [%.60s]; see %s", name, section,
                       "CONFIGURATION in man memscope-top");
        return false;
    }
    if (!ms_settings_set(settings, setting, value, why, sizeof why)) {
        (void)snprintf(error, size, "%s: '%.60s' is not valid; %s", name, value, why);
        return false;
    }
    return true;
}

static int read_lines(FILE *file, struct ms_settings *settings, char *error, size_t size)
{
    char line[LINE_BYTES_MAX];
    char section[64] = "";
    unsigned number = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        const size_t length = strlen(line);
        number++;
        if (length + 1 == sizeof line && line[length - 1] != '\n') {
            (void)snprintf(error, size, "line %u: longer than %u characters", number,
                           LINE_BYTES_MAX - 2);
            return -EINVAL;
        }
        char what[300];
        if (!take_line(line, section, sizeof section, settings, what, sizeof what)) {
            (void)snprintf(error, size, "line %u: %s", number, what);
            return -EINVAL;
        }
    }
    return ferror(file) != 0 ? -EIO : 0;
}

int ms_config_read(const char *path, struct ms_settings *settings, char *error, size_t size)
{
    /* Not to wait for a pipe, nor to read a device for ever. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    int result = descriptor < 0 ? -errno : 0;
    error[0] = '\0';
    if (result == 0 && fstat(descriptor, &status) == 0 &&
        (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX)) {
        result = S_ISREG(status.st_mode) ? -EFBIG : -EINVAL;
        (void)snprintf(error, size, "%s",
                       result == -EFBIG ? "too large for a configuration file"
                                        : "is not a regular file");
    }
    FILE *file = result == 0 ? fdopen(descriptor, "re") : NULL;
    if (file == NULL) {
        result = result != 0 ? result : -errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
    } else {
        result = read_lines(file, settings, error, size);
        (void)fclose(file);
    }
    if (result != 0 && error[0] == '\0') {
        (void)snprintf(error, size, "%s", strerror(-result));
    }
    return result;
}

/* The folders above a file, as mkdir -p. */
static int make_folders(const char *path)
{
    char folder[MS_CONFIG_PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            return -errno;
        }
        *slash = '/';
    }
    return 0;
}

static void put_line(void *context, const char *text)
{
    (void)fputs(text, context);
}

static int write_new(const char *path, const struct ms_settings *settings)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "we") : NULL;
    if (file == NULL) {
        const int error = -errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
        return error;
    }
    errno = 0;
    ms_settings_write(settings, put_line, file);
    int result = fflush(file) != 0 || ferror(file) != 0 || fsync(descriptor) != 0 ? -errno : 0;
    if (fclose(file) != 0 && result == 0) {
        result = -errno;
    }
    return result;
}

int ms_config_write(const char *path, const struct ms_settings *settings)
{
    char target[PATH_MAX];
    char fresh[PATH_MAX + 8];
    char old[PATH_MAX + 8];
    int result = make_folders(path);
    if (result != 0) {
        return result;
    }
    /* Behind a symbolic link lies the file that people keep elsewhere: it stays there. */
    if (realpath(path, target) == NULL) {
        (void)snprintf(target, sizeof target, "%s", path);
    }
    (void)snprintf(fresh, sizeof fresh, "%s.new", target);
    (void)snprintf(old, sizeof old, "%s.old", target);
    result = write_new(fresh, settings);
    if (result == 0 && unlink(old) != 0 && errno != ENOENT) {
        result = -errno;
    }
    if (result == 0 && link(target, old) != 0 && errno != ENOENT) {
        result = -errno;
    }
    if (result == 0 && rename(fresh, target) != 0) {
        result = -errno;
    }
    if (result != 0) {
        (void)unlink(fresh);
    }
    return result;
}
