#include "analysis/rule.h"

#include <errno.h>
#include <stdio.h>

int ms_rule_parse(const char *text, enum ms_rule_of of, struct ms_rule *rule, char *error,
                  size_t error_bytes)
{
    (void)text;
    (void)of;
    (void)rule;
    snprintf(error, error_bytes, "rules are not built in");
    return -EINVAL;
}
