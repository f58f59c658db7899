/* The doors of normalisation by layer, group and batch, forward and backward. */
#include <string.h>

#include "../kernels/rows.h"
#include "core.h"

#define GRAIN 8192 /* elements a thread must at least have: several passes over each row */
#define MIN_PIECE 256 /* bytes: shorter ones cost more than what makes one loop of them */
#define MOST_GROUP 4096 /* bytes of a group's channels that lie side by side, in its kernel */
#define MIN_COLUMNS 16 /* channels side by side a thread must at least have: a cache line */

static int check_floating(const char *op, const tk_tensor *x)
{
    if (tk_is_float(x->dtype))
        return 0;
    tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", op, tk_dtype_names[x->dtype]);
    return -1;
}

/* Rows and their length, where the last `ndim` dimensions are normalised; -1 with an error. */
static int split(const char *op, const tk_tensor *x, int ndim, tk_norm_work *w)
{
    char text[TK_TEXT];
    if (check_floating(op, x))
        return -1;
    if (ndim < 1 || ndim > x->ndim) {
        tk_fail(TK_VALUE_ERROR, "%s: cannot normalise %d dimensions; got %s", op, ndim,
                tk_shape_text(text, x->ndim, x->shape));
        return -1;
    }
    w->rows = w->length = 1;
    for (int d = 0; d < x->ndim; d++)
        *(d < x->ndim - ndim ? &w->rows : &w->length) *= x->shape[d];
    return 0;
}

/* The same where `groups` divide the channels, dimension 1. */
static int split_groups(const char *op, const tk_tensor *x, int64_t groups, tk_norm_work *w)
{
    char text[TK_TEXT];
    if (check_floating(op, x))
        return -1;
    if (x->ndim < 2 || groups < 1 || x->shape[1] % groups) {
        tk_fail(TK_VALUE_ERROR, "%s: %lld groups do not divide the channels of %s", op,
                (long long)groups, tk_shape_text(text, x->ndim, x->shape));
        return -1;
    }
    w->groups = groups;
    w->channels = x->shape[1] / groups;
    w->rows = x->shape[0] * groups;
    w->length = w->channels;
    for (int d = 2; d < x->ndim; d++)
        w->length *= x->shape[d];
    return 0;
}

static int check_like(const char *op, const char *name, const tk_tensor *t, int dtype, int ndim,
                      const int64_t *shape)
{
    char have[TK_TEXT], want[TK_TEXT];
    if (t->dtype != dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: %s must be %s; got %s", op, name, tk_dtype_names[dtype],
                tk_dtype_names[t->dtype]);
        return -1;
    }
    if (t->ndim == ndim && memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) == 0)
        return 0;
    tk_fail(TK_SHAPE_ERROR, "%s: %s must have the shape %s; got %s", op, name,
            tk_shape_text(want, ndim, shape), tk_shape_text(have, t->ndim, t->shape));
    return -1;
}

/* Contiguous forms of n operands, NULL where the operand is; -1 when out of memory. */
static int contiguous(int n, tk_tensor *const *in, tk_tensor **made)
{
    int failed = 0;
    for (int i = 0; i < n; i++) {
        made[i] = in[i] && !failed ? tk_contiguous(in[i]) : NULL;
        failed |= in[i] && !made[i];
    }
    return failed ? -1 : 0;
}

static void drop(int n, tk_tensor **made)
{
    for (int i = 0; i < n; i++) {
        if (made[i])
            tk_release(made[i]);
        made[i] = NULL;
    }
}

static const char *data(const tk_tensor *t)
{
    return t ? t->data : NULL;
}

/* Elements of a sample's channel. */
static int64_t piece_of(const tk_tensor *x)
{
    return x->numel / x->shape[0] / x->shape[1];
}

/* How the channels lie where the kernel works: side by side, or in pieces of samples. Where these are
 * short, their elements are columns. */
enum { COLUMNS, PIECES, SHORT_PIECES };

/* Whether dimension 1 is the innermost in memory, and the others follow in their order. */
static int is_channels_last(const tk_tensor *x)
{
    int64_t step = 1;
    for (int i = 0; i < x->ndim; i++) {
        const int d = i == 0 ? 1 : i == x->ndim - 1 ? 0 : x->ndim - i;
        if (x->shape[d] != 1 && x->stride[d] != step)
            return 0;
        step *= x->shape[d];
    }
    return 1;
}

