/* Memory with reuse: blocks by size class, and pools of handles and storage records.
 *
 * A block that is freed is kept for the next request of its class, because giving it back to the
 * system and touching fresh pages costs more than the arithmetic on a large tensor. What is kept in
 * the classes of sizes that no longer come goes back to the system. One short lock covers everything:
 * doors run without Python's lock, and a critical section is a few loads.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core.h"
#include "tape.h"

/* A build with the address sanitizer sees the end of what was asked for, not of the block, and who
 * uses a block that is kept. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(data, bytes) ASAN_POISON_MEMORY_REGION(data, (size_t)(bytes))
#define SHOW(data, bytes) ASAN_UNPOISON_MEMORY_REGION(data, (size_t)(bytes))
#else
#define HIDE(data, bytes) ((void)(data), (void)(bytes))
#define SHOW(data, bytes) ((void)(data), (void)(bytes))
#endif

#define ALIGNMENT 64               /* one cache line, one AVX-512 register */
#define HUGE_PAGE (2 << 20)        /* bytes; blocks of at least this many ask for huge pages */
#define NUM_CLASSES (8 * 58)       /* eight classes for each power of two from 2^6 to 2^63 */
#define CACHE_SHARE 4              /* keep at most a quarter of the machine's memory */
#define ANYWAY (64 << 20)          /* bytes that may be kept whatever the peak is */
#define OBJECTS_PER_SLAB 64

typedef struct kept {
    struct kept *next;
} kept;

typedef struct slab {
    _Alignas(ALIGNMENT) struct slab *next;
} slab;

static atomic_flag lock = ATOMIC_FLAG_INIT;
static kept *free_blocks[NUM_CLASSES];
static kept *free_objects[2];
static slab *slabs[2]; /* never freed */
static const size_t object_size[2] = {
    [TK_HANDLE] = sizeof(tk_tensor), [TK_STORAGE] = sizeof(tk_storage)};
static tk_memory stats;
static int64_t cache_limit, most_in_use; /* of the whole run: stats.peak may be reset */
static int next_victim;
static int64_t fail_countdown = -1;

void tk_memory_lock(void)
{
    int spins = 0;
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        if (++spins > 100)
            sched_yield(); /* the holder may have been descheduled */
}

void tk_memory_unlock(void)
{
    atomic_flag_clear_explicit(&lock, memory_order_release);
}

/* A child of fork() must not inherit a lock that a thread it does not have was holding. */
__attribute__((constructor)) static void survive_fork(void)
{
    pthread_atfork(tk_memory_lock, tk_memory_unlock, tk_memory_unlock);
    cache_limit = sysconf(_SC_PHYS_PAGES) / CACHE_SHARE * sysconf(_SC_PAGESIZE);
}

/* The class of a request and the bytes its blocks have: eight steps a power of two, so that at most
 * an eighth of a block is wasted. */
static int size_class(int64_t nbytes, int64_t *block_bytes)
{
    if (nbytes <= 8 * ALIGNMENT) { /* 64, 128 ... 512 */
        int step = nbytes <= ALIGNMENT ? 0 : (int)((nbytes - 1) / ALIGNMENT);
        *block_bytes = (step + 1) * (int64_t)ALIGNMENT;
        return step;
    }
    int log = 63 - __builtin_clzll((unsigned long long)(nbytes - 1));
    int64_t step = (int64_t)1 << (log - 3);
    int64_t steps = (nbytes + step - 1) / step; /* 9..16 */
    *block_bytes = steps * step;
    return 8 * (log - 8) + (int)steps - 9;
}

static int64_t class_bytes(int class) /* of each of its blocks */
{
    return class < 8 ? (class + 1) * (int64_t)ALIGNMENT : (class % 8 + 9) * ((int64_t)1 << (class / 8 + 5));
}

static int allocation_fails(void) /* the testing hook; the lock is held */
{
    return fail_countdown >= 0 && fail_countdown-- == 0;
}

static void free_all(kept *block)
{
    while (block) {
        kept *next = block->next;
        free(block);
        block = next;
    }
}

