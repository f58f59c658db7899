/* The doors that put parts of tensors in their places: into larger ones, and triangles of matrices. */
#include <string.h>

#include "../kernels/rows.h"
#include "core.h"

#define GRAIN 32768 /* elements a thread must at least have: a few microseconds of copying */

static int check_extension(const tk_tensor *t, int d, int64_t before, int64_t after, int mode,
                           int64_t *size)
{
    const int64_t n = t->shape[d], most = mode == TK_EXTEND_MIRROR ? n - 1 : INT64_MAX / 4;
    char text[TK_TEXT];
    *size = -1;
    if (before <= most && after <= most && before >= -INT64_MAX / 4 && after >= -INT64_MAX / 4)
        *size = n + before + after;
    if (mode == TK_EXTEND_FILL && (-before > n || -after > n))
        *size = -1;
    if (*size >= 0 && (mode == TK_EXTEND_FILL || n > 0 || *size == 0))
        return 0;
    tk_fail(TK_VALUE_ERROR, "pad: %lld before and %lld after do not fit dim %d of %s",
            (long long)before, (long long)after, d, tk_shape_text(text, t->ndim, t->shape));
    return -1;
}

/* The geometry of a work struct, from the sizes and the elements before the source's first. */
static void plan(tk_extend_work *w, int ndim, const int64_t *from, const int64_t *size,
                 const int64_t *before)
{
    const int one = w->mode == TK_EXTEND_FILL || w->mode == TK_EXTEND_WRAP;
    int last = 0, plain = 1; /* the dimension written last, and that it is as it was */
    w->size[0] = w->from[0] = 1;
    w->before[0] = 0;
    for (int d = 0; d < ndim; d++) {
        /* One that stays as it was moves with the one before it, if all of that is one block. */
        const int same = before[d] == 0 && size[d] == from[d];
        const int single = w->size[last] == 1 && w->from[last] == 1 && w->before[last] == 0;
        if (single || (same && (one || plain))) {
            w->size[last] *= size[d];
            w->before[last] = w->before[last] * from[d] + before[d];
            w->from[last] *= from[d];
        } else {
            last++;
            w->size[last] = size[d];
            w->from[last] = from[d];
            w->before[last] = before[d];
            plain = 1;
        }
        plain &= same;
    }
    w->ndim = last + 1;
}

static tk_tensor *run_extension(tk_extend_work *w, tk_tensor *t, const int64_t *shape)
{
    tk_tensor *out = tk_empty(t->dtype, t->ndim, shape);
    tk_tensor *in = out ? tk_contiguous(t) : NULL;
    if (!in) {
        if (out)
            tk_release(out);
        return NULL;
    }
    w->out = out->data;
    w->in = in->data;
    w->streams = w->size[w->ndim - 1] * tk_item_size[t->dtype] >= TK_STREAMED_ROW_BYTES &&
                 tk_streams(out, &in, 1);
    if (out->numel)
        tk_run(TK_K_extend, t->dtype, w, out->numel, GRAIN);
    tk_release(in);
    return out;
}

tk_tensor *tk_extend(tk_tensor *t, const int64_t *before, const int64_t *after, int mode,
                     const tk_tensor *value)
{
    int64_t shape[TK_MAX_NDIM];
    tk_extend_work w = {.mode = mode};
    if (mode < TK_EXTEND_FILL || mode > TK_EXTEND_WRAP || (value && value->dtype != t->dtype)) {
        tk_fail(TK_RUNTIME_ERROR, "pad: no such mode, or a value of another dtype");
        return NULL;
    }
    for (int d = 0; d < t->ndim; d++)
        if (check_extension(t, d, before[d], after[d], mode, &shape[d]))
            return NULL;
    if (value)
        memcpy(w.value, value->data, (size_t)tk_item_size[t->dtype]);
    plan(&w, t->ndim, t->shape, shape, before);
    return run_extension(&w, t, shape);
}

