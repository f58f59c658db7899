/* The doors of the negative log-likelihood and of cross-entropy. */
#include "core.h"
#include "tape.h"

#define GRAIN 16384 /* elements a thread must at least have */

/* The sizes in front of the classes and behind them, of logits [N, C, ...] and labels [N, ...]. */
static int split(const char *op, const tk_tensor *x, const tk_tensor *target, int64_t *rows,
                 int64_t *inner)
{
    char a[TK_TEXT], b[TK_TEXT];
    int fits = x->ndim >= 2 && target->ndim == x->ndim - 1 && target->shape[0] == x->shape[0];
    for (int d = 2; d < x->ndim && fits; d++)
        fits = target->shape[d - 1] == x->shape[d];
    if (!fits) {
        tk_fail(TK_SHAPE_ERROR, "%s: needs input [N, C, ...] and labels [N, ...]; got %s and %s", op,
                tk_shape_text(a, x->ndim, x->shape), tk_shape_text(b, target->ndim, target->shape));
        return -1;
    }
    *rows = x->shape[0];
    *inner = 1;
    for (int d = 2; d < x->ndim; d++)
        *inner *= x->shape[d];
    return 0;
}

static int check_gradient(const char *op, const tk_tensor *g, const tk_tensor *target)
{
    char a[TK_TEXT], b[TK_TEXT];
    if (tk_same_shape(g, target))
        return 0;
    tk_fail(TK_SHAPE_ERROR, "%s: the gradient and the labels must have one shape; got %s and %s", op,
            tk_shape_text(a, g->ndim, g->shape), tk_shape_text(b, target->ndim, target->shape));
    return -1;
}

static int check_labels(const char *op, const tk_tensor *target)
{
    char text[TK_TEXT];
    if (target->ndim >= 1 && target->ndim < TK_MAX_NDIM)
        return 0;
    tk_fail(TK_SHAPE_ERROR, "%s: the labels must be [N, ...]; got %s", op,
            tk_shape_text(text, target->ndim, target->shape));
    return -1;
}

/* Labels and weights, checked; the caller releases labels. Where `bad` is given, the launch may be left
 * to check the labels, and to note there the first bad one. */
static int prepare(const char *op, tk_nll_work *w, int dtype, tk_tensor *target,
                   const tk_tensor *weight, int64_t ignored, int64_t classes, int64_t *bad,
                   tk_tensor **labels)
{
    char text[TK_TEXT];
    *labels = NULL;
    if (dtype != TK_F32 && dtype != TK_F64) {
        tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", op,
                dtype >= 0 && dtype < TK_NUM_DTYPES ? tk_dtype_names[dtype] : "this dtype");
        return -1;
    }
    if (classes < 0) {
        tk_fail(TK_VALUE_ERROR, "%s: the number of classes cannot be %lld", op, (long long)classes);
        return -1;
    }
    if (weight && (weight->ndim != 1 || weight->shape[0] != classes)) {
        tk_fail(TK_SHAPE_ERROR, "%s: there must be a weight for each of %lld classes; got %s", op,
                (long long)classes, tk_shape_text(text, weight->ndim, weight->shape));
        return -1;
    }
    if (weight && weight->dtype != dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: the weights are %s, the input %s", op,
                tk_dtype_names[weight->dtype], tk_dtype_names[dtype]);
        return -1;
    }
    /* a replay knows the launch that copies them */
    const int later = bad && target->dtype == TK_I64 && target->flags & TK_CONTIGUOUS && !tk_tapes;
    *labels = later ? tk_retain(target) : tk_checked_labels(op, target, classes, ignored);
    if (!*labels)
        return -1;
    *w = (tk_nll_work){.target = (const int64_t *)(*labels)->data,
                       .classes = classes,
                       .inner = 1,
                       .ignored = later ? ignored : -1,
                       .bad = later ? bad : NULL};
    if (weight) {
        w->weight = weight->data;
        w->weight_step = weight->stride[0] * tk_item_size[dtype];
    }
    return 0;
}

/* Points w at the samples of x, the first dimension's and those from `inner` on; at those of a
 * contiguous copy where the latter have no one step. The caller releases what is returned. */
