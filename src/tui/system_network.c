/* What the process has open: files, sockets, and its connections with what went over them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "model/format.h"
#include "tui/system.h"

static const char *kind_word(enum ms_connection_kind kind)
{
    static const char *const words[] = {"tcp", "udp", "unix"};
    return words[kind];
}

static void put_files(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_open_files *files = &process->resources.files;
    const struct ms_resource_limits *limits = &process->resources.limits;
    char text[96];
    ms_sheet_heading(sheet, "open files");
    if (!files->have) {
        if (!ms_sheet_source(sheet, MS_SOURCE_OPEN_FILES)) {
            ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "not read yet");
        }
        return;
    }
    if (limits->have && limits->files != MS_NO_LIMIT) {
        snprintf(text, sizeof text, "%u of at most %" PRIu64, files->all, limits->files);
    } else {
        snprintf(text, sizeof text, "%u", files->all);
    }
    int column = ms_sheet_pair(sheet, 1, "descriptors", text);
    snprintf(text, sizeof text, "%u", files->files);
    column = ms_sheet_pair(sheet, column, "files", text);
    snprintf(text, sizeof text, "%u", files->sockets);
    column = ms_sheet_pair(sheet, column, "sockets", text);
    snprintf(text, sizeof text, "%u", files->pipes);
    column = ms_sheet_pair(sheet, column, "pipes", text);
    snprintf(text, sizeof text, "%u", files->others);
    ms_sheet_pair(sheet, column, "others", text);
    sheet->row++;
}

static char *time_text(double us, char *out, size_t size)
{
    if (isnan(us)) {
        snprintf(out, size, "n/a");
    } else if (us < 10000) {
        snprintf(out, size, "%.0fus", us);
    } else {
        snprintf(out, size, "%.1fms", us / 1000);
    }
    return out;
}

static void put_totals(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_network *network = &process->resources.network;
    char text[96];
    char figure[MS_FORMAT_MAX];
    snprintf(text, sizeof text, "%u established, %u listening, %u other, %u udp, %u unix",
             network->established, network->listening, network->other_tcp, network->udp,
             network->unix_sockets);
    int column = ms_sheet_pair(sheet, 1, "now", text);
    snprintf(text, sizeof text, "%" PRIu64, network->connections_seen);
    ms_sheet_pair(sheet, column, "seen in all", text);
    sheet->row++;
    ms_sheet_rate(process->received_per_s, figure, sizeof figure);
    column = ms_sheet_pair(sheet, 1, "received", figure);
    ms_format_bytes(text, sizeof text, (double)network->received_bytes);
    column = ms_sheet_pair(sheet, column, "in all", text);
    column = ms_sheet_pair(sheet, column + 1, "sent",
                           ms_sheet_rate(process->sent_per_s, figure, sizeof figure));
    ms_format_bytes(text, sizeof text, (double)network->sent_bytes);
    column = ms_sheet_pair(sheet, column, "in all", text);
    column = ms_sheet_pair(sheet, column + 1, "round trip",
                           time_text(network->round_trip_us, text, sizeof text));
    snprintf(text, sizeof text, "%" PRIu64, network->retransmitted);
    ms_sheet_pair(sheet, column, "retransmitted", text);
    sheet->row++;
}

static void put_connection(struct ms_sheet *sheet, const struct ms_connection *connection)
{
    char sent[MS_FORMAT_MAX];
    char received[MS_FORMAT_MAX];
    char round_trip[MS_FORMAT_MAX];
    const bool tcp = connection->kind == MS_CONNECTION_TCP;
    const bool listening = connection->remote[0] == '\0';
    ms_format_bytes(sent, sizeof sent, tcp && !listening ? (double)connection->sent_bytes : NAN);
    ms_format_bytes(received, sizeof received,
                    tcp && !listening ? (double)connection->received_bytes : NAN);
    time_text(connection->round_trip_us, round_trip, sizeof round_trip);
    int column = 1;
    if (sheet->columns >= 60) {
        column += 1 + ms_grid_printf(sheet->grid, sheet->row, column, 24, "%3u %-5s%-12s",
                                     connection->descriptor, kind_word(connection->kind),
                                     connection->state);
    }
    column += ms_grid_printf(sheet->grid, sheet->row, column, 29, "%9s%9s%9s", sent, received,
                             round_trip);
    ms_grid_printf(sheet->grid, sheet->row, column + 2, sheet->columns - column - 3, "%s%s%s",
                   connection->local, listening ? "" : "  ", connection->remote);
    sheet->row++;
}

static void put_connections(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_network *network = &process->resources.network;
    ms_sheet_heading(sheet, "connections");
    const bool nothing = ms_sheet_source(sheet, MS_SOURCE_SOCKETS);
    if (!network->have) {
        if (!nothing) {
            ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "The process has not opened a socket yet.");
        }
        return;
    }
    put_totals(sheet, process);
    if (network->kept == 0 || network->connections == NULL) {
        return;
    }
    ms_grid_pen(sheet->grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    const int figures = sheet->columns >= 60 ? 22 : 1;
    if (figures > 1) {
        ms_grid_put(sheet->grid, sheet->row, 1, 21, " FD KIND STATE       ");
    }
    ms_grid_put(sheet->grid, sheet->row, figures, 29, "     SENT RECEIVED    RTT   ");
    ms_grid_put(sheet->grid, sheet->row++, figures + 29, sheet->columns, "LOCAL  REMOTE");
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    for (size_t i = 0; i < network->kept; i++) {
        put_connection(sheet, &network->connections[i]);
    }
}

void ms_system_network_page(struct ms_sheet *sheet)
{
    const struct ms_process *process = ms_system_process(sheet->tui, sheet->view->model);
    if (process == NULL) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "No process has been seen yet.");
        return;
    }
    put_files(sheet, process);
    put_connections(sheet, process);
}
