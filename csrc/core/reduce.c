/* The doors of reductions: checks, geometry, and the phases that shorten lines to one value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* Elements a thread must at least have. An exponential costs about as much as 8 additions. */
#define GRAIN 65536
#define GRAIN_EXP 8192
#define FEW_COLUMNS 4
#define SHORT_ROW_BYTES 256 /* one block of a line's lanes; shorter rows are put together */

static int is_index(int kernel)
{
    return kernel == TK_K_argmax || kernel == TK_K_argmin;
}

static int has_pivot(int kernel)
{
    return kernel == TK_K_logsumexp;
}

/* Appends a dimension inside the others, as part of the last one where it lies behind it. */
static void append(tk_dims *dims, int64_t size, int64_t stride)
{
    int last = dims->n - 1;
    if (size == 1)
        return;
    if (last >= 0 && dims->stride[last] == size * stride) {
        dims->size[last] *= size;
        dims->stride[last] = stride;
        return;
    }
    dims->size[dims->n] = size;
    dims->stride[dims->n++] = stride;
}

static void fill_if_empty(tk_dims *dims, int item)
{
    if (dims->n)
        return;
    dims->n = 1;
    dims->size[0] = 1;
    dims->stride[0] = item;
}

static void plan(tk_reduce_work *w, int kernel, const tk_tensor *a, uint32_t mask)
{
    const int keep_order = is_index(kernel);
    int order[TK_MAX_NDIM], n = 0, item = tk_item_size[a->dtype];
    w->in = a->data;
    w->outputs = w->length = 1;
    w->kept.n = w->reduced.n = 0;
    for (int d = 0; d < a->ndim; d++) {
        if (!(mask >> d & 1)) {
            append(&w->kept, a->shape[d], a->stride[d] * item);
            w->outputs *= a->shape[d];
            continue;
        }
        w->length *= a->shape[d];
        if (a->shape[d] == 1)
            continue;
        int i = n++; /* a sum may take the dimensions in any order: the smallest steps innermost */
        for (; !keep_order && i > 0 && llabs(a->stride[order[i - 1]]) < llabs(a->stride[d]); i--)
            order[i] = order[i - 1];
        order[i] = d;
    }
    for (int i = 0; i < n; i++)
        append(&w->reduced, a->shape[order[i]], a->stride[order[i]] * item);
    fill_if_empty(&w->kept, item);
    fill_if_empty(&w->reduced, item);
    /* Columns where the step from output to output is shorter than that inside a line; but a few that
     * cannot be joined to long rows are sooner done as lines, which fill whole vectors. */
    w->columns = w->outputs > (is_index(kernel) || has_pivot(kernel) ? FEW_COLUMNS : 1) &&
                 llabs(w->kept.stride[w->kept.n - 1]) < llabs(w->reduced.stride[w->reduced.n - 1]);
}

static int out_of_memory(int kernel, int64_t nbytes)
{
    tk_fail(TK_MEMORY_ERROR, "%s: out of memory: could not allocate %lld bytes",
            tk_kernel_name(kernel), (long long)nbytes);
    return -1;
}

/* How many rows of columns are taken as one long row. */
static int64_t folded(const tk_reduce_work *w, int kernel, int in_size, int size)
{
    const int64_t least = kernel == TK_K_var   ? TK_SPREAD_BYTES
                          : is_index(kernel) ? TK_FOUND_COLUMNS * size
                                             : TK_FOLDED_BYTES;
    return w->columns ? tk_rows_folded(w, in_size, size, w->length, least) : 1;
}

/* How many elements one unit takes from a line, or rows from a column. */
static int64_t chunk_size(const tk_reduce_work *w, int kernel, int in_size, int size, int64_t fold)
{
    const int64_t rows = is_index(kernel) ? TK_FOUND_ROWS : TK_CHUNK_ROWS;
    int64_t most = w->columns ? rows * fold : TK_CHUNK_BYTES / size;
    const int last = w->reduced.n - 1;
    int64_t row = w->reduced.size[last];
    /* Chunks that end where a contiguous row of several ends need not be put together from two. */
    if (w->columns || last == 0 || in_size != size || w->reduced.stride[last] != size ||
        row * size < SHORT_ROW_BYTES)
        return most;
    int64_t parts = (row - 1) / most + 1;
    return (row - 1) / parts + 1;
}

/* Units a thread takes at least, of which one costs `each` of the grain's elements: all columns of folded
 * rows, as a part of them does the work of all. */
static int64_t units_together(const tk_reduce_work *w, int64_t grain, int64_t each, int64_t fold)
{
    const int64_t worth = grain / each + 1, columns = w->kept.size[w->kept.n - 1];
    return fold > 1 && columns > worth ? columns : worth;
}

/* Lines are rows that lie apart, with those of other lines between them: the rows are reduced first,
 * one after the other as they lie in memory. Then the lines are columns of what they gave. Returns how
 * many rows a line has; 1: it stays as it is. */
