/* The thread pool: every unit once, whatever the number of threads, callers, resizes and forks.
 * gcc -std=gnu11 -O2 -Icsrc tests/native/check_pool.c csrc/core/pool.c -pthread */
#define _GNU_SOURCE /* sched_getcpu */
#include "core/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
            exit(1); \
        } \
    } while (0)

typedef struct {
    unsigned char *count;
    int nested;
    size_t scratch;
} marks;

static void mark(const void *work, int64_t lo, int64_t hi)
{
    const marks *w = work;
    CHECK(tk_thread_index() >= 0 && tk_thread_index() < TK_MAX_THREADS);
    if (w->scratch) {
        char *s = tk_scratch(w->scratch);
        CHECK(s && (uintptr_t)s % 64 == 0);
        memset(s, tk_thread_index(), w->scratch);
        for (size_t i = 0; i < w->scratch; i += 97)
            CHECK(s[i] == (char)tk_thread_index());
    }
    if (w->nested) {
        marks inner = {w->count + lo, 0, 0};
        tk_parallel(mark, &inner, hi - lo, 1);
        return;
    }
    for (int64_t i = lo; i < hi; i++)
        w->count[i]++;
}

static void run(int64_t units, int64_t grain, int nested, size_t scratch)
{
    marks w = {calloc((size_t)units + 1, 1), nested, scratch};
    CHECK(w.count && !tk_reserve_scratch(scratch));
    tk_parallel(mark, &w, units, grain);
    for (int64_t i = 0; i < units; i++)
        CHECK(w.count[i] == 1);
    free(w.count);
}

static void *caller(void *rounds)
{
    for (intptr_t i = 0; i < (intptr_t)rounds; i++)
        run(1 + i % 300, 1 + i % 5, i % 3 == 0, i % 7 ? 0 : (size_t)(i % 1000) * 10);
    return NULL;
}

static void *resizer(void *stop)
{
    for (int n = 1; !atomic_load((_Atomic int *)stop); n = n % 9 + 1) {
        CHECK(tk_set_num_threads(n) == 0);
        usleep(300);
    }
    return NULL;
}

static void bad_setting(const char *text)
{
    setenv("TK_NUM_THREADS", text, 1);
    CHECK(tk_pool_init() != 0 && strstr(tk_threads_reason(), "TK_NUM_THREADS"));
}

#ifdef __linux__
typedef struct {
    _Atomic int begun, cpu; /* units; 1 + where the worker did one */
    cpu_set_t mask;         /* the worker's then */
} meeting;

/* Its two units wait for each other, so that a worker must do one. */
static void meet(const void *work, int64_t lo, int64_t hi)
{
    meeting *w = (meeting *)(uintptr_t)work;
    if (tk_thread_index()) {
        CHECK(!sched_getaffinity(0, sizeof w->mask, &w->mask));
        atomic_store(&w->cpu, 1 + sched_getcpu());
    }
    atomic_fetch_add(&w->begun, (int)(hi - lo));
    while (atomic_load(&w->begun) < 2)
        sched_yield();
}

/* A caller that comes to where the worker is has it go elsewhere, and takes no CPU from it for long. */
static void check_places(void)
{
    cpu_set_t all, one;
    CHECK(!sched_getaffinity(0, sizeof all, &all) && tk_set_num_threads(2) == 0);
    if (CPU_COUNT(&all) < 2)
        return;
    meeting w = {0};
    int met = 0;
    for (int i = 0; i < 40; i++) {
        int before = atomic_load(&w.cpu) - 1;
        if (before >= 0) {
            CPU_ZERO(&one);
            CPU_SET(before, &one);
            CHECK(!sched_setaffinity(0, sizeof one, &one));
        }
        atomic_store(&w.begun, 0);
        tk_parallel(meet, &w, 2, 0);
        met += before >= 0 && CPU_ISSET(before, &w.mask);
        usleep(i % 2 * 200); /* the worker spins, or sleeps */
    }
    CHECK(met <= 4); /* the system may have moved the worker in between */
    CHECK(!sched_setaffinity(0, sizeof all, &all));
    for (int i = 0; i < 8 && !CPU_EQUAL(&w.mask, &all); i++) {
        usleep(1000);
        atomic_store(&w.begun, 0);
        tk_parallel(meet, &w, 2, 0);
    }
    CHECK(CPU_EQUAL(&w.mask, &all));
}
#endif

int main(void)
{
    alarm(120); /* a hang is a failure */
    bad_setting("0");
    bad_setting("-1");
    bad_setting("1025");
    bad_setting("2x");
    bad_setting(" 2");
    bad_setting("99999999999999999999");
    setenv("TK_NUM_THREADS", "3", 1);
    CHECK(tk_pool_init() == 0 && tk_get_num_threads() == 3);
    puts(tk_threads_reason());
    unsetenv("TK_NUM_THREADS");
    CHECK(tk_pool_init() == 0 && tk_get_num_threads() >= 1);
    puts(tk_threads_reason());
    CHECK(tk_set_num_threads(0) == -1 && tk_set_num_threads(TK_MAX_THREADS + 1) == -1);
    CHECK(tk_reserve_scratch(SIZE_MAX) == -1 && tk_reserve_scratch(SIZE_MAX / 2) == -1);

#ifdef __linux__
    check_places();
#endif
    static const int threads[] = {1, 2, 3, 7, 40};
    for (int t = 0; t < 5; t++) {
        CHECK(tk_set_num_threads(threads[t]) == 0);
        for (int i = 0; i < 2000; i++)
            run(i % 70, i % 6, i % 2, i % 11 ? 0 : 100000);
    }

    _Atomic int stop = 0;
    pthread_t callers[4], resize;
    CHECK(!pthread_create(&resize, NULL, resizer, &stop));
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&callers[i], NULL, caller, (void *)(intptr_t)5000));
    for (int i = 0; i < 100; i++) {
        pid_t child = fork(); /* while other threads have jobs running */
        CHECK(child >= 0);
        if (!child) {
            alarm(20);
            caller((void *)(intptr_t)200);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
    }
    for (int i = 0; i < 4; i++)
        pthread_join(callers[i], NULL);
    atomic_store(&stop, 1);
    pthread_join(resize, NULL);

    for (int n = 1; n <= 2; n++) {
        struct timespec a, b;
        static unsigned char count[2];
        marks w = {count, 0, 0};
        CHECK(tk_set_num_threads(n) == 0);
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (int i = 0; i < 20000; i++)
            tk_parallel(mark, &w, 2, 1);
        clock_gettime(CLOCK_MONOTONIC, &b);
        printf("%d threads: %.2f us for an empty job\n", n,
               ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 2e7);
    }
    puts("pool: ok");
    return 0;
}
