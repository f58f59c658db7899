/* Tensors of given numbers: memory, ranges and unit matrices. They are written at once, by no
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

enum { LANES = 8 }; /* numbers at a time, which the compiler makes vectors of */
typedef double doubles __attribute__((vector_size(8 * LANES)));
typedef int64_t integers __attribute__((vector_size(8 * LANES)));

tk_tensor *tk_range_float(int dtype, int64_t n, double start, double step, double last)
{
    typedef float floats __attribute__((vector_size(4 * LANES)));
    tk_tensor *out = room(dtype, FLOATS, 1, &n);
    if (!out || n < 1)
        return out;
    const doubles lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    double *wide = (double *)out->data;
    float *narrow = (float *)out->data;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const doubles x = start + ((double)i + lanes) * step;
        const floats y = __builtin_convertvector(x, floats);
        if (dtype == TK_F64)
            memcpy(wide + i, &x, sizeof x);
        else
            memcpy(narrow + i, &y, sizeof y);
    }
    for (; i < n; i++) {
        if (dtype == TK_F64)
            wide[i] = start + (double)i * step;
        else
            narrow[i] = (float)(start + (double)i * step);
    }
    if (dtype == TK_F64)
        wide[n - 1] = last;
    else
        narrow[n - 1] = (float)last;
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