static int arrangement(const tk_tensor *x)
{
    if (piece_of(x) == 1 || is_channels_last(x))
        return COLUMNS;
    return piece_of(x) * tk_item_size[x->dtype] >= MIN_PIECE ? PIECES : SHORT_PIECES;
}

/* x with dimension 1 last where the channels are columns, or in its own place again. */
static tk_tensor *moved(tk_tensor *x, int how, int back)
{
    int64_t dims[TK_MAX_NDIM];
    if (how != COLUMNS || x->ndim == 2)
        return tk_retain(x);
    for (int d = 1; d < x->ndim; d++)
        dims[d] = back ? (d == 1 ? x->ndim - 1 : d - 1) : d == x->ndim - 1 ? 1 : d + 1;
    dims[0] = 0;
    return tk_permute(x, x->ndim, dims);
}

/* x in such an arrangement, contiguous. */
static tk_tensor *arranged(tk_tensor *x, int how)
{
    tk_tensor *view = moved(x, how, 0);
    tk_tensor *out = view ? tk_contiguous(view) : NULL;
    if (view)
        tk_release(view);
    return out;
}

/* The result, which takes its operand's dimensions where columns were normalised. */
static int give_back(tk_tensor **out, int columns)
{
    tk_tensor *made = *out;
    if (!columns)
        return 0;
    *out = moved(made, COLUMNS, 1);
    tk_release(made);
    return *out ? 0 : -1;
}

/* Elements of a group's channel, where it is so short that a loop of its own would cost more than
 * weights for each element do; else 0. */
static int64_t short_channel(const tk_norm_work *w, const tk_tensor *x)
{
    const int64_t n = w->channels && !w->columns ? w->length / w->channels : 0;
    return n * tk_item_size[x->dtype] < MIN_PIECE ? n : 0;
}

/* Whether groups are normalised as x lies, with the channels side by side. */
static int in_columns(const tk_norm_work *w, const tk_tensor *x)
{
    return w->channels && x->numel && !(x->flags & TK_CONTIGUOUS) && is_channels_last(x) &&
           w->channels * tk_item_size[x->dtype] <= MOST_GROUP;
}

/* Groups of a sample that are done as one unit: all, unless there are too few samples for the threads.
 * Then those of a thread, in rows of whole cache lines. */
static int64_t groups_together(const tk_norm_work *w)
{
    const int64_t samples = w->rows / w->groups, threads = tk_get_num_threads();
    const int64_t parts = (threads + samples - 1) / samples;
    const int64_t share = (w->groups + parts - 1) / parts, least = MIN_COLUMNS / w->channels + 1;
    return share > least ? share : least;
}

/* In place of a value for each channel, contiguous, one for each of its `size` elements; NULL where
 * there are none, or when out of memory. */
static tk_tensor *for_elements(tk_tensor *values, int64_t size)
{
    const int64_t shape[2] = {values ? values->numel : 0, size};
    tk_tensor *column = values ? tk_view(values, 2, (const int64_t[]){shape[0], 1}) : NULL;
    tk_tensor *all = column ? tk_expand(column, 2, shape) : NULL;
    tk_tensor *out = all ? tk_contiguous(all) : NULL;
    drop(3, (tk_tensor *[]){values, column, all});
    return out;
}

/* The same of n operands of groups whose channels are short: these are rows with weights then. */
static int spread_weights(tk_norm_work *w, const tk_tensor *x, int n, tk_tensor **made)
{
    const int64_t size = short_channel(w, x);
    int failed = 0;
    if (!size)
        return 0;
    w->channels = 0;
    for (int i = 0; i < n; i++) {
        const int given = made[i] != NULL;
        made[i] = for_elements(made[i], size);
        failed |= given && !made[i];
    }
    return failed ? -1 : 0;
}

/* Whether what is stored at a time may go past the caches: a group's channels are stored one by one, and
 * slopes of the rows of groups. */
static int pieces_stream(const tk_norm_work *w, const tk_tensor *x, int backward)
{
    const int64_t n = w->channels ? w->length / w->channels : w->length;
    const int together = !w->channels && !(backward && w->groups);
    return w->columns || together || n * tk_item_size[x->dtype] >= TK_STREAMED_ROW_BYTES;
}

