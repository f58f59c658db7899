/* The doors that read and write where an index says. Every index is checked before anything that
 * can be seen is written; and as it is used, where that is not a copy that nobody can change. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "tape.h"

#define GRAIN 16384    /* elements a thread must at least have: their places are unpredictable */
#define MIN_COLUMNS 64 /* columns a thread must at least have of rows: four cache lines */

static int64_t read_int(int dtype, const char *p)
{
    const tk_tensor t = {.data = (char *)p, .dtype = dtype};
    return tk_item_int(&t);
}

int64_t tk_wrapped_value(const tk_wrap_work *w, int dtype, int64_t bad)
{
    const char *p = w->map.data[1];
    for (int d = w->map.ndim - 1; d >= 0; d--) {
        p += bad % w->map.size[d] * w->map.stride[1][d];
        bad /= w->map.size[d];
    }
    return read_int(dtype, p);
}

/* Runs wrap_index from `index`, broadcast, into out; on a bad index -1 and its value. */
static int wrap(tk_tensor *out, tk_tensor *index, tk_wrap_work *w, int64_t *value)
{
    int64_t bad = INT64_MAX;
    w->bad = &bad;
    tk_plan_map(&w->map, out, &index, 1);
    tk_run(TK_K_wrap_index, index->dtype, w, out->numel, 2 * GRAIN);
    if (bad == INT64_MAX)
        return 0;
    *value = tk_wrapped_value(w, index->dtype, bad);
    return -1;
}

static int is_int(int dtype)
{
    return dtype == TK_I64 || dtype == TK_I32 || dtype == TK_U8;
}

void tk_fail_label(const char *op, int64_t value, int64_t classes)
{
    tk_fail(TK_INDEX_ERROR, "%s: label %lld is out of range for %lld classes", op, (long long)value,
            (long long)classes);
}

tk_tensor *tk_checked_labels(const char *op, tk_tensor *target, int64_t classes, int64_t ignored)
{
    if (!is_int(target->dtype)) {
        tk_fail(TK_DTYPE_ERROR, "%s: the labels must be integers; got %s", op,
                tk_dtype_names[target->dtype]);
        return NULL;
    }
    tk_tensor *out = tk_empty(TK_I64, target->ndim, target->shape);
    tk_wrap_work w = {
        .size = classes, .scale = 1, .skips = ignored != TK_NONE_IGNORED, .skip = ignored};
    int64_t value;
    if (out && wrap(out, target, &w, &value)) {
        tk_fail_label(op, value, classes);
        tk_release(out);
        return NULL;
    }
    return out;
}

tk_tensor *tk_checked_index(const char *op, tk_tensor *index, int64_t size, int dim, int *how)
{
    if (index->dtype != TK_I64 || tk_tapes)
        *how = TK_COPY;
    if (*how == TK_LATER)
        return tk_retain(index);
    if (index->dtype != TK_I64 && index->dtype != TK_I32) {
        tk_fail(TK_DTYPE_ERROR, "%s: the index must be int64 or int32; got %s", op,
                tk_dtype_names[index->dtype]);
        return NULL;
    }
    tk_wrap_work w = {.size = size, .scale = 1, .looks = *how == TK_LOOK};
    tk_tensor *out = w.looks ? tk_retain(index) : tk_empty(TK_I64, index->ndim, index->shape);
    int64_t value;
    if (out && wrap(out, index, &w, &value)) {
        tk_fail(TK_INDEX_ERROR, "%s: index %lld is out of range for size %lld of dim %d", op,
                (long long)value, (long long)size, dim);
        tk_release(out);
        return NULL;
    }
    return out;
}

void tk_fail_index(const char *op, tk_tensor *index, int64_t size, int dim)
{
    int copy = TK_COPY; /* which tells the first of them */
    tk_tensor *good = tk_checked_index(op, index, size, dim, &copy);
    if (!good)
        return;
    tk_release(good);
    tk_fail(TK_RUNTIME_ERROR, "%s: the index changed meanwhile", op);
}