tk_tensor *tk_roll(tk_tensor *t, int n, const int64_t *shifts, const int64_t *dims)
{
    int64_t before[TK_MAX_NDIM] = {0};
    tk_extend_work w = {.mode = TK_EXTEND_WRAP};
    if (!dims && n != 1) {
        tk_fail(TK_VALUE_ERROR, "roll: %d shifts without dims", n);
        return NULL;
    }
    for (int i = 0, d = 0; i < n; i++) {
        if (dims && tk_check_dim("roll", t, dims[i], &d))
            return NULL;
        int64_t size = dims ? t->shape[d] : t->numel, step = size ? shifts[i] % size : 0;
        step += before[d] - size;
        before[d] = step < 0 ? step + size : step;
        before[d] += before[d] < 0 ? size : 0;
    }
    plan(&w, dims ? t->ndim : 1, dims ? t->shape : &t->numel, dims ? t->shape : &t->numel, before);
    return run_extension(&w, t, t->shape);
}

#define FEW_TIMES 16 /* a cache line of float32: what is shorter costs more to begin than to fill */

/* Makes a copy of a handle one of two dimensions in each other's place. */
static void swap_dims(tk_tensor *t, int dim0, int dim1)
{
    const int64_t size = t->shape[dim0], step = t->stride[dim0];
    t->shape[dim0] = t->shape[dim1];
    t->stride[dim0] = t->stride[dim1];
    t->shape[dim1] = size;
    t->stride[dim1] = step;
    t->flags = 0;
}

tk_tensor *tk_repeat_parts(tk_tensor *t, int64_t dim, int64_t n)
{
    int d;
    if (tk_check_dim("repeat_interleave", t, dim, &d))
        return NULL;
    int64_t shape[TK_MAX_NDIM];
    memcpy(shape, t->shape, sizeof shape);
    if (n < 0 || __builtin_mul_overflow(shape[d], n, &shape[d]) || shape[d] > (int64_t)1 << 48) {
        tk_fail(TK_VALUE_ERROR, "repeat_interleave: each of %lld parts %lld times are none or too many",
                (long long)t->shape[d], (long long)n);
        return NULL;
    }
    tk_tensor *out = tk_empty(t->dtype, t->ndim, shape);
    if (!out || out->numel == 0)
        return out;
    tk_tensor from = *t, to = *out; /* [before, parts, n, after] both, before and after in one */
    tk_tensor *in = tk_contiguous(t);
    if (!in) {
        tk_release(out);
        return NULL;
    }
    from.data = in->data;
    from.ndim = to.ndim = 3;
    from.shape[2] = 1;
    for (int i = d + 1; i < t->ndim; i++)
        from.shape[2] *= t->shape[i];
    from.shape[0] = t->numel / from.shape[2];
    from.shape[1] = n;
    memcpy(to.shape, from.shape, sizeof to.shape);
    tk_row_major(&to);
    from.stride[0] = from.shape[2];
    from.stride[1] = 0;
    from.stride[2] = 1;
    if (from.shape[2] == 1 && n < FEW_TIMES) { /* each time one after the other, over all elements */
        swap_dims(&from, 0, 1);
        swap_dims(&to, 0, 1);
    }
    from.flags = 0;
    from.numel = to.numel;
    tk_copy_new(&to, &from);
    tk_release(in);
    return out;
}

tk_tensor *tk_from_diagonal(tk_tensor *t, int ndim, const int64_t *shape, int64_t offset, int64_t dim1,
                            int64_t dim2)
{
    tk_tensor *out = tk_full_int(t->dtype, ndim, shape, 0);
    tk_tensor *window = out ? tk_diagonal(out, offset, dim1, dim2) : NULL;
    const int failed = !window || tk_copy_into(window, t);
    if (window)
        tk_release(window);
    if (failed && out)
        tk_release(out);
    return failed ? NULL : out;
}

