/* The doors of the negative log-likelihood and of cross-entropy. */
#include "core.h"

#define GRAIN 16384 /* elements a thread must at least have */

/* Labels and weights, checked; the caller releases labels. */
static int prepare(const char *op, tk_nll_work *w, int dtype, tk_tensor *target,
                   const tk_tensor *weight, int64_t ignored, int64_t classes, tk_tensor **labels)
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
    if (target->ndim != 1) {
        tk_fail(TK_SHAPE_ERROR, "%s: the labels must have one dimension; got %s", op,
                tk_shape_text(text, target->ndim, target->shape));
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
    *labels = tk_checked_labels(op, target, classes, ignored);
    if (!*labels)
        return -1;
    *w = (tk_nll_work){.target = (const int64_t *)(*labels)->data, .classes = classes};
    if (weight) {
        w->weight = weight->data;
        w->weight_step = weight->stride[0] * tk_item_size[dtype];
    }
    return 0;
}

static tk_tensor *launch(int kernel, int dtype, tk_nll_work *w, const tk_tensor *labels, int ndim)
{
    const int64_t shape[2] = {labels->numel, w->classes};
    tk_tensor *out = tk_empty(dtype, ndim, shape);
    if (out) {
        int64_t each = ndim == 2 ? w->classes : 1;
        w->out = out->data;
        tk_run(kernel, dtype, w, labels->numel, GRAIN / (each < 1 ? 1 : each) + 1);
    }
    return out;
}

/* The losses [N] and, if asked for, the weights of their labels. */
static tk_tensor *nll(tk_tensor *logp, tk_tensor *target, tk_tensor *weight, int64_t ignored,
                      tk_tensor **weights)
{
    char a[TK_TEXT], b[TK_TEXT];
    tk_tensor *labels;
    tk_nll_work w;
    if (logp->ndim != 2 || target->ndim != 1 || target->shape[0] != logp->shape[0]) {
        tk_fail(TK_SHAPE_ERROR, "nll_loss: needs input [N, C] and labels [N]; got %s and %s",
                tk_shape_text(a, logp->ndim, logp->shape),
                tk_shape_text(b, target->ndim, target->shape));
        return NULL;
    }
    if (prepare("nll_loss", &w, logp->dtype, target, weight, ignored, logp->shape[1], &labels))
        return NULL;
    w.in = logp->data;
    w.row_step = logp->stride[0] * tk_item_size[logp->dtype];
    w.class_step = logp->stride[1] * tk_item_size[logp->dtype];
    tk_tensor *out = launch(TK_K_nll_loss, logp->dtype, &w, labels, 1);
    if (out && weights)
        *weights = launch(TK_K_nll_weight, logp->dtype, &w, labels, 1);
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
    char a[TK_TEXT], b[TK_TEXT];
    tk_tensor *labels;
    tk_nll_work w;
    if (g->ndim != 1 || target->ndim != 1 || g->shape[0] != target->shape[0]) {
        tk_fail(TK_SHAPE_ERROR,
                "nll_loss_backward: needs a gradient [N] and labels [N]; got %s and %s",
                tk_shape_text(a, g->ndim, g->shape), tk_shape_text(b, target->ndim, target->shape));
        return NULL;
    }
    if (prepare("nll_loss_backward", &w, g->dtype, target, weight, ignored, classes, &labels))
        return NULL;
    w.in = g->data;
    w.row_step = g->stride[0] * tk_item_size[g->dtype];
    tk_tensor *out = launch(TK_K_nll_loss_backward, g->dtype, &w, labels, 2);
    tk_release(labels);
    return out;
}

tk_tensor *tk_nll_weight(tk_tensor *target, tk_tensor *weight, int64_t ignored, int64_t classes,
                         int dtype)
{
    tk_tensor *labels;
    tk_nll_work w;
    if (prepare("label_weights", &w, dtype, target, weight, ignored, classes, &labels))
        return NULL;
    tk_tensor *out = launch(TK_K_nll_weight, dtype, &w, labels, 1);
    tk_release(labels);
    return out;
}

