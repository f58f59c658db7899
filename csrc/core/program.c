/* Replay: a recorded list of launches over memory that was laid out beforehand.
 *
 * Every pointer of a work struct is known by its block, so a block can be put elsewhere: scratch
 * blocks stand in the program's arena, arguments where the caller's tensors are, results in new
 * tensors, and what came from outside where it was.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gemm.h"
#include "tape.h"

typedef struct place { /* of a pointer to a block */
    char **at;
    int64_t offset;
} place;

typedef struct step {
    tk_task *f;
    void *work;
    int64_t units, grain;
    int kernel, dtype;
    int special;  /* whether something must be done first */
    int64_t bad;  /* where a value stood for which the launch has no result; else INT64_MAX */
    int64_t ns;   /* time taken in the replays that were timed */
} step;

/* Launches over the same elements, done tile by tile so that what one leaves the next finds in the
 * cache. */
typedef struct group {
    int64_t tile;
    int count;
    const step *steps;
} group;

typedef struct block {
    char *bound;
    place *places;
    int64_t count, nbytes;
    int fresh; /* made anew for each replay; 1 + its number */
    int written; /* an argument that is changed in place */
} block;

typedef struct result {
    tk_tensor form; /* dtype, shape, strides, flags */
    int64_t block, offset;
} result;

struct tk_program {
    pthread_mutex_t lock;
    int forks; /* tk_forks when the lock was made */
    step *steps;     /* those in groups come behind the others */
    group *groups;
    char **works, **constants, *arena;
    place *places;
    block *blocks;
    tk_tensor *inputs;
    result *results;
    tk_storage **touched, **outside;
    tk_tensor **gradients; /* what a replay writes must be seen by nobody who holds an earlier one */
    int64_t *fresh; /* blocks */
    int64_t num_steps, num_all, num_works, num_constants, num_blocks, num_results, num_touched,
        num_outside, num_fresh, num_gradients, arena_bytes, replays, timed;
    size_t scratch;
    const char *isa;
    int num_inputs, grad_mode, writes_inputs;
};

static void run_group(const void *work, int64_t lo, int64_t hi)
{
    const group *g = work;
    for (; lo < hi; lo += g->tile) {
        int64_t end = lo + g->tile < hi ? lo + g->tile : hi;
        for (int i = 0; i < g->count; i++)
            g->steps[i].f(g->steps[i].work, lo, end);
    }
}

static int is_special(int kernel, const void *work)
{
    int family = tk_kernels[kernel].family;
    return family == TK_FAMILY_RANDOM ||
           (family == TK_FAMILY_OPTIM && ((const tk_list_work *)work)->counts);
}

void tk_program_free(tk_program *p)
{
    if (!p)
        return;
    for (int64_t i = 0; i < p->num_works; i++)
        free(p->works[i]);
    for (int64_t i = 0; i < p->num_constants; i++)
        free(p->constants[i]);
    void *parts[] = {p->steps,  p->groups,  p->works,   p->constants, p->arena,  p->places,
                     p->blocks, p->inputs,  p->results, p->touched,   p->outside, p->fresh,
                     p->gradients};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i]);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void bind(block *b, char *base)
{
    b->bound = base;
    for (int64_t i = 0; i < b->count; i++)
        *b->places[i].at = base + b->places[i].offset;
}