static tk_tensor *point(tk_nll_work *w, tk_tensor *x, int inner)
{
    const int64_t size = tk_item_size[x->dtype];
    int64_t step = 0, next = 0;
    int found = 0;
    for (int d = x->ndim - 1; d >= inner; d--) {
        if (x->shape[d] == 1)
            continue;
        if (found && x->stride[d] != next) {
            tk_tensor *copy = tk_contiguous(x), *result = copy ? point(w, copy, inner) : NULL;
            if (copy)
                tk_release(copy);
            return result;
        }
        step = found ? step : x->stride[d];
        next = x->stride[d] * x->shape[d];
        found = 1;
    }
    w->in = x->data;
    w->row_step = x->stride[0] * size;
    w->class_step = x->stride[1 % x->ndim] * size;
    w->inner_step = w->inner == 1 ? w->row_step : step * size;
    return tk_retain(x);
}

static int64_t summed_units(const tk_nll_work *w)
{
    return (w->summed + TK_SAMPLES_SUMMED - 1) / TK_SAMPLES_SUMMED;
}

/* Runs a kernel for every label; its result has their shape, for slopes one with classes, and for sums
 * that of the units. */
static tk_tensor *launch(const char *op, int kernel, int dtype, tk_nll_work *w,
                         const tk_tensor *labels)
{
    const int slopes = kernel == TK_K_nll_loss_backward;
    int64_t shape[TK_MAX_NDIM] = {labels->shape[0], w->classes};
    for (int d = 1; d < labels->ndim; d++)
        shape[d + slopes] = labels->shape[d];
    const int64_t units = w->summed ? summed_units(w) : labels->numel;
    tk_tensor *out = w->summed ? tk_empty(dtype, 1, &units)
                               : tk_empty(dtype, labels->ndim + slopes, shape);
    if (out) {
        const int64_t each = w->summed ? TK_SAMPLES_SUMMED : slopes && w->classes > 1 ? w->classes : 1;
        *(kernel == TK_K_nll_weight ? &w->weights : &w->out) = out->data;
        tk_run(kernel, dtype, w, units, GRAIN / each + 1);
    }
    if (out && w->bad && *w->bad != INT64_MAX) {
        tk_fail_label(op, w->target[*w->bad], w->classes);
        tk_release(out);
        return NULL;
    }
    return out;
}

/* An empty tensor for the weights of labels, and where it is. */
static int want_weights(int dtype, int ndim, const int64_t *shape, tk_tensor **weights, char **at)
{
    *weights = tk_empty(dtype, ndim, shape);
    *at = *weights ? (*weights)->data : NULL;
    return *weights ? 0 : -1;
}

/* The losses [N]; or, if the weights of their labels are asked for, sums of both over some samples. */
static tk_tensor *nll(tk_tensor *logp, tk_tensor *target, tk_tensor *weight, int64_t ignored,
                      tk_tensor **weights)
{
    const char *op = tk_kernel_name(TK_K_nll_loss);
    tk_tensor *labels, *out = NULL, *in = NULL;
    tk_nll_work w;
    int64_t rows, inner, bad = INT64_MAX;
    if (split(op, logp, target, &rows, &inner) ||
        prepare(op, &w, logp->dtype, target, weight, ignored, logp->shape[1], &bad, &labels))
        return NULL;
    w.inner = inner;
    w.summed = weights ? labels->numel : 0;
    const int64_t units = summed_units(&w);
    if (!weights || !want_weights(logp->dtype, 1, &units, weights, &w.weights))
        in = point(&w, logp, 2);
    if (in) {
        out = launch(op, TK_K_nll_loss, logp->dtype, &w, labels);
        tk_release(in);
    }
    tk_release(labels);
    return out;
}

tk_tensor *tk_nll_loss(tk_tensor *logp, tk_tensor *target, tk_tensor *weight, int64_t ignored)
{
    return nll(logp, target, weight, ignored, NULL);
}

tk_tensor *tk_nll_loss_backward(tk_tensor *g, tk_tensor *target, tk_tensor *weight, int64_t ignored,
                                int64_t classes)
{
    const char *op = tk_kernel_name(TK_K_nll_loss_backward);
    tk_tensor *labels, *out = NULL;
    tk_nll_work w;
    int64_t bad = INT64_MAX;
    if (check_labels(op, target) || check_gradient(op, g, target) ||
        prepare(op, &w, g->dtype, target, weight, ignored, classes, &bad, &labels))
        return NULL;
    w.inner = labels->shape[0] ? labels->numel / labels->shape[0] : 1;
    tk_tensor *in = point(&w, g, 1);
    if (in) {
        out = launch(op, TK_K_nll_loss_backward, g->dtype, &w, labels);
        tk_release(in);
    }
    tk_release(labels);
    return out;
}

