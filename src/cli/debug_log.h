/* --debug-log: what memscope-top itself does, one line each with a time; silent without the option.
 */
#ifndef MS_CLI_DEBUG_LOG_H
#define MS_CLI_DEBUG_LOG_H

/* Opens for append, close-on-exec. Returns 0 or -errno. */
int ms_debug_log_open(const char *path);
void ms_debug_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
