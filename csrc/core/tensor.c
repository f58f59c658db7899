/* Tensor handles and storages: making, sharing and releasing them, and their geometry. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

const char *const tk_dtype_names[TK_NUM_DTYPES] = {"float32", "float64", "int64",
                                                   "int32",   "uint8",   "bool"};
const int tk_item_size[TK_NUM_DTYPES] = {4, 8, 8, 4, 1, 1};

int64_t tk_clock;

static _Thread_local int grad_mode = 1;

int tk_grad_mode(void)
{
    return grad_mode;
}

int tk_set_grad_mode(int on)
{
    int before = grad_mode;
    grad_mode = on != 0;
    return before;
}

static void out_of_memory(int64_t nbytes)
{
    tk_fail(TK_MEMORY_ERROR, "out of memory: could not allocate %lld bytes", (long long)nbytes);
}

/* -- geometry ------------------------------------------------------------------------------------ */

int tk_dim(int64_t dim, int ndim)
{
    int64_t positive = dim < 0 ? dim + ndim : dim;
    return positive >= 0 && positive < ndim ? (int)positive : -1;
}

static int64_t shape_key(const tk_tensor *t)
{
    /* The number of dimensions in the lowest 3 bits; the sizes share the other 60. */
    static const int bits[] = {60, 60, 30, 20, 15, 12};
    int64_t key = 0;
    if (t->ndim >= (int)(sizeof bits / sizeof *bits))
        return -1;
    for (int i = 0; i < t->ndim; i++) {
        if (t->shape[i] >> bits[t->ndim])
            return -1;
        key = key << bits[t->ndim] | t->shape[i];
    }
    return key << 3 | t->ndim;
}

void tk_row_major(tk_tensor *t)
{
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        t->stride[i] = step;
        step *= t->shape[i] > 0 ? t->shape[i] : 1;
    }
    t->key = shape_key(t);
}

static int is_contiguous(const tk_tensor *t)
{
    if (t->numel == 0)
        return 1;
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->stride[i] != step)
            return 0;
        step *= t->shape[i];
    }
    return 1;
}

/* Elements of a shape, or -1 with an error where a size is negative or the bytes overflow. */
int64_t tk_checked_numel(int ndim, const int64_t *shape)
{
    int64_t numel = 1;
    char text[TK_TEXT];
    if (ndim < 0 || ndim > TK_MAX_NDIM) {
        tk_fail(TK_VALUE_ERROR, "shape: at most %d dimensions; got %d", TK_MAX_NDIM, ndim);
        return -1;
    }
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0) {
            tk_fail(TK_VALUE_ERROR, "shape: sizes cannot be negative; got %s",
                    tk_shape_text(text, ndim, shape));
            return -1;
        }
        /* A zero elsewhere does not excuse sizes whose product overflows: strides would. */
        int64_t size = shape[i] ? shape[i] : 1;
        if (__builtin_mul_overflow(numel, size, &numel) || numel > INT64_MAX / 16) {
            tk_fail(TK_VALUE_ERROR, "shape: the number of bytes overflows; got %s",
                    tk_shape_text(text, ndim, shape));
            return -1;
        }
    }
    for (int i = 0; i < ndim; i++)
        if (shape[i] == 0)
            return 0;
    return numel;
}

