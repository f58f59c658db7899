/* A pool with one job at a time. The job's pieces are claimed one by one from `ticket`; the caller
 * claims too, so a job ends even if no worker ever wakes (none could be started, or the CPUs are
 * taken), and only pieces that a worker has begun are waited for. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SPIN_NS 20000  /* how long to look for work before sleeping: about one futex wake-up */
#define SPIN_BATCH 16  /* pauses between looks at the clock, which costs as much as one or two */
/* Grains of a job for which sleeping workers are woken. A grain is about 4 us of work; waking costs the
 * caller 6 us and brings help 10 us later, so that below 32 us of work in all it is a loss (measured
 * on two CPUs of a virtual machine: 8 us of work took 14, 64 us took 47). Workers that spin begin at
 * once: 4 us of work take 2.4. */
#define WORTH_WAKING 8
#define PIECES_EACH 4  /* pieces per thread, so that a thread that lost its CPU holds up little */
#define SCRATCH_STEP ((size_t)64 << 10)
#define HUGE_PAGE ((size_t)2 << 20)

/* ticket: serial number of the job (high 32 bits), its pieces (16), the next piece to claim (16).
 * The serial makes a claim fail when it was meant for a job that has ended since. */
#define TICKET(serial, pieces) ((uint64_t)(serial) << 32 | (uint64_t)(pieces) << 16)
#define TICKET_PIECES(t) ((int)((t) >> 16 & 0xffff))
#define TICKET_NEXT(t) ((int)((t) & 0xffff))
_Static_assert(TK_MAX_THREADS * PIECES_EACH <= 0xffff, "the count of pieces must fit its field");

typedef struct {
    void *data;
    size_t bytes;
} scratch;

typedef struct {
    tk_task *f;
    const void *work;
    int64_t units;
    unsigned fp_mode;
} job;

/* Written only while `busy` is held and no piece is outstanding; `alive` under `lock`. */
static struct {
    job now;
    uint32_t serial;
    _Atomic int spin;             /* no more threads than CPUs, so that spinning costs nobody */
    char alive[TK_MAX_THREADS];   /* by thread index: this worker has been started */
    scratch mine[TK_MAX_THREADS]; /* by thread index: its scratch; index 0 is unused */
    pthread_t thread[TK_MAX_THREADS];
    _Atomic uint16_t stood[TK_MAX_THREADS]; /* 1 + the CPU where the worker was last seen, or 0 */
    uint16_t barred[TK_MAX_THREADS];        /* 1 + the CPU its mask lacks, or 0; under `lock` */
} pool;

static atomic_flag busy = ATOMIC_FLAG_INIT;
static _Atomic uint64_t ticket;
static _Atomic int done;           /* pieces of the current job that have been finished */
static _Atomic int limit = 1;      /* threads in the pool; workers at or above it leave */
static _Atomic int sleepers;       /* workers waiting on `more` */
static _Atomic int caller_sleeps;  /* the caller waits on `finished` */
static _Atomic int wanted = 1;     /* what tk_set_num_threads asked for, applied by the next job */
static _Atomic size_t scratch_wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;

static int cpus = 1;
static char reason[160] = "1: not started";
static pthread_key_t scratch_key; /* for its destructor: frees a caller's scratch with the thread */

static _Thread_local int thread_index;
static _Thread_local int in_task;
static _Thread_local scratch caller_scratch;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Rounding and denormal mode: a worker works in its caller's, or the split would show. */
static inline unsigned fp_mode(void)
{
#if defined(__SSE__)
    return __builtin_ia32_stmxcsr() & ~0x3fu; /* without the sticky exception flags */
#else
    return 0;
#endif
}

static inline void set_fp_mode(unsigned mode)
{
#if defined(__SSE__)
    __builtin_ia32_ldmxcsr(mode);
#else
    (void)mode;
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The first unit of piece i; without the overflow of units * i. */
static int64_t piece_start(int64_t units, int pieces, int i)
{
    int64_t rest = units % pieces;
    return units / pieces * i + (i < rest ? i : rest);
}

static int has_work(void)
{
    uint64_t t = atomic_load(&ticket);
    return TICKET_NEXT(t) < TICKET_PIECES(t);
}

static void free_scratch(void *s)
{
    free(((scratch *)s)->data);
    *(scratch *)s = (scratch){0};
}

static int grow(scratch *s, size_t bytes)
{
    if (s->bytes >= bytes)
        return 0;
    void *data = NULL;
    if (bytes > SIZE_MAX - SCRATCH_STEP)
        return -1;
    size_t step = bytes < HUGE_PAGE ? SCRATCH_STEP : HUGE_PAGE;
    bytes = (bytes + step - 1) / step * step;
    if (posix_memalign(&data, bytes < HUGE_PAGE ? 64 : HUGE_PAGE, bytes))
        return -1;
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE)
        madvise(data, bytes, MADV_HUGEPAGE); /* a wish: without it there are more TLB misses */
#endif
    free(s->data);
    *s = (scratch){data, bytes};
    return 0;
}

