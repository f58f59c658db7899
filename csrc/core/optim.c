/* The doors that work on whole lists of tensors: optimizer steps, the norm of all gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define GRAIN 16384 /* elements a thread must at least have: some ten microseconds of traffic */
enum { ROLES = 5 }; /* parameters, gradients, three states */

static const char *const role_names[ROLES] = {"parameter", "gradient", "state 1", "state 2",
                                              "state 3"};

/* The lists of one call, in one block. A tensor that is not contiguous is replaced by a contiguous
 * copy; `given` keeps the original, into which a changed copy is written back. But where a parameter is
 * one piece of memory in another order, as a transposed one, and all that goes with it lies so, too,
 * the order does not matter. */
typedef struct lists {
    const char *op;
    int n;
    unsigned roles;   /* bit r: there is a list in role r */
    unsigned changes; /* bit r: the launch writes to it */
    tk_tensor **given[ROLES], **used[ROLES];
    char **data[ROLES];
    int64_t *start, *numel;
    struct range *ranges;
    char *block;
    int64_t nbytes;
} lists;

/* Bytes that a launch touches. */
typedef struct range {
    const char *low, *high;
    int written;
} range;

static int by_low(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* 0, or -1 with an error where what is written is also something else: threads would race. */
static int check_apart(lists *l)
{
    int count = 0;
    for (int r = 0; r < ROLES; r++)
        for (int i = 0; i < l->n && (l->roles >> r & 1); i++) {
            const tk_tensor *t = l->used[r][i];
            if (t->numel)
                l->ranges[count++] = (range){t->data, t->data + t->numel * tk_item_size[t->dtype],
                                             l->changes >> r & 1};
        }
    qsort(l->ranges, (size_t)count, sizeof *l->ranges, by_low);
    const char *touched = NULL, *written = NULL; /* the highest ends so far */
    for (int k = 0; k < count; k++) {
        const range *x = &l->ranges[k];
        if (x->low < (x->written ? touched : written)) {
            tk_fail(TK_RUNTIME_ERROR, "%s: two of the tensors share memory", l->op);
            return -1;
        }
        touched = x->high > touched ? x->high : touched;
        if (x->written && x->high > written)
            written = x->high;
    }
    return 0;
}

static void close_lists(lists *l)
{
    for (int r = 0; r < ROLES; r++)
        for (int i = 0; i < l->n && (l->roles >> r & 1); i++)
            if (l->used[r][i] && l->used[r][i] != l->given[r][i])
                tk_release(l->used[r][i]);
    tk_block_put(l->block, l->nbytes);
}

static int check_one(lists *l, int r, int i)
{
    const tk_tensor *t = l->given[r][i], *like = l->given[0][i];
    char have[TK_TEXT], want[TK_TEXT];
    if (!tk_is_float(t->dtype)) {
        tk_fail(TK_DTYPE_ERROR, "%s: %s %d must be floating; got %s", l->op, role_names[r], i,
                tk_dtype_names[t->dtype]);
        return -1;
    }
    if (t->dtype != like->dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: %s %d is %s, its parameter %s", l->op, role_names[r], i,
                tk_dtype_names[t->dtype], tk_dtype_names[like->dtype]);
        return -1;
    }
    if (!tk_same_shape(t, like)) {
        tk_fail(TK_SHAPE_ERROR, "%s: %s %d has another shape than its parameter; got %s and %s",
                l->op, role_names[r], i, tk_shape_text(have, t->ndim, t->shape),
                tk_shape_text(want, like->ndim, like->shape));
        return -1;
    }
    return l->changes >> r & 1 ? tk_check_writable(l->op, t) : 0;
}

static int same_order(const tk_tensor *a, const tk_tensor *b)
{
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != 1 && a->stride[d] != b->stride[d])
            return 0;
    return 1;
}

/* Whether the i-th tensors are pieces of memory in one order. */
static int lie_alike(const lists *l, int i)
{
    const tk_tensor *first = l->given[0][i];
    int alike = tk_is_dense(first);
    for (int r = 1; r < ROLES && alike; r++)
        alike = !(l->roles >> r & 1) || same_order(first, l->given[r][i]);
    return alike && !((l->roles & 2) && tk_overlaps(l->given[1][i], first));
}

