#include "cli/commands.h"

const struct ms_cli_command_row ms_cli_commands[MS_COMMAND_TOTAL] = {
#define COMMAND_ROW(id, name, files, arguments, help)                                              \
    {MS_REQUEST_##id, name, files, arguments, help},
    MS_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};
