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
    X(PID,      "pid",       'p', "PID",   "",      "join a program that was started under memscope-top")          \
    X(OUTPUT,   "output",    'o', "FILE",  "",      "record: the recording to write; live: record from the beginning on, as R does later") \
    X(MAX_SIZE, "max-size",  0,   "SIZE",  "1G",    "largest size of a recording, as 200M or 4G: what is older becomes coarser; no: as it comes") \
    X(FORCE,    "force",     0,   NULL,    "",      "replace a recording, or a report from one, that is there")       \
    X(AT,       "at",        0,   "TIME",  "end",   "of a recording: the moment to look at: end, peak, a mark's text, or time since its start as 90, 1m30s or 50%") \
    X(JSON,     "json",      0,   "FILE",  "",      "write everything as JSON when the program ends, or from a recording") \
    X(JSON_SET, "json-set", 0,    "PREFIX", "",     "write JSON by subject: PREFIX_comprehensive.json, PREFIX_resource_rankings.json, and so on") \
    X(JSON_LINES, "json-lines", 0, "FILE", "",      "write the figures of every tick as a line of JSON")           \
    X(HTML,     "html",      0,   "FILE",  "",      "write a report for the browser, one file")                    \
    X(TEXT,     "text",      0,   "FILE",  "",      "write a page of text")                                        \
    X(CSV,      "csv",       0,   "FILE",  "",      "write one table, see --table")                                \
    X(PPROF,    "pprof",     0,   "FILE",  "",      "write call stacks for pprof")                                 \
    X(SPEEDSCOPE, "speedscope", 0, "FILE", "",      "write call stacks for speedscope")                            \
    X(FOLDED,   "folded",    0,   "FILE",  "",      "write call stacks for flame graph tools, one on each line")   \
    X(PERFETTO, "perfetto",  0,   "FILE",  "",      "write series and threads over time for Perfetto")             \
    X(SVG,      "svg",       0,   "FILE",  "",      "write a picture of the session")                              \
    X(SECTIONS, "sections",  0,   "LIST",  "all",   "parts of JSON and HTML reports: names, or all,-name to leave some out") \
    X(ONLY,     "only",      0,   "RULE",  "",      "reports: only threads that fit, as 'efficiency_score<80'; several must all fit") \
    X(TABLE,    "table",     0,   "NAME",  "threads", "the table that --csv writes")                               \
    X(WEIGHT,   "weight",    0,   "NAME",  "peak",  "what call stacks weigh in --folded, --svg and first in --speedscope: peak, live, total (all bytes), count or cpu") \
    X(TITLE,    "title",     0,   "TEXT",  "",      "title of a report")                                           \
    X(FAIL_ON,  "fail-on",   0,   "RULE",  "",      "leave with status 3 when it holds at the end, as 'likely_leak_bytes>1M'; may be given several times") \
    X(THREADS,  "threads",   0,   "LIST",  "all",   "track only these threads: globs of names, tid:N, main, even, odd") \
    X(DEPTH,    "depth",     0,   "N",     "32",    "frames of a call stack that are kept, 1 to 128")              \
    X(EXACT,    "exact",     0,   NULL,    "",      "count every call with its call stack; what is done unless asked otherwise") \
    X(SAMPLE,   "sample",    0,   "RATE",  "512K",  "totals stay exact, call stacks are of a sample: one in so many bytes (512K) or of so many allocations (10%)") \
    X(AUTO,     "auto",      0,   NULL,    "",      "exact while it is cheap; then shorter stacks, then --sample, said and counted") \
    X(COUNT,    "count-only", 0,  NULL,    "",      "exact counters without call stacks")                          \
    X(OFF,      "off",       0,   NULL,    "",      "count nothing until it is switched on with M or memscope-top set") \
    X(TRACE,    "trace",     0,   NULL,    "",      "read every allocation and free in order, too: exact and dear") \
    X(TRACE_BUFFER, "trace-buffer", 0, "KIB", "64", "events kept by each thread until they are sent, 4 to 128 KiB") \
    X(TRACE_LIMIT, "trace-limit", 0, "N",  "",      "events of a process after which its trace ends; all unless given") \
    X(TRACE_FULL, "trace-full", 0, "count|wait", "count", "when events come too fast: count what is lost, or hold the program up") \
    X(IO,       "io",        0,   "off|count|sample|all", "sample", "calls of I/O functions: none, counted only, counted and some of them timed with their callers, or every one") \
    X(CHILDREN, "children",  0,   "yes|no", "yes",  "follow processes that the program starts")                    \
    X(INTERVAL, "interval",  0,   "MS",    "100",   "time between two samples, 20 to 10000 ms")                    \
    X(CPU_SAMPLES, "cpu-samples", 0, "HZ|off", "49",  "CPU time by call stack: samples a second of each thread that runs, 1 to 999, or none") \
    X(DELAY,    "delay",     'd', "SECS",  "0.25",  "time between two pictures (with --plain, two lines: 1), 0.1 to 60") \
    X(DURATION, "duration",  0,   "SECS",  "",      "leave after this time; the program runs on")                  \
    X(PLAIN,    "plain",     0,   NULL,    "",      "no screen: a line of figures on stderr every second")         \
    X(QUIET,    "quiet",     'q', NULL,    "",      "no screen and no line of ours, errors apart")                 \
    X(TEE,      "tee",       0,   "FILE",  "",      "copy the program's output (live screen) to a new file")       \
    X(STDIN,    "stdin",     0,   "null|tty", "null", "live screen: what the program reads when stdin is a terminal") \
    X(NO_ARGS,  "no-args",   0,   NULL,    "",      "leave the program's arguments out of reports")                \
    X(SUPPRESSIONS, "suppressions", 0, "FILE", "",  "leaks that are known: lines of leak:PATTERN, see LEAKS")           \
    X(FILTER,   "filter",    'F', "TEXT",  "",      "show only threads that match, as with /")                     \
    X(SORT,     "sort",      's', "METRIC", "peak_bytes", "order of the threads: a metric's name")                 \
    X(CONFIG,   "config",    0,   "FILE|no", "~/.config/memscope-top/config", "settings of F2 Setup are read from this file and written to it, or are the defaults") \
    X(READONLY, "readonly",  0,   NULL,    "",      "never send a signal to the program nor change what is tracked") \
    X(NO_COLOR, "no-color",  'C', NULL,    "",      "no colours (also by NO_COLOR in the environment)")            \
    X(NO_UNICODE, "no-unicode", 'U', NULL, "",      "ASCII only")                                                  \
    X(NO_MOUSE, "no-mouse",  'M', NULL,    "",      "leave the mouse to the terminal")                             \
    X(SYMBOL_CACHE, "symbol-cache", 0, "no|DIR", "~/.cache/memscope-top/symbols", "where names of functions and lines are kept for the next time, or not at all") \
    X(DEBUGINFOD, "debuginfod", 0, NULL,   "",      "ask the servers in DEBUGINFOD_URLS for debug information that is not on this machine") \
    X(DEBUG_LOG, "debug-log", 0,  "FILE",  "",      "append what memscope-top itself does to a file")              \
    X(HELP,     "help",      'h', NULL,    "",      "show this help and leave")                                    \
    X(VERSION,  "version",   'V', NULL,    "",      "show the version and leave")
/* clang-format on */

#endif