/* Contiguous forms of n operands, the first `lying` as the channels are to lie; -1 when out of memory. */
static int laid_out(tk_norm_work *w, int n, int lying, tk_tensor *const *in, tk_tensor **made)
{
    int failed = 0;
    w->columns = in_columns(w, in[0]) ? groups_together(w) : 0;
    for (int i = 0; i < lying; i++) {
        made[i] = failed ? NULL : arranged(in[i], w->columns ? COLUMNS : PIECES);
        failed |= !made[i];
    }
    return contiguous(n - lying, in + lying, made + lying) || failed ? -1 : 0;
}

/* Work that is split already. kept, if given, receives mean, if there is to be one, and rstd, of this
 * shape. */
static tk_tensor *norm(tk_norm_work *w, tk_tensor *x, tk_tensor *weight, tk_tensor *bias, int ndim,
                       const int64_t *shape, int centred, tk_tensor **kept)
{
    tk_tensor *in[3] = {x, weight, bias}, *made[3], *out[3] = {NULL};
    int failed = laid_out(w, 3, 1, in, made) || spread_weights(w, x, 2, made + 1);
    for (int i = 0; i < 3 && !failed; i++) {
        if (i == 1 && !centred)
            continue;
        out[i] = tk_empty(x->dtype, i ? ndim : x->ndim, i ? shape : made[0]->shape);
        failed = out[i] == NULL;
    }
    if (!failed) {
        w->streams = pieces_stream(w, x, 0) && tk_streams(out[0], &x, 1);
        w->x = made[0]->data;
        w->weight = data(made[1]);
        w->bias = data(made[2]);
        w->out = out[0]->data;
        w->mean = centred ? out[1]->data : NULL;
        w->rstd = out[2]->data;
        const int64_t rows = w->columns ? w->columns : 1; /* of a unit */
        const int64_t units = w->columns ? w->rows / w->groups * tk_column_parts(w) : w->rows;
        tk_run(TK_K_layer_norm, x->dtype, w, units, GRAIN / (rows * w->length + 1) + 1);
        failed = give_back(out, w->columns != 0);
    }
    if (failed)
        drop(3, out);
    drop(3, made);
    if (kept)
        memcpy(kept, out + 2 - centred, (size_t)(1 + centred) * sizeof *out);
    else
        drop(2, out + 1);
    return out[0];
}

/* x with sizes 1 where dimensions are normalised. */
static void kept_shape(const tk_tensor *x, int ndim, int64_t *shape)
{
    for (int d = 0; d < x->ndim; d++)
        shape[d] = d < x->ndim - ndim ? x->shape[d] : 1;
}

static tk_tensor *norm_rows(const char *op, tk_tensor *x, tk_tensor *weight, tk_tensor *bias,
                            int ndim, double eps, int centred, tk_tensor **kept)
{
    tk_norm_work w = {.eps = eps};
    int64_t shape[TK_MAX_NDIM];
    if (split(op, x, ndim, &w))
        return NULL;
    const int64_t *inner = x->shape + (x->ndim - ndim);
    if ((weight && check_like(op, "weight", weight, x->dtype, ndim, inner)) ||
        (bias && check_like(op, "bias", bias, x->dtype, ndim, inner)))
        return NULL;
    kept_shape(x, ndim, shape);
    return norm(&w, x, weight, bias, x->ndim, shape, centred, kept);
}

tk_tensor *tk_layer_norm(tk_tensor *x, tk_tensor *weight, tk_tensor *bias, int ndim, double eps,
                         tk_tensor **kept)
{
    return norm_rows(tk_kernel_name(TK_K_layer_norm), x, weight, bias, ndim, eps, 1, kept);
}

tk_tensor *tk_rms_norm(tk_tensor *x, tk_tensor *weight, tk_tensor *bias, int ndim, double eps,
                       tk_tensor **kept)
{
    return norm_rows("rms_norm", x, weight, bias, ndim, eps, 0, kept);
}

tk_tensor *tk_group_norm(tk_tensor *x, tk_tensor *weight, tk_tensor *bias, int64_t groups,
                         double eps, tk_tensor **kept)
{
    const char *op = "group_norm";
    tk_norm_work w = {.eps = eps};
    if (split_groups(op, x, groups, &w) ||
        (weight && check_like(op, "weight", weight, x->dtype, 1, x->shape + 1)) ||
        (bias && check_like(op, "bias", bias, x->dtype, 1, x->shape + 1)))
        return NULL;
    return norm(&w, x, weight, bias, 2, (const int64_t[]){x->shape[0], groups}, 1, kept);
}

