/* The thread pool, and the scratch memory its tasks use.
 *
 * A task must give the same result however its units are split: how many pieces there are, and
 * whether other threads help at all, depends on the machine's load.
 */
#ifndef TK_POOL_H
#define TK_POOL_H

#include <stddef.h>
#include <stdint.h>

#define TK_MAX_THREADS 1024

/* Does units [lo, hi) of the work. It must not start threads, fork, or call the doors. */
typedef void tk_task(const void *work, int64_t lo, int64_t hi);

/* Runs f once over every unit of [0, units), in contiguous ranges of at least `grain` units (all
 * of them, if there are fewer), and returns when all is done. Serial in the caller when one range
 * is left, when another thread is using the pool, and inside a task.
 * A grain of 0: any two units are worth waking a worker that sleeps. */
void tk_parallel(tk_task *f, const void *work, int64_t units, int64_t grain);

/* Reads TK_NUM_THREADS and counts the CPUs this process may use. Nonzero when the variable is set
 * to anything but 1..TK_MAX_THREADS; tk_threads_reason() then says so. */
int tk_pool_init(void);

extern int tk_forks; /* how often the process has become a child; then locks may be nobody's */

int tk_get_num_threads(void);
int tk_set_num_threads(int n); /* 0, or -1 and no change unless 1 <= n <= TK_MAX_THREADS */
const char *tk_threads_reason(void);

int tk_thread_index(void); /* 0 in a caller, 1 .. threads-1 in a worker */

/* Before tk_parallel: makes tk_scratch(bytes) certain to succeed in its tasks. Nonzero when out of
 * memory. */
int tk_reserve_scratch(size_t bytes);

/* This thread's scratch, 64-byte aligned; NULL when out of memory. The contents last until the
 * thread's next task or larger request. */
void *tk_scratch(size_t bytes);

#endif