/* Room for every array; the counts are upper bounds. */
static int reserve(tk_program *p, const tk_tape *t, int64_t num_launches, int64_t arena_bytes)
{
    size_t blocks = (size_t)t->num_blocks + 1, launches = (size_t)num_launches + 1;
    p->steps = calloc(2 * launches, sizeof *p->steps);
    p->groups = calloc(launches, sizeof *p->groups);
    p->works = calloc(launches, sizeof *p->works);
    p->constants = calloc(blocks, sizeof *p->constants);
    p->places = calloc((size_t)t->num_pointers + 1, sizeof *p->places);
    p->blocks = calloc(blocks, sizeof *p->blocks);
    p->inputs = calloc(blocks, sizeof *p->inputs);
    p->results = calloc(1, sizeof *p->results);
    p->touched = calloc(blocks, sizeof *p->touched);
    p->outside = calloc(blocks, sizeof *p->outside);
    p->fresh = calloc(blocks, sizeof *p->fresh);
    p->gradients = calloc(blocks, sizeof *p->gradients);
    if (posix_memalign((void **)&p->arena, 64, (size_t)arena_bytes + 64))
        p->arena = NULL;
    p->arena_bytes = arena_bytes;
    return p->steps && p->groups && p->works && p->constants && p->places && p->blocks &&
                   p->inputs && p->results && p->touched && p->outside && p->fresh && p->gradients &&
                   p->arena
               ? 0
               : -1;
}

static void add_step(step *s, const tk_tape *t, tk_tape_launch *l)
{
    *s = (step){.f = tk_kernel_task(l->kernel, l->dtype),
                .work = l->work,
                .units = l->units,
                .grain = l->grain,
                .kernel = l->kernel,
                .dtype = l->dtype,
                .bad = INT64_MAX,
                .special = is_special(l->kernel, l->work)};
    for (const tk_tape_pointer *p = t->pointers + l->first, *end = p + l->count; p < end; p++)
        if (p->mode & TK_CHECKS)
            *(int64_t **)(void *)(l->work + p->at) = &s->bad;
}

/* Moves the launches of the plan from the tape into the program. */
static void take_launches(tk_program *p, tk_tape *t, int64_t n, const int64_t *order,
                          const int64_t *lengths, int64_t tile)
{
    int64_t i = 0;
    step *inner = p->steps + n; /* launches of groups */
    for (int64_t k = 0; k < n; k++) {
        if (!lengths[k])
            continue; /* part of the group before */
        step *s = &p->steps[p->num_steps++];
        if (lengths[k] == 1) {
            add_step(s, t, &t->launches[order[k]]);
            continue;
        }
        group *g = &p->groups[i++];
        *g = (group){.tile = tile, .count = (int)lengths[k], .steps = inner};
        for (int64_t j = k; j < k + lengths[k]; j++) {
            ((tk_map_work *)(void *)t->launches[order[j]].work)->streams = 0; /* tiles stay cached */
            add_step(inner++, t, &t->launches[order[j]]);
        }
        *s = (step){.f = run_group,
                    .work = g,
                    .units = g->steps[0].units,
                    .grain = g->steps[0].grain,
                    .bad = INT64_MAX,
                    .kernel = g->steps[0].kernel,
                    .dtype = g->steps[0].dtype};
    }
    p->num_all = n;
    for (int64_t k = 0; k < n; k++) {
        tk_tape_launch *l = &t->launches[order[k]];
        if (tk_kernels[l->kernel].family == TK_FAMILY_MATMUL &&
            ((tk_gemm *)l->work)->scratch > p->scratch)
            p->scratch = ((tk_gemm *)l->work)->scratch;
        p->works[p->num_works++] = l->work;
    }
}

static void take_places(tk_program *p, const tk_tape *t, int64_t n, const int64_t *order)
{
    for (int64_t k = 0; k < n; k++) /* first how many each block has, then the places */
        for (int64_t j = 0; j < t->launches[order[k]].count; j++) {
            int64_t b = t->pointers[t->launches[order[k]].first + j].block;
            if (b >= 0)
                p->blocks[b].count++;
        }
    place *next = p->places;
    for (int64_t b = 0; b < p->num_blocks; b++) {
        p->blocks[b].places = next;
        next += p->blocks[b].count;
        p->blocks[b].count = 0;
    }
    for (int64_t k = 0; k < n; k++) {
        const tk_tape_launch *l = &t->launches[order[k]];
        for (int64_t j = 0; j < l->count; j++) {
            const tk_tape_pointer *q = &t->pointers[l->first + j];
            if (q->block < 0)
                continue;
            block *b = &p->blocks[q->block];
            b->places[b->count++] = (place){(char **)(l->work + q->at), q->offset};
        }
    }
}