/* A worker that has slept wakes where it stood, or where its caller is; on few CPUs Linux may leave it
 * there, behind the caller, for many jobs while another CPU is idle. So one that stood where the
 * caller is now may not run there until it has begun somewhere else. */
#ifdef __linux__
static void bar(int worker, int cpu)
{
    cpu_set_t set;
    pthread_mutex_lock(&lock);
    pthread_t thread = pool.thread[worker];
    if (!pthread_getaffinity_np(thread, sizeof set, &set)) {
        if (pool.barred[worker])
            CPU_SET(pool.barred[worker] - 1, &set);
        CPU_CLR(cpu, &set);
        if (CPU_COUNT(&set) && !pthread_setaffinity_np(thread, sizeof set, &set))
            pool.barred[worker] = (uint16_t)(1 + cpu);
    }
    pthread_mutex_unlock(&lock);
}

/* Before a job of so many threads. `busy` is held. */
static void make_room(int threads)
{
    int cpu = sched_getcpu();
    if (!pool.spin || cpu < 0 || cpu >= CPU_SETSIZE)
        return;
    for (int i = 1; i < threads; i++)
        if (atomic_load_explicit(&pool.stood[i], memory_order_relaxed) == 1 + cpu) {
            atomic_store(&pool.stood[i], 0);
            bar(i, cpu);
        }
}

/* Where a worker stands now; it may run anywhere again. */
static void note_place(void)
{
    int cpu = sched_getcpu(), i = thread_index;
    uint16_t place = cpu < 0 || cpu >= CPU_SETSIZE ? 0 : (uint16_t)(1 + cpu);
    if (atomic_load_explicit(&pool.stood[i], memory_order_relaxed) == place)
        return;
    pthread_mutex_lock(&lock);
    cpu_set_t set;
    if (pool.barred[i] && !pthread_getaffinity_np(pthread_self(), sizeof set, &set)) {
        CPU_SET(pool.barred[i] - 1, &set);
        pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    pool.barred[i] = 0;
    pthread_mutex_unlock(&lock);
    atomic_store(&pool.stood[i], place);
}
#else
static void make_room(int threads)
{
    (void)threads;
}
static void note_place(void) {}
#endif

/* Claims and runs pieces until none is left. */
static void run_pieces(void)
{
    uint64_t t = atomic_load(&ticket);
    while (TICKET_NEXT(t) < TICKET_PIECES(t)) {
        if (thread_index >= atomic_load(&limit))
            return;
        if (!atomic_compare_exchange_weak(&ticket, &t, t + 1))
            continue;
        /* The claimed piece keeps the job alive until it is counted in `done`. */
        int pieces = TICKET_PIECES(t), i = TICKET_NEXT(t);
        if (thread_index)
            set_fp_mode(pool.now.fp_mode);
        pool.now.f(pool.now.work, piece_start(pool.now.units, pieces, i),
                   piece_start(pool.now.units, pieces, i + 1));
        if (atomic_fetch_add(&done, 1) + 1 == pieces && atomic_load(&caller_sleeps)) {
            pthread_mutex_lock(&lock);
            pthread_cond_signal(&finished);
            pthread_mutex_unlock(&lock);
        }
        t = atomic_load(&ticket);
    }
}

static int all_done(int pieces)
{
    return atomic_load(&done) == pieces;
}

/* Waits a little for work (pieces = 0) or for the end of a job of so many pieces. */
static int spin_until(int pieces)
{
    if (!pool.spin)
        return 0;
    for (int64_t end = now_ns() + SPIN_NS; now_ns() < end;)
        for (int i = 0; i < SPIN_BATCH; i++) {
            if (pieces ? all_done(pieces) : has_work())
                return 1;
            relax();
        }
    return 0;
}

static void *worker(void *index)
{
    thread_index = (int)(intptr_t)index;
    in_task = 1;
    for (;;) {
        run_pieces();
        note_place();
        if (thread_index < atomic_load(&limit) && spin_until(0))
            continue;
        pthread_mutex_lock(&lock);
        atomic_fetch_add(&sleepers, 1);
        while (thread_index < atomic_load(&limit) && !has_work())
            pthread_cond_wait(&more, &lock);
        atomic_fetch_sub(&sleepers, 1);
        if (thread_index >= atomic_load(&limit)) {
            pool.alive[thread_index] = 0;
            free_scratch(&pool.mine[thread_index]);
            pthread_mutex_unlock(&lock);
            return NULL;
        }
        pthread_mutex_unlock(&lock);
    }
}

static int start_worker(int index)
{
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr))
        return -1;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* signals are Python's, and must interrupt a thread that runs Python */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&thread, &attr, worker, (void *)(intptr_t)index);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    pool.thread[index] = thread;
    pool.barred[index] = 0;
    atomic_store(&pool.stood[index], 0);
    return failed ? -1 : 0;
}