static int64_t rows_first(tk_reduce_work *w, int kernel, int in_size, int size)
{
    const int last = w->reduced.n - 1;
    const tk_dims kept = w->kept, reduced = w->reduced;
    const int64_t row = reduced.size[last], rows = w->length / row;
    if (w->columns || last == 0 || is_index(kernel) || w->pivot || w->outputs == 1 ||
        in_size != size || reduced.stride[last] != size || row * size > TK_CHUNK_BYTES ||
        llabs(kept.stride[0]) >= llabs(reduced.stride[last - 1]))
        return 1;
    w->kept.n = w->reduced.n = 0;
    for (int d = 0; d < last; d++)
        append(&w->kept, reduced.size[d], reduced.stride[d]);
    for (int d = 0; d < kept.n; d++)
        append(&w->kept, kept.size[d], kept.stride[d]);
    append(&w->reduced, row, size);
    w->outputs *= rows;
    w->length = row;
    return rows;
}

/* Runs the phases. The accumulators have the dtype acc, as out has where kernel is not an arg*, but for
 * var's; of arg*, `extreme` gets the values, unless it is NULL. */
static int run(tk_reduce_work *w, int kernel, int dtype, int acc, tk_tensor *out,
               tk_tensor *extreme)
{
    const int index = is_index(kernel), moments = kernel == TK_K_var;
    const int size = moments ? TK_MOMENTS_BYTES : tk_item_size[acc];
    const int64_t grain = kernel == TK_K_logsumexp ? GRAIN_EXP : GRAIN, outputs = w->outputs;
    char *before = NULL; /* the partial results of the last phase, behind their indices */
    int64_t before_bytes = 0;
    w->in_index = NULL;
    for (w->phase = 0;; w->phase++) {
        const int item = moments && w->phase > 0 ? size : tk_item_size[dtype];
        const int64_t apart = w->phase == 0 ? rows_first(w, kernel, item, size) : 1;
        const int64_t fold = folded(w, kernel, item, moments ? item : size);
        w->chunk = chunk_size(w, kernel, item, moments ? item : size, fold);
        w->chunks = (w->length - 1) / w->chunk + 1;
        w->last = w->chunks == 1 && apart == 1;
        w->cold = w->columns && w->outputs * w->length * item >= tk_last_cache / 2;
        const int64_t rows = apart * w->chunks, partials = outputs * rows;
        int64_t bytes = w->last ? 0 : partials * (size + (index ? (int64_t)sizeof(int64_t) : 0));
        char *block = w->last ? NULL : tk_block_get(bytes);
        if (bytes && !block) {
            if (before)
                tk_block_put(before, before_bytes);
            return out_of_memory(kernel, bytes);
        }
        tk_tensor *result = index ? extreme : out;
        char *values = !w->last ? block + (index ? partials * 8 : 0) : result ? result->data : NULL;
        w->out = values;
        w->out_index = (int64_t *)(w->last ? out->data : block);
        int64_t each = w->length < w->chunk ? w->length : w->chunk;
        tk_run(kernel, dtype, w, w->outputs * w->chunks, units_together(w, grain, each, fold));
        if (before)
            tk_block_put(before, before_bytes);
        if (w->last)
            return 0;
        before = block;
        before_bytes = bytes;
        /* The partial results are the input of the next phase. */
        w->columns |= apart > 1;
        w->in = values;
        w->in_index = index ? w->out_index : NULL;
        w->outputs = outputs;
        w->length = rows;
        w->kept.n = w->reduced.n = 1;
        w->kept.size[0] = outputs;
        w->reduced.size[0] = rows;
        w->kept.stride[0] = w->columns ? size : rows * size;
        w->reduced.stride[0] = w->columns ? outputs * size : size;
        dtype = acc;
        if (kernel == TK_K_count_nonzero)
            kernel = TK_K_sum;
    }
}

/* What an output is that nothing is reduced to; -1 with an error where it is not defined. */
static int fill_empty(int kernel, tk_tensor *out, const tk_tensor *a)
{
    double value = 0;
    char text[TK_TEXT];
    switch (kernel) {
    case TK_K_prod:
    case TK_K_all:
        value = 1;
        break;
    case TK_K_mean:
    case TK_K_var:
        value = NAN;
        break;
    case TK_K_logsumexp:
        value = -INFINITY;
        break;
    case TK_K_amax:
    case TK_K_amin:
    case TK_K_argmax:
    case TK_K_argmin:
        tk_fail(TK_INDEX_ERROR, "%s: cannot reduce a dimension of size 0; got %s",
                tk_kernel_name(kernel), tk_shape_text(text, a->ndim, a->shape));
        return -1;
    }
    tk_tensor *scalar = tk_full_float(out->dtype, 0, NULL, value);
    int status = scalar ? tk_copy_into(out, scalar) : -1;
    if (scalar)
        tk_release(scalar);
    return status;
}

