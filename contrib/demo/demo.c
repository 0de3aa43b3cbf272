/*
 * A small imaginary search server, to be watched: fifty threads that do real work of six kinds.
 *
 *   demo [SECONDS]       runs until then, or until SIGTERM or Ctrl-C
 *
 *   image-N    memory     loads pictures of 24 MB in tiles, keeps one, drops the other
 *   hash-N     processor  computes, with pauses, about a third of a core each
 *   journal-N  I/O        appends records to a file and reads them back
 *   ledger-N   waiting    all want one account book whose lock is held for long
 *   parse-N    balanced   makes documents ... and sends them through a queue to
 *   index-N    balanced   ... who looks into them and frees them: memory that crosses threads
 *   session-0  balanced   remembers every visitor and forgets to forget: the leak
 *   timer-N    light      hardly anything
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_bool stopping;
static char folder[] = "/tmp/memscope-demo.XXXXXX";

static void pause_ms(unsigned ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *xmalloc(size_t bytes)
{
    void *block = malloc(bytes);
    if (block == NULL) {
        perror("demo");
        exit(1);
    }
    return block;
}

/* --- image: a picture is many tiles, each a block of its own --- */

enum { tiles = 1500, tile_bytes = 16000 };

struct picture {
    unsigned char *tile[tiles];
};

static struct picture *load_picture(unsigned seed)
{
    struct picture *picture = xmalloc(sizeof *picture);
    for (unsigned i = 0; i < tiles; i++) {
        picture->tile[i] = xmalloc(tile_bytes);
        memset(picture->tile[i], (int)(seed + i), tile_bytes);
        if (i % 100 == 0) {
            pause_ms(20);
        }
    }
    return picture;
}

static void drop_picture(struct picture *picture)
{
    for (unsigned i = 0; i < tiles; i++) {
        free(picture->tile[i]);
    }
    free(picture);
}

static void work_on_images(unsigned number)
{
    for (unsigned seed = number; !stopping; seed++) {
        struct picture *picture = load_picture(seed);
        for (unsigned i = 0; i < 10 && !stopping; i++) {
            pause_ms(100 + 30 * number);
        }
        drop_picture(picture);
    }
}

/* --- hash: a third of a core --- */

static uint64_t scramble(uint64_t value, unsigned rounds)
{
    while (rounds-- > 0) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    return value;
}

static void work_on_hashes(unsigned number)
{
    volatile uint64_t value = number + 1;
    while (!stopping) {
        double until = seconds_now() + 0.036;
        while (seconds_now() < until) {
            value = scramble(value, 5000);
        }
        pause_ms(60);
    }
}

/* --- journal: small writes and reads of a real file --- */

static void work_on_journal(unsigned number)
{
    char path[sizeof folder + 24];
    snprintf(path, sizeof path, "%s/journal-%u", folder, number);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(path);
        return;
    }
    char record[256];
    for (unsigned i = 0; !stopping; i++) {
        off_t place = (off_t)(i % 4096) * (off_t)sizeof record;
        int length = snprintf(record, sizeof record, "record %u of journal %u", i, number);
        memset(record + length, '.', sizeof record - (size_t)length);
        if (pwrite(fd, record, sizeof record, place) < 0 ||
            pread(fd, record, sizeof record, place) < 0) {
            perror(path);
            break;
        }
        if (i % 8 == 0) {
            pause_ms(10);
        }
    }
    close(fd);
    unlink(path);
}

/* --- ledger: one lock, held far too long --- */

static pthread_mutex_t ledger_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t ledger_balance;

static void book_slowly(unsigned amount)
{
    pthread_mutex_lock(&ledger_lock);
    ledger_balance += amount;
    pause_ms(15);
    pthread_mutex_unlock(&ledger_lock);
}

static void work_on_ledger(unsigned number)
{
    while (!stopping) {
        book_slowly(number);
    }
}

/* --- parse and index: documents through a bounded queue --- */

struct document {
    char *text;
    size_t words;
};

enum { queue_slots = 64 };
static struct document *queue[queue_slots];
static unsigned queue_first, queue_count;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;

static struct document *parse_document(unsigned seed)
{
    struct document *document = xmalloc(sizeof *document);
    size_t bytes = 200 + scramble(seed + 1, 3) % 3000;
    document->text = xmalloc(bytes);
    document->words = bytes / 6;
    for (size_t i = 0; i < bytes; i++) {
        document->text[i] = i % 6 == 5 ? ' ' : (char)('a' + (seed + i) % 26);
    }
    document->text[bytes - 1] = '\0';
    return document;
}

