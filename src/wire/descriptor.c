#include "wire/descriptor.h"

#include <string.h>
#include <unistd.h>

size_t ms_descriptors_take(struct msghdr *message, int *taken, size_t capacity)
{
    size_t held = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            if (held < capacity) {
                taken[held++] = descriptor;
            } else {
                close(descriptor);
            }
        }
    }
    return held;
}
