/* The doors of the elementwise families: promotion, broadcasting, conversion, overlap, geometry. */
#include <math.h>
#include <string.h>

#include "../kernels/rows.h"
#include "core.h"

/* Elements a thread must at least have: about 4 us of work. Sums move 10 elements a nanosecond in
 * cache, functions by polynomials 2 to 5, and a few are computed one by one. */
#define GRAIN 32768
#define GRAIN_FUNCTION 8192
#define GRAIN_SLOW 256

/* Casts have doors of their own: their row follows from the dtype of the result. */
static int refuse(int kernel, int operands)
{
    if (tk_map_arity(kernel) == operands && tk_kernels[kernel].family != TK_FAMILY_CAST)
        return 0;
    tk_fail(TK_RUNTIME_ERROR, "kernel %d is not elementwise of %d operands", kernel, operands);
    return -1;
}

/* The operands' iteration space over out's shape, with dimensions merged where all allow it. */
void tk_plan_map(tk_map_work *w, const tk_tensor *out, tk_tensor *const *in, int nin)
{
    const tk_tensor *operand[TK_MAP_OPERANDS] = {out};
    int item[TK_MAP_OPERANDS], n = nin + 1, simple = (out->flags & TK_CONTIGUOUS) != 0;
    for (int i = 1; i < n; i++)
        operand[i] = in[i - 1];
    w->streams = 0;
    for (int i = 0; i < n; i++) {
        w->data[i] = operand[i]->data;
        item[i] = tk_item_size[operand[i]->dtype];
        simple &= (operand[i]->flags & TK_CONTIGUOUS) &&
                  (operand[i]->numel == out->numel || operand[i]->numel == 1);
    }
    if (simple) { /* as many elements, or one for all, and the shapes fit: everything is one row */
        w->ndim = 1;
        w->size[0] = out->numel;
        for (int i = 0; i < n; i++)
            w->stride[i][0] = operand[i]->numel == out->numel ? item[i] : 0;
        return;
    }
    int d = 0; /* dimensions written so far; the last one may still grow */
    for (int dim = 0; dim < out->ndim; dim++) {
        int64_t size = out->shape[dim], step[TK_MAP_OPERANDS];
        if (size == 1)
            continue;
        for (int i = 0; i < n; i++) {
            int own = dim - (out->ndim - operand[i]->ndim);
            step[i] = own >= 0 && operand[i]->shape[own] != 1 ? operand[i]->stride[own] * item[i] : 0;
        }
        int merge = d > 0;
        for (int i = 0; i < n && merge; i++)
            merge = w->stride[i][d - 1] == step[i] * size;
        if (merge)
            w->size[d - 1] *= size;
        else
            w->size[d++] = size;
        for (int i = 0; i < n; i++)
            w->stride[i][d - 1] = step[i];
    }
    if (d == 0) {
        w->size[0] = 1;
        for (int i = 0; i < n; i++)
            w->stride[i][0] = item[i];
        d = 1;
    }
    w->ndim = d;
}

void tk_remove_dim(tk_tensor *t, int dim)
{
    t->flags = 0;
    t->numel = 1;
    t->ndim--;
    for (int d = 0; d < t->ndim; d++) {
        t->shape[d] = t->shape[d + (d >= dim)];
        t->stride[d] = t->stride[d + (d >= dim)];
        t->numel *= t->shape[d];
    }
}

/* Whether the output should go past the caches. Measured with 32 MiB of last-level cache, one thread.
 * On a Zen 4 a sum of two tensors that moves 36 MB takes 0.6 of the time so, and 0.7 where the next
 * launch reads the result at once; what moves 12 MB is 1.1 to 1.5 times slower. On a Zen 5 these are
 * 0.8 and 0.7, and 0.9 to 1.4; 24 MB take 0.75 of the time and, where the result is read at once, 0.75
 * to 1.02. An output that was read is in the cache anyway. */