tk_tensor *tk_wrap_index(tk_tensor *index, int64_t size)
{
    return tk_linear_index(1, &index, &size);
}

tk_tensor *tk_linear_index(int n, tk_tensor **index, const int64_t *sizes)
{
    int64_t shape[TK_MAX_NDIM], scale = 1, value;
    char a[TK_TEXT], b[TK_TEXT];
    if (n < 1) {
        tk_fail(TK_VALUE_ERROR, "index: needs at least one index");
        return NULL;
    }
    for (int k = 0; k < n; k++) {
        if (!is_int(index[k]->dtype)) {
            tk_fail(TK_DTYPE_ERROR, "index: indices must be integers; got %s",
                    tk_dtype_names[index[k]->dtype]);
            return NULL;
        }
        if (sizes[k] < 0 || __builtin_mul_overflow(scale, sizes[k] ? sizes[k] : 1, &scale)) {
            tk_fail(TK_VALUE_ERROR, "index: the sizes overflow or are negative; got %lld",
                    (long long)sizes[k]);
            return NULL;
        }
    }
    int ndim = tk_broadcast(n, index, shape);
    if (ndim < 0) {
        tk_fail(TK_INDEX_ERROR, "index: shapes of the indices do not broadcast; got %s and %s",
                tk_shape_text(a, index[0]->ndim, index[0]->shape),
                tk_shape_text(b, index[n - 1]->ndim, index[n - 1]->shape));
        return NULL;
    }
    tk_tensor *out = tk_empty(TK_I64, ndim, shape);
    scale = 1;
    for (int k = n - 1; k >= 0 && out; k--) {
        tk_wrap_work w = {.size = sizes[k], .wrap = sizes[k], .scale = scale, .adds = k < n - 1};
        if (wrap(out, index[k], &w, &value)) {
            tk_fail(TK_INDEX_ERROR, "index: %lld is out of range for size %lld", (long long)value,
                    (long long)sizes[k]);
            tk_release(out);
            return NULL;
        }
        scale *= sizes[k] ? sizes[k] : 1;
    }
    return out;
}

/* -- reading ---------------------------------------------------------------------------------- */

/* A tensor without dimensions as one of a single element. */
static tk_tensor with_dims(const tk_tensor *t)
{
    tk_tensor view = *t;
    if (t->ndim == 0) {
        view.ndim = 1;
        view.shape[0] = view.stride[0] = 1;
    }
    return view;
}

/* t as an operand that does not move along dim, and has the sizes of `shape` elsewhere. */
static tk_tensor fixed_along(const tk_tensor *t, int dim, const int64_t *shape)
{
    tk_tensor view = *t;
    for (int d = 0; d < t->ndim; d++) {
        view.shape[d] = shape[d];
        if (d == dim)
            view.stride[d] = 0;
    }
    view.flags = 0; /* not contiguous: it stands still */
    return view;
}

/* size: of dim in the tensor read. 0, or -1 with an error where an index is bad. */
static int run_gather(const char *op, tk_tensor *out, const tk_tensor *a, int dim, tk_tensor *index,
                      int64_t size, int unchecked)
{
    int64_t bad = INT64_MAX;
    tk_gather_work w = {.dim_step = a->stride[dim] * tk_item_size[a->dtype],
                        .size = size,
                        .bad = unchecked ? &bad : NULL};
    tk_tensor from = fixed_along(a, dim, out->shape), *in[2] = {&from, index};
    tk_plan_map(&w.map, out, in, 2);
    w.map.streams = tk_streams(out, in, 2);
    tk_run(TK_K_index_gather, a->dtype, &w, out->numel, GRAIN);
    if (bad == INT64_MAX)
        return 0;
    const char *p = w.map.data[2];
    for (int d = w.map.ndim - 1; d >= 0; d--) {
        p += bad % w.map.size[d] * w.map.stride[2][d];
        bad /= w.map.size[d];
    }
    tk_fail(TK_INDEX_ERROR, "%s: index %lld is out of range for size %lld of dim %d", op,
            (long long)read_int(TK_I64, p), (long long)size, dim);
    return -1;
}