static void free_document(struct document *document)
{
    free(document->text);
    free(document);
}

static void work_on_parsing(unsigned number)
{
    for (unsigned seed = number; !stopping; seed += 7) {
        struct document *document = parse_document(seed);
        pthread_mutex_lock(&queue_lock);
        while (queue_count == queue_slots && !stopping) {
            pthread_cond_wait(&queue_changed, &queue_lock);
        }
        if (stopping) {
            pthread_mutex_unlock(&queue_lock);
            free_document(document);
            return;
        }
        queue[(queue_first + queue_count++) % queue_slots] = document;
        pthread_cond_broadcast(&queue_changed);
        pthread_mutex_unlock(&queue_lock);
        pause_ms(5);
    }
}

static size_t index_document(const struct document *document)
{
    size_t found = 0;
    for (const char *at = document->text; (at = strchr(at, ' ')) != NULL; at++) {
        found++;
    }
    char *note = xmalloc(found + 16);
    snprintf(note, found + 16, "%zu words", found);
    free(note);
    return found;
}

static void work_on_index(unsigned number)
{
    (void)number;
    for (;;) {
        pthread_mutex_lock(&queue_lock);
        while (queue_count == 0 && !stopping) {
            pthread_cond_wait(&queue_changed, &queue_lock);
        }
        if (queue_count == 0) {
            pthread_mutex_unlock(&queue_lock);
            return;
        }
        struct document *document = queue[queue_first];
        queue_first = (queue_first + 1) % queue_slots;
        queue_count--;
        pthread_cond_broadcast(&queue_changed);
        pthread_mutex_unlock(&queue_lock);
        index_document(document);
        free_document(document);
    }
}

/* --- session: the leak --- */

struct session {
    struct session *previous;
    char cookie[480];
};

static struct session *all_sessions;

static void remember_session_forever(unsigned visitor)
{
    struct session *session = xmalloc(sizeof *session);
    session->previous = all_sessions;
    snprintf(session->cookie, sizeof session->cookie, "visitor %u", visitor);
    all_sessions = session;
}

static void work_on_sessions(unsigned number)
{
    for (unsigned visitor = number; !stopping; visitor++) {
        remember_session_forever(visitor);
        pause_ms(5);
    }
}

/* --- timer --- */

static void work_on_timers(unsigned number)
{
    while (!stopping) {
        char *note = xmalloc(32);
        snprintf(note, 32, "timer %u", number);
        pause_ms(500 + 20 * number);
        free(note);
    }
}

static const struct kind {
    const char *name;
    unsigned threads;
    void (*work)(unsigned number);
} kinds[] = {
    {"image", 3, work_on_images},     {"hash", 2, work_on_hashes},
    {"journal", 4, work_on_journal},  {"ledger", 8, work_on_ledger},
    {"parse", 4, work_on_parsing},    {"index", 4, work_on_index},
    {"session", 1, work_on_sessions}, {"timer", 24, work_on_timers},
};

enum { threads_max = 50 };

struct job {
    const struct kind *kind;
    unsigned number;
    pthread_t thread;
};

static void *run_job(void *argument)
{
    const struct job *job = argument;
    char name[16];
    snprintf(name, sizeof name, "%s-%u", job->kind->name, job->number);
    pthread_setname_np(pthread_self(), name);
    job->kind->work(job->number);
    return NULL;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* main waits for them, the threads inherit the mask */
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }

    static struct job jobs[threads_max];
    unsigned count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (unsigned number = 0; number < kinds[i].threads && count < threads_max; number++) {
            jobs[count] = (struct job){.kind = &kinds[i], .number = number};
            if (pthread_create(&jobs[count].thread, NULL, run_job, &jobs[count]) != 0) {
                perror("demo: pthread_create");
                return 1;
            }
            count++;
        }
    }
    printf("demo: %u threads at work in process %d\n", count, (int)getpid());
    fflush(stdout);

    if (seconds > 0) {
        struct timespec patience = {(time_t)seconds,
                                    (long)((seconds - (double)(time_t)seconds) * 1e9)};
        while (sigtimedwait(&ends, NULL, &patience) < 0 && errno == EINTR) {
        }
    } else {
        int number;
        sigwait(&ends, &number);
    }
    pthread_mutex_lock(&queue_lock);
    stopping = true;
    pthread_cond_broadcast(&queue_changed);
    pthread_mutex_unlock(&queue_lock);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(jobs[i].thread, NULL);
    }
    rmdir(folder);
    puts("demo: done");
    return 0;
}
