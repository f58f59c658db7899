/* Concatenation: every input is copied into its slice of the result. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

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
    for (int i = 0; i < n && out; i++) {
        if (in[i]->dtype != type.dtype)
            out->flags |= TK_CONVERTED;
        if (is_legacy_empty(in[i]))
            continue;
        tk_tensor *slice = tk_slice(out, d, start, start + in[i]->shape[d], 1);
        int failed = !slice || (in[i]->numel && tk_copy_into(slice, in[i]));
        if (slice)
            tk_release(slice);
        if (failed) {
            tk_release(out);
            return NULL;
        }
        start += in[i]->shape[d];
    }
    return out;
}

tk_tensor *tk_stack(int n, tk_tensor **in, int64_t dim)
{
    char a[TK_TEXT], b[TK_TEXT];
    tk_tensor **views = n > 0 ? calloc((size_t)n, sizeof *views) : NULL, *out = NULL;
    if (!views) {
        tk_fail(n > 0 ? TK_MEMORY_ERROR : TK_VALUE_ERROR, "stack: expected tensors; got %d", n);
        return NULL;
    }
    int made = 0;
    for (; made < n; made++) {
        if (!tk_same_shape(in[made], in[0])) {
            tk_fail(TK_SHAPE_ERROR, "stack: the shapes must agree; got %s and %s",
                    tk_shape_text(a, in[0]->ndim, in[0]->shape),
                    tk_shape_text(b, in[made]->ndim, in[made]->shape));
            break;
        }
        if (!(views[made] = tk_unsqueeze(in[made], dim)))
            break;
    }
    if (made == n)
        out = tk_cat(n, views, dim);
    for (int i = 0; i < made; i++)
        tk_release(views[i]);
    free(views);
    return out;
}