/* A 1-d index as an operand that moves along dim only. */
static tk_tensor along(const tk_tensor *index, int dim, int ndim, const int64_t *shape)
{
    tk_tensor view = *index;
    view.ndim = ndim;
    for (int d = 0; d < ndim; d++) {
        view.shape[d] = shape[d];
        view.stride[d] = d == dim && index->ndim ? index->stride[0] : 0;
    }
    view.flags = 0;
    return view;
}

static int check_vector(const char *op, const tk_tensor *index)
{
    char text[TK_TEXT];
    if (index->ndim <= 1)
        return 0;
    tk_fail(TK_SHAPE_ERROR, "%s: the index must have one dimension; got %s", op,
            tk_shape_text(text, index->ndim, index->shape));
    return -1;
}

tk_tensor *tk_index_select(tk_tensor *a, int64_t dim, tk_tensor *index)
{
    tk_tensor from = with_dims(a);
    int d;
    if (tk_check_dim("index_select", &from, dim, &d) || check_vector("index_select", index))
        return NULL;
    if (a->ndim == 0 && index->numel != 1) {
        tk_fail(TK_SHAPE_ERROR,
                "index_select: a tensor without dimensions takes one index; got %lld",
                (long long)index->numel);
        return NULL;
    }
    int how = a->numel ? TK_LATER : TK_COPY;
    const int64_t size = from.shape[d];
    tk_tensor *rows = tk_checked_index("index_select", index, size, d, &how);
    if (!rows)
        return NULL;
    from.shape[d] = index->numel; /* the result's shape */
    tk_tensor *out = tk_empty(a->dtype, a->ndim, from.shape);
    if (out) {
        tk_tensor to = with_dims(out), which = along(rows, d, to.ndim, to.shape);
        if (run_gather("index_select", &to, &from, d, &which, size, how == TK_LATER)) {
            tk_release(out);
            out = NULL;
        }
    }
    tk_release(rows);
    return out;
}

tk_tensor *tk_lookup(tk_tensor *a, int64_t dim, int n, tk_tensor **index)
{
    char text[TK_TEXT];
    int d;
    if (tk_check_dim("index", a, dim, &d))
        return NULL;
    if (n > a->ndim - d) {
        tk_fail(TK_INDEX_ERROR, "index: %d indices are too many for %s", d + n,
                tk_shape_text(text, a->ndim, a->shape));
        return NULL;
    }
    tk_tensor *places = tk_linear_index(n, index, a->shape + d), *made = NULL, *out = NULL;
    if (!places)
        return NULL;
    int ndim = a->ndim - n + places->ndim;
    if (ndim > TK_MAX_NDIM) {
        tk_fail(TK_VALUE_ERROR, "index: at most %d dimensions; got %d", TK_MAX_NDIM, ndim);
        goto done;
    }
    for (int i = d; i < d + n - 1; i++) /* the places count row by row: so must the strides */
        if (a->stride[i] != a->stride[i + 1] * a->shape[i + 1] && !made) {
            made = tk_cast(a, a->dtype);
            if (!made)
                goto done;
            a = made;
        }
    tk_tensor from = *a;
    for (int i = 1; i < n; i++) {
        from.shape[d + 1] *= from.shape[d];
        tk_remove_dim(&from, d);
    }
    const int64_t size = from.shape[d];
    from.shape[d] = places->numel;
    int64_t shape[TK_MAX_NDIM];
    memcpy(shape, from.shape, (size_t)d * sizeof *shape);
    memcpy(shape + d, places->shape, (size_t)places->ndim * sizeof *shape);
    memcpy(shape + d + places->ndim, from.shape + d + 1, (size_t)(from.ndim - d - 1) * sizeof *shape);
    out = tk_empty(a->dtype, ndim, shape);
    if (out) {
        tk_tensor line = *places, to = from;
        line.ndim = 1;
        line.stride[0] = 1;
        to.data = out->data;
        to.flags = TK_CONTIGUOUS;
        to.numel = out->numel;
        tk_row_major(&to);
        tk_tensor which = along(&line, d, to.ndim, to.shape);
        run_gather("index", &to, &from, d, &which, size, 0);
    }
done:
    if (made)
        tk_release(made);
    tk_release(places);
    return out;
}

