/* Concatenation: every input is copied into its slice of the result. */
#include <string.h>

#include "../kernels/rows.h"
#include "core.h"

#define GRAIN 131072 /* bytes a thread must at least write: a few microseconds */

/* Whether the result was written row by row of a piece of each input, a row being all from dim on: where
 * these lie so, and are more than single elements, which are better put to their places many at a time. */
static int join(const tk_tensor *out, int n, tk_tensor *const *in, int dim)
{
    const int64_t item = tk_item_size[out->dtype];
    int64_t most = 0, rows = 1;
    for (int i = 0; i < dim; i++)
        rows *= out->shape[i];
    const int one_thread = rows == 1 && out->numel * item > GRAIN;
    if (rows == 0 || one_thread || out->dtype == TK_BOOL)
        return 0;
    for (int i = 0; i < n; i++) {
        if (in[i]->dtype != out->dtype || !(in[i]->flags & TK_CONTIGUOUS))
            return 0;
        most = in[i]->numel > most ? in[i]->numel : most;
    }
    if (most / rows * item <= 8)
        return 0;
    tk_join_work w = {.out = out->data, .row_step = out->numel / rows * item};
    w.streams = n <= TK_JOIN && w.row_step >= TK_STREAMED_ROW_BYTES && tk_streams(out, in, n);
    for (int i = 0; i < n; i += w.n) {
        w.n = n - i < TK_JOIN ? n - i : TK_JOIN;
        for (int k = 0; k < w.n; k++) {
            w.in[k] = in[i + k]->data;
            w.bytes[k] = in[i + k]->numel / rows * item;
        }
        tk_run(TK_K_join, out->dtype, &w, rows, GRAIN / w.row_step + 1);
        for (int k = 0; k < w.n; k++)
            w.out += w.bytes[k];
    }
    return 1;
}

/* As PyTorch, an empty 1-d tensor fits anything. */
static int is_legacy_empty(const tk_tensor *t)
{
    return t->ndim == 1 && t->shape[0] == 0;
}

static int check_inputs(int n, tk_tensor **in, const tk_tensor *first, int dim)
{
    char a[TK_TEXT], b[TK_TEXT];
    for (int i = 0; i < n; i++) {
        if (is_legacy_empty(in[i]))
            continue;
        int fits = in[i]->ndim == first->ndim;
        for (int d = 0; d < first->ndim && fits; d++)
            fits = d == dim || in[i]->shape[d] == first->shape[d];
        if (fits)
            continue;
        tk_fail(TK_SHAPE_ERROR, "cat: sizes must agree but in dim %d; got %s and %s", dim,
                tk_shape_text(a, first->ndim, first->shape),
                tk_shape_text(b, in[i]->ndim, in[i]->shape));
        return -1;
    }
    return 0;
}

tk_tensor *tk_cat(int n, tk_tensor **in, int64_t dim)
{
    if (n < 1) {
        tk_fail(TK_VALUE_ERROR, "cat: needs at least one tensor");
        return NULL;
    }
    const tk_tensor *first = NULL; /* the first that decides about shapes */
    tk_tensor type = {.dtype = in[0]->dtype, .ndim = 1};
    int d = 0;
    for (int i = 0; i < n; i++) {
        if (in[i]->ndim == 0) {
            tk_fail(TK_SHAPE_ERROR, "cat: tensor %d has no dimensions", i);
            return NULL;
        }
        type.dtype = tk_promote(&type, in[i]);
        if (!first && !is_legacy_empty(in[i]))
            first = in[i];
    }
    if (!first)
        return tk_cast(in[0], type.dtype);
    if (tk_check_dim("cat", first, dim, &d) || check_inputs(n, in, first, d))
        return NULL;
    int64_t shape[TK_MAX_NDIM], end = 0;
    memcpy(shape, first->shape, sizeof shape);
    for (int i = 0; i < n; i++)
        if (!is_legacy_empty(in[i]) && __builtin_add_overflow(end, in[i]->shape[d], &end)) {
            tk_fail(TK_VALUE_ERROR, "cat: the size of dim %d overflows", d);
            return NULL;
        }
    shape[d] = end;
    tk_tensor *out = tk_empty(type.dtype, first->ndim, shape);
    int64_t start = 0;
    if (out && join(out, n, in, d))
        return out;
    for (int i = 0; i < n && out; i++) {
        if (in[i]->dtype != type.dtype)
            out->flags |= TK_CONVERTED;
        if (is_legacy_empty(in[i]))
            continue;
        tk_tensor part = *out;
        part.data += start * out->stride[d] * tk_item_size[type.dtype];
        part.shape[d] = in[i]->shape[d];
        part.numel = in[i]->numel;
        part.flags = 0;
        if (part.numel)
            tk_copy_new(&part, in[i]);
        start += in[i]->shape[d];
    }
    return out;
}

tk_tensor *tk_stack(int n, tk_tensor **in, int64_t dim)
{
    char a[TK_TEXT], b[TK_TEXT];
    const int d = n > 0 ? tk_dim(dim, in[0]->ndim + 1) : -1;
    if (n < 1 || d < 0 || in[0]->ndim == TK_MAX_NDIM) {
        tk_fail(n < 1 || d >= 0 ? TK_VALUE_ERROR : TK_INDEX_ERROR,
                "stack: expected tensors and a dimension between theirs; got %d and %lld", n,
                (long long)dim);
        return NULL;
    }
    tk_tensor type = {.dtype = in[0]->dtype, .ndim = 1};
    for (int i = 1; i < n; i++) {
        const tk_tensor next = {.dtype = in[i]->dtype, .ndim = 1};
        type.dtype = tk_promote(&type, &next);
        if (tk_same_shape(in[i], in[0]))
            continue;
        tk_fail(TK_SHAPE_ERROR, "stack: the shapes must agree; got %s and %s",
                tk_shape_text(a, in[0]->ndim, in[0]->shape),
                tk_shape_text(b, in[i]->ndim, in[i]->shape));
        return NULL;
    }
    int64_t shape[TK_MAX_NDIM];
    for (int i = 0; i <= in[0]->ndim; i++)
        shape[i] = i == d ? n : in[0]->shape[i - (i > d)];
    tk_tensor *out = tk_empty(type.dtype, in[0]->ndim + 1, shape);
    if (out && join(out, n, in, d))
        return out;
    for (int i = 0; i < n && out; i++) {
        if (in[i]->dtype != type.dtype)
            out->flags |= TK_CONVERTED;
        tk_tensor part = *out;
        part.data += i * out->stride[d] * tk_item_size[type.dtype];
        tk_remove_dim(&part, d);
        if (part.numel)
            tk_copy_new(&part, in[i]);
    }
    return out;
}