tk_tensor *tk_fold(tk_tensor *t, const int64_t *size, const int64_t *dilation, const int64_t *padding,
                   const int64_t *stride)
{
    char text[TK_TEXT];
    int fits = t->ndim == 6;
    for (int i = 0; i < 2 && fits; i++)
        fits = size[i] > 0 && dilation[i] > 0 && padding[i] >= 0 && stride[i] > 0 &&
               (size[i] | dilation[i] | padding[i] | stride[i] | t->shape[2 + i]) < (int64_t)1 << 31;
    if (!tk_is_float(t->dtype)) {
        tk_fail(TK_DTYPE_ERROR, "fold: not defined for %s", tk_dtype_names[t->dtype]);
        return NULL;
    }
    if (!fits) {
        tk_fail(TK_VALUE_ERROR, "fold: these are no windows of images; got %s",
                tk_shape_text(text, t->ndim, t->shape));
        return NULL;
    }
    const int64_t shape[4] = {t->shape[0], t->shape[1], size[0], size[1]};
    tk_tensor *out = tk_empty(t->dtype, 4, shape);
    if (!out || out->numel == 0)
        return out;
    tk_fold_work w = {.out = out->data, .in = t->data, .channels = shape[1]};
    for (int i = 0; i < 2; i++) {
        w.size[i] = size[i];
        w.kernel[i] = t->shape[2 + i];
        w.counts[i] = t->shape[4 + i];
        w.dilation[i] = dilation[i];
        w.padding[i] = padding[i];
        w.stride[i] = stride[i];
    }
    for (int d = 0; d < 6; d++)
        w.in_step[d] = t->stride[d] * tk_item_size[t->dtype];
    const int64_t rows = out->numel / size[1], each = t->numel / rows + size[1];
    tk_run(TK_K_fold_windows, t->dtype, &w, rows, GRAIN / each + 1);
    return out;
}

static int run_triangle(const tk_tensor *out, tk_tensor *in, int64_t diagonal, int upper)
{
    const int64_t rows = in->ndim > 1 ? in->shape[in->ndim - 2] : 0;
    const int64_t columns = in->ndim > 1 ? in->shape[in->ndim - 1] : 0;
    char text[TK_TEXT];
    if (in->ndim < 2) {
        tk_fail(TK_VALUE_ERROR, "%s: at least 2 dimensions; got %s", upper ? "triu" : "tril",
                tk_shape_text(text, in->ndim, in->shape));
        return -1;
    }
    tk_triangle_work w = {.out = out->data, .in = in->data, .rows = rows, .columns = columns,
                          .upper = upper, .streams = tk_streams(out, &in, 1)};
    w.diagonal = diagonal < -rows - 1 ? -rows - 1 : diagonal > columns + 1 ? columns + 1 : diagonal;
    if (!out->numel)
        return 0;
    int64_t units = out->numel / columns;
    const int64_t whole = columns - 1 - w.diagonal; /* from this row on a lower triangle keeps all */
    if (out->data == in->data && !upper && units == rows && whole < rows)
        units = whole > 0 ? whole : 0;
    tk_run(TK_K_triangle, in->dtype, &w, units, GRAIN / columns + 1);
    return 0;
}

tk_tensor *tk_triangle(tk_tensor *t, int64_t diagonal, int upper)
{
    tk_tensor *in = tk_contiguous(t), *out = in ? tk_empty(t->dtype, t->ndim, t->shape) : NULL;
    if (out && run_triangle(out, in, diagonal, upper)) {
        tk_release(out);
        out = NULL;
    }
    if (in)
        tk_release(in);
    return out;
}

int tk_cut_triangle(tk_tensor *t, int64_t diagonal, int upper)
{
    if (tk_check_writable(upper ? "triu_" : "tril_", t))
        return -1;
    if (t->flags & TK_CONTIGUOUS)
        return run_triangle(t, t, diagonal, upper);
    tk_tensor *cut = tk_triangle(t, diagonal, upper);
    const int failed = !cut || tk_copy_into(t, cut);
    if (cut)
        tk_release(cut);
    return failed ? -1 : 0;
}