static int refuse_shapes(const char *op, const char *what, const tk_tensor *a, const tk_tensor *b)
{
    char x[TK_TEXT], y[TK_TEXT];
    tk_fail(TK_SHAPE_ERROR, "%s: %s; got %s and %s", op, what, tk_shape_text(x, a->ndim, a->shape),
            tk_shape_text(y, b->ndim, b->shape));
    return -1;
}

/* An index may not be longer than the tensor along any dimension but `dim`. */
static int check_inside(const char *op, const char *name, const tk_tensor *index,
                        const tk_tensor *t, int dim)
{
    char what[64];
    for (int d = 0; d < t->ndim || d < index->ndim; d++) {
        if (index->ndim == t->ndim && (d == dim || index->shape[d] <= t->shape[d]))
            continue;
        snprintf(what, sizeof what, "the index does not fit the %s", name);
        return refuse_shapes(op, what, index, t);
    }
    return 0;
}

tk_tensor *tk_gather(tk_tensor *a, int64_t dim, tk_tensor *index)
{
    tk_tensor from = with_dims(a), where = with_dims(index);
    int d;
    if (tk_check_dim("gather", &from, dim, &d))
        return NULL;
    if (index->numel && check_inside("gather", "input", &where, &from, d))
        return NULL;
    int how = TK_LATER;
    const int64_t size = from.shape[d];
    tk_tensor *places = tk_checked_index("gather", index, size, d, &how);
    if (!places)
        return NULL;
    tk_tensor *out = tk_empty(a->dtype, index->ndim, index->shape);
    if (out && out->numel) {
        tk_tensor to = with_dims(out), which = with_dims(places);
        if (run_gather("gather", &to, &from, d, &which, size, how == TK_LATER)) {
            tk_release(out);
            out = NULL;
        }
    }
    tk_release(places);
    return out;
}

/* -- writing ---------------------------------------------------------------------------------- */

/* The iteration space is src's; all three have as many dimensions. 0, or -1 with an error where an
 * index is bad. */
static int run_scatter(int kernel, const char *op, const tk_tensor *out, const tk_tensor *src, int dim,
                       tk_tensor *index, int how)
{
    int64_t bad = INT64_MAX;
    tk_tensor to = fixed_along(out, dim, src->shape), from = *src, which = *index;
    int item = tk_item_size[src->dtype];
    tk_scatter_work w = {.count = src->shape[dim],
                         .dim_step = {out->stride[dim] * item, src->stride[dim] * item,
                                      index->stride[dim] * (int64_t)sizeof(int64_t)},
                         .size = out->shape[dim],
                         .bad = how == TK_COPY ? NULL : &bad};
    tk_remove_dim(&to, dim);
    tk_remove_dim(&from, dim);
    tk_remove_dim(&which, dim);
    tk_tensor *in[2] = {&from, &which};
    tk_plan_map(&w.rest, &to, in, 2);
    w.rest.streams = 2 * src->numel * item > tk_cold_bytes(); /* read and written */
    int last = w.rest.ndim - 1;
    int64_t step = w.rest.stride[1][last], dim_step = w.dim_step[1];
    if (step == 0 && dim_step == 0) { /* one number for all: what is written decides */
        step = w.rest.stride[0][last];
        dim_step = w.dim_step[0];
    }
    w.rows = w.rest.size[last] > 1 && llabs(step) < llabs(dim_step);
    int64_t grain = w.count ? GRAIN / w.count + 1 : GRAIN;
    if (w.rows && grain < MIN_COLUMNS)
        grain = MIN_COLUMNS;
    if (w.count)
        tk_run(kernel, src->dtype, &w, from.numel, grain);
    if (bad == INT64_MAX)
        return 0;
    tk_fail_index(op, index, out->shape[dim], dim);
    return -1;
}