int tk_streams(const tk_tensor *out, tk_tensor *const *in, int n)
{
    int64_t moved = out->numel * tk_item_size[out->dtype];
    if (moved < tk_last_cache / 8) /* quickly, for nearly all */
        return 0;
    for (int i = 0; i < n; i++) {
        if (in[i]->data == out->data)
            return 0;
        const int64_t bytes = in[i]->numel * tk_item_size[in[i]->dtype];
        const tk_storage *storage = in[i]->storage; /* NULL for a number; less where it is expanded */
        moved += storage && storage->nbytes < bytes ? storage->nbytes : bytes;
    }
    return moved >= tk_last_cache / 8 * 5;
}

static int64_t grain_of(int kernel)
{
    switch (kernel) {
    case TK_K_lgamma:
    case TK_K_digamma:
    case TK_K_polygamma:
        return GRAIN_SLOW;
    case TK_K_pow:
        return GRAIN_FUNCTION;
    default: /* the transcendental rows of kernels.def stand together */
        return kernel >= TK_K_exp && kernel <= TK_K_xlogy ? GRAIN_FUNCTION : GRAIN;
    }
}

static tk_storage nobody; /* of Python's numbers: they lie in no tensor's memory */

/* What raises to a number: a simpler function where there is one, as in PyTorch. So x**2 is x * x to
 * the bit, and as fast, where the general power takes 2 ns an element. x**1 multiplies by its 1, and
 * x**0 is its 0 clamped from 1 to 1. */
static int power_kernel(const tk_tensor *exponent, int dtype)
{
    static const struct {
        double exponent;
        int kernel;
    } simpler[] = {{2, TK_K_square},      {3, TK_K_cube},     {1, TK_K_mul},
                   {0.5, TK_K_sqrt},      {-0.5, TK_K_rsqrt}, {-1, TK_K_reciprocal},
                   {-2, TK_K_inverse_square}, {0, TK_K_clamp}};
    const double value = ((const tk_number *)(const void *)exponent)->value;
    for (size_t i = 0; i < sizeof simpler / sizeof *simpler; i++)
        if (value == simpler[i].exponent && tk_kernels[simpler[i].kernel].dtypes & 1 << dtype)
            return simpler[i].kernel;
    return TK_K_pow;
}

/* The dimensions from the one with the widest steps to that with the narrowest; 0 if that is the order
 * they stand in, or if elements share memory or lie backwards. */
static int memory_order(const tk_tensor *t, int *order)
{
    int sorted[TK_MAX_NDIM], n = tk_by_stride(t, sorted), ones = 0, turned = 0;
    for (int d = 0; d < t->ndim; d++)
        if (t->shape[d] == 1) /* its step says nothing: it comes first */
            order[ones++] = d;
    for (int i = 0; i < n; i++) {
        if (t->stride[sorted[i]] <= 0)
            return 0;
        turned |= i > 0 && sorted[i] < sorted[i - 1];
        order[ones + i] = sorted[i];
    }
    return turned;
}

/* An operand with its dimensions in this order, after those that it lacks. */
static tk_tensor turned(const tk_tensor *t, int ndim, const int *order)
{
    tk_tensor view = *t;
    view.ndim = ndim;
    view.flags = 0;
    for (int i = 0; i < ndim; i++) {
        const int d = order[i] - (ndim - t->ndim);
        view.shape[i] = d < 0 ? 1 : t->shape[d];
        view.stride[i] = d < 0 ? 0 : t->stride[d];
    }
    return view;
}

/* What asks for numbers that integers do not have is answered without reading them, a byte at a time. */
static int fill_predicate(int kernel, int dtype, tk_tensor *out)
{
    uint8_t value = kernel == TK_K_isfinite;
    tk_tensor answer = {.data = (char *)&value, .dtype = TK_BOOL, .numel = 1, .flags = TK_CONTIGUOUS};
    if (tk_is_float(dtype) || (!value && kernel != TK_K_isnan && kernel != TK_K_isinf))
        return 0;
    tk_copy_new(out, &answer);
    return 1;
}

