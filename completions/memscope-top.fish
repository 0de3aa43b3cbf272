# Completion of memscope-top for fish. Options and commands are made from the program's tables.

function __memscope_top_pids
    memscope-top 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 "\t" $NF }'
end

# Words that are no options: ours come first, then the program with its own.
function __memscope_top_words
    set -l words (commandline -opc)
    for word in $words[2..-1]
        string match -q -- '-*' $word; or echo $word
    end
end

function __memscope_top_first
    test (count (__memscope_top_words)) -eq 0
end

function __memscope_top_own
    set -l words (__memscope_top_words)
    test (count $words) -eq 0; or contains -- $words[1] set doctor record view export diff report verify
end

complete -c memscope-top -f
complete -c memscope-top -n __memscope_top_own -l pid -s p -x -a '(__memscope_top_pids)' -d "attach to a program that was started under memscope-top"
complete -c memscope-top -n __memscope_top_own -l output -s o -r -F -d "the recording to write; with the live screen, record from the start (R starts it later)"
complete -c memscope-top -n __memscope_top_own -l max-size -x -d "largest size of a recording, such as 200M or 4G, or no for no limit; beyond it older history is kept at a coarser resolution"
complete -c memscope-top -n __memscope_top_own -l force -d "overwrite existing recordings, and existing files when exporting from a recording"
complete -c memscope-top -n __memscope_top_own -l at -x -d "moment of the recording to show: end, peak, the text of a mark, or the time since its start, such as 90, 1m30s or 50%"
complete -c memscope-top -n __memscope_top_own -l json -r -F -d "write a full JSON report when the program ends, or from a recording"
complete -c memscope-top -n __memscope_top_own -l json-set -x -d "write JSON split by subject: PREFIX_comprehensive.json, PREFIX_resource_rankings.json, and so on"
complete -c memscope-top -n __memscope_top_own -l json-lines -r -F -d "write the figures of every tick, one JSON object per line"
complete -c memscope-top -n __memscope_top_own -l html -r -F -d "write an HTML report for the browser, a single file"
complete -c memscope-top -n __memscope_top_own -l text -r -F -d "write a plain-text report"
complete -c memscope-top -n __memscope_top_own -l csv -r -F -d "write one table as CSV, see --table"
complete -c memscope-top -n __memscope_top_own -l pprof -r -F -d "write a profile for pprof"
complete -c memscope-top -n __memscope_top_own -l speedscope -r -F -d "write a profile for speedscope"
complete -c memscope-top -n __memscope_top_own -l folded -r -F -d "write folded stacks for flame graph tools"
complete -c memscope-top -n __memscope_top_own -l perfetto -r -F -d "write a trace for Perfetto and chrome://tracing"
complete -c memscope-top -n __memscope_top_own -l svg -r -F -d "write a picture of the session"
complete -c memscope-top -n __memscope_top_own -l sections -x -a 'all processes threads rankings timeline correlations sites leaks flows lifetime boundaries types insights system' -d "sections of JSON and HTML reports: a list of names, or all,-NAME to leave some out"
complete -c memscope-top -n __memscope_top_own -l only -x -d "limit reports to threads that match, such as 'efficiency_score<80'; may be repeated, then all must match"
complete -c memscope-top -n __memscope_top_own -l table -x -d "the table that --csv writes"
complete -c memscope-top -n __memscope_top_own -l weight -x -d "weight of call stacks in --folded, --svg and --speedscope (its first profile): peak, live, total (all bytes), count or cpu"
complete -c memscope-top -n __memscope_top_own -l title -x -d "title of the report"
complete -c memscope-top -n __memscope_top_own -l fail-on -x -d "exit with status 3 if this holds at the end, such as 'likely_leak_bytes>1M'; may be repeated"
complete -c memscope-top -n __memscope_top_own -l threads -x -d "track only these threads: name globs, tid:N, main, even, odd"
complete -c memscope-top -n __memscope_top_own -l depth -x -d "frames kept of each call stack, 1 to 128"
complete -c memscope-top -n __memscope_top_own -l exact -d "count every allocation with its call stack; this is the default"
complete -c memscope-top -n __memscope_top_own -l sample -x -d "exact totals, but call stacks of a sample only: on average one per RATE bytes (512K), or a share of the allocations (10%)"
complete -c memscope-top -n __memscope_top_own -l auto -d "exact while that is cheap; then shorter stacks, then sampling; each step is reported"
complete -c memscope-top -n __memscope_top_own -l count-only -d "exact counters, no call stacks"
complete -c memscope-top -n __memscope_top_own -l off -d "count nothing until tracking is switched on with M or memscope-top set"
complete -c memscope-top -n __memscope_top_own -l trace -d "also log every allocation and free in order; exact, but expensive"
complete -c memscope-top -n __memscope_top_own -l trace-buffer -x -d "KiB of events that each thread buffers before sending, 4 to 128"
complete -c memscope-top -n __memscope_top_own -l trace-limit -x -d "stop tracing a process after N events; no limit by default"
complete -c memscope-top -n __memscope_top_own -l trace-full -x -a 'count wait' -d "when events arrive too fast: count the lost ones, or make the program wait"
complete -c memscope-top -n __memscope_top_own -l io -x -a 'off count sample all' -d "track I/O calls: not at all, count only, count all and time a sample, or time all with their callers"
complete -c memscope-top -n __memscope_top_own -l children -x -a 'yes no' -d "follow child processes"
complete -c memscope-top -n __memscope_top_own -l interval -x -d "sampling interval in ms, 20 to 10000"
complete -c memscope-top -n __memscope_top_own -l cpu-samples -x -a 'off' -d "CPU profiling: call stack samples per second for each running thread, 1 to 999, or off"
complete -c memscope-top -n __memscope_top_own -l delay -s d -x -d "seconds between screen updates, 0.1 to 60; lines of --plain come every second unless this is given"
complete -c memscope-top -n __memscope_top_own -l duration -x -d "exit after this many seconds; the program keeps running"
complete -c memscope-top -n __memscope_top_own -l plain -d "no screen: print a line of figures to stderr every second"
complete -c memscope-top -n __memscope_top_own -l quiet -s q -d "no screen and no messages except errors"
complete -c memscope-top -n __memscope_top_own -l tee -r -F -d "live screen: also write the program's output to FILE, which is overwritten"
complete -c memscope-top -n __memscope_top_own -l stdin -x -a 'null tty' -d "live screen: the program's standard input when ours is a terminal"
complete -c memscope-top -n __memscope_top_own -l no-args -d "leave the program's arguments out of reports"
complete -c memscope-top -n __memscope_top_own -l suppressions -r -F -d "file of known leaks, lines of leak:PATTERN; see LEAKS in memscope-top(1)"
complete -c memscope-top -n __memscope_top_own -l filter -s F -x -d "show only matching threads, like /"
complete -c memscope-top -n __memscope_top_own -l sort -s s -x -a 'cpu_percent user_percent system_percent run_queue_wait_percent current_bytes peak_bytes allocations deallocations bytes_allocated bytes_freed allocations_per_s bytes_allocated_per_s growth_bytes_per_s temporary reallocations failed_calls frees_for_others bytes_freed_for_others freed_ratio waste_bytes at_peak_bytes mmap_bytes user_ms system_ms run_queue_wait_ms context_switches voluntary_switches involuntary_switches context_switches_per_s migrations migrations_per_s core numa_node cores_allowed io_operations read_operations write_operations io_operations_per_s read_bytes write_bytes read_bytes_per_s write_bytes_per_s read_storage_bytes write_storage_bytes io_wait_percent poll_wait_percent read_mean_us write_mean_us sync_mean_us io_in_flight io_in_flight_ms io_errors network_received_bytes network_sent_bytes network_received_messages network_sent_messages network_received_bytes_per_s network_sent_bytes_per_s network_errors minor_faults major_faults minor_faults_per_s major_faults_per_s cycles instructions instructions_per_cycle cache_misses cache_miss_percent branch_misses branch_miss_percent memory_bytes_per_s run_time_ms' -d "sort threads by this metric"
complete -c memscope-top -n __memscope_top_own -l config -r -F -d "file that settings are read from, and written to by W; no: use the defaults"
complete -c memscope-top -n __memscope_top_own -l readonly -d "never send a signal to the program and never change what is tracked"
complete -c memscope-top -n __memscope_top_own -l no-color -s C -d "no colours (also with NO_COLOR in the environment)"
complete -c memscope-top -n __memscope_top_own -l no-unicode -s U -d "ASCII only"
complete -c memscope-top -n __memscope_top_own -l no-mouse -s M -d "do not use the mouse"
complete -c memscope-top -n __memscope_top_own -l symbol-cache -r -F -d "where function names and line numbers are cached; no: do not cache"
complete -c memscope-top -n __memscope_top_own -l debuginfod -d "fetch missing debug information from the servers in DEBUGINFOD_URLS"
complete -c memscope-top -n __memscope_top_own -l debug-log -r -F -d "append a log of memscope-top's own actions to FILE"
complete -c memscope-top -n __memscope_top_own -l help -s h -d "show help and exit; after a command: help for that command"
complete -c memscope-top -n __memscope_top_own -l version -s V -d "show the version and exit"
complete -c memscope-top -n __memscope_top_first -a set -d 'change what is tracked in a running program, then exit'
complete -c memscope-top -n __memscope_top_first -a doctor -d 'check what can be measured on this machine and of a program'
complete -c memscope-top -n __memscope_top_first -a record -d 'record without a screen (-p PID: a running program)'
complete -c memscope-top -n __memscope_top_first -a view -d 'open a recording in the same screens'
complete -c memscope-top -n __memscope_top_first -a export -d 'write reports from a recording'
complete -c memscope-top -n __memscope_top_first -a diff -d 'what changed between two recordings or two moments'
complete -c memscope-top -n __memscope_top_first -a report -d 'print a recording as a page of text'
complete -c memscope-top -n __memscope_top_first -a verify -d 'check that a recording is complete and consistent'
complete -c memscope-top -n __memscope_top_first -a '(__fish_complete_command)'
complete -c memscope-top -n 'not __memscope_top_own' -a '(__fish_complete_subcommand)'
complete -c memscope-top -n '__fish_seen_subcommand_from view export diff report verify' -F