static void make_lock(tk_program *p)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&p->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    __atomic_store_n(&p->forks, tk_forks, __ATOMIC_RELEASE);
}

tk_program *tk_program_new(tk_tape *t, int64_t n, const int64_t *order, const int64_t *lengths,
                           const int64_t *offsets, int64_t arena_bytes, int64_t tile)
{
    tk_program *p = calloc(1, sizeof *p);
    if (!p || reserve(p, t, n, arena_bytes)) {
        tk_fail(TK_MEMORY_ERROR, "compile: out of memory: needs an arena of %lld bytes",
                (long long)arena_bytes);
        if (p)
            tk_program_free(p);
        return NULL;
    }
    make_lock(p);
    p->num_blocks = t->num_blocks;
    p->isa = tk_isa();
    p->grad_mode = tk_grad_mode();
    take_launches(p, t, n, order, lengths, tile);
    take_places(p, t, n, order);
    for (int64_t i = 0; i < p->num_works; i++) /* they are the program's now */
        t->launches[order[i]].work = NULL;
    for (int64_t b = 0; b < p->num_blocks; b++) {
        tk_tape_block *from = &t->blocks[b];
        p->blocks[b].nbytes = from->nbytes;
        bind(&p->blocks[b], offsets[b] >= 0 ? p->arena + offsets[b]
                            : from->copy    ? from->copy
                                            : from->base);
        if (from->copy) { /* it is the program's now */
            p->constants[p->num_constants++] = from->copy;
            from->copy = NULL;
        }
        if (from->kind == TK_BLOCK_OUTSIDE)
            p->outside[p->num_outside++] = from->storage;
    }
    return p;
}

void tk_program_input(tk_program *p, tk_tensor *form, int written)
{
    p->blocks[p->num_inputs].written = written;
    p->inputs[p->num_inputs++] = *form;
    p->writes_inputs |= written;
}

int tk_program_result(tk_program *p, int64_t b, tk_tensor *form)
{
    result *more = realloc(p->results, (size_t)(p->num_results + 1) * sizeof *more);
    if (!more) {
        tk_fail(TK_MEMORY_ERROR, "compile: out of memory");
        return -1;
    }
    p->results = more;
    more[p->num_results++] =
        (result){.form = *form, .block = b, .offset = form->data - form->storage->data};
    if (!p->blocks[b].fresh) {
        p->fresh[p->num_fresh++] = b;
        p->blocks[b].fresh = (int)p->num_fresh;
        p->blocks[b].nbytes = form->storage->nbytes;
    }
    return 0;
}

void tk_program_touches(tk_program *p, tk_tensor *memory)
{
    p->touched[p->num_touched++] = memory->storage;
}

/* -1 with an error where this thread replays the program: Python is called back in the middle, and
 * may be interrupted by a signal's handler, which may do anything. */
static int enter(tk_program *p)
{
    if (__atomic_load_n(&p->forks, __ATOMIC_ACQUIRE) != tk_forks) {
        static pthread_mutex_t renewing = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&renewing);
        if (p->forks != tk_forks)
            make_lock(p); /* who held it did not come along */
        pthread_mutex_unlock(&renewing);
    }
    if (!pthread_mutex_lock(&p->lock))
        return 0;
    tk_fail(TK_RUNTIME_ERROR, "compile: the function is called again in the middle of its replay");
    return -1;
}

