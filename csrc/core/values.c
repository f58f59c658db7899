/* Tensors of given numbers: memory, lists, ranges and unit matrices. They are written at once, by no
 * launch, so what is recorded makes them otherwise (tinygrad_k/tensor.py). */
#include <string.h>

#include "core.h"

tk_tensor *tk_of_memory(int dtype, int ndim, const int64_t *shape, const char *values)
{
    tk_tensor *out = tk_empty(dtype, ndim, shape);
    if (out && out->numel)
        memcpy(out->data, values, (size_t)(out->numel * tk_item_size[dtype]));
    return out;
}

/* An empty vector or matrix of one of the dtypes in the bits of ``fit``. */
static tk_tensor *room(int dtype, int fit, int ndim, const int64_t *shape)
{
    if (dtype >= 0 && dtype < TK_NUM_DTYPES && fit >> dtype & 1)
        return tk_empty(dtype, ndim, shape);
    tk_fail(TK_DTYPE_ERROR, "values: not for the dtype of number %d", dtype);
    return NULL;
}

#define FLOATS (1 << TK_F32 | 1 << TK_F64)

tk_tensor *tk_of_floats(int dtype, int64_t n, const double *values)
{
    tk_tensor *out = room(dtype, FLOATS, 1, &n);
    if (!out)
        return NULL;
    if (dtype == TK_F64 && n)
        memcpy(out->data, values, (size_t)n * sizeof *values);
    else
        for (int64_t i = 0; i < n; i++)
            ((float *)out->data)[i] = (float)values[i];
    return out;
}

tk_tensor *tk_of_ints(int64_t n, const int64_t *values)
{
    return tk_of_memory(TK_I64, 1, &n, (const char *)values);
}

enum { LANES = 8 }; /* numbers at a time, which the compiler makes vectors of */
typedef double doubles __attribute__((vector_size(8 * LANES)));
typedef int64_t integers __attribute__((vector_size(8 * LANES)));

tk_tensor *tk_range_float(int dtype, int64_t n, double start, double step, double last)
{
    typedef float floats __attribute__((vector_size(4 * LANES)));
    tk_tensor *out = room(dtype, FLOATS, 1, &n);
    if (!out)
        return NULL;
    const int64_t item = tk_item_size[dtype];
    const doubles lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t some = n - i < LANES ? n - i : LANES;
        doubles x = start + ((double)i + lanes) * step;
        if (i + LANES >= n)
            x[n - 1 - i] = last;
        floats y = __builtin_convertvector(x, floats);
        const void *from = dtype == TK_F64 ? (void *)&x : (void *)&y;
        if (some == LANES && dtype == TK_F64)
            memcpy(out->data + i * item, &x, sizeof x);
        else if (some == LANES)
            memcpy(out->data + i * item, &y, sizeof y);
        else
            memcpy(out->data + i * item, from, (size_t)(some * item));
    }
    return out;
}

tk_tensor *tk_range_int(int64_t n, int64_t start, int64_t step)
{
    tk_tensor *out = room(TK_I64, 1 << TK_I64, 1, &n);
    if (!out)
        return NULL;
    int64_t *to = (int64_t *)out->data, i = 0;
    integers x = start + (integers){0, 1, 2, 3, 4, 5, 6, 7} * step;
    for (; i + LANES <= n; i += LANES, x += LANES * step)
        memcpy(to + i, &x, sizeof x);
    for (; i < n; i++)
        to[i] = start + i * step;
    return out;
}

tk_tensor *tk_eye(int dtype, int64_t rows, int64_t columns)
{
    int64_t shape[2] = {rows, columns};
    tk_tensor *out = room(dtype, FLOATS, 2, shape);
    if (!out)
        return NULL;
    memset(out->data, 0, (size_t)(out->numel * tk_item_size[dtype]));
    for (int64_t i = 0; i < rows && i < columns; i++) {
        if (dtype == TK_F64)
            ((double *)out->data)[i * (columns + 1)] = 1;
        else
            ((float *)out->data)[i * (columns + 1)] = 1;
    }
    return out;
}