/* Checks the lists in given, makes the stand-ins, reserves room for one launch. */
static int open_lists(lists *l)
{
    if (l->n < 0) {
        tk_fail(TK_VALUE_ERROR, "%s: the number of tensors cannot be %d", l->op, l->n);
        return -1;
    }
    for (int i = 0; i < l->n; i++)
        for (int r = 0; r < ROLES; r++)
            if ((l->roles >> r & 1) && check_one(l, r, i))
                return -1;
    size_t n = (size_t)l->n;
    l->nbytes = (int64_t)(n * ROLES * (sizeof(range) + 2 * sizeof(void *)) +
                          (2 * n + 1) * sizeof(int64_t));
    l->block = tk_block_get(l->nbytes);
    if (!l->block) {
        tk_fail(TK_MEMORY_ERROR, "%s: out of memory", l->op);
        return -1;
    }
    l->ranges = (range *)l->block;
    char **next = (char **)(l->ranges + n * ROLES);
    for (int r = 0; r < ROLES; r++, next += 2 * n) {
        l->data[r] = next;
        l->used[r] = (tk_tensor **)(next + n);
    }
    l->start = (int64_t *)next;
    l->numel = l->start + n + 1;
    memset(l->data[0], 0, n * ROLES * 2 * sizeof(void *));
    for (int r = 0; r < ROLES; r++)
        for (int i = 0; i < l->n && (l->roles >> r & 1); i++) {
            tk_tensor *t = l->given[r][i];
            int copy = !(t->flags & TK_CONTIGUOUS) || (r == 1 && tk_overlaps(t, l->given[0][i]));
            if (copy && l->changes && lie_alike(l, i)) /* else a norm: its bits are the usual order's */
                copy = 0;
            l->used[r][i] = copy ? tk_cast(t, t->dtype) : t;
            if (!l->used[r][i]) {
                close_lists(l);
                return -1;
            }
        }
    if (l->changes && check_apart(l)) {
        close_lists(l);
        return -1;
    }
    return 0;
}

/* The work of the tensors of one dtype, in units of `chunk` elements; returns how many units. */
static int64_t select_dtype(lists *l, int dtype, int chunk, tk_list_work *w)
{
    int m = 0;
    int64_t units = 0;
    for (int i = 0; i < l->n; i++) {
        if (l->given[0][i]->dtype != dtype)
            continue;
        for (int r = 0; r < ROLES; r++)
            l->data[r][m] = l->roles >> r & 1 ? l->used[r][i]->data : NULL;
        l->numel[m] = l->given[0][i]->numel;
        l->start[m++] = units;
        units += (l->given[0][i]->numel + chunk - 1) / chunk;
    }
    l->start[m] = units;
    w->n = m;
    w->start = l->start;
    w->numel = l->numel;
    for (int r = 0; r < ROLES; r++)
        w->data[r] = l->data[r];
    return units;
}

static int write_back(lists *l)
{
    for (int r = 0; r < ROLES; r++)
        for (int i = 0; i < l->n && (l->roles & l->changes) >> r & 1; i++)
            if (l->used[r][i] != l->given[r][i] && tk_copy_into(l->given[r][i], l->used[r][i]))
                return -1;
    for (int i = 0; i < l->n; i++)
        tk_touch(l->given[0][i]);
    return 0;
}

/* Which states a rule keeps under these hyperparameters: bit 2 the first, as in lists.roles. */
static unsigned states_of(int kernel, const double *hyper)
{
    unsigned moves = hyper[TK_HYPER_MOMENTUM] != 0;
    switch (kernel) {
    case TK_K_sgd:
        return moves << 2;
    case TK_K_rmsprop:
        return 1u << 2 | moves << 3 | (unsigned)(hyper[TK_HYPER_CENTERED] != 0) << 4;
    default:
        return 3u << 2 | (unsigned)(hyper[TK_HYPER_AMSGRAD] != 0) << 4;
    }
}