tk_tensor *tk_nll_weight(tk_tensor *target, tk_tensor *weight, int64_t ignored, int64_t classes,
                         int dtype)
{
    const char *op = "label_weights";
    tk_tensor *labels;
    tk_nll_work w;
    if (check_labels(op, target) ||
        prepare(op, &w, dtype, target, weight, ignored, classes, NULL, &labels))
        return NULL;
    tk_tensor *out = launch(op, TK_K_nll_weight, dtype, &w, labels);
    tk_release(labels);
    return out;
}

/* Forward where g is NULL; with the weights of the labels if they are asked for. */
static tk_tensor *entropy(int kernel, tk_tensor *g, tk_tensor *logits, tk_tensor *target,
                          tk_tensor *weight, int64_t ignored, double smoothing,
                          tk_tensor **weights)
{
    const char *op = tk_kernel_name(kernel);
    tk_tensor *labels = NULL, *out = NULL;
    tk_nll_work chosen;
    int64_t rows, inner;
    if (split(op, logits, target, &rows, &inner) || (g && check_gradient(op, g, target)))
        return NULL;
    if (g && g->dtype != logits->dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: the gradient is %s, the logits %s", op,
                tk_dtype_names[g->dtype], tk_dtype_names[logits->dtype]);
        return NULL;
    }
    const int64_t classes = logits->shape[1];
    if (prepare(op, &chosen, logits->dtype, target, weight, ignored, classes, NULL, &labels))
        return NULL;
    tk_tensor *in[3] = {logits, weight, g}, *made[4] = {NULL};
    char *weights_at = NULL;
    int failed = weights && want_weights(logits->dtype, labels->ndim, labels->shape, weights,
                                         &weights_at);
    for (int i = 0; i < 3; i++)
        failed |= in[i] && !failed && !(made[i] = tk_contiguous(in[i]));
    if (weight && !failed) /* the sum of all weights */
        failed = !(made[3] = tk_reduce(TK_K_sum, made[1], 1, 0, 0));
    if (!failed)
        out = g ? tk_empty(logits->dtype, logits->ndim, logits->shape)
                : tk_empty(logits->dtype, target->ndim, target->shape);
    if (out) {
        tk_entropy_work w = {.out = out->data,
                             .weights = weights_at,
                             .in = made[0]->data,
                             .gradient = g ? made[2]->data : NULL,
                             .target = chosen.target,
                             .weight = weight ? made[1]->data : NULL,
                             .weight_sum = weight ? made[3]->data : NULL,
                             .smoothing = smoothing,
                             .classes = classes,
                             .inner = inner,
                             .streams = g && tk_streams(out, made, 1)};
        tk_run(kernel, logits->dtype, &w, rows * inner, GRAIN / (classes + 1) + 1);
    }
    tk_release_made(4, made);
    tk_release(labels);
    return out;
}

tk_tensor *tk_cross_entropy(tk_tensor *logits, tk_tensor *target, tk_tensor *weight,
                            int64_t ignored, double smoothing)
{
    return entropy(TK_K_cross_entropy, NULL, logits, target, weight, ignored, smoothing, NULL);
}

tk_tensor *tk_cross_entropy_backward(tk_tensor *g, tk_tensor *logits, tk_tensor *target,
                                     tk_tensor *weight, int64_t ignored, double smoothing)
{
    return entropy(TK_K_cross_entropy_backward, g, logits, target, weight, ignored, smoothing,
                   NULL);
}

static tk_tensor *total_of(tk_tensor *t)
{
    return tk_reduce(TK_K_sum, t, (uint32_t)((1ull << t->ndim) - 1), 0, 0);
}

tk_tensor *tk_label_mean(int kernel, tk_tensor *input, tk_tensor *target, tk_tensor *weight,
                         int64_t ignored, double smoothing, tk_tensor **total)
{
    tk_tensor *losses, *weights = NULL, *sum = NULL, *over = NULL, *mean = NULL;
    if (kernel == TK_K_cross_entropy)
        losses = entropy(kernel, NULL, input, target, weight, ignored, smoothing, &weights);
    else
        losses = nll(input, target, weight, ignored, &weights);
    if (losses)
        sum = total_of(losses);
    if (sum)
        over = total_of(weights);
    if (over)
        mean = tk_map2(TK_K_div, sum, over, 0, 0);
    if (total)
        *total = mean ? tk_retain(over) : NULL;
    tk_tensor *made[4] = {losses, weights, sum, over};
    tk_release_made(4, made);
    return mean;
}
