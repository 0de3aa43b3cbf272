/*
 * The configuration file: $XDG_CONFIG_HOME/memscope-top/config, or that in ~/.config; settings of
 * src/tui/settings.h as "name = value" below "[section]"; # and ; begin a comment line.
 */
#ifndef MS_CLI_CONFIG_H
#define MS_CLI_CONFIG_H

#include <stddef.h>

#include "tui/settings.h"

#define MS_CONFIG_PATH_MAX 4096u

/* Where it usually is; "" when neither variable nor home is known. */
char *ms_config_usual_path(char *out, size_t size);

/*
 * Reads it into *settings, which hold what it does not set. Returns 0; -ENOENT; -EINVAL when a line
 * is not valid, and another -errno when it cannot be read: `error` is then a line of words.
 */
int ms_config_read(const char *path, struct ms_settings *settings, char *error, size_t size);

/*
 * Writes it, folders too, by a new file that takes the place of the old one; what stood there is
 * kept as PATH.old. Returns 0 or -errno (then nothing has changed).
 */
int ms_config_write(const char *path, const struct ms_settings *settings);

#endif