/* What src, an operand of an in-place door, is replaced by where it overlaps the output. */
static tk_tensor *apart(tk_tensor *out, tk_tensor *src)
{
    return tk_overlaps(out, src) ? tk_cast(src, src->dtype) : tk_retain(src);
}

static int check_target(const char *op, const tk_tensor *out, const tk_tensor *src)
{
    if (out->dtype == src->dtype)
        return tk_check_writable(op, out);
    tk_fail(TK_DTYPE_ERROR, "%s: the output is %s, the source %s", op, tk_dtype_names[out->dtype],
            tk_dtype_names[src->dtype]);
    return -1;
}

/* The checked index of a write. Nobody sees a fresh output where the write fails half way. */
static tk_tensor *checked_apart(const char *op, const tk_tensor *out, tk_tensor *index, int64_t size,
                                int dim, int fresh, int *how)
{
    *how = tk_overlaps(out, index) ? TK_COPY : fresh ? TK_LATER : TK_LOOK;
    return tk_checked_index(op, index, size, dim, how);
}

static int scatter(const char *op, int kernel, tk_tensor *out, int64_t dim, tk_tensor *index,
                   tk_tensor *src, int fresh)
{
    tk_tensor to = with_dims(out), where = with_dims(index), from = with_dims(src);
    int d, how;
    if (tk_check_dim(op, &to, dim, &d) || check_target(op, out, src))
        return -1;
    if (index->numel && (check_inside(op, "output", &where, &to, d) ||
                         check_inside(op, "source", &where, &from, -1)))
        return -1;
    tk_tensor *places = checked_apart(op, out, index, to.shape[d], d, fresh, &how);
    tk_tensor *values = places ? apart(out, src) : NULL;
    int failed = !values;
    if (values && index->numel) {
        tk_tensor which = with_dims(places);
        from = with_dims(values);
        memcpy(from.shape, which.shape, sizeof from.shape);
        failed = run_scatter(kernel, op, &to, &from, d, &which, how);
    }
    if (places)
        tk_release(places);
    if (values)
        tk_release(values);
    return failed ? -1 : 0;
}

int tk_scatter(int kernel, tk_tensor *out, int64_t dim, tk_tensor *index, tk_tensor *src, int fresh)
{
    if (kernel < TK_K_index_scatter || kernel > TK_K_index_scatter_min) {
        tk_fail(TK_RUNTIME_ERROR, "kernel %d does not scatter", kernel);
        return -1;
    }
    const char *op = kernel == TK_K_index_scatter       ? "scatter"
                     : kernel == TK_K_index_scatter_add ? "scatter_add"
                                                        : "scatter_reduce";
    return scatter(op, kernel, out, dim, index, src, fresh);
}

tk_tensor *tk_scattered(int kernel, tk_tensor *a, int64_t dim, tk_tensor *index, tk_tensor *src)
{
    tk_tensor *out = tk_cast(a, a->dtype);
    if (!out || !tk_scatter(kernel, out, dim, index, src, 1))
        return out;
    tk_release(out);
    return NULL;
}