/* The sums over rows from those of the units: partial is [units][n][size]. */
static tk_tensor *sum_units(char *partial, int64_t units, int64_t n, int64_t size, int dtype,
                            int ndim, const int64_t *shape)
{
    tk_tensor all = {.data = partial, .dtype = dtype, .ndim = 3, .numel = units * n * size,
                     .flags = TK_CONTIGUOUS, .shape = {units, n, size}};
    tk_row_major(&all);
    tk_tensor *sum = tk_reduce(TK_K_sum, &all, 1 | 4, 0, 0);
    if (!sum)
        return NULL;
    sum->ndim = ndim;
    memcpy(sum->shape, shape, (size_t)ndim * sizeof *shape);
    tk_row_major(sum);
    return sum;
}

/* Work that is split already; mean and rstd have the shape `kept`, weight has `inner`. */
static int norm_backward(const char *op, tk_norm_work *w, tk_tensor *const in[5], int ndim,
                         const int64_t *kept, int inner_ndim, const int64_t *inner,
                         int want_weight, int want_bias, tk_tensor **out)
{
    static const char *const names[] = {"x", "gradient", "mean", "rstd", "weight"};
    const tk_tensor *x = in[0];
    if (check_like(op, names[1], in[1], x->dtype, x->ndim, x->shape) ||
        (in[2] && check_like(op, names[2], in[2], x->dtype, ndim, kept)) ||
        check_like(op, names[3], in[3], x->dtype, ndim, kept) ||
        (in[4] && check_like(op, names[4], in[4], x->dtype, inner_ndim, inner)))
        return -1;
    tk_tensor *made[5];
    const int wanted = (want_weight != 0) + (want_bias != 0);
    int failed = laid_out(w, 5, 2, in, made);
    const int64_t groups = w->groups ? w->groups : 1;
    const int64_t size = short_channel(w, x) ? short_channel(w, x) : 1;
    failed |= spread_weights(w, x, 1, made + 4);
    /* of channels a unit is a row; the sums of a sample's groups stand side by side */
    const int64_t samples = w->rows / groups;
    const int64_t together = tk_are_short_rows(w) ? TK_SHORT_NORM_ROWS : TK_NORM_ROWS;
    const int64_t sums = w->channels ? samples : (samples + together - 1) / together;
    const int64_t units = sums * (w->columns ? tk_column_parts(w) : groups);
    const int64_t n = (w->channels ? w->channels : w->length / size) * groups;
    const int64_t each = sums * n * size * tk_item_size[x->dtype];
    char *partial = failed || !wanted ? NULL : tk_block_get(wanted * each);
    if (!failed && wanted && !partial) {
        tk_fail(TK_MEMORY_ERROR, "%s: out of memory: could not allocate %lld bytes", op,
                (long long)(wanted * each));
        failed = -1;
    }
    if (!failed && !(out[0] = tk_empty(x->dtype, x->ndim, made[0]->shape)))
        failed = -1;
    if (!failed) {
        w->x = made[0]->data;
        w->gradient = made[1]->data;
        w->mean = made[2] ? made[2]->data : NULL;
        w->rstd = made[3]->data;
        w->weight = data(made[4]);
        w->out = out[0]->data;
        w->dweight = want_weight ? partial : NULL;
        w->dbias = want_bias ? partial + (want_weight ? each : 0) : NULL;
        w->streams = pieces_stream(w, x, 1) && tk_streams(out[0], in, 2);
        tk_run(TK_K_layer_norm_backward, x->dtype, w, units,
               GRAIN / (w->rows / (units + 1) * w->length + 1) + 1);
        if (want_weight)
            out[1] = sum_units(w->dweight, sums, n, size, x->dtype, inner_ndim, inner);
        if (want_bias)
            out[2] = sum_units(w->dbias, sums, n, size, x->dtype, inner_ndim, inner);
        failed = give_back(out, w->columns != 0) || (want_weight && !out[1]) || (want_bias && !out[2]);
    }
    if (partial)
        tk_block_put(partial, wanted * each);
    drop(5, made);
    if (failed)
        drop(3, out);
    return failed ? -1 : 0;
}

int tk_layer_norm_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *mean, tk_tensor *rstd,
                           tk_tensor *weight, int ndim, int want_weight, int want_bias,
                           tk_tensor **out)
{
    const char *op = tk_kernel_name(TK_K_layer_norm_backward);
    tk_norm_work w = {0};
    int64_t shape[TK_MAX_NDIM];
    out[0] = out[1] = out[2] = NULL;
    if (split(op, x, ndim, &w))
        return -1;
    kept_shape(x, ndim, shape);
    return norm_backward(op, &w, (tk_tensor *const[]){x, gradient, mean, rstd, weight}, x->ndim,
                         shape, ndim, x->shape + (x->ndim - ndim), want_weight, want_bias, out);
}