/* Makes the pool what tk_set_num_threads and tk_reserve_scratch asked for, or as much of it as the
 * system grants. `busy` is held. Returns the number of threads. */
static int fit_pool(void)
{
    int n = atomic_load(&wanted), have = 1;
    size_t bytes = atomic_load(&scratch_wanted);
    int ready = atomic_load(&limit) == n;
    for (int i = 1; ready && i < n; i++)
        ready = pool.mine[i].bytes >= bytes;
    if (ready)
        return n;
    pthread_mutex_lock(&lock);
    pool.spin = n <= cpus;
    while (have < n && !grow(&pool.mine[have], bytes))
        have++;
    atomic_store(&limit, have);
    for (int i = 1; i < have; i++)
        if (!pool.alive[i]) {
            if (start_worker(i)) {
                have = i;
                atomic_store(&limit, have);
                break;
            }
            pool.alive[i] = 1;
        }
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
    return have;
}

static void wake(int helpers)
{
    if (!atomic_load(&sleepers))
        return;
    pthread_mutex_lock(&lock);
    if (helpers >= atomic_load(&sleepers))
        pthread_cond_broadcast(&more);
    else
        while (helpers--)
            pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
}

static void wait_all(int pieces)
{
    if (all_done(pieces) || spin_until(pieces))
        return;
    pthread_mutex_lock(&lock);
    atomic_store(&caller_sleeps, 1);
    while (!all_done(pieces))
        pthread_cond_wait(&finished, &lock);
    atomic_store(&caller_sleeps, 0);
    pthread_mutex_unlock(&lock);
}

/* Whether a job is too small to wake the workers for. Small jobs that follow each other so closely that
 * the workers would stay awake wake them together. `busy` is held. */
static int let_sleep(int64_t grains)
{
    static int64_t missed, missed_at;
    if (grains >= WORTH_WAKING || !atomic_load(&sleepers))
        return 0;
    int64_t now = now_ns();
    missed = now - missed_at > 2 * SPIN_NS ? grains : missed + grains;
    missed_at = now;
    if (missed < 2 * WORTH_WAKING)
        return 1;
    missed = 0;
    return 0;
}

void tk_parallel(tk_task *f, const void *work, int64_t units, int64_t grain)
{
    if (units <= 0)
        return;
    int64_t most = units / (grain < 1 ? 1 : grain);
    if (most <= 1 || in_task || atomic_load(&wanted) == 1 || atomic_flag_test_and_set(&busy)) {
        f(work, 0, units);
        return;
    }
    if (grain && let_sleep(most)) {
        atomic_flag_clear(&busy);
        f(work, 0, units);
        return;
    }
    int threads = fit_pool();
    if (most > (int64_t)threads * PIECES_EACH)
        most = (int64_t)threads * PIECES_EACH;
    int pieces = (int)most;
    pool.now = (job){f, work, units, fp_mode()};
    atomic_store(&done, 0);
    atomic_store(&ticket, TICKET(++pool.serial, pieces));
    make_room(threads);
    wake((pieces < threads ? pieces : threads) - 1);
    in_task = 1;
    run_pieces();
    in_task = 0;
    wait_all(pieces);
    atomic_flag_clear(&busy);
}

int tk_thread_index(void)
{
    return thread_index;
}

/* Scratch. A worker's is the pool's, and is only replaced between jobs. */

void *tk_scratch(size_t bytes)
{
    if (thread_index)
        return pool.mine[thread_index].bytes >= bytes ? pool.mine[thread_index].data : NULL;
    if (caller_scratch.bytes < bytes) {
        if (grow(&caller_scratch, bytes))
            return NULL;
        pthread_setspecific(scratch_key, &caller_scratch);
    }
    return caller_scratch.data;
}

int tk_reserve_scratch(size_t bytes)
{
    if (bytes && !tk_scratch(bytes))
        return -1;
    size_t most = atomic_load(&scratch_wanted);
    while (most < bytes && !atomic_compare_exchange_weak(&scratch_wanted, &most, bytes))
        ;
    return 0;
}

