/* The doors of what runs along one dimension: softmax and its kin, and running sums. */
#include "core.h"

/* Elements a thread must at least have: exponentials are dear, running sums are chains. */
#define GRAIN 8192

static int check_dtype(int kernel, const tk_tensor *a)
{
    if (tk_kernels[kernel].dtypes >> a->dtype & 1)
        return 0;
    tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", tk_kernel_name(kernel),
            tk_dtype_names[a->dtype]);
    return -1;
}

/* Whether rows of so many bytes are worth storing past the caches. */
static int is_long(int64_t nbytes)
{
    return nbytes >= 1024;
}

tk_tensor *tk_rows(int kernel, tk_tensor *a, tk_tensor *b, int64_t dim)
{
    char left[TK_TEXT], right[TK_TEXT];
    tk_rows_work w;
    int64_t outer;
    if (tk_check_kernel(kernel, TK_FAMILY_ROWS))
        return NULL;
    const char *op = tk_kernel_name(kernel);
    int backward = kernel == TK_K_softmax_backward || kernel == TK_K_log_softmax_backward;
    if (backward != (b != NULL)) {
        tk_fail(TK_RUNTIME_ERROR, "%s: takes %d tensors", op, 1 + backward);
        return NULL;
    }
    if (check_dtype(kernel, a) || tk_lines(op, a, dim, &outer, &w.length, &w.inner))
        return NULL;
    if (b && b->dtype != a->dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: dtypes differ; got %s and %s", op, tk_dtype_names[a->dtype],
                tk_dtype_names[b->dtype]);
        return NULL;
    }
    if (b && !tk_same_shape(a, b)) {
        tk_fail(TK_SHAPE_ERROR, "%s: shapes differ; got %s and %s", op,
                tk_shape_text(left, a->ndim, a->shape), tk_shape_text(right, b->ndim, b->shape));
        return NULL;
    }
    tk_tensor *out = tk_empty(a->dtype, a->ndim, a->shape);
    if (!out || out->numel == 0)
        return out;
    tk_tensor *x = tk_contiguous(a), *y = x && b ? tk_contiguous(b) : NULL, *in[2] = {x, y};
    if (!x || (b && !y)) {
        tk_release(out);
        out = NULL;
    } else {
        w.in[0] = x->data;
        w.in[1] = y ? y->data : x->data;
        w.out = out->data;
        /* Pieces that are stored one by one are long; short lines and slopes are put together. */
        const int64_t row = (w.inner == 1 ? w.length : w.inner) * tk_item_size[a->dtype];
        const int together =
            w.inner == 1 ? backward || row <= TK_SHORT_BYTES
                         : tk_are_close(&w, tk_item_size[a->dtype]) &&
                               w.length * row <= TK_JOINED_BYTES;
        w.streams = (together || is_long(row)) && tk_streams(out, in, y ? 2 : 1);
        tk_run(kernel, a->dtype, &w, outer * w.inner, GRAIN / w.length + 1);
    }
    if (x)
        tk_release(x);
    if (y)
        tk_release(y);
    return out;
}

tk_tensor *tk_scan(int kernel, tk_tensor *a, int64_t dim, int reverse)
{
    tk_scan_work w;
    int64_t outer, inner;
    if (tk_check_kernel(kernel, TK_FAMILY_SCAN))
        return NULL;
    if (kernel == TK_K_cummax || kernel == TK_K_cummin) {
        tk_fail(TK_RUNTIME_ERROR, "%s: has a door of its own", tk_kernel_name(kernel));
        return NULL;
    }
    if (check_dtype(kernel, a) ||
        tk_lines(tk_kernel_name(kernel), a, dim, &outer, &w.length, &inner))
        return NULL;
    tk_tensor *out = tk_empty(tk_result_dtype(kernel, a->dtype), a->ndim, a->shape);
    if (!out || out->numel == 0)
        return out;
    tk_tensor to = *out, from = *a, *in = &from;
    const int d = (int)(dim < 0 ? dim + a->ndim : dim);
    w.dim_step[0] = a->ndim ? to.stride[d] * tk_item_size[to.dtype] : 0;
    w.dim_step[1] = a->ndim ? from.stride[d] * tk_item_size[from.dtype] : 0;
    w.reverse = reverse != 0;
    if (a->ndim) {
        tk_remove_dim(&to, d);
        tk_remove_dim(&from, d);
    }
    tk_plan_map(&w.rest, &to, &in, 1);
    w.rest.streams = is_long(w.length * tk_item_size[out->dtype]) && tk_streams(out, &a, 1);
    tk_run(kernel, a->dtype, &w, outer * inner, GRAIN / w.length + 1);
    return out;
}

int tk_running_extreme(int kernel, tk_tensor *a, int64_t dim, tk_tensor **out)
{
    tk_extreme_work w;
    int64_t outer;
    out[0] = out[1] = NULL;
    if (tk_check_kernel(kernel, TK_FAMILY_SCAN))
        return -1;
    if (kernel != TK_K_cummax && kernel != TK_K_cummin) {
        tk_fail(TK_RUNTIME_ERROR, "%s: not a running extreme", tk_kernel_name(kernel));
        return -1;
    }
    if (tk_lines(tk_kernel_name(kernel), a, dim, &outer, &w.length, &w.inner))
        return -1;
    tk_tensor *x = tk_contiguous(a);
    if (x && (out[0] = tk_empty(a->dtype, a->ndim, a->shape)))
        out[1] = tk_empty(TK_I64, a->ndim, a->shape);
    if (out[1] && a->numel) {
        w.in = x->data;
        w.out = out[0]->data;
        w.index = (int64_t *)(void *)out[1]->data;
        tk_run(kernel, a->dtype, &w, outer * w.inner, GRAIN / w.length + 1);
    }
    if (x)
        tk_release(x);
    if (!out[1] && out[0])
        tk_release(out[0]);
    return out[1] ? 0 : -1;
}
