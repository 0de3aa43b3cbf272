/*
 * Allocates from functions that call each other in known ways, and keeps its own books: who was on
 * the stack at every malloc, and what became of the block. Prints a line for each path, outermost
 * first: "main;branch;leaf BYTES ALLOCATIONS TEMPORARY LIVE". Live until the end is what is kept.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  32
#define PATHS_MAX  256
#define BLOCKS_MAX 4096

struct path {
    int depth;
    const char *names[DEPTH_MAX];
    unsigned long bytes, allocations, temporary, live;
};
struct block {
    void *pointer;
    size_t bytes;
    struct path *path;
};

static struct path paths[PATHS_MAX];
static int path_count;
static struct block blocks[BLOCKS_MAX];
static pthread_mutex_t books = PTHREAD_MUTEX_INITIALIZER;
static __thread const char *stack[DEPTH_MAX];
static __thread int depth;
static __thread void *last;

/* At the begin and the end of every function that is to be seen. */
#define ENTER() (stack[depth++] = __func__)
#define LEAVE() (depth--)

static struct path *current_path(void)
{
    for (int i = 0; i < path_count; i++) {
        if (paths[i].depth == depth &&
            memcmp(paths[i].names, stack, (size_t)depth * sizeof(stack[0])) == 0) {
            return &paths[i];
        }
    }
    if (path_count == PATHS_MAX) {
        abort();
    }
    paths[path_count].depth = depth;
    memcpy(paths[path_count].names, stack, (size_t)depth * sizeof(stack[0]));
    return &paths[path_count++];
}

static void note(void *pointer, size_t bytes)
{
    pthread_mutex_lock(&books);
    struct path *path = current_path();
    path->bytes += bytes;
    path->allocations++;
    path->live += bytes;
    last = pointer;
    int i = 0;
    while (blocks[i].pointer != NULL) {
        i++;
    }
    blocks[i] = (struct block){pointer, bytes, path};
    pthread_mutex_unlock(&books);
}

static void drop(void *pointer)
{
    pthread_mutex_lock(&books);
    int i = 0;
    while (blocks[i].pointer != pointer) {
        i++;
    }
    blocks[i].path->live -= blocks[i].bytes;
    blocks[i].path->temporary += pointer == last;
    blocks[i].pointer = NULL;
    last = pointer == last ? NULL : last;
    pthread_mutex_unlock(&books);
    free(pointer);
}

/* malloc stands in the function itself: nothing of ours is between them. */
#define TAKE(bytes)                                                                                \
    ({                                                                                             \
        void *taken = malloc(bytes);                                                               \
        note(taken, bytes);                                                                        \
        taken;                                                                                     \
    })

__attribute__((noinline)) static void leaf(size_t bytes)
{
    ENTER();
    (void)TAKE(bytes);
    (void)TAKE(bytes + 1); /* another line of the same function */
    LEAVE();
}

static inline __attribute__((always_inline)) void inner(size_t bytes)
{
    ENTER();
    drop(TAKE(bytes));
    LEAVE();
}

static inline __attribute__((always_inline)) void middle(size_t bytes)
{
    ENTER();
    inner(bytes);
    (void)TAKE(3 * bytes);
    LEAVE();
}

__attribute__((noinline)) static void outer(size_t bytes)
{
    ENTER();
    middle(bytes);
    inner(2 * bytes);
    leaf(bytes / 2);
    LEAVE();
}

__attribute__((noinline)) static void recursive(int levels)
{
    ENTER();
    void *block = TAKE((size_t)levels * 100);
    if (levels > 1) {
        recursive(levels - 1);
    }
    if (levels == 2) {
        outer(200);
    }
    drop(block);
    LEAVE();
}

/* One calls the other. */
__attribute__((noinline)) static void pong(int levels);
__attribute__((noinline)) static void ping(int levels)
{
    ENTER();
    (void)TAKE(64);
    if (levels > 0) {
        pong(levels - 1);
    }
    LEAVE();
}
__attribute__((noinline)) static void pong(int levels)
{
    ENTER();
    (void)TAKE(32);
    if (levels > 0) {
        ping(levels - 1);
    }
    LEAVE();
}

static void *worker(void *unused)
{
    (void)unused;
    ENTER();
    for (int i = 0; i < 20; i++) {
        outer(50);
        leaf(30);
    }
    LEAVE();
    return NULL;
}

int main(void)
{
    static char buffer[65536];
    pthread_t thread;
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    ENTER();
    for (int i = 0; i < 10; i++) {
        outer(100);
        recursive(4);
        ping(5);
    }
    leaf(7000);
    (void)TAKE(1234);
    if (pthread_create(&thread, NULL, worker, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        return 1;
    }
    LEAVE();
    for (int i = 0; i < path_count; i++) {
        for (int k = 0; k < paths[i].depth; k++) {
            printf("%s%s", k > 0 ? ";" : "", paths[i].names[k]);
        }
        printf(" %lu %lu %lu %lu\n", paths[i].bytes, paths[i].allocations, paths[i].temporary,
               paths[i].live);
    }
    return 0;
}