static void drop_kept_blocks(void) /* the lock is held */
{
    for (int c = 0; c < NUM_CLASSES; c++) {
        free_all(free_blocks[c]);
        free_blocks[c] = NULL;
    }
    stats.cached = 0;
}

/* The next five run with the lock held. */

static kept *take_block(int class, int64_t bytes)
{
    kept *block = free_blocks[class];
    if (block) {
        free_blocks[class] = block->next;
        stats.cached -= bytes;
        stats.reused++;
    }
    stats.allocations++;
    stats.in_use += bytes;
    if (stats.in_use > stats.peak)
        stats.peak = stats.in_use;
    if (stats.in_use > most_in_use)
        most_in_use = stats.in_use;
    return block;
}

/* The excess over what may be kept. Steps that repeat hold 1.0 to 1.3 times their peak, in use and kept,
 * as not all classes are full at once; half of it more is for programs that do now this, now that. */
static int64_t excess(void)
{
    const int64_t total = stats.in_use + stats.cached - most_in_use - most_in_use / 2 - ANYWAY;
    const int64_t cached = stats.cached - cache_limit;
    return total > cached ? total : cached;
}

/* Blocks to be freed, each of another class in turn, so that those in use soon have theirs again. */
static kept *drop_excess(void)
{
    kept *gone = NULL;
    while (excess() > 0 && stats.cached > 0) {
        next_victim = (next_victim ? next_victim : NUM_CLASSES) - 1;
        kept *block = free_blocks[next_victim];
        if (!block)
            continue;
        free_blocks[next_victim] = block->next;
        stats.cached -= class_bytes(next_victim);
        block->next = gone;
        gone = block;
    }
    return gone;
}

static kept *keep_block(char *block, int class, int64_t bytes) /* what is to be freed for it */
{
    stats.in_use -= bytes;
    HIDE(block, bytes);
    SHOW(block, sizeof(kept));
    ((kept *)block)->next = free_blocks[class];
    free_blocks[class] = (kept *)block;
    stats.cached += bytes;
    return __builtin_expect(excess() > 0, 0) ? drop_excess() : NULL;
}

static void *take_object(int kind)
{
    if (!free_objects[kind]) {
        slab *fresh = calloc(1, sizeof *fresh + OBJECTS_PER_SLAB * object_size[kind]);
        if (!fresh)
            return NULL;
        fresh->next = slabs[kind];
        slabs[kind] = fresh;
        for (int i = 0; i < OBJECTS_PER_SLAB; i++) {
            kept *object = (kept *)((char *)(fresh + 1) + (size_t)i * object_size[kind]);
            object->next = free_objects[kind];
            free_objects[kind] = object;
        }
    }
    kept *object = free_objects[kind];
    free_objects[kind] = object->next;
    stats.tensors += kind == TK_HANDLE;
    return object;
}

static void keep_object(int kind, void *object)
{
    ((kept *)object)->next = free_objects[kind];
    free_objects[kind] = object;
    stats.tensors -= kind == TK_HANDLE;
}

static char *fresh_block(int64_t bytes)
{
    void *block = NULL;
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    if (posix_memalign(&block, alignment, (size_t)bytes) != 0) {
        tk_memory_trim();
        if (posix_memalign(&block, alignment, (size_t)bytes) != 0) {
            tk_memory_lock();
            stats.in_use -= bytes;
            tk_memory_unlock();
            return NULL;
        }
    }
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE)
        madvise(block, (size_t)bytes, MADV_HUGEPAGE);
#endif
    return block;
}

static void show_block(char *block, int64_t nbytes, int64_t bytes)
{
    if (!block)
        return;
    SHOW(block, nbytes);
    HIDE(block + nbytes, bytes - nbytes);
}

char *tk_block_get(int64_t nbytes)
{
    int64_t bytes;
    int class = size_class(nbytes, &bytes);
    tk_memory_lock();
    if (allocation_fails()) {
        tk_memory_unlock();
        return NULL;
    }
    kept *block = take_block(class, bytes);
    tk_memory_unlock();
    char *data = block ? (char *)block : fresh_block(bytes);
    show_block(data, nbytes, bytes);
    if (__builtin_expect(tk_tapes > 0, 0) && data)
        tk_tape_block_note(data, nbytes);
    return data;
}

