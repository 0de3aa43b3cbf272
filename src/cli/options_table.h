/*
 * The one table of command line options: the parser, --help, the man page and the MEMSCOPE_*
 * variables come from it.
 *
 * X(id, long_name, letter or 0, argument or NULL, default for the reader, help)
 */
#ifndef MS_CLI_OPTIONS_TABLE_H
#define MS_CLI_OPTIONS_TABLE_H

/* clang-format off */
#define MS_OPTIONS(X)                                                                               \
    X(PID,      "pid",       'p', "PID",   "",      "attach to a program that was started under memscope-top") \
    X(OUTPUT,   "output",    'o', "FILE",  "",      "the recording to write; with the live screen, record from the start (R starts it later)") \
    X(MAX_SIZE, "max-size",  0,   "SIZE",  "1G",    "largest size of a recording, such as 200M or 4G, or no for no limit; beyond it older history is kept at a coarser resolution") \
    X(FORCE,    "force",     0,   NULL,    "",      "overwrite existing recordings, and existing files when exporting from a recording") \
    X(AT,       "at",        0,   "TIME",  "end",   "moment of the recording to show: end, peak, the text of a mark, or the time since its start, such as 90, 1m30s or 50%") \
    X(JSON,     "json",      0,   "FILE",  "",      "write a full JSON report when the program ends, or from a recording") \
    X(JSON_SET, "json-set", 0,    "PREFIX", "",     "write JSON split by subject: PREFIX_comprehensive.json, PREFIX_resource_rankings.json, and so on") \
    X(JSON_LINES, "json-lines", 0, "FILE", "",      "write the figures of every tick, one JSON object per line") \
    X(HTML,     "html",      0,   "FILE",  "",      "write an HTML report for the browser, a single file") \
    X(TEXT,     "text",      0,   "FILE",  "",      "write a plain-text report") \
    X(CSV,      "csv",       0,   "FILE",  "",      "write one table as CSV, see --table") \
    X(PPROF,    "pprof",     0,   "FILE",  "",      "write a profile for pprof") \
    X(SPEEDSCOPE, "speedscope", 0, "FILE", "",      "write a profile for speedscope") \
    X(FOLDED,   "folded",    0,   "FILE",  "",      "write folded stacks for flame graph tools") \
    X(PERFETTO, "perfetto",  0,   "FILE",  "",      "write a trace for Perfetto and chrome://tracing") \
    X(SVG,      "svg",       0,   "FILE",  "",      "write a picture of the session") \
    X(SECTIONS, "sections",  0,   "LIST",  "all",   "sections of JSON and HTML reports: a list of names, or all,-NAME to leave some out") \
    X(ONLY,     "only",      0,   "RULE",  "",      "limit reports to threads that match, such as 'efficiency_score<80'; may be repeated, then all must match") \
    X(TABLE,    "table",     0,   "NAME",  "threads", "the table that --csv writes") \
    X(WEIGHT,   "weight",    0,   "NAME",  "peak",  "weight of call stacks in --folded, --svg and --speedscope (its first profile): peak, live, total (all bytes), count or cpu") \
    X(TITLE,    "title",     0,   "TEXT",  "",      "title of the report") \
    X(FAIL_ON,  "fail-on",   0,   "RULE",  "",      "exit with status 3 if this holds at the end, such as 'likely_leak_bytes>1M'; may be repeated") \
    X(THREADS,  "threads",   0,   "LIST",  "all",   "track only these threads: name globs, tid:N, main, even, odd") \
    X(DEPTH,    "depth",     0,   "N",     "32",    "frames kept of each call stack, 1 to 128") \
    X(EXACT,    "exact",     0,   NULL,    "",      "count every allocation with its call stack; this is the default") \
    X(SAMPLE,   "sample",    0,   "RATE",  "512K",  "exact totals, but call stacks of a sample only: on average one per RATE bytes (512K), or a share of the allocations (10%)") \
    X(AUTO,     "auto",      0,   NULL,    "",      "exact while that is cheap; then shorter stacks, then sampling; each step is reported") \
    X(COUNT,    "count-only", 0,  NULL,    "",      "exact counters, no call stacks") \
    X(OFF,      "off",       0,   NULL,    "",      "count nothing until tracking is switched on with M or memscope-top set") \
    X(TRACE,    "trace",     0,   NULL,    "",      "also log every allocation and free in order; exact, but expensive") \
    X(TRACE_BUFFER, "trace-buffer", 0, "KIB", "64", "KiB of events that each thread buffers before sending, 4 to 128") \
    X(TRACE_LIMIT, "trace-limit", 0, "N",  "",      "stop tracing a process after N events; no limit by default") \
    X(TRACE_FULL, "trace-full", 0, "count|wait", "count", "when events arrive too fast: count the lost ones, or make the program wait") \
    X(IO,       "io",        0,   "off|count|sample|all", "sample", "track I/O calls: not at all, count only, count all and time a sample, or time all with their callers") \
    X(CHILDREN, "children",  0,   "yes|no", "yes",  "follow child processes") \
    X(INTERVAL, "interval",  0,   "MS",    "100",   "sampling interval in ms, 20 to 10000") \
    X(CPU_SAMPLES, "cpu-samples", 0, "HZ|off", "49",  "CPU profiling: call stack samples per second for each running thread, 1 to 999, or off") \
    X(DELAY,    "delay",     'd', "SECS",  "0.25",  "seconds between screen updates, 0.1 to 60; lines of --plain come every second unless this is given") \
    X(DURATION, "duration",  0,   "SECS",  "",      "exit after this many seconds; the program keeps running") \
    X(PLAIN,    "plain",     0,   NULL,    "",      "no screen: print a line of figures to stderr every second") \
    X(QUIET,    "quiet",     'q', NULL,    "",      "no screen and no messages except errors") \
    X(TEE,      "tee",       0,   "FILE",  "",      "live screen: also write the program's output to FILE, which is overwritten") \
    X(STDIN,    "stdin",     0,   "null|tty", "null", "live screen: the program's standard input when ours is a terminal") \
    X(NO_ARGS,  "no-args",   0,   NULL,    "",      "leave the program's arguments out of reports") \
    X(SUPPRESSIONS, "suppressions", 0, "FILE", "",  "file of known leaks, lines of leak:PATTERN; see LEAKS in memscope-top(1)") \
    X(FILTER,   "filter",    'F', "TEXT",  "",      "show only matching threads, like /") \
    X(SORT,     "sort",      's', "METRIC", "peak_bytes", "sort threads by this metric") \
    X(CONFIG,   "config",    0,   "FILE|no", "~/.config/memscope-top/config", "file that settings are read from, and written to by W; no: use the defaults") \
    X(READONLY, "readonly",  0,   NULL,    "",      "never send a signal to the program and never change what is tracked") \
    X(NO_COLOR, "no-color",  'C', NULL,    "",      "no colours (also with NO_COLOR in the environment)") \
    X(NO_UNICODE, "no-unicode", 'U', NULL, "",      "ASCII only") \
    X(NO_MOUSE, "no-mouse",  'M', NULL,    "",      "do not use the mouse") \
    X(SYMBOL_CACHE, "symbol-cache", 0, "no|DIR", "~/.cache/memscope-top/symbols", "where function names and line numbers are cached; no: do not cache") \
    X(DEBUGINFOD, "debuginfod", 0, NULL,   "",      "fetch missing debug information from the servers in DEBUGINFOD_URLS") \
    X(DEBUG_LOG, "debug-log", 0,  "FILE",  "",      "append a log of memscope-top's own actions to FILE") \
    X(HELP,     "help",      'h', NULL,    "",      "show help and exit; after a command: help for that command") \
    X(VERSION,  "version",   'V', NULL,    "",      "show the version and exit")
/* clang-format on */

#endif