int tk_group_norm_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *mean, tk_tensor *rstd,
                           tk_tensor *weight, int64_t groups, int want_weight, int want_bias,
                           tk_tensor **out)
{
    const char *op = "group_norm_backward";
    tk_norm_work w = {0};
    out[0] = out[1] = out[2] = NULL;
    if (split_groups(op, x, groups, &w))
        return -1;
    return norm_backward(op, &w, (tk_tensor *const[]){x, gradient, mean, rstd, weight}, 2,
                         (const int64_t[]){x->shape[0], groups}, 1, x->shape + 1, want_weight,
                         want_bias, out);
}

static void place_channels(tk_batch_work *w, const tk_tensor *x, int how)
{
    w->length = x->numel / x->shape[1];
    w->channels = how == PIECES ? 0 : x->shape[1];
    w->each = how == SHORT_PIECES ? piece_of(x) : 1;
    w->pieces = x->shape[0];
    w->apart = piece_of(x);
    w->step = x->shape[1] * piece_of(x);
}

/* Channels a thread must at least have. Side by side, as many as there are for each: rows are read in
 * pieces as long as can be. */
static int64_t batch_grain(const tk_batch_work *w, int64_t channels)
{
    const int64_t grain = GRAIN / w->length + 1, threads = tk_get_num_threads();
    const int64_t share = (channels + threads - 1) / threads;
    if (!w->channels)
        return grain;
    return share > grain && share > MIN_COLUMNS ? share : grain > MIN_COLUMNS ? grain : MIN_COLUMNS;
}

/* Whether x and n vectors go together; -1 with an error. */
static int check_channels(const char *op, const tk_tensor *x, int may_be_empty, int n,
                          tk_tensor *const *vectors, const char *const *names)
{
    char text[TK_TEXT];
    if (check_floating(op, x))
        return -1;
    if (x->ndim < 2 || (x->numel == 0 && !may_be_empty)) {
        tk_fail(TK_SHAPE_ERROR, "%s: needs elements in at least 2 dimensions; got %s", op,
                tk_shape_text(text, x->ndim, x->shape));
        return -1;
    }
    for (int i = 0; i < n; i++)
        if (vectors[i] && check_like(op, names[i], vectors[i], x->dtype, 1, x->shape + 1))
            return -1;
    return 0;
}

int tk_batch_norm(tk_tensor *x, tk_tensor *weight, tk_tensor *bias, tk_tensor *running_mean,
                  tk_tensor *running_var, double momentum, double eps, tk_tensor **out)
{
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    const char *op = tk_kernel_name(TK_K_batch_norm);
    tk_tensor *in[4] = {weight, bias, running_mean, running_var}, *made[5] = {NULL};
    out[0] = out[1] = out[2] = NULL;
    if (check_channels(op, x, 0, 4, in, names))
        return -1;
    for (int i = 2; i < 4; i++)
        if (in[i] && tk_check_writable(op, in[i]))
            return -1;
    const int64_t channels = x->shape[1];
    const int how = arrangement(x);
    int failed = contiguous(4, in, made);
    tk_tensor *result = NULL;
    if (!failed)
        failed = !(made[4] = arranged(x, how)) ||
                 !(result = tk_empty(x->dtype, x->ndim, made[4]->shape)) ||
                 !(out[1] = tk_empty(x->dtype, 1, &channels)) ||
                 !(out[2] = tk_empty(x->dtype, 1, &channels));
    if (!failed) {
        tk_batch_work w = {.x = made[4]->data,
                           .weight = data(made[0]),
                           .bias = data(made[1]),
                           .out = result->data,
                           .mean = out[1]->data,
                           .variance = out[2]->data,
                           .running_mean = made[2] ? made[2]->data : NULL,
                           .running_var = made[3] ? made[3]->data : NULL,
                           .eps = eps,
                           .momentum = momentum,
                           .streams = tk_streams(result, &x, 1)};
        place_channels(&w, x, how);
        tk_run(TK_K_batch_norm, x->dtype, &w, channels, batch_grain(&w, channels));
        for (int i = 2; i < 4 && !failed; i++) /* a copy was moved */
            if (made[i] && made[i]->data != in[i]->data)
                failed = tk_copy_into(in[i], made[i]) != 0;
        out[0] = failed ? NULL : moved(result, how, 1);
        failed = out[0] == NULL;
    }
    if (result)
        tk_release(result);
    drop(5, made);
    if (failed)
        drop(3, out);
    return failed ? -1 : 0;
}

