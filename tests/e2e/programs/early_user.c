/* Linked with early.so; prints 3 when everything allocated too early was there and could be freed.
 */
#include <stdio.h>

int early_check(void);

int main(void)
{
    printf("%d\n", early_check());
    return 0;
}