static void run(int kernel, int dtype, tk_tensor *out, tk_tensor **in, int n, double p, double q)
{
    tk_map_work w;
    int order[TK_MAX_NDIM];
    if (fill_predicate(kernel, dtype, out))
        return;
    w.p = p;
    w.q = q;
    if (kernel == TK_K_pow && in[1]->storage == &nobody) {
        kernel = power_kernel(in[1], dtype);
        n = tk_map_arity(kernel);
        if (kernel == TK_K_clamp) {
            w.p = w.q = 1;
            in++;
        }
    }
    if (out->flags & TK_CONTIGUOUS || !memory_order(out, order)) {
        tk_plan_map(&w, out, in, n);
    } else { /* in the order of the result's memory */
        tk_tensor to = turned(out, out->ndim, order), from[3], *each[3];
        for (int i = 0; i < n; i++) {
            from[i] = turned(in[i], out->ndim, order);
            each[i] = &from[i];
        }
        tk_plan_map(&w, &to, each, n);
    }
    w.streams = tk_streams(out, in, n);
    tk_run(kernel, dtype, &w, out->numel, grain_of(kernel));
}

/* Integer division has no value to give for a zero divisor; -1 with an error where there is one. */
static int check_divisor(int kernel, int compute, tk_tensor *divisor)
{
    int divides = kernel == TK_K_floor_divide || kernel == TK_K_trunc_divide ||
                  kernel == TK_K_remainder || kernel == TK_K_fmod;
    if (!divides || tk_is_float(compute))
        return 0;
    int64_t bad = INT64_MAX;
    tk_divisor_work w = {.bad = &bad};
    tk_plan_map(&w.map, divisor, NULL, 0);
    tk_run(TK_K_find_zero, compute, &w, divisor->numel, GRAIN);
    if (bad == INT64_MAX)
        return 0;
    tk_fail(TK_ZERO_DIVISION, "%s: integer division by zero", tk_kernels[kernel].name);
    return -1;
}

/* What a launch computes in and yields. Operands are replaced by converted copies where their dtype
 * is another; `made` remembers which, for release. */
typedef struct launch {
    int n, compute, result, ndim, flags;
    tk_tensor *in[3], *made[3];
    int64_t shape[TK_MAX_NDIM];
} launch;

static int fits(int dtype, int64_t value)
{
    switch (dtype) {
    case TK_I32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case TK_U8:
        return value >= 0 && value <= UINT8_MAX;
    default:
        return 1;
    }
}

/* Integers are scaled by those of their dtype; with another number they become floats, as bools do. */
static int scaled_dtype(int kernel, int dtype, double p)
{
    if (kernel != TK_K_addcmul || tk_is_float(dtype))
        return dtype;
    const int whole = fabs(p) < 0x1p53 && p == trunc(p) && fits(dtype, (int64_t)p);
    return whole && dtype != TK_BOOL ? dtype : tk_default_float;
}

static int prepare(launch *l, int kernel, double p)
{
    const tk_kernel_row *row = &tk_kernels[kernel];
    int first = row->family == TK_FAMILY_WHERE, dtype = l->in[first]->dtype, same = 1;
    char a[TK_TEXT], b[TK_TEXT], c[TK_TEXT];
    for (int i = 0; i < l->n; i++)
        l->made[i] = NULL;
    l->flags = 0;
    if (first && l->in[0]->dtype != TK_BOOL) {
        tk_fail(TK_DTYPE_ERROR, "%s: the condition must be bool; got %s", row->name,
                tk_dtype_names[l->in[0]->dtype]);
        return -1;
    }
    /* Promotion is a left fold, on pretend tensors that carry dtype and dimensionality. */
    tk_tensor so_far = {.dtype = dtype, .ndim = l->in[first]->ndim};
    for (int i = first + 1; i < l->n; i++) {
        if (l->in[i]->dtype != so_far.dtype)
            so_far.dtype = tk_promote(&so_far, l->in[i]);
        if (l->in[i]->ndim > so_far.ndim)
            so_far.ndim = l->in[i]->ndim;
    }
    l->compute = tk_operand_dtype(kernel, scaled_dtype(kernel, so_far.dtype, p));
    if (l->compute < 0)
        return -1;
    l->result = tk_result_dtype(kernel, l->compute);
    for (int i = 1; i < l->n; i++)
        same &= tk_same_shape(l->in[i], l->in[0]);
    if (same) {
        l->ndim = l->in[0]->ndim;
        memcpy(l->shape, l->in[0]->shape, (size_t)l->ndim * sizeof *l->shape);
    } else {
        l->flags |= TK_BROADCAST;
        l->ndim = tk_broadcast(l->n, l->in, l->shape);
        if (l->ndim < 0) {
            tk_fail(TK_SHAPE_ERROR, "%s: shapes do not broadcast; got %s and %s%s%s", row->name,
                    tk_shape_text(a, l->in[0]->ndim, l->in[0]->shape),
                    tk_shape_text(b, l->in[1]->ndim, l->in[1]->shape), l->n > 2 ? " and " : "",
                    l->n > 2 ? tk_shape_text(c, l->in[2]->ndim, l->in[2]->shape) : "");
            return -1;
        }
    }
    for (int i = first; i < l->n; i++) {
        if (l->in[i]->dtype == l->compute)
            continue;
        l->flags |= TK_CONVERTED;
        l->made[i] = tk_cast(l->in[i], l->compute);
        if (!l->made[i]) {
            tk_release_made(l->n, l->made);
            return -1;
        }
        l->in[i] = l->made[i];
    }
    if (l->n == 2 && check_divisor(kernel, l->compute, l->in[1])) {
        tk_release_made(l->n, l->made);
        return -1;
    }
    return 0;
}