/* Forward where g is NULL; with the weights of the labels if they are asked for. */
static tk_tensor *entropy(int kernel, tk_tensor *g, tk_tensor *logits, tk_tensor *target,
                          tk_tensor *weight, int64_t ignored, double smoothing,
                          tk_tensor **weights)
{
    char a[TK_TEXT], b[TK_TEXT];
    const char *op = tk_kernel_name(kernel);
    tk_tensor *labels = NULL, *out = NULL;
    tk_nll_work chosen;
    if (logits->ndim != 2 || target->ndim != 1 || target->shape[0] != logits->shape[0]) {
        tk_fail(TK_SHAPE_ERROR, "%s: needs logits [N, C] and labels [N]; got %s and %s", op,
                tk_shape_text(a, logits->ndim, logits->shape),
                tk_shape_text(b, target->ndim, target->shape));
        return NULL;
    }
    const int64_t samples = logits->shape[0], classes = logits->shape[1];
    if (g && (g->ndim != 1 || g->shape[0] != samples)) {
        tk_fail(TK_SHAPE_ERROR, "%s: needs a gradient [N] and logits [N, C]; got %s and %s", op,
                tk_shape_text(a, g->ndim, g->shape), tk_shape_text(b, 2, logits->shape));
        return NULL;
    }
    if (g && g->dtype != logits->dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: the gradient is %s, the logits %s", op,
                tk_dtype_names[g->dtype], tk_dtype_names[logits->dtype]);
        return NULL;
    }
    if (prepare(op, &chosen, logits->dtype, target, weight, ignored, classes, &labels))
        return NULL;
    tk_tensor *in[3] = {logits, weight, g}, *made[4] = {NULL};
    int failed = 0;
    for (int i = 0; i < 3; i++)
        failed |= in[i] && !failed && !(made[i] = tk_contiguous(in[i]));
    if (weight && !failed) /* the sum of all weights */
        failed = !(made[3] = tk_reduce(TK_K_sum, made[1], 1, 0, 0));
    if (!failed)
        out = tk_empty(logits->dtype, g ? 2 : 1, logits->shape);
    if (out) {
        tk_entropy_work w = {.out = out->data,
                             .in = made[0]->data,
                             .gradient = g ? made[2]->data : NULL,
                             .target = chosen.target,
                             .weight = weight ? made[1]->data : NULL,
                             .weight_sum = weight ? made[3]->data : NULL,
                             .smoothing = smoothing,
                             .classes = classes};
        tk_run(kernel, logits->dtype, &w, samples, GRAIN / (classes + 1) + 1);
    }
    if (out && weights)
        *weights = launch(TK_K_nll_weight, logits->dtype, &chosen, labels, 1);
    for (int i = 0; i < 4; i++)
        if (made[i])
            tk_release(made[i]);
    tk_release(labels);
    return out;
}

tk_tensor *tk_cross_entropy(tk_tensor *logits, tk_tensor *target, tk_tensor *weight,
                            int64_t ignored, double smoothing)
{
    return entropy(TK_K_cross_entropy, NULL, logits, target, weight, ignored, smoothing,
                   NULL);
}

tk_tensor *tk_cross_entropy_backward(tk_tensor *g, tk_tensor *logits, tk_tensor *target,
                                     tk_tensor *weight, int64_t ignored, double smoothing)
{
    return entropy(TK_K_cross_entropy_backward, g, logits, target, weight, ignored, smoothing,
                   NULL);
}

int tk_label_mean(int kernel, tk_tensor *input, tk_tensor *target, tk_tensor *weight,
                  int64_t ignored, double smoothing, tk_tensor **out)
{
    tk_tensor *losses, *weights = NULL, *sum = NULL;
    out[0] = out[1] = NULL;
    if (kernel == TK_K_cross_entropy)
        losses = entropy(kernel, NULL, input, target, weight, ignored, smoothing, &weights);
    else
        losses = nll(input, target, weight, ignored, &weights);
    if (losses && weights)
        sum = tk_reduce(TK_K_sum, losses, 1, 0, 0);
    if (sum)
        out[1] = tk_reduce(TK_K_sum, weights, 1, 0, 0);
    if (out[1])
        out[0] = tk_map2(TK_K_div, sum, out[1], 0, 0);
    if (out[1] && !out[0])
        tk_release(out[1]);
    tk_tensor *made[3] = {losses, weights, sum};
    for (int i = 0; i < 3; i++)
        if (made[i])
            tk_release(made[i]);
    return out[0] ? 0 : -1;
}
