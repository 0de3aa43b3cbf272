#include "model/series.h"

#include "model/metric.h"

#define MS_SERIES_ROW(prefix, id, name_, heading_, unit_, what_)                                   \
    [prefix##id] = {.name = name_, .heading = heading_, .unit = MS_UNIT_##unit_, .what = what_},

static const struct ms_series_info of_threads[MS_SERIES_COUNT] = {
#define MS_THREAD_ROW(...) MS_SERIES_ROW(MS_SERIES_, __VA_ARGS__)
    MS_THREAD_SERIES(MS_THREAD_ROW)
#undef MS_THREAD_ROW
};

static const struct ms_series_info of_processes[MS_PROCESS_SERIES_COUNT] = {
#define MS_PROCESS_ROW(...) MS_SERIES_ROW(MS_PROCESS_SERIES_, __VA_ARGS__)
    MS_PROCESS_SERIES(MS_PROCESS_ROW)
#undef MS_PROCESS_ROW
};

static const struct ms_series_info of_system[MS_SYSTEM_SERIES_COUNT] = {
#define MS_SYSTEM_ROW(...) MS_SERIES_ROW(MS_SYSTEM_SERIES_, __VA_ARGS__)
    MS_SYSTEM_SERIES(MS_SYSTEM_ROW)
#undef MS_SYSTEM_ROW
};

static const struct {
    const struct ms_series_info *rows;
    int count;
} tables[] = {
    [MS_SERIES_OF_THREAD] = {of_threads, MS_SERIES_COUNT},
    [MS_SERIES_OF_PROCESS] = {of_processes, MS_PROCESS_SERIES_COUNT},
    [MS_SERIES_OF_SYSTEM] = {of_system, MS_SYSTEM_SERIES_COUNT},
};

const struct ms_series_info *ms_series_info(enum ms_series_of of, int series)
{
    return &tables[of].rows[series];
}

int ms_series_count(enum ms_series_of of)
{
    return tables[of].count;
}