/* Nothing to promote, convert, broadcast or refuse: the common case, in few instructions. */
static int is_plain(const launch *l, int kernel)
{
    const tk_tensor *a = l->in[0];
    if (!(tk_kernels[kernel].dtypes & 1 << a->dtype) || !tk_is_float(a->dtype) ||
        tk_kernels[kernel].family == TK_FAMILY_WHERE)
        return 0;
    for (int i = 1; i < l->n; i++)
        if (l->in[i]->dtype != a->dtype || !tk_same_shape(l->in[i], a))
            return 0;
    return 1;
}

/* A result lies in memory as the first operand of its shape does, if none lies row by row: what is
 * transposed stays so. PyTorch's results do. */
static tk_tensor *result_new(const launch *l, int dtype, int ndim, const int64_t *shape)
{
    const tk_tensor *leader = NULL;
    int order[TK_MAX_NDIM];
    for (int i = 0; i < l->n; i++) {
        const tk_tensor *t = l->in[i];
        if (t->ndim != ndim || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) != 0)
            continue;
        if (t->flags & TK_CONTIGUOUS)
            return tk_empty(dtype, ndim, shape);
        if (!leader)
            leader = t;
    }
    if (!leader || !memory_order(leader, order))
        return tk_empty(dtype, ndim, shape);
    const tk_tensor view = turned(leader, ndim, order);
    tk_tensor *out = tk_empty(dtype, ndim, view.shape);
    if (!out)
        return NULL;
    int64_t stride[TK_MAX_NDIM];
    memcpy(stride, out->stride, sizeof stride);
    for (int i = 0; i < ndim; i++) {
        out->shape[order[i]] = view.shape[i];
        out->stride[order[i]] = stride[i];
    }
    tk_finish_view(out);
    return out;
}

static tk_tensor *launch_new(int kernel, launch *l, double p, double q)
{
    if (refuse(kernel, l->n))
        return NULL;
    tk_tensor *out;
    if (is_plain(l, kernel)) {
        const tk_tensor *a = l->in[0];
        out = result_new(l, tk_result_dtype(kernel, a->dtype), a->ndim, a->shape);
        if (out)
            run(kernel, a->dtype, out, l->in, l->n, p, q);
        return out;
    }
    if (prepare(l, kernel, p))
        return NULL;
    out = result_new(l, l->result, l->ndim, l->shape);
    if (out) {
        out->flags |= l->flags;
        run(kernel, l->compute, out, l->in, l->n, p, q);
    }
    tk_release_made(l->n, l->made);
    return out;
}

tk_tensor *tk_map1(int kernel, tk_tensor *a, double p, double q)
{
    launch l = {.n = 1, .in = {a}};
    return launch_new(kernel, &l, p, q);
}

tk_tensor *tk_map2(int kernel, tk_tensor *a, tk_tensor *b, double p, double q)
{
    launch l = {.n = 2, .in = {a, b}};
    return launch_new(kernel, &l, p, q);
}

tk_tensor *tk_map3(int kernel, tk_tensor *a, tk_tensor *b, tk_tensor *c, double p, double q)
{
    launch l = {.n = 3, .in = {a, b, c}};
    return launch_new(kernel, &l, p, q);
}

