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

tk_tensor *tk_range_float(int dtype, int64_t n, double start, double step, double last)
{
    tk_tensor *out = room(dtype, FLOATS, 1, &n);
    if (!out)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        double value = i < n - 1 ? start + (double)i * step : last;
        if (dtype == TK_F64)
            ((double *)out->data)[i] = value;
        else
            ((float *)out->data)[i] = (float)value;
    }
    return out;
}

tk_tensor *tk_range_int(int64_t n, int64_t start, int64_t step)
{
    tk_tensor *out = room(TK_I64, 1 << TK_I64, 1, &n);
    if (out)
        for (int64_t i = 0; i < n; i++)
            ((int64_t *)out->data)[i] = start + i * step;
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
