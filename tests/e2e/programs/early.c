/*
 * A library that allocates before anyone else had a chance to get ready: in an IFUNC resolver,
 * that is during relocation, and in a constructor that runs before the probe's.
 */
#include <stdlib.h>
#include <string.h>

static int one(void)
{
    return 1;
}

static char *from_resolver;

__attribute__((used)) static int (*resolve_early(void))(void)
{
    char *p = malloc(100);
    memset(p, 1, 100);
    from_resolver = realloc(p, 5000);
    free(calloc(10, 10));
    return one;
}

int early_value(void) __attribute__((ifunc("resolve_early")));

static char *from_constructor;

__attribute__((constructor(101))) static void construct(void)
{
    from_constructor = malloc(200);
    free(malloc(70000));
}

int early_check(void);
int early_check(void)
{
    int sum = early_value() + (from_resolver[99] == 1) + (from_constructor != NULL);
    free(from_resolver);
    free(from_constructor);
    return sum;
}