/* -- Python numbers: operands without dimensions on the stack of a door ---------------------------- */

static void start_number(tk_number *number, int dtype)
{
    number->tensor = (tk_tensor){.data = (char *)&number->bits,
                                 .storage = &nobody,
                                 .numel = 1,
                                 .dtype = dtype,
                                 .flags = TK_CONTIGUOUS,
                                 .refs = 1};
}

void tk_number_float(tk_number *number, int dtype, double value)
{
    start_number(number, dtype);
    number->value = value;
    if (dtype == TK_F64)
        number->bits.f64 = value;
    else
        number->bits.f32 = (float)value;
}

int tk_number_int(tk_number *number, int dtype, int64_t value)
{
    start_number(number, dtype);
    number->value = (double)value;
    switch (dtype) {
    case TK_F32:
        number->bits.f32 = (float)value;
        break;
    case TK_F64:
        number->bits.f64 = (double)value;
        break;
    case TK_I64:
        number->bits.i64 = value;
        break;
    case TK_I32:
        number->bits.i32 = (int32_t)value;
        break;
    default:
        number->bits.u8 = (uint8_t)value;
    }
    return fits(dtype, value);
}

/* Of the dtype that it promotes to beside a. */
static tk_tensor *map_scalar(int kernel, tk_tensor *a, tk_tensor *scalar, int scalar_first)
{
    launch l = {.n = 2, .in = {scalar_first ? scalar : a, scalar_first ? a : scalar}};
    tk_tensor *out = launch_new(kernel, &l, 0, 0);
    if (out)
        out->flags &= ~TK_BROADCAST; /* the scalar has no gradient, a's shape is the result's */
    return out;
}

static void float_beside(tk_number *number, const tk_tensor *t, double value)
{
    tk_number_float(number, tk_is_float(t->dtype) ? t->dtype : tk_default_float, value);
}

tk_tensor *tk_map3_float(int kernel, tk_tensor *a, tk_tensor *b, tk_tensor *c, double value)
{
    tk_number number;
    float_beside(&number, c ? c : b ? b : a, value);
    return tk_map3(kernel, a, b ? b : &number.tensor, c ? c : &number.tensor, 0, 0);
}

tk_tensor *tk_map_float(int kernel, tk_tensor *a, double value, int scalar_first)
{
    tk_number number;
    float_beside(&number, a, value);
    return map_scalar(kernel, a, &number.tensor, scalar_first);
}

tk_tensor *tk_map_int(int kernel, tk_tensor *a, int64_t value, int is_bool, int scalar_first)
{
    tk_number number;
    int dtype = a->dtype == TK_BOOL && !is_bool ? TK_I64 : a->dtype;
    if (tk_number_int(&number, dtype, value))
        return map_scalar(kernel, a, &number.tensor, scalar_first);
    if (tk_map_arity(kernel) == 0 || tk_kernels[kernel].result != TK_RESULT_BOOL) {
        tk_fail(TK_VALUE_ERROR, "%s: the number %lld does not fit %s", tk_kernel_name(kernel),
                (long long)value, tk_dtype_names[dtype]);
        return NULL;
    }
    /* A comparison has an answer all the same: ask it in int64. */
    tk_tensor *wide = tk_cast(a, TK_I64);
    tk_tensor *out = wide ? tk_map_int(kernel, wide, value, 0, scalar_first) : NULL;
    if (wide)
        tk_release(wide);
    return out;
}

/* -- writing into an existing tensor -------------------------------------------------------------- */

int tk_same_window(const tk_tensor *a, const tk_tensor *b)
{
    return a->data == b->data && a->dtype == b->dtype && tk_same_shape(a, b) &&
           memcmp(a->stride, b->stride, (size_t)a->ndim * sizeof *a->stride) == 0;
}

int tk_check_writable(const char *op, const tk_tensor *out)
{
    if (out->storage->readonly) {
        tk_fail(TK_RUNTIME_ERROR, "%s: the output's memory is read-only", op);
        return -1;
    }
    if (tk_overlaps_itself(out)) {
        char text[TK_TEXT];
        tk_fail(TK_RUNTIME_ERROR,
                "%s: elements of the output share memory (it was expanded); got %s; clone it first",
                op, tk_shape_text(text, out->ndim, out->shape));
        return -1;
    }
    return 0;
}

