/*
 * The one table of settings: the configuration file, its example, F2 Setup and the manual page come
 * from it.
 *
 * X(id, section, name, kind, standard, low, high, unit or choices, meaning)
 *   kind      NUMBER, CHOICE (words joined by |), COLOUR, METRIC (a name), METRICS (names)
 *   standard  as in the file
 */
#ifndef MS_TUI_SETTINGS_TABLE_H
#define MS_TUI_SETTINGS_TABLE_H

#define MS_SETTING_COLUMNS_STANDARD                                                                \
    "cpu_percent current_bytes peak_bytes growth_bytes_per_s allocations_per_s allocations "       \
    "io_operations_per_s context_switches user_ms system_ms temporary freed_ratio "                \
    "run_queue_wait_ms read_bytes write_bytes run_time_ms"

/* clang-format off */
#define MS_SETTINGS(X)                                                                              \
    X(REFRESH,      "screen",  "refresh_s",  NUMBER, "0.25", 0.1, 60, "s",     "time between two pictures") \
    X(GLYPHS,       "screen",  "glyphs",     CHOICE, "auto", 0, 0, "auto|braille|block|ascii", "what graphs are made of; auto: braille where the locale is UTF-8") \
    X(SCHEME,       "screen",  "colours",    CHOICE, "default", 0, 0, "default|colour-blind|mono", "set of colours") \
    X(MOUSE,        "screen",  "mouse",      CHOICE, "yes", 0, 0, "no|yes",    "clicks and the wheel are ours; no: the terminal selects text") \
    X(SHAPE,        "screen",  "overview",   CHOICE, "cards", 0, 0, "cards|table", "shape of the overview") \
    X(SORT,         "screen",  "sort",       METRIC, "peak_bytes", 0, 0, "",   "order of the threads at the start: a metric's name") \
    X(COLUMNS,      "screen",  "columns",    METRICS, MS_SETTING_COLUMNS_STANDARD, 0, 0, "", "columns of the table of threads, names of metrics, those first that are wanted most") \
    X(INTERVAL,     "rates",   "interval_ms", NUMBER, "100", 20, 10000, "ms",  "time between two samples; from the next start on") \
    X(CPU_SAMPLES,  "rates",   "cpu_samples_hz", NUMBER, "49", 0, 999, "Hz",   "CPU time by call stack: samples a second of each thread that runs (49: in step with nothing that programs do), 0 for none; from the next start on") \
    X(WAITING,      "colours", "waiting",    COLOUR, "scheme", 0, 0, "",       "threads that wait (W)") \
    X(MEMORY,       "colours", "memory",     COLOUR, "scheme", 0, 0, "",       "memory intensive threads (M)") \
    X(CPU,          "colours", "cpu",        COLOUR, "scheme", 0, 0, "",       "CPU intensive threads (C)") \
    X(IO,           "colours", "io",         COLOUR, "scheme", 0, 0, "",       "I/O intensive threads (I)") \
    X(BALANCED,     "colours", "balanced",   COLOUR, "scheme", 0, 0, "",       "balanced threads (B)") \
    X(LIGHT,        "colours", "light",      COLOUR, "scheme", 0, 0, "",       "lightweight threads (L)") \
    X(ALERT_HIGH,   "colours", "alert_high", COLOUR, "scheme", 0, 0, "",       "high alerts (!!)") \
    X(ALERT_MEDIUM, "colours", "alert_medium", COLOUR, "scheme", 0, 0, "",     "medium alerts (!)") \
    X(GRAPH,        "colours", "graph",      COLOUR, "scheme", 0, 0, "",       "graphs")             \
    X(TITLE,        "colours", "title",      COLOUR, "scheme", 0, 0, "",       "titles and headings") \
    X(THRESHOLDS,   "thresholds", "alerts",  CHOICE, "auto", 0, 0, "auto|seed", "auto: an alert also needs twice the average of the other threads; seed: the limits alone") \
    X(ROLE_WINDOW,  "thresholds", "role_window_s", NUMBER, "10", 1, 600, "s",  "what live roles look at") \
    X(ROLE_HOLD,    "thresholds", "role_hold_s", NUMBER, "3", 0, 600, "s",     "how long another role must hold before it is taken") \
    X(ROLE_MARGIN,  "thresholds", "role_margin_pct", NUMBER, "10", 0, 90, "%", "how far beyond its limit") \
    X(WAITING_PCT,  "thresholds", "waiting_pct", NUMBER, "50", 0, 100, "%",    "W: more of the wall time than this in contended waits") \
    X(MEMORY_PEAK,  "thresholds", "memory_peak_mb", NUMBER, "18", 0, 1e9, "MB", "M: a peak above this ...") \
    X(MEMORY_COUNT, "thresholds", "memory_allocations", NUMBER, "1200", 0, 1e15, "", "M: ... and more allocations than this") \
    X(CPU_PCT,      "thresholds", "cpu_pct",  NUMBER, "25", 0, 100, "%",       "C: more CPU than this, of one core") \
    X(IO_CALLS,     "thresholds", "io_operations", NUMBER, "2000", 0, 1e15, "", "I: more read and write system calls than this") \
    X(BALANCED_COUNT, "thresholds", "balanced_allocations", NUMBER, "1000", 0, 1e15, "", "B: at least so many allocations") \
    X(HIGH_PEAK,    "thresholds", "alert_high_mb", NUMBER, "20", 0, 1e9, "MB", "high alert: a peak above this") \
    X(HIGH_CPU,     "thresholds", "alert_high_cpu_pct", NUMBER, "30", 0, 100, "%", "high alert: more CPU than this, over a second or more") \
    X(MEDIUM_PEAK,  "thresholds", "alert_medium_mb", NUMBER, "15", 0, 1e9, "MB", "medium alert: a peak above this") \
    X(MEDIUM_CPU,   "thresholds", "alert_medium_cpu_pct", NUMBER, "20", 0, 100, "%", "medium alert: more CPU than this, over a second or more")
/* clang-format on */

#endif