int tk_optim_step(int kernel, int n, tk_tensor **params, tk_tensor **grads, tk_tensor **state1,
                  tk_tensor **state2, tk_tensor **state3, const double *hyper)
{
    if (tk_check_kernel(kernel, TK_FAMILY_OPTIM))
        return -1;
    lists l = {.op = tk_kernel_name(kernel),
               .n = n,
               .given = {params, grads, state1, state2, state3}};
    unsigned states = states_of(kernel, hyper);
    l.roles = 3 | states;
    l.changes = 1 | states;
    for (int r = 0; r < ROLES; r++)
        if ((l.roles >> r & 1) && !l.given[r]) {
            tk_fail(TK_VALUE_ERROR, "%s: these hyperparameters need the list of %s", l.op,
                    role_names[r]);
            return -1;
        }
    if (open_lists(&l))
        return -1;
    int counted = 0;
    for (int dtype = TK_F32; dtype <= TK_F64; dtype++) {
        tk_list_work w = {.hyper = hyper, .counts = !counted};
        int64_t units = select_dtype(&l, dtype, 1, &w);
        tk_run(kernel, dtype, &w, units, GRAIN);
        counted |= units > 0;
    }
    int status = write_back(&l);
    close_lists(&l);
    return status;
}

tk_tensor *tk_total_norm(int n, tk_tensor **in, double p)
{
    if (!(p > 0)) {
        tk_fail(TK_VALUE_ERROR, "total_norm: the order must be positive; got %g", p);
        return NULL;
    }
    lists l = {.op = "total_norm", .n = n, .roles = 1, .given = {in}};
    if (open_lists(&l))
        return NULL;
    int64_t chunks = 1;
    int result = TK_F32;
    for (int i = 0; i < n; i++) {
        chunks += in[i]->numel / TK_NORM_CHUNK + 1;
        if (in[i]->dtype == TK_F64)
            result = TK_F64;
    }
    tk_tensor *partial = tk_empty(TK_F64, 1, &chunks), *out = NULL;
    if (partial)
        out = tk_empty(result, 0, NULL);
    if (out) {
        double *next = (double *)partial->data;
        for (int dtype = TK_F32; dtype <= TK_F64; dtype++) {
            tk_list_work w = {.hyper = &p, .partial = next};
            int64_t units = select_dtype(&l, dtype, TK_NORM_CHUNK, &w);
            tk_run(TK_K_total_norm, dtype, &w, units, GRAIN / TK_NORM_CHUNK);
            next += units;
        }
        tk_combine_work all = {.partial = (double *)partial->data, .out = out->data, .p = p};
        all.n = next - all.partial;
        tk_run(TK_K_combine_norms, result, &all, 1, 1);
    }
    if (partial)
        tk_release(partial);
    close_lists(&l);
    return out;
}

static int change_all(int kernel, int n, tk_tensor **in, tk_tensor *factor, const double *hyper)
{
    lists l = {.op = tk_kernel_name(kernel), .n = n, .roles = 1, .changes = 1, .given = {in}};
    if (open_lists(&l))
        return -1;
    int status = 0;
    for (int dtype = TK_F32; dtype <= TK_F64 && !status; dtype++) {
        tk_list_work w = {.hyper = hyper};
        int64_t units = select_dtype(&l, dtype, 1, &w);
        tk_tensor *own = factor && units ? tk_cast(factor, dtype) : NULL;
        if (factor && units && !own) {
            status = -1;
            break;
        }
        w.factor = own ? own->data : NULL;
        tk_run(kernel, dtype, &w, units, GRAIN);
        if (own)
            tk_release(own);
    }
    if (!status)
        status = write_back(&l);
    close_lists(&l);
    return status;
}

int tk_scale_all(int n, tk_tensor **in, tk_tensor *factor)
{
    char text[TK_TEXT];
    if (factor->numel != 1 || !tk_is_float(factor->dtype)) {
        tk_fail(TK_VALUE_ERROR, "scale_all: the factor must be one floating number; got %s of %s",
                tk_dtype_names[factor->dtype], tk_shape_text(text, factor->ndim, factor->shape));
        return -1;
    }
    return change_all(TK_K_scale_all, n, in, factor, NULL);
}

int tk_clamp_all(int n, tk_tensor **in, double low, double high)
{
    const double ends[2] = {low, high};
    return change_all(TK_K_clamp_all, n, in, NULL, ends);
}