static int check_shape(const char *op, const tk_tensor *out, int ndim, const int64_t *shape)
{
    char have[TK_TEXT], want[TK_TEXT];
    if (out->ndim == ndim && memcmp(out->shape, shape, (size_t)ndim * sizeof *shape) == 0)
        return 0;
    tk_fail(TK_SHAPE_ERROR, "%s: the result does not fit the output; got %s for %s", op,
            tk_shape_text(want, ndim, shape), tk_shape_text(have, out->ndim, out->shape));
    return -1;
}

/* Whether a result may be stored: never a float in an integer, never a number in a bool. */
static int check_category(const char *op, int from, int to)
{
    static const char category[TK_NUM_DTYPES] = {2, 2, 1, 1, 1, 0};
    if (category[from] <= category[to])
        return 0;
    tk_fail(TK_DTYPE_ERROR, "%s: a result of %s cannot be stored in %s", op, tk_dtype_names[from],
            tk_dtype_names[to]);
    return -1;
}

int tk_map_into(int kernel, tk_tensor *out, tk_tensor *a, tk_tensor *b, tk_tensor *c, double p,
                double q)
{
    launch l = {.n = 1 + (b != NULL) + (c != NULL), .in = {a, b, c}};
    const char *op = tk_kernel_name(kernel);
    if (refuse(kernel, l.n))
        return -1;
    if (tk_check_writable(op, out) || prepare(&l, kernel, p))
        return -1;
    int status = -1;
    if (check_shape(op, out, l.ndim, l.shape) || check_category(op, l.result, out->dtype))
        goto done;
    for (int i = 0; i < l.n; i++) { /* an operand that overlaps out in another way is copied */
        if (!tk_overlaps(out, l.in[i]) || tk_same_window(out, l.in[i]))
            continue;
        tk_tensor *copy = tk_cast(l.in[i], l.in[i]->dtype);
        if (!copy)
            goto done;
        if (l.made[i])
            tk_release(l.made[i]);
        l.in[i] = l.made[i] = copy;
    }
    if (l.result == out->dtype) {
        run(kernel, l.compute, out, l.in, l.n, p, q);
        status = 0;
    } else {
        tk_tensor *result = tk_empty(l.result, l.ndim, l.shape);
        if (!result)
            goto done;
        run(kernel, l.compute, result, l.in, l.n, p, q);
        status = tk_copy_into(out, result);
        tk_release(result);
    }
done:
    tk_release_made(l.n, l.made);
    return status;
}

/* -- copies, conversions, fills -------------------------------------------------------------------- */

/* The order of the loops is free: the one in which the source lies side by side comes next to the
 * last, where blocks are turned over. */
static void put_source_inside(tk_map_work *w, int item)
{
    const int last = w->ndim - 1;
    int inner = last;
    for (int d = 0; d < last; d++)
        if (w->stride[1][d] == item)
            inner = d;
    if (last < 2 || inner >= last - 1 || w->stride[1][last] == item)
        return;
    const int64_t size = w->size[inner], to = w->stride[0][inner];
    for (int d = inner; d < last - 1; d++) {
        w->size[d] = w->size[d + 1];
        w->stride[0][d] = w->stride[0][d + 1];
        w->stride[1][d] = w->stride[1][d + 1];
    }
    w->size[last - 1] = size;
    w->stride[0][last - 1] = to;
    w->stride[1][last - 1] = item;
}

/* So is their direction: what is read backwards is written backwards instead, but along the last
 * dimension, where blocks are turned over either way. */
static void put_source_forward(tk_map_work *w)
{
    for (int d = 0; d < w->ndim - 1; d++) {
        if (w->stride[1][d] >= 0)
            continue;
        for (int i = 0; i < 2; i++) {
            w->data[i] += (w->size[d] - 1) * w->stride[i][d];
            w->stride[i][d] = -w->stride[i][d];
        }
    }
}