int tk_program_gradient(tk_program *p, int64_t i, int64_t b, tk_tensor *memory)
{
    if (enter(p))
        return -1;
    if (i == p->num_gradients)
        p->num_gradients++;
    p->gradients[i] = memory;
    bind(&p->blocks[b], memory->storage->data);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

/* -- replay --------------------------------------------------------------------------------------- */

static int fits(const tk_tensor *form, const tk_tensor *x)
{
    size_t row = (size_t)form->ndim * sizeof(int64_t);
    return x->dtype == form->dtype && x->ndim == form->ndim &&
           memcmp(x->shape, form->shape, row) == 0 && memcmp(x->stride, form->stride, row) == 0;
}

/* Whether two storages share bytes: those of NumPy's memory may. */
static int meet(const tk_storage *a, const tk_storage *b)
{
    return a == b || (a->owner && b->owner && a->data < b->data + b->nbytes &&
                      b->data < a->data + a->nbytes);
}

static int check_inputs(const tk_program *p, int n, tk_tensor **in)
{
    if (n != p->num_inputs || p->isa != tk_isa() || p->grad_mode != tk_grad_mode())
        return TK_REPLAY_OTHER;
    for (int i = 0; i < n; i++) {
        if (!fits(&p->inputs[i], in[i]))
            return TK_REPLAY_OTHER;
        const tk_storage *s = in[i]->storage;
        for (int j = 0; j < i; j++)
            if (meet(s, in[j]->storage))
                return TK_REPLAY_SHARED;
        for (int64_t k = 0; k < p->num_touched; k++)
            if (meet(s, p->touched[k]))
                return TK_REPLAY_SHARED;
        for (int64_t k = 0; p->writes_inputs && k < p->num_outside; k++)
            if (meet(s, p->outside[k]))
                return TK_REPLAY_SHARED;
    }
    for (int64_t i = 0; i < p->num_gradients; i++)
        if (p->gradients[i]->refs > 1 || p->gradients[i]->storage->refs > 1)
            return TK_REPLAY_HELD;
    return TK_REPLAY_DONE;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What must be done anew before a launch. */
static void prepare(step *s)
{
    if (tk_kernels[s->kernel].family == TK_FAMILY_RANDOM) {
        tk_random_work *w = s->work;
        tk_take_groups(w, w->generator, w->groups);
    } else {
        ((double *)((tk_list_work *)s->work)->hyper)[TK_HYPER_STEP] += 1;
    }
}

/* After a launch that met a value for which it has no result. */
static int refuse(step *s)
{
    const tk_wrap_work *w = s->work;
    if (s->kernel == TK_K_wrap_index)
        tk_fail(TK_INDEX_ERROR, "compile: index or label %lld is out of range for size %lld",
                (long long)tk_wrapped_value(w, s->dtype, s->bad), (long long)w->size);
    else if (s->kernel == TK_K_find_zero)
        tk_fail(TK_ZERO_DIVISION, "compile: integer division by zero");
    else
        tk_fail(TK_HOST_ERROR, "compile: an exception of Python");
    s->bad = INT64_MAX;
    return -1;
}

static int run_steps(tk_program *p)
{
    const int64_t count = ++p->replays;
    /* The first replay finds cold caches; later ones are looked at ever more rarely. */
    const int timed = count > 1 && count <= 4096 && (count & (count - 1)) == 0;
    int64_t before = timed ? now_ns() : 0;
    for (step *s = p->steps, *end = s + p->num_steps; s < end; s++) {
        if (s->special)
            prepare(s);
        tk_parallel(s->f, s->work, s->units, s->grain);
        if (s->bad != INT64_MAX)
            return refuse(s);
        if (timed) {
            int64_t after = now_ns();
            s->ns += after - before;
            before = after;
        }
    }
    p->timed += timed;
    return 0;
}

static void touch(tk_storage *s)
{
    __atomic_add_fetch(&s->version, 1, __ATOMIC_RELAXED);
    s->stamp = __atomic_add_fetch(&tk_clock, 1, __ATOMIC_RELAXED);
}

static void touch_all(tk_program *p, tk_tensor **in)
{
    for (int64_t i = 0; i < p->num_touched; i++)
        touch(p->touched[i]);
    for (int i = 0; i < p->num_inputs; i++)
        if (p->blocks[i].written)
            touch(in[i]->storage);
}

static void drop_fresh(tk_tensor **made, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        tk_release(made[i]);
}

/* A new tensor for each fresh block, without a shape yet. */
static int make_fresh(tk_program *p, tk_tensor **made)
{
    for (int64_t i = 0; i < p->num_fresh; i++) {
        block *b = &p->blocks[p->fresh[i]];
        made[i] = tk_tensor_get(b->nbytes);
        if (!made[i]) {
            drop_fresh(made, i);
            tk_fail(TK_MEMORY_ERROR, "compile: out of memory: could not allocate %lld bytes",
                    (long long)b->nbytes);
            return -1;
        }
        bind(b, made[i]->data);
    }
    return 0;
}

/* The results as tensors. The first one in a block takes over its handle. */
static int make_results(tk_program *p, tk_tensor **made, tk_tensor **out)
{
    char taken[p->num_fresh + 1];
    memset(taken, 0, sizeof taken);
    for (int64_t i = 0; i < p->num_results; i++) {
        const result *r = &p->results[i];
        int k = p->blocks[r->block].fresh - 1;
        tk_tensor *t = taken[k] ? tk_new_view(made[k]) : made[k];
        if (!t) {
            for (int64_t j = 0; j < i; j++)
                tk_release(out[j]);
            for (int64_t j = 0; j < p->num_fresh; j++)
                if (!taken[j])
                    tk_release(made[j]);
            return -1;
        }
        taken[k] = 1;
        t->data = t->storage->data + r->offset;
        t->dtype = r->form.dtype;
        t->ndim = r->form.ndim;
        t->numel = r->form.numel;
        t->key = r->form.key;
        t->flags = r->form.flags;
        int32_t family = (int32_t)((uint32_t)t->flags / TK_FAMILY);
        if (family > t->storage->families) /* those founded later have other numbers */
            t->storage->families = family;
        memcpy(t->shape, r->form.shape, (size_t)t->ndim * sizeof *t->shape);
        memcpy(t->stride, r->form.stride, (size_t)t->ndim * sizeof *t->stride);
        out[i] = t;
    }
    return 0;
}

static int replay(tk_program *p, int n, tk_tensor **in, tk_tensor **out)
{
    int status = check_inputs(p, n, in);
    if (status)
        return status;
    tk_tensor *made[p->num_fresh + 1];
    if (tk_reserve_scratch(p->scratch)) {
        tk_fail(TK_MEMORY_ERROR, "compile: out of memory");
        return -1;
    }
    if (make_fresh(p, made))
        return -1;
    for (int i = 0; i < n; i++)
        if (p->blocks[i].bound != in[i]->data)
            bind(&p->blocks[i], in[i]->data);
    status = run_steps(p);
    touch_all(p, in);
    if (status) {
        drop_fresh(made, p->num_fresh);
        return -1;
    }
    return make_results(p, made, out);
}

int tk_replay(tk_program *p, int n, tk_tensor **in, tk_tensor **out)
{
    if (enter(p))
        return -1;
    int status = replay(p, n, in, out);
    pthread_mutex_unlock(&p->lock);
    return status;
}

static _Thread_local int last_status;

tk_tensor *tk_replay_one(tk_program *p, tk_tensor *a, tk_tensor *b)
{
    tk_tensor *in[2] = {a, b}, *out = NULL;
    if (p->num_results != 1) {
        tk_fail(TK_RUNTIME_ERROR, "compile: the program has %lld results",
                (long long)p->num_results);
        last_status = -1;
        return NULL;
    }
    last_status = tk_replay(p, b ? 2 : 1, in, &out);
    return last_status ? NULL : out;
}

int tk_replay_status(void)
{
    return last_status;
}

/* -- whole epochs --------------------------------------------------------------------------------- */

/* Why rows of `data` cannot be gathered into `stage`; NULL if they can. */
static const char *rows_mistake(const tk_program *p, int n, tk_tensor **stage, tk_tensor **data,
                                const tk_tensor *order, int64_t start, int64_t batches)
{
    for (int i = 0; i < n; i++) {
        const tk_tensor *s = stage[i], *d = data[i];
        size_t row = (size_t)(s->ndim - 1) * sizeof(int64_t);
        if (s->ndim < 1 || s->ndim != d->ndim || s->dtype != d->dtype ||
            !(s->flags & d->flags & TK_CONTIGUOUS) || s->shape[0] != stage[0]->shape[0] ||
            memcmp(s->shape + 1, d->shape + 1, row))
            return "the batches do not have the shape of the recorded arguments";
    }
    if (n < 1 || order->dtype != TK_I64 || order->ndim != 1 || !(order->flags & TK_CONTIGUOUS))
        return "the order must be contiguous int64 of one dimension";
    if (start < 0 || batches < 0 || stage[0]->shape[0] < 1 ||
        batches > (order->shape[0] - start) / stage[0]->shape[0])
        return "the order is too short";
    for (int64_t i = 0; i < p->num_results; i++)
        if (p->results[i].form.numel != 1)
            return "every result must be one number";
    return NULL;
}

static int gather_rows(int n, tk_tensor **stage, tk_tensor **data, const int64_t *rows)
{
    int64_t count = stage[0]->shape[0];
    for (int i = 0; i < n; i++) {
        size_t each = (size_t)(stage[i]->numel / count * tk_item_size[stage[i]->dtype]);
        for (int64_t r = 0; r < count; r++) {
            if (rows[r] < 0 || rows[r] >= data[i]->shape[0]) {
                tk_fail(TK_INDEX_ERROR, "compile: row %lld is out of range for %lld rows",
                        (long long)rows[r], (long long)data[i]->shape[0]);
                return -1;
            }
            memcpy(stage[i]->data + (size_t)r * each, data[i]->data + (size_t)rows[r] * each, each);
        }
    }
    return 0;
}

static double number_of(const result *r, const char *storage)
{
    tk_tensor t = r->form;
    t.data = (char *)storage + r->offset;
    return tk_item_float(&t);
}

static int replay_rows(tk_program *p, int n, tk_tensor **stage, tk_tensor **data,
                       const tk_tensor *order, int64_t start, int64_t batches, int64_t ns,
                       double *totals, int64_t *done)
{
    int status = check_inputs(p, n, stage);
    if (status)
        return status;
    const char *mistake = rows_mistake(p, n, stage, data, order, start, batches);
    if (mistake) {
        tk_fail(TK_VALUE_ERROR, "compile: %s", mistake);
        return -1;
    }
    tk_tensor *made[p->num_fresh + 1];
    if (tk_reserve_scratch(p->scratch) || make_fresh(p, made))
        return -1;
    for (int i = 0; i < n; i++)
        bind(&p->blocks[i], stage[i]->data);
    const int64_t *rows = (const int64_t *)order->data + start, end = now_ns() + ns;
    while (!status && *done < batches) {
        status = gather_rows(n, stage, data, rows);
        if (!status)
            status = run_steps(p);
        if (status)
            break;
        for (int64_t i = 0; i < p->num_results; i++)
            totals[i] += number_of(&p->results[i], p->blocks[p->results[i].block].bound);
        rows += stage[0]->shape[0];
        ++*done;
        if (now_ns() >= end)
            break;
    }
    touch_all(p, stage);
    drop_fresh(made, p->num_fresh);
    return status;
}

int tk_replay_rows(tk_program *p, int n, tk_tensor **stage, tk_tensor **data, tk_tensor *order,
                   int64_t start, int64_t batches, int64_t ns, double *totals, int64_t *done)
{
    *done = 0;
    if (enter(p))
        return -1;
    int status = replay_rows(p, n, stage, data, order, start, batches, ns, totals, done);
    pthread_mutex_unlock(&p->lock);
    return status;
}

int64_t tk_program_times(const tk_program *p, int64_t *ns)
{
    for (int64_t i = 0; i < p->num_steps; i++)
        ns[i] = p->steps[i].ns;
    return p->timed;
}