int tk_forks;

/* In a forked child the workers are gone, and a lock may be held, or scratch half replaced, by a
 * thread that is gone: the scratch is given up, not freed. */
static void after_fork_in_child(void)
{
    pthread_mutex_t fresh_lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;
    lock = fresh_lock;
    more = finished = fresh;
    memset(pool.alive, 0, sizeof pool.alive);
    memset(pool.mine, 0, sizeof pool.mine);
    atomic_store(&limit, 1);
    atomic_store(&ticket, 0);
    atomic_store(&sleepers, 0);
    atomic_store(&caller_sleeps, 0);
    atomic_flag_clear(&busy);
    tk_forks++;
}

/* The CPU quota of this process's control group, in CPUs rounded up; 0 when there is none. */
static int cgroup_quota(void)
{
    double quota = 0, period = 0;
    char line[512], path[640], text[64];
    FILE *f = fopen("/proc/self/cgroup", "re");
    char group[512] = "";
    if (f) {
        while (fgets(line, sizeof line, f))
            if (!strncmp(line, "0::", 3)) {
                line[strcspn(line, "\n")] = 0;
                memcpy(group, line + 3, strlen(line + 3) + 1);
            }
        fclose(f);
    }
    int best = 0;
    /* Version 2: a limit on any ancestor counts too. */
    for (;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", strcmp(group, "/") ? group : "");
        if ((f = fopen(path, "re"))) {
            if (fscanf(f, "%63s %lf", text, &period) == 2 && strcmp(text, "max") && period > 0) {
                quota = strtod(text, NULL) / period;
                int n = (int)(quota > TK_MAX_THREADS ? TK_MAX_THREADS : quota + 0.999999);
                if (n > 0 && (!best || n < best))
                    best = n;
            }
            fclose(f);
        }
        char *slash = strrchr(group, '/');
        if (!slash)
            break;
        *slash = 0;
    }
    if (best)
        return best;
    if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re"))) {
        int ok = fscanf(f, "%lf", &quota) == 1;
        fclose(f);
        if (ok && quota > 0 && (f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re"))) {
            ok = fscanf(f, "%lf", &period) == 1;
            fclose(f);
            if (ok && period > 0) {
                quota /= period;
                best = (int)(quota > TK_MAX_THREADS ? TK_MAX_THREADS : quota + 0.999999);
            }
        }
    }
    return best;
}

/* CPUs this process may run on. The mask grows until it holds the machine's. */
static int affinity(void)
{
#ifdef __linux__
    for (size_t n = 1024; n <= 1 << 20; n *= 2) {
        cpu_set_t *set = CPU_ALLOC(n);
        if (!set)
            break;
        size_t size = CPU_ALLOC_SIZE(n);
        int count = sched_getaffinity(0, size, set) ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > TK_MAX_THREADS ? TK_MAX_THREADS : (int)n;
}

static void init_once(void)
{
    pthread_key_create(&scratch_key, free_scratch);
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

int tk_pool_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
    int may = affinity(), quota = cgroup_quota();
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = quota && quota < may ? quota : may;
    if (cpus > TK_MAX_THREADS)
        cpus = TK_MAX_THREADS;
    const char *text = getenv("TK_NUM_THREADS");
    if (text && *text) {
        char *end;
        long n = strtol(text, &end, 10);
        if (*end || *text < '0' || *text > '9' || n < 1 || n > TK_MAX_THREADS) {
            snprintf(reason, sizeof reason, "TK_NUM_THREADS: not an integer from 1 to %d; '%.60s'",
                     TK_MAX_THREADS, text);
            return -1;
        }
        atomic_store(&wanted, (int)n);
        snprintf(reason, sizeof reason, "%ld: TK_NUM_THREADS=%ld", n, n);
        return 0;
    }
    char limits[32] = "none";
    if (quota)
        snprintf(limits, sizeof limits, "%d", quota);
    atomic_store(&wanted, cpus);
    snprintf(reason, sizeof reason, "%d: affinity %d of %ld CPUs, cgroup quota %s", cpus, may,
             online, limits);
    return 0;
}

int tk_get_num_threads(void)
{
    return atomic_load(&wanted);
}

int tk_set_num_threads(int n)
{
    if (n < 1 || n > TK_MAX_THREADS)
        return -1;
    atomic_store(&wanted, n);
    snprintf(reason, sizeof reason, "%d: set_num_threads(%d)", n, n);
    return 0;
}

const char *tk_threads_reason(void)
{
    return reason;
}