/* The cast rows stand in the order of the dtypes. */
void tk_copy_new(tk_tensor *dst, tk_tensor *src)
{
    const int kernel = TK_K_cast_f32 + dst->dtype;
    tk_map_work w = {.ndim = 0};
    tk_plan_map(&w, dst, &src, 1);
    const int64_t row_bytes = w.size[w.ndim - 1] * tk_item_size[dst->dtype];
    w.streams = row_bytes >= TK_STREAMED_ROW_BYTES && tk_streams(dst, &src, 1);
    if (dst->numel && !(src->flags & TK_CONTIGUOUS)) {
        if (!w.streams) /* past the caches the pieces of the output follow each other */
            put_source_forward(&w);
        put_source_inside(&w, tk_item_size[src->dtype]);
    }
    tk_run(kernel, src->dtype, &w, dst->numel, GRAIN);
}

tk_tensor *tk_cast(tk_tensor *t, int dtype)
{
    tk_tensor *out = tk_empty(dtype, t->ndim, t->shape);
    if (out)
        tk_copy_new(out, t);
    return out;
}

tk_tensor *tk_flip(tk_tensor *t, uint32_t dim_mask)
{
    tk_tensor view = *t;
    for (int d = 0; d < t->ndim; d++) {
        if (!(dim_mask >> d & 1) || t->shape[d] < 2)
            continue;
        view.data += (t->shape[d] - 1) * t->stride[d] * tk_item_size[t->dtype];
        view.stride[d] = -t->stride[d];
        view.flags = 0;
    }
    return tk_cast(&view, t->dtype);
}

tk_tensor *tk_contiguous(tk_tensor *t)
{
    return t->flags & TK_CONTIGUOUS ? tk_alias(t) : tk_cast(t, t->dtype);
}

int tk_copy_into(tk_tensor *dst, tk_tensor *src)
{
    int64_t shape[TK_MAX_NDIM];
    tk_tensor *both[2] = {dst, src}, *made = NULL;
    if (tk_check_writable("copy_", dst))
        return -1;
    int ndim = tk_broadcast(2, both, shape);
    if (ndim < 0 || ndim != dst->ndim) {
        check_shape("copy_", dst, src->ndim, src->shape);
        return -1;
    }
    if (check_shape("copy_", dst, ndim, shape))
        return -1;
    if (tk_same_window(dst, src))
        return 0;
    if (tk_overlaps(dst, src)) {
        made = tk_cast(src, src->dtype);
        if (!made)
            return -1;
        src = made;
    }
    tk_copy_new(dst, src);
    if (made)
        tk_release(made);
    return 0;
}

#define SMALL 4096 /* elements: at most 32 KiB, a microsecond, which no thread can share */

int tk_zeroed(tk_tensor *t)
{
    if (t->numel > SMALL || !(t->flags & TK_CONTIGUOUS) || tk_tapes)
        return 0;
    memset(t->data, 0, (size_t)(t->numel * tk_item_size[t->dtype]));
    return 1;
}

static tk_tensor *full(int dtype, int ndim, const int64_t *shape, int from, void *value,
                       int zero)
{
    tk_tensor *out = tk_empty(dtype, ndim, shape);
    if (!out || (zero && tk_zeroed(out)))
        return out;
    tk_tensor scalar = {.data = value, .dtype = from, .numel = 1, .flags = TK_CONTIGUOUS};
    tk_copy_new(out, &scalar);
    return out;
}

tk_tensor *tk_full_float(int dtype, int ndim, const int64_t *shape, double value)
{
    return full(dtype, ndim, shape, TK_F64, &value, value == 0 && !signbit(value));
}

tk_tensor *tk_full_int(int dtype, int ndim, const int64_t *shape, int64_t value)
{
    if (dtype >= 0 && dtype < TK_NUM_DTYPES && !fits(dtype, value)) {
        tk_fail(TK_VALUE_ERROR, "full: the number %lld does not fit %s", (long long)value,
                tk_dtype_names[dtype]);
        return NULL;
    }
    return full(dtype, ndim, shape, TK_I64, &value, value == 0);
}

tk_tensor *tk_of_float(double value)
{
    return tk_full_float(tk_default_float, 0, NULL, value);
}

tk_tensor *tk_of_int(int64_t value)
{
    return tk_full_int(TK_I64, 0, NULL, value);
}