void tk_block_put(char *block, int64_t nbytes)
{
    int64_t bytes;
    int class = size_class(nbytes, &bytes);
    if (__builtin_expect(tk_tapes > 0, 0))
        tk_tape_block_gone(block);
    tk_memory_lock();
    kept *gone = keep_block(block, class, bytes);
    tk_memory_unlock();
    free_all(gone);
}

void *tk_object_get(int kind)
{
    tk_memory_lock();
    void *object = allocation_fails() ? NULL : take_object(kind);
    tk_memory_unlock();
    return object;
}

void tk_object_put(int kind, void *object)
{
    tk_memory_lock();
    keep_object(kind, object);
    tk_memory_unlock();
}

tk_tensor *tk_tensor_get(int64_t nbytes)
{
    int64_t bytes;
    int class = size_class(nbytes, &bytes);
    tk_memory_lock();
    tk_tensor *t = allocation_fails() ? NULL : take_object(TK_HANDLE);
    tk_storage *storage = !t || allocation_fails() ? NULL : take_object(TK_STORAGE);
    int no_block = !storage || allocation_fails();
    char *block = no_block ? NULL : (char *)take_block(class, bytes);
    tk_memory_unlock();
    if (!block && !no_block)
        block = fresh_block(bytes);
    if (!block) {
        if (t)
            tk_object_put(TK_HANDLE, t);
        if (storage)
            tk_object_put(TK_STORAGE, storage);
        return NULL;
    }
    show_block(block, nbytes, bytes);
    if (__builtin_expect(tk_tapes > 0, 0))
        tk_tape_block_note(block, nbytes);
    *storage = (tk_storage){.data = block, .nbytes = nbytes};
    __atomic_store_n(&storage->refs, 1, __ATOMIC_RELEASE); /* tk_storage_at may look at it now */
    t->storage = storage;
    t->data = block;
    t->refs = 1;
    return t;
}

void tk_tensor_put(tk_tensor *t)
{
    tk_storage *storage = t->storage;
    char *block = storage->data;
    int64_t bytes;
    int class = size_class(storage->nbytes, &bytes), owned = !storage->owner;
    kept *gone = NULL;
    if (__builtin_expect(tk_tapes > 0, 0) && owned)
        tk_tape_block_gone(block);
    storage->refs = 0; /* tk_storage_at must not take it for a live one */
    tk_memory_lock();
    if (owned)
        gone = keep_block(block, class, bytes);
    keep_object(TK_STORAGE, storage);
    keep_object(TK_HANDLE, t);
    tk_memory_unlock();
    free_all(gone);
}

/* One more reference to a storage that holds the address; 0 if it has none left, as its last handle
   may go in another thread meanwhile. */
static int retain_at(tk_storage *storage, const char *address)
{
    int64_t refs = __atomic_load_n(&storage->refs, __ATOMIC_ACQUIRE);
    if (refs <= 0 || address < storage->data || address >= storage->data + storage->nbytes)
        return 0;
    while (refs > 0)
        if (__atomic_compare_exchange_n(&storage->refs, &refs, refs + 1, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return 1;
    return 0;
}

tk_storage *tk_storage_at(const char *address)
{
    tk_storage *found = NULL;
    tk_memory_lock();
    for (slab *s = slabs[TK_STORAGE]; s && !found; s = s->next) {
        tk_storage *storage = (tk_storage *)(s + 1);
        for (int i = 0; i < OBJECTS_PER_SLAB && !found; i++)
            if (retain_at(&storage[i], address))
                found = &storage[i];
    }
    tk_memory_unlock();
    return found;
}

void tk_memory_stats(tk_memory *out)
{
    tk_memory_lock();
    *out = stats;
    tk_memory_unlock();
}

void tk_memory_reset_peak(void)
{
    tk_memory_lock();
    stats.peak = stats.in_use;
    tk_memory_unlock();
}

void tk_memory_trim(void)
{
    tk_memory_lock();
    drop_kept_blocks();
    tk_memory_unlock();
}

void tk_memory_fail_after(int64_t n)
{
    tk_memory_lock();
    fail_countdown = n;
    tk_memory_unlock();
}