int tk_batch_norm_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *mean, tk_tensor *variance,
                           tk_tensor *weight, double eps, int frozen, tk_tensor **out)
{
    static const char *const names[] = {"mean", "variance", "weight"};
    const char *op = tk_kernel_name(TK_K_batch_norm_backward);
    tk_tensor *in[3] = {mean, variance, weight}, *made[5] = {NULL}, *slopes = NULL;
    out[0] = out[1] = out[2] = NULL;
    if (check_channels(op, x, 0, 3, in, names) ||
        check_like(op, "gradient", gradient, x->dtype, x->ndim, x->shape))
        return -1;
    const int64_t channels = x->shape[1];
    const int how = arrangement(x);
    int failed = contiguous(3, in, made) || !(made[3] = arranged(x, how)) ||
                 !(made[4] = arranged(gradient, how)) ||
                 !(slopes = tk_empty(x->dtype, x->ndim, made[3]->shape)) ||
                 !(out[1] = tk_empty(x->dtype, 1, &channels)) ||
                 !(out[2] = tk_empty(x->dtype, 1, &channels));
    if (!failed) {
        tk_batch_work w = {.x = made[3]->data,
                           .gradient = made[4]->data,
                           .weight = data(made[2]),
                           .out = slopes->data,
                           .mean = made[0]->data,
                           .variance = made[1]->data,
                           .dweight = out[1]->data,
                           .dbias = out[2]->data,
                           .eps = eps,
                           .frozen = frozen,
                           .streams = tk_streams(slopes, (tk_tensor *const[]){x, gradient}, 2)};
        place_channels(&w, x, how);
        tk_run(TK_K_batch_norm_backward, x->dtype, &w, channels, batch_grain(&w, channels));
        failed = !(out[0] = moved(slopes, how, 1));
    }
    if (slopes)
        tk_release(slopes);
    drop(5, made);
    if (failed)
        drop(3, out);
    return failed ? -1 : 0;
}

/* v as [1, channels, 1 ...] beside x; v, which may be NULL after a failure, is given up. */
static tk_tensor *beside(tk_tensor *v, const tk_tensor *x)
{
    int64_t shape[TK_MAX_NDIM];
    for (int d = 0; d < x->ndim; d++)
        shape[d] = d == 1 ? x->shape[1] : 1;
    tk_tensor *view = v ? tk_view(v, x->ndim, shape) : NULL;
    drop(1, &v);
    return view;
}

/* x scale + shift, with scale = weight / sqrt(variance + eps) and shift = bias - mean scale. */
tk_tensor *tk_batch_norm_frozen(tk_tensor *x, tk_tensor *mean, tk_tensor *variance,
                                tk_tensor *weight, tk_tensor *bias, double eps)
{
    static const char *const names[] = {"running_mean", "running_var", "weight", "bias"};
    tk_tensor *in[4] = {mean, variance, weight, bias};
    if (check_channels("batch_norm", x, 1, 4, in, names))
        return NULL;
    tk_tensor *sum = tk_map_float(TK_K_add, variance, eps, 0);
    tk_tensor *rstd = sum ? tk_map1(TK_K_rsqrt, sum, 0, 0) : NULL;
    tk_tensor *scale = !rstd || !weight ? rstd : tk_map2(TK_K_mul, rstd, weight, 0, 0);
    tk_tensor *off = scale ? tk_map2(TK_K_mul, mean, scale, 0, 0) : NULL;
    tk_tensor *shift = !off  ? NULL
                       : bias ? tk_map2(TK_K_sub, bias, off, 0, 0)
                              : tk_map1(TK_K_neg, off, 0, 0);
    tk_tensor *gain = beside(scale, x), *bend = beside(shift, x);
    tk_tensor *out = gain && bend ? tk_map3(TK_K_addcmul, bend, x, gain, 1, 0) : NULL;
    if (out)
        out->flags &= ~TK_BROADCAST; /* the gradients have their operands' shapes */
    if (!weight) /* it was scale */
        rstd = NULL;
    drop(5, (tk_tensor *[]){sum, rstd, off, gain, bend});
    return out;
}
