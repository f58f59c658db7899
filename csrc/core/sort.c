/* The doors of order: sorting along a dimension, and places in what is sorted. */
#include "core.h"

#define MOST_UNITS 64 /* each needs scratch memory for a line */
#define GRAIN 1024    /* elements a thread must at least have: some microseconds of sorting */

static tk_tensor *places_like(const tk_tensor *a, int64_t dim, int64_t k)
{
    int64_t shape[TK_MAX_NDIM];
    for (int i = 0; i < a->ndim; i++)
        shape[i] = i == tk_dim(dim, a->ndim) ? k : a->shape[i];
    return tk_empty(TK_I64, a->ndim, shape);
}

/* Runs `units` units of contiguous lines; -1 with an error when out of memory. */
static int run(tk_order_work *w, int dtype, int64_t units)
{
    int64_t nbytes = 2 * w->length * (tk_item_size[dtype] == 8 ? 16 : 8);
    const int pairs = tk_order_takes_pairs(w->length, w->k);
    if (pairs) {
        if (!__builtin_mul_overflow(nbytes, units, &nbytes))
            w->scratch = tk_block_get(nbytes);
        if (!w->scratch) {
            tk_fail(TK_MEMORY_ERROR, "sort: out of memory: could not allocate %lld bytes",
                    (long long)nbytes);
            return -1;
        }
    }
    tk_run(TK_K_order, dtype, w, units, GRAIN / (w->part * w->length) + 1);
    if (pairs)
        tk_block_put(w->scratch, nbytes);
    return 0;
}

tk_tensor *tk_order(tk_tensor *a, int64_t dim, int64_t k, int descending, int mode)
{
    static const char *const names[] = {"topk", "kthvalue", "median", "nanmedian"};
    if (mode < TK_ORDER_ALL || mode > TK_ORDER_NANMEDIAN) {
        tk_fail(TK_VALUE_ERROR, "order: unknown mode %d", mode);
        return NULL;
    }
    const char *op = mode == TK_ORDER_ALL && k < 0 ? "sort" : names[mode];
    const int middle = mode == TK_ORDER_NANMEDIAN;
    tk_order_work w = {.descending = descending && !middle, .mode = mode};
    int64_t outer, least = mode != TK_ORDER_ALL || a->ndim == 0; /* a scalar cannot become empty */
    if (tk_lines(op, a, dim, &outer, &w.length, &w.inner))
        return NULL;
    k = mode == TK_ORDER_ALL && k < 0 ? w.length : middle ? (w.length + 1) / 2 : k;
    if (k < least || k > w.length || w.length > UINT32_MAX) {
        tk_fail(TK_VALUE_ERROR, "%s: k must be %lld to the size of dim %lld, which must be below 2^32; "
                "got %lld of %lld", op, (long long)least, (long long)dim, (long long)k,
                (long long)w.length);
        return NULL;
    }
    w.k = k;
    tk_tensor *out = places_like(a, dim, mode == TK_ORDER_ALL ? k : 1);
    if (!out || out->numel == 0)
        return out;
    tk_tensor *in = tk_contiguous(a);
    if (in) {
        w.in = in->data;
        w.index = (int64_t *)out->data;
        w.lines = outer * w.inner;
        w.part = (w.lines - 1) / MOST_UNITS + 1;
    }
    if (!in || run(&w, a->dtype, (w.lines - 1) / w.part + 1)) {
        tk_release(out);
        out = NULL;
    }
    if (in)
        tk_release(in);
    return out;
}

tk_tensor *tk_searchsorted(tk_tensor *sequence, tk_tensor *a, int right)
{
    char x[TK_TEXT], y[TK_TEXT];
    const int last = sequence->ndim - 1;
    int fits = last == 0 || (last > 0 && a->ndim == sequence->ndim);
    for (int i = 0; i < last && fits; i++)
        fits = a->shape[i] == sequence->shape[i];
    if (!fits) {
        tk_fail(TK_SHAPE_ERROR, "searchsorted: all sizes but the last must agree; got %s and %s",
                tk_shape_text(x, sequence->ndim, sequence->shape),
                tk_shape_text(y, a->ndim, a->shape));
        return NULL;
    }
    if (sequence->dtype != a->dtype) {
        tk_fail(TK_DTYPE_ERROR, "searchsorted: dtypes differ; got %s and %s",
                tk_dtype_names[sequence->dtype], tk_dtype_names[a->dtype]);
        return NULL;
    }
    tk_tensor *out = tk_empty(TK_I64, a->ndim, a->shape);
    if (!out || out->numel == 0)
        return out;
    tk_tensor *rows = tk_contiguous(sequence), *in = rows ? tk_contiguous(a) : NULL;
    if (in) {
        const tk_search_work w = {.sequence = rows->data,
                                  .in = in->data,
                                  .out = (int64_t *)out->data,
                                  .length = rows->shape[last],
                                  .columns = last ? a->shape[last] : a->numel,
                                  .right = right};
        tk_run(TK_K_searchsorted, a->dtype, &w, out->numel, GRAIN);
        tk_release(in);
    } else {
        tk_release(out);
        out = NULL;
    }
    if (rows)
        tk_release(rows);
    return out;
}
