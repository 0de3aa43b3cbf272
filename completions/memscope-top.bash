# Completion of memscope-top for bash. Options and commands are made from the program's tables.

_memscope_top_pids()
{
    memscope-top 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 }'
}

# What the word after an option is: sets `kind`, and `choice` to the words that it may be.
_memscope_top_argument_of()
{
    case $1 in
    -p|--pid) kind=process ;;
    -o|--output) kind=file ;;
    --max-size) kind=nothing ;;
    --at) kind=nothing ;;
    --json) kind=file ;;
    --json-set) kind=nothing ;;
    --json-lines) kind=file ;;
    --html) kind=file ;;
    --text) kind=file ;;
    --csv) kind=file ;;
    --pprof) kind=file ;;
    --speedscope) kind=file ;;
    --folded) kind=file ;;
    --perfetto) kind=file ;;
    --svg) kind=file ;;
    --sections) kind=choice choice='all processes threads rankings timeline correlations sites leaks flows lifetime boundaries types insights system' ;;
    --only) kind=nothing ;;
    --table) kind=nothing ;;
    --weight) kind=nothing ;;
    --title) kind=nothing ;;
    --fail-on) kind=nothing ;;
    --threads) kind=nothing ;;
    --depth) kind=nothing ;;
    --sample) kind=nothing ;;
    --trace-buffer) kind=nothing ;;
    --trace-limit) kind=nothing ;;
    --trace-full) kind=choice choice='count wait' ;;
    --io) kind=choice choice='off count sample all' ;;
    --children) kind=choice choice='yes no' ;;
    --interval) kind=nothing ;;
    --cpu-samples) kind=choice choice='off' ;;
    -d|--delay) kind=nothing ;;
    --duration) kind=nothing ;;
    --tee) kind=file ;;
    --stdin) kind=choice choice='null tty' ;;
    --suppressions) kind=file ;;
    -F|--filter) kind=nothing ;;
    -s|--sort) kind=choice choice='cpu_percent user_percent system_percent run_queue_wait_percent current_bytes peak_bytes allocations deallocations bytes_allocated bytes_freed allocations_per_s bytes_allocated_per_s growth_bytes_per_s temporary reallocations failed_calls frees_for_others bytes_freed_for_others freed_ratio waste_bytes at_peak_bytes mmap_bytes user_ms system_ms run_queue_wait_ms context_switches voluntary_switches involuntary_switches context_switches_per_s migrations migrations_per_s core numa_node cores_allowed io_operations read_operations write_operations io_operations_per_s read_bytes write_bytes read_bytes_per_s write_bytes_per_s read_storage_bytes write_storage_bytes io_wait_percent poll_wait_percent read_mean_us write_mean_us sync_mean_us io_in_flight io_in_flight_ms io_errors network_received_bytes network_sent_bytes network_received_messages network_sent_messages network_received_bytes_per_s network_sent_bytes_per_s network_errors minor_faults major_faults minor_faults_per_s major_faults_per_s cycles instructions instructions_per_cycle cache_misses cache_miss_percent branch_misses branch_miss_percent memory_bytes_per_s run_time_ms' ;;
    --config) kind=file ;;
    --symbol-cache) kind=folder ;;
    --debug-log) kind=file ;;
    *) kind= ;;
    esac
}

# Sets `kind` and `at`: what the words up to the cursor leave open, and where a program begins.
_memscope_top_place()
{
    local kind_of_command=
    for ((at = 1; at < COMP_CWORD; at++)); do
        local word=${words[at]}
        case $word in
        --) kind=program; ((at++)); return ;;
        -*)
            _memscope_top_argument_of "$word"
            [[ -z $kind || $word == *=* ]] && continue
            [[ ${words[at + 1]} == = ]] && ((at++))
            ((at++))
            ((at >= COMP_CWORD)) && return
            ;;
        *)
            if [[ -n $kind_of_command ]]; then
                [[ $kind_of_command == recording ]] && continue
                kind=program
                return
            fi
            _memscope_top_command "$word"
            [[ $kind == program ]] && return
            kind_of_command=$kind
            ;;
        esac
    done
    kind=${kind_of_command:-first}
}

_memscope_top_command()
{
    case $1 in
    view|export|diff|report|verify) kind=recording ;;
    set) kind=options ;;
    record|doctor) kind=command ;;
    *) kind=program ;;
    esac
}

_memscope_top()
{
    local kind= choice= at
    local current=${COMP_WORDS[COMP_CWORD]}
    local -a words=("${COMP_WORDS[@]}")
    local commands='set doctor record view export diff report verify'
    local options='--pid --output --max-size --force --at --json --json-set --json-lines --html --text --csv --pprof --speedscope --folded --perfetto --svg --sections --only --table --weight --title --fail-on --threads --depth --exact --sample --auto --count-only --off --trace --trace-buffer --trace-limit --trace-full --io --children --interval --cpu-samples --delay --duration --plain --quiet --tee --stdin --no-args --suppressions --filter --sort --config --readonly --no-color --no-unicode --no-mouse --symbol-cache --debuginfod --debug-log --help --version'
    COMPREPLY=()
    # bash takes --name=value for three words.
    [[ $current == = ]] && current=
    _memscope_top_place
    if [[ $current == -* && $kind != program && $kind != nothing ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
        return
    fi
    case $kind in
    choice) mapfile -t COMPREPLY < <(compgen -W "$choice" -- "$current") ;;
    process) mapfile -t COMPREPLY < <(compgen -W "$(_memscope_top_pids)" -- "$current") ;;
    folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    recording)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X '!*.memscope' -- "$current")
        ;;
    first) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current"; compgen -c -- "$current") ;;
    command) mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
    program)
        if declare -F _command_offset >/dev/null; then
            _command_offset "$at"
        elif ((at == COMP_CWORD)); then
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
        else
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
        fi
        ;;
    esac
}
complete -F _memscope_top memscope-top
