#include "cli/options_hint.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_rows.h"
#include "model/edit_distance.h"
#include "model/format.h"

const char *ms_command_near(const char *word)
{
    const char *nearest = NULL;
    size_t least = ms_edit_distance_near(word) + 1;
    if (strchr(word, '/') != NULL) {
        return NULL; /* a path */
    }
    for (int command = 0; command < MS_COMMAND_TOTAL; command++) {
        const size_t here = ms_edit_distance(word, ms_cli_commands[command].name, NULL);
        if (here < least) {
            least = here;
            nearest = ms_cli_commands[command].name;
        }
    }
    return nearest;
}

/* "; did you mean --json?"; or which ones begin like that. */
static void add_options_near(char *out, size_t size, const char *name)
{
    const char *nearest = NULL;
    size_t least = ms_edit_distance_near(name) + 1;
    size_t begin_so = 0;
    int used = 0;
    for (int id = 0; id < MS_OPTION_TOTAL; id++) {
        const char *option = ms_option_rows[id].name;
        const size_t here = ms_edit_distance(name, option, NULL);
        if (strncmp(option, name, strlen(name)) == 0 && (size_t)used < size) {
            used += snprintf(out + used, size - (size_t)used, "%s--%s",
                             begin_so++ == 0 ? "is the beginning of " : ", ", option);
        }
        if (here < least) {
            least = here;
            nearest = option;
        }
    }
    if (begin_so == 0 && nearest != NULL) {
        snprintf(out, size, "no such option; did you mean --%s?", nearest);
    } else if (begin_so == 0) {
        snprintf(out, size, "no such option; see memscope-top --help");
    }
}

void ms_option_refuse(int found, int letter, const char *word)
{
    char name[64] = "";
    char shown[128];
    char why[512] = "no such option; see memscope-top --help";
    const bool in_words = letter == 0 || letter > UINT8_MAX;
    if (found == ':') {
        snprintf(why, sizeof why, "needs a value; see memscope-top --help");
    } else if (letter > UINT8_MAX) {
        snprintf(why, sizeof why, "takes no value");
    } else if (in_words && strncmp(word, "--", 2) == 0 && strcspn(word + 2, "=") > 0) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
        add_options_near(why, sizeof why, name);
    }
    if (in_words) {
        ms_format_safe(shown, sizeof shown, word, strcspn(word, "="), true);
    } else {
        const char pair[2] = {'-', (char)letter}; /* of several in one word */
        ms_format_safe(shown, sizeof shown, pair, sizeof pair, true);
    }
    fprintf(stderr, "memscope-top: %s: %s\n", shown, why);
}