int tk_same_shape(const tk_tensor *a, const tk_tensor *b)
{
    return a->ndim == b->ndim &&
           memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

/* The lowest and one past the highest byte a tensor can touch. */
void tk_byte_range(const tk_tensor *t, const char **low, const char **high)
{
    int64_t below = 0, above = 0;
    for (int i = 0; i < t->ndim; i++) {
        int64_t reach = (t->shape[i] - 1) * t->stride[i];
        *(reach < 0 ? &below : &above) += reach;
    }
    int item = tk_item_size[t->dtype];
    *low = t->data + below * item;
    *high = t->data + (above + 1) * item;
}

int tk_overlaps(const tk_tensor *a, const tk_tensor *b)
{
    if (a->storage != b->storage && !(a->storage->owner || b->storage->owner))
        return 0;
    if (a->numel == 0 || b->numel == 0)
        return 0;
    const char *a_low, *a_high, *b_low, *b_high;
    tk_byte_range(a, &a_low, &a_high);
    tk_byte_range(b, &b_low, &b_high);
    return a_low < b_high && b_low < a_high;
}

int tk_by_stride(const tk_tensor *t, int *order)
{
    int n = 0;
    for (int d = 0; d < t->ndim; d++) {
        if (t->shape[d] == 1)
            continue;
        int i = n++;
        for (; i > 0 && llabs(t->stride[order[i - 1]]) < llabs(t->stride[d]); i--)
            order[i] = order[i - 1];
        order[i] = d;
    }
    return n;
}

int tk_overlaps_itself(const tk_tensor *t)
{
    /* Sorted by stride, each dimension must step past all that the smaller ones reach. This is
     * sufficient for distinct addresses, and every ordinary view meets it. */
    int order[TK_MAX_NDIM];
    if (t->numel <= 1 || t->flags & TK_CONTIGUOUS)
        return 0;
    int64_t reach = 0;
    for (int j = tk_by_stride(t, order) - 1; j >= 0; j--) {
        int64_t step = llabs(t->stride[order[j]]);
        if (step <= reach)
            return 1;
        reach += step * (t->shape[order[j]] - 1);
    }
    return 0;
}

int tk_is_dense(const tk_tensor *t)
{
    const char *low, *high;
    if (t->flags & TK_CONTIGUOUS)
        return 1;
    tk_byte_range(t, &low, &high);
    return low == t->data && high - low == t->numel * tk_item_size[t->dtype] &&
           !tk_overlaps_itself(t);
}

/* The greatest common divisor of a and all strides that are taken. */
static int64_t common_step(int64_t a, const tk_tensor *t)
{
    for (int i = 0; i < t->ndim; i++)
        for (int64_t b = t->shape[i] > 1 ? llabs(t->stride[i]) : 0; b;) {
            int64_t rest = a % b;
            a = b;
            b = rest;
        }
    return a;
}

int tk_relation(const tk_tensor *t, const tk_tensor *other, int64_t *start)
{
    const char *low, *high, *other_low, *other_high;
    *start = (other->data - t->data) / tk_item_size[t->dtype];
    if (t->numel == 0 || other->numel == 0)
        return TK_SEPARATE;
    if (tk_same_window(t, other))
        return TK_SAME;
    tk_byte_range(t, &low, &high);
    tk_byte_range(other, &other_low, &other_high);
    if (other_high <= low || high <= other_low)
        return TK_SEPARATE;
    if (low <= other_low && other_high <= high && tk_is_dense(t))
        return TK_COVERS;
    if (other_low <= low && high <= other_high && tk_is_dense(other) && !tk_overlaps_itself(t))
        return TK_COVERED;
    int64_t step = common_step(common_step(0, t), other);
    return *start % (step ? step : 1) ? TK_SEPARATE : TK_MIXED;
}

int tk_broadcast(int n, tk_tensor *const *in, int64_t shape[TK_MAX_NDIM])
{
    int ndim = 0;
    for (int i = 0; i < n; i++)
        if (in[i]->ndim > ndim)
            ndim = in[i]->ndim;
    for (int d = 0; d < ndim; d++)
        shape[d] = 1;
    for (int i = 0; i < n; i++) {
        int64_t *tail = shape + (ndim - in[i]->ndim);
        for (int d = 0; d < in[i]->ndim; d++) {
            if (in[i]->shape[d] == tail[d] || in[i]->shape[d] == 1)
                continue;
            if (tail[d] != 1)
                return -1;
            tail[d] = in[i]->shape[d];
        }
    }
    return ndim;
}

int tk_default_float = TK_F32;

int tk_set_default_float(int dtype)
{
    if (!tk_is_float(dtype)) {
        tk_fail(TK_DTYPE_ERROR, "set_default_dtype: the default must be a floating dtype");
        return -1;
    }
    tk_default_float = dtype;
    return 0;
}

int tk_operand_dtype(int kernel, int dtype)
{
    int compute = tk_compute_dtype(kernel, dtype);
    return compute == TK_F32 && dtype != TK_F32 ? tk_default_float : compute;
}

int tk_promote(const tk_tensor *a, const tk_tensor *b)
{
    /* Within a category a tensor with dimensions outranks one without; across categories
     * (bool < integer < float) the higher category always wins. */
    static const char category[TK_NUM_DTYPES] = {2, 2, 1, 1, 1, 0};
    int x = a->dtype, y = b->dtype;
    if (x == y)
        return x;
    if (category[x] != category[y])
        return category[x] > category[y] ? x : y;
    if ((a->ndim == 0) != (b->ndim == 0))
        return a->ndim ? x : y;
    if (category[x] == 2)
        return TK_F64;
    if (x == TK_I64 || y == TK_I64)
        return TK_I64;
    return TK_I32; /* int32 with uint8 */
}

/* -- life ---------------------------------------------------------------------------------------- */

static tk_tensor *new_handle(tk_storage *storage, char *data, int dtype)
{
    tk_tensor *t = tk_object_get(TK_HANDLE);
    if (!t) {
        out_of_memory((int64_t)sizeof *t);
        return NULL;
    }
    t->data = data;
    t->storage = storage;
    t->dtype = dtype;
    t->refs = 1;
    t->flags = 0;
    return t;
}

static tk_storage *new_storage(char *data, int64_t nbytes)
{
    tk_storage *s = tk_object_get(TK_STORAGE);
    if (!s) {
        out_of_memory((int64_t)sizeof *s);
        return NULL;
    }
    *s = (tk_storage){.data = data, .nbytes = nbytes, .refs = 1};
    return s;
}

#define FAMILY_BITS (TK_APART | -TK_FAMILY)

/* 0 is the family of the storage's first handle. The numbers begin again after 2^27. */
static int32_t new_family(tk_storage *storage)
{
    uint32_t n = (uint32_t)__atomic_add_fetch(&storage->families, 1, __ATOMIC_RELAXED);
    return (int32_t)(n * (uint32_t)TK_FAMILY);
}

tk_tensor *tk_empty(int dtype, int ndim, const int64_t *shape)
{
    if (dtype < 0 || dtype >= TK_NUM_DTYPES) {
        tk_fail(TK_DTYPE_ERROR, "empty: no dtype has the number %d", dtype);
        return NULL;
    }
    int64_t numel = tk_checked_numel(ndim, shape);
    if (numel < 0)
        return NULL;
    int64_t nbytes = numel * tk_item_size[dtype];
    tk_tensor *t = tk_tensor_get(nbytes);
    if (!t) {
        out_of_memory(nbytes);
        return NULL;
    }
    t->dtype = dtype;
    t->ndim = ndim;
    t->numel = numel;
    t->flags = TK_CONTIGUOUS | (grad_mode ? TK_RECORD : 0);
    for (int i = 0; i < ndim; i++)
        t->shape[i] = shape[i];
    tk_row_major(t);
    return t;
}

tk_tensor *tk_wrap(char *data, int64_t nbytes, int64_t owner, int readonly, int dtype, int ndim,
                   const int64_t *shape, const int64_t *stride)
{
    int64_t numel = tk_checked_numel(ndim, shape);
    if (numel < 0)
        return NULL;
    tk_storage *storage = new_storage(data, nbytes);
    tk_tensor *t = storage ? new_handle(storage, data, dtype) : NULL;
    if (!t) {
        if (storage)
            tk_object_put(TK_STORAGE, storage);
        return NULL;
    }
    storage->owner = owner;
    storage->readonly = readonly;
    t->ndim = ndim;
    int64_t dense = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        t->shape[i] = shape[i];
        t->stride[i] = stride ? stride[i] : dense;
        dense *= shape[i] ? shape[i] : 1;
    }
    tk_finish_view(t);
    return t;
}