/* The door below; an arg* gives the extremes themselves, too, unless `extreme` is NULL. */
static tk_tensor *reduce(int kernel, tk_tensor *a, uint32_t mask, int keepdim, double p,
                         tk_tensor **extreme)
{
    char text[TK_TEXT];
    int64_t shape[TK_MAX_NDIM];
    int ndim = 0;
    const uint32_t every = (uint32_t)((1ull << a->ndim) - 1);
    if (tk_check_kernel(kernel, TK_FAMILY_REDUCE))
        return NULL;
    const char *op = tk_kernel_name(kernel);
    if (mask & ~every) {
        tk_fail(TK_INDEX_ERROR, "%s: dim %d is out of range for %d dimensions; got %s", op,
                31 - __builtin_clz(mask), a->ndim, tk_shape_text(text, a->ndim, a->shape));
        return NULL;
    }
    if (is_index(kernel) && mask != every && (mask == 0 || mask & (mask - 1))) {
        tk_fail(TK_VALUE_ERROR, "%s: one dimension or all; got %d of %s", op,
                __builtin_popcount(mask), tk_shape_text(text, a->ndim, a->shape));
        return NULL;
    }
    int converts = kernel == TK_K_logsumexp && !tk_is_float(a->dtype);
    if (!converts && !(tk_kernels[kernel].dtypes >> a->dtype & 1)) {
        tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", op, tk_dtype_names[a->dtype]);
        return NULL;
    }
    if (converts) {
        tk_tensor *wide = tk_cast(a, tk_operand_dtype(kernel, a->dtype));
        tk_tensor *result = wide ? tk_reduce(kernel, wide, mask, keepdim, p) : NULL;
        if (wide)
            tk_release(wide);
        if (result)
            result->flags |= TK_CONVERTED;
        return result;
    }
    for (int d = 0; d < a->ndim; d++) {
        if (!(mask >> d & 1))
            shape[ndim++] = a->shape[d];
        else if (keepdim)
            shape[ndim++] = 1;
    }
    tk_reduce_work w;
    const int acc = is_index(kernel) ? a->dtype : tk_result_dtype(kernel, a->dtype);
    plan(&w, kernel, a, mask);
    tk_tensor *pivot = NULL, *out = tk_empty(tk_result_dtype(kernel, a->dtype), ndim, shape);
    if (out && extreme && !(*extreme = tk_empty(a->dtype, ndim, shape))) {
        tk_release(out);
        return NULL;
    }
    if (!out || w.outputs == 0)
        return out;
    int status = -1;
    if (w.length == 0) {
        status = fill_empty(kernel, out, a);
    } else if (has_pivot(kernel)) { /* subtracted from the elements of each output */
        pivot = tk_reduce(TK_K_amax, a, mask, 0, 0);
        if (pivot)
            status = 0;
    } else {
        status = 0;
    }
    if (status == 0 && w.length > 0) {
        double count = (double)w.length;
        w.pivot = pivot ? pivot->data : NULL;
        w.p = kernel == TK_K_var ? (count > p ? count - p : 0) : count;
        status = run(&w, kernel, a->dtype, acc, out, extreme ? *extreme : NULL);
    }
    if (pivot)
        tk_release(pivot);
    if (status == 0)
        return out;
    if (extreme) {
        tk_release(*extreme);
        *extreme = NULL;
    }
    tk_release(out);
    return NULL;
}

tk_tensor *tk_reduce(int kernel, tk_tensor *a, uint32_t mask, int keepdim, double p)
{
    return reduce(kernel, a, mask, keepdim, p, NULL);
}

int tk_extreme(int kernel, tk_tensor *a, uint32_t mask, int keepdim, tk_tensor **out)
{
    out[0] = out[1] = NULL;
    if (tk_check_kernel(kernel, TK_FAMILY_REDUCE))
        return -1;
    if (!is_index(kernel)) {
        tk_fail(TK_RUNTIME_ERROR, "%s: finds no position", tk_kernel_name(kernel));
        return -1;
    }
    out[1] = reduce(kernel, a, mask, keepdim, 0, &out[0]);
    return out[1] ? 0 : -1;
}

tk_tensor *tk_sum_to(tk_tensor *g, int ndim, const int64_t *shape)
{
    char from[TK_TEXT], to[TK_TEXT];
    int added = g->ndim - ndim, bad = ndim < 0 || added < 0;
    uint32_t mask = 0;
    for (int d = 0; d < g->ndim && !bad; d++) {
        int64_t want = d < added ? 1 : shape[d - added];
        if (d < added || (want == 1 && g->shape[d] != 1))
            mask |= 1u << d;
        else
            bad = want != g->shape[d];
    }
    if (bad) {
        tk_fail(TK_SHAPE_ERROR, "sum_to: the shape was not broadcast; from %s to %s",
                tk_shape_text(from, g->ndim, g->shape),
                tk_shape_text(to, ndim < 0 ? 0 : ndim > TK_MAX_NDIM ? TK_MAX_NDIM : ndim, shape));
        return NULL;
    }
    if (mask == 0)
        return tk_alias(g);
    tk_tensor *out = tk_reduce(TK_K_sum, g, mask, 1, 0);
    if (!out)
        return NULL;
    out->ndim = ndim;
    for (int d = 0; d < ndim; d++)
        out->shape[d] = shape[d];
    tk_row_major(out);
    return out;
}