/* index_add and index_copy: a 1-d index, src of out's shape but for dim. */
static int write_rows(const char *op, int kernel, tk_tensor *out, int64_t dim, tk_tensor *index,
                      tk_tensor *src, double alpha, int fresh)
{
    tk_tensor to = with_dims(out), from = with_dims(src);
    int d, how;
    if (tk_check_dim(op, &to, dim, &d) || check_vector(op, index) || check_target(op, out, src))
        return -1;
    int fits = to.ndim == from.ndim;
    for (int i = 0; i < to.ndim && fits; i++)
        fits = from.shape[i] == (i == d ? index->numel : to.shape[i]);
    if (!fits) {
        char text[TK_TEXT];
        tk_fail(TK_SHAPE_ERROR,
                "%s: the source must have the output's shape with size %lld of dim %d; got %s", op,
                (long long)index->numel, d, tk_shape_text(text, src->ndim, src->shape));
        return -1;
    }
    tk_tensor *places = checked_apart(op, out, index, to.shape[d], d, fresh, &how), *values = NULL;
    if (places && alpha != 1) { /* the scaled source, which cannot overlap */
        tk_tensor *own = tk_full_float(src->dtype, 0, NULL, alpha);
        values = own ? tk_map2(TK_K_mul, src, own, 0, 0) : NULL;
        if (own)
            tk_release(own);
    } else if (places) {
        values = apart(out, src);
    }
    int failed = !values;
    if (values && values->numel) {
        from = with_dims(values);
        tk_tensor which = along(places, d, from.ndim, from.shape);
        failed = run_scatter(kernel, op, &to, &from, d, &which, how);
    } else if (values && how == TK_LATER) { /* no element is written that would be checked */
        how = TK_COPY;
        tk_tensor *good = tk_checked_index(op, places, to.shape[d], d, &how);
        failed = !good;
        if (good)
            tk_release(good);
    }
    if (places)
        tk_release(places);
    if (values)
        tk_release(values);
    return failed ? -1 : 0;
}

int tk_index_add(tk_tensor *out, int64_t dim, tk_tensor *index, tk_tensor *src, double alpha,
                 int fresh)
{
    if (!tk_is_float(out->dtype) && !(fabs(alpha) <= 0x1p53 && trunc(alpha) == alpha)) {
        tk_fail(TK_VALUE_ERROR, "index_add: alpha must be an integer for %s; got %g",
                tk_dtype_names[out->dtype], alpha);
        return -1;
    }
    return write_rows("index_add", TK_K_index_scatter_add, out, dim, index, src, alpha, fresh);
}

int tk_index_copy(tk_tensor *out, int64_t dim, tk_tensor *index, tk_tensor *src, int fresh)
{
    return write_rows("index_copy", TK_K_index_scatter, out, dim, index, src, 1, fresh);
}

tk_tensor *tk_one_hot(tk_tensor *labels, int64_t classes)
{
    int64_t shape[TK_MAX_NDIM], one = 1;
    char text[TK_TEXT];
    if (labels->ndim == TK_MAX_NDIM || classes < 1) {
        tk_fail(TK_VALUE_ERROR, "one_hot: no row of %lld classes for each label of %s",
                (long long)classes, tk_shape_text(text, labels->ndim, labels->shape));
        return NULL;
    }
    memcpy(shape, labels->shape, sizeof shape);
    shape[labels->ndim] = classes;
    tk_tensor *out = tk_full_int(TK_I64, labels->ndim + 1, shape, 0);
    tk_tensor *which = out ? tk_unsqueeze(labels, -1) : NULL;
    tk_tensor *value = which ? tk_full_int(TK_I64, 0, NULL, one) : NULL;
    tk_tensor *ones = value ? tk_expand(value, which->ndim, which->shape) : NULL;
    int failed = !ones || scatter("one_hot", TK_K_index_scatter, out, -1, which, ones, 1);
    tk_tensor *made[3] = {which, value, ones};
    tk_release_made(3, made);
    if (failed && out)
        tk_release(out);
    return failed ? NULL : out;
}