tk_tensor *tk_retain(tk_tensor *t)
{
    __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

tk_tensor *tk_new_bytes(tk_storage *storage)
{
    tk_tensor *t = new_handle(storage, storage->data, TK_U8);
    if (!t)
        return NULL;
    __atomic_add_fetch(&storage->refs, 1, __ATOMIC_RELAXED);
    t->ndim = 1;
    t->shape[0] = storage->nbytes;
    t->stride[0] = 1;
    tk_finish_view(t);
    tk_found_family(t);
    return t;
}

int64_t tk_release(tk_tensor *t)
{
    if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return 0;
    tk_storage *storage = t->storage;
    if (__atomic_sub_fetch(&storage->refs, 1, __ATOMIC_ACQ_REL) > 0) {
        tk_object_put(TK_HANDLE, t);
        return 0;
    }
    int64_t owner = storage->owner;
    tk_tensor_put(t);
    return owner;
}

int64_t tk_plain_bytes(const tk_tensor *t)
{
    const int plain = t->flags & TK_CONTIGUOUS && !t->storage->readonly;
    return plain ? t->numel * tk_item_size[t->dtype] : -1;
}

int tk_is_sole(const tk_tensor *t)
{
    return __atomic_load_n(&t->refs, __ATOMIC_ACQUIRE) == 1 &&
           __atomic_load_n(&t->storage->refs, __ATOMIC_ACQUIRE) == 1;
}

int tk_touch(tk_tensor *t)
{
    if (t->storage->readonly) {
        tk_fail(TK_RUNTIME_ERROR, "in-place: the tensor's memory is read-only");
        return -1;
    }
    __atomic_add_fetch(&t->storage->version, 1, __ATOMIC_RELAXED);
    t->storage->stamp = __atomic_add_fetch(&tk_clock, 1, __ATOMIC_RELAXED);
    return 0;
}

tk_tensor *tk_new_view(const tk_tensor *base)
{
    tk_tensor *t = new_handle(base->storage, base->data, base->dtype);
    if (!t)
        return NULL;
    __atomic_add_fetch(&base->storage->refs, 1, __ATOMIC_RELAXED);
    t->ndim = base->ndim;
    t->flags = grad_mode ? base->flags & FAMILY_BITS : new_family(base->storage) | TK_APART;
    return t;
}

void tk_found_family(tk_tensor *t)
{
    t->flags = (t->flags & ~FAMILY_BITS) | new_family(t->storage);
}

void tk_finish_view(tk_tensor *t)
{
    t->numel = 1;
    for (int i = 0; i < t->ndim; i++)
        t->numel *= t->shape[i];
    t->flags = (t->flags & FAMILY_BITS) | (is_contiguous(t) ? TK_CONTIGUOUS : 0) |
               (grad_mode ? TK_RECORD : 0);
    t->key = shape_key(t);
}

/* -- values -------------------------------------------------------------------------------------- */

double tk_item_float(const tk_tensor *t)
{
    float f;
    double d;
    if (t->dtype == TK_F32) {
        memcpy(&f, t->data, sizeof f);
        return (double)f;
    }
    if (t->dtype == TK_F64) {
        memcpy(&d, t->data, sizeof d);
        return d;
    }
    return (double)tk_item_int(t);
}

int64_t tk_item_int(const tk_tensor *t)
{
    int64_t wide;
    int32_t narrow;
    switch (t->dtype) {
    case TK_I64:
        memcpy(&wide, t->data, sizeof wide);
        return wide;
    case TK_I32:
        memcpy(&narrow, t->data, sizeof narrow);
        return narrow;
    default:
        return *(const uint8_t *)t->data;
    }
}
