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
complete -c memscope-top -n __memscope_top_own -l pid -s p -x -a '(__memscope_top_pids)' -d "join a program that was started under memscope-top"
complete -c memscope-top -n __memscope_top_own -l output -s o -r -F -d "record: the recording to write; live: record from the beginning on, as R does later"
complete -c memscope-top -n __memscope_top_own -l max-size -x -d "largest size of a recording, as 200M or 4G: what is older becomes coarser; no: as it comes"
complete -c memscope-top -n __memscope_top_own -l force -d "replace a recording, or a report from one, that is there"
complete -c memscope-top -n __memscope_top_own -l at -x -d "of a recording: the moment to look at: end, peak, a mark's text, or time since its start as 90, 1m30s or 50%"
complete -c memscope-top -n __memscope_top_own -l json -r -F -d "write everything as JSON when the program ends, or from a recording"
complete -c memscope-top -n __memscope_top_own -l json-set -x -d "write JSON by subject: PREFIX_comprehensive.json, PREFIX_resource_rankings.json, and so on"
complete -c memscope-top -n __memscope_top_own -l json-lines -r -F -d "write the figures of every tick as a line of JSON"
complete -c memscope-top -n __memscope_top_own -l html -r -F -d "write a report for the browser, one file"
complete -c memscope-top -n __memscope_top_own -l text -r -F -d "write a page of text"
complete -c memscope-top -n __memscope_top_own -l csv -r -F -d "write one table, see --table"
complete -c memscope-top -n __memscope_top_own -l pprof -r -F -d "write call stacks for pprof"
complete -c memscope-top -n __memscope_top_own -l speedscope -r -F -d "write call stacks for speedscope"
complete -c memscope-top -n __memscope_top_own -l folded -r -F -d "write call stacks for flame graph tools, one on each line"
complete -c memscope-top -n __memscope_top_own -l perfetto -r -F -d "write series and threads over time for Perfetto"
complete -c memscope-top -n __memscope_top_own -l svg -r -F -d "write a picture of the session"
complete -c memscope-top -n __memscope_top_own -l sections -x -a 'all processes threads rankings timeline correlations sites leaks flows lifetime boundaries types insights system' -d "parts of JSON and HTML reports: names, or all,-name to leave some out"
complete -c memscope-top -n __memscope_top_own -l only -x -d "reports: only threads that fit, as 'efficiency_score<80'; several must all fit"
complete -c memscope-top -n __memscope_top_own -l table -x -d "the table that --csv writes"
complete -c memscope-top -n __memscope_top_own -l weight -x -d "what call stacks weigh in --folded, --svg and first in --speedscope: peak, live, total (all bytes), count or cpu"
complete -c memscope-top -n __memscope_top_own -l title -x -d "title of a report"
complete -c memscope-top -n __memscope_top_own -l fail-on -x -d "leave with status 3 when it holds at the end, as 'likely_leak_bytes>1M'; may be given several times"
complete -c memscope-top -n __memscope_top_own -l threads -x -d "track only these threads: globs of names, tid:N, main, even, odd"
complete -c memscope-top -n __memscope_top_own -l depth -x -d "frames of a call stack that are kept, 1 to 128"
complete -c memscope-top -n __memscope_top_own -l exact -d "count every call with its call stack; what is done unless asked otherwise"
complete -c memscope-top -n __memscope_top_own -l sample -x -d "totals stay exact, call stacks are of a sample: one in so many bytes (512K) or of so many allocations (10%)"
complete -c memscope-top -n __memscope_top_own -l auto -d "exact while it is cheap; then shorter stacks, then --sample, said and counted"
complete -c memscope-top -n __memscope_top_own -l count-only -d "exact counters without call stacks"
complete -c memscope-top -n __memscope_top_own -l off -d "count nothing until it is switched on with M or memscope-top set"
complete -c memscope-top -n __memscope_top_own -l trace -d "read every allocation and free in order, too: exact and dear"
complete -c memscope-top -n __memscope_top_own -l trace-buffer -x -d "events kept by each thread until they are sent, 4 to 128 KiB"
complete -c memscope-top -n __memscope_top_own -l trace-limit -x -d "events of a process after which its trace ends; all unless given"
complete -c memscope-top -n __memscope_top_own -l trace-full -x -a 'count wait' -d "when events come too fast: count what is lost, or hold the program up"
complete -c memscope-top -n __memscope_top_own -l io -x -a 'off count sample all' -d "calls of I/O functions: none, counted only, counted and some of them timed with their callers, or every one"
complete -c memscope-top -n __memscope_top_own -l children -x -a 'yes no' -d "follow processes that the program starts"
complete -c memscope-top -n __memscope_top_own -l interval -x -d "time between two samples, 20 to 10000 ms"
complete -c memscope-top -n __memscope_top_own -l cpu-samples -x -a 'off' -d "CPU time by call stack: samples a second of each thread that runs, 1 to 999, or none"
complete -c memscope-top -n __memscope_top_own -l delay -s d -x -d "time between two pictures (with --plain, two lines: 1), 0.1 to 60"
complete -c memscope-top -n __memscope_top_own -l duration -x -d "leave after this time; the program runs on"
complete -c memscope-top -n __memscope_top_own -l plain -d "no screen: a line of figures on stderr every second"
complete -c memscope-top -n __memscope_top_own -l quiet -s q -d "no screen and no line of ours, errors apart"
complete -c memscope-top -n __memscope_top_own -l tee -r -F -d "copy the program's output (live screen) to a new file"
complete -c memscope-top -n __memscope_top_own -l stdin -x -a 'null tty' -d "live screen: what the program reads when stdin is a terminal"
complete -c memscope-top -n __memscope_top_own -l no-args -d "leave the program's arguments out of reports"
complete -c memscope-top -n __memscope_top_own -l suppressions -r -F -d "leaks that are known: lines of leak:PATTERN, see LEAKS"
complete -c memscope-top -n __memscope_top_own -l filter -s F -x -d "show only threads that match, as with /"
complete -c memscope-top -n __memscope_top_own -l sort -s s -x -a 'cpu_percent user_percent system_percent run_queue_wait_percent current_bytes peak_bytes allocations deallocations bytes_allocated bytes_freed allocations_per_s bytes_allocated_per_s growth_bytes_per_s temporary reallocations failed_calls frees_for_others bytes_freed_for_others freed_ratio waste_bytes at_peak_bytes mmap_bytes user_ms system_ms run_queue_wait_ms context_switches voluntary_switches involuntary_switches context_switches_per_s migrations migrations_per_s core numa_node cores_allowed io_operations read_operations write_operations io_operations_per_s read_bytes write_bytes read_bytes_per_s write_bytes_per_s read_storage_bytes write_storage_bytes io_wait_percent poll_wait_percent read_mean_us write_mean_us sync_mean_us io_in_flight io_in_flight_ms io_errors network_received_bytes network_sent_bytes network_received_messages network_sent_messages network_received_bytes_per_s network_sent_bytes_per_s network_errors minor_faults major_faults minor_faults_per_s major_faults_per_s cycles instructions instructions_per_cycle cache_misses cache_miss_percent branch_misses branch_miss_percent memory_bytes_per_s run_time_ms' -d "order of the threads: a metric's name"
complete -c memscope-top -n __memscope_top_own -l config -r -F -d "settings of F2 Setup are read from this file and written to it, or are the defaults"
complete -c memscope-top -n __memscope_top_own -l readonly -d "never send a signal to the program nor change what is tracked"
complete -c memscope-top -n __memscope_top_own -l no-color -s C -d "no colours (also by NO_COLOR in the environment)"
complete -c memscope-top -n __memscope_top_own -l no-unicode -s U -d "ASCII only"
complete -c memscope-top -n __memscope_top_own -l no-mouse -s M -d "leave the mouse to the terminal"
complete -c memscope-top -n __memscope_top_own -l symbol-cache -r -F -d "where names of functions and lines are kept for the next time, or not at all"
complete -c memscope-top -n __memscope_top_own -l debuginfod -d "ask the servers in DEBUGINFOD_URLS for debug information that is not on this machine"
complete -c memscope-top -n __memscope_top_own -l debug-log -r -F -d "append what memscope-top itself does to a file"
complete -c memscope-top -n __memscope_top_own -l help -s h -d "show this help and leave"
complete -c memscope-top -n __memscope_top_own -l version -s V -d "show the version and leave"
complete -c memscope-top -n __memscope_top_first -a set -d 'change what is tracked of a running program, and leave'
complete -c memscope-top -n __memscope_top_first -a doctor -d 'what could be seen of it and of this machine, and why not'
complete -c memscope-top -n __memscope_top_first -a record -d 'run it and record it, without a screen; -p PID: join it'
complete -c memscope-top -n __memscope_top_first -a view -d 'look at a recording, in the same screens'
complete -c memscope-top -n __memscope_top_first -a export -d 'write reports from a recording'
complete -c memscope-top -n __memscope_top_first -a diff -d 'what changed from one recording or moment to another'
complete -c memscope-top -n __memscope_top_first -a report -d 'a page of text about a recording'
complete -c memscope-top -n __memscope_top_first -a verify -d 'is a recording whole and consistent?'
complete -c memscope-top -n __memscope_top_first -a '(__fish_complete_command)'
complete -c memscope-top -n 'not __memscope_top_own' -a '(__fish_complete_subcommand)'
complete -c memscope-top -n '__fish_seen_subcommand_from view export diff report verify' -F
