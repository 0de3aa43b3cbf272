/* Keys as the bytes that a terminal would send to the program. Pure. */
#ifndef MS_TUI_PROGRAM_INPUT_H
#define MS_TUI_PROGRAM_INPUT_H

#include <stddef.h>

#define MS_PROGRAM_INPUT_MAX 8u
#define MS_PROGRAM_INPUT_END MS_KEY_CTRL(']') /* ends typing, as telnet has it */

/* Fills `out`, always terminated; returns the number of bytes, 0 for keys that send none. */
size_t ms_program_input(int key, char out[MS_PROGRAM_INPUT_MAX]);

#endif
