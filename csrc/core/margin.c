/* The doors of the losses of margins. */
#include "core.h"
#include "tape.h"

#define GRAIN 16384 /* elements a thread must at least have */

static int check_shapes(const char *op, const tk_tensor *x, const tk_tensor *target,
                        const tk_tensor *weight)
{
    char a[TK_TEXT], b[TK_TEXT];
    const int several = target->ndim == 2;
    if (x->ndim != 2 || target->ndim < 1 || target->ndim > 2 || target->shape[0] != x->shape[0] ||
        (several && target->shape[1] != x->shape[1])) {
        tk_fail(TK_SHAPE_ERROR, "%s: needs input [N, C] and labels [N] or [N, C]; got %s and %s", op,
                tk_shape_text(a, x->ndim, x->shape), tk_shape_text(b, target->ndim, target->shape));
        return -1;
    }
    if (weight && (several || weight->ndim != 1 || weight->shape[0] != x->shape[1])) {
        tk_fail(TK_SHAPE_ERROR,
                "%s: weights are [C], for labels [N]; got %s for an input of %s and labels of %s", op,
                tk_shape_text(a, weight->ndim, weight->shape),
                tk_shape_text(b, x->ndim, x->shape), several ? "[N, C]" : "[N]");
        return -1;
    }
    return 0;
}

static int check_dtypes(const char *op, const tk_tensor *x, const tk_tensor *g,
                        const tk_tensor *weight)
{
    const tk_tensor *bad = tk_is_float(x->dtype) ? NULL : x;
    bad = g && g->dtype != x->dtype ? g : bad;
    bad = weight && weight->dtype != x->dtype ? weight : bad;
    if (!bad)
        return 0;
    if (bad == x)
        tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", op, tk_dtype_names[x->dtype]);
    else
        tk_fail(TK_DTYPE_ERROR, "%s: the %s %s, the input %s", op,
                bad == g ? "gradient is" : "weights are", tk_dtype_names[bad->dtype],
                tk_dtype_names[x->dtype]);
    return -1;
}

/* Forward where g is NULL. The labels are checked by the launch, or by the one that copies them. */
static tk_tensor *margin(int kernel, tk_tensor *g, tk_tensor *x, tk_tensor *target,
                         tk_tensor *weight, double width, int p)
{
    const char *op = target->ndim == 2 ? "multilabel_margin_loss" : "multi_margin_loss";
    char text[TK_TEXT];
    if (check_shapes(op, x, target, weight) || check_dtypes(op, x, g, weight))
        return NULL;
    if (g && (g->ndim != 1 || g->shape[0] != x->shape[0])) {
        tk_fail(TK_SHAPE_ERROR, "%s: the gradient must be [%lld]; got %s", op,
                (long long)x->shape[0], tk_shape_text(text, g->ndim, g->shape));
        return NULL;
    }
    if (p != 1 && p != 2) {
        tk_fail(TK_VALUE_ERROR, "%s: p must be 1 or 2; got %d", op, p);
        return NULL;
    }
    const int several = target->ndim == 2, later = target->dtype == TK_I64 && !tk_tapes;
    tk_tensor *in[4] = {x, g, weight, target}, *made[4] = {NULL}, *out = NULL;
    int failed = 0;
    for (int i = 0; i < 4; i++) {
        if (!in[i] || failed)
            continue;
        made[i] = i < 3 || later ? tk_contiguous(in[i])
                                 : tk_checked_labels(op, target, x->shape[1],
                                                     several ? -1 : TK_NONE_IGNORED);
        failed = !made[i];
    }
    if (!failed)
        out = tk_empty(x->dtype, g ? 2 : 1, x->shape);
    if (out) {
        int64_t bad = INT64_MAX;
        const int64_t classes = x->shape[1];
        tk_margin_work w = {.out = out->data,
                            .in = made[0]->data,
                            .gradient = g ? made[1]->data : NULL,
                            .weight = weight ? made[2]->data : NULL,
                            .target = (const int64_t *)made[3]->data,
                            .margin = width,
                            .classes = classes,
                            .listed = several ? classes : 1,
                            .bad = later ? &bad : NULL,
                            .squares = p == 2,
                            .several = several,
                            .streams = g && tk_streams(out, made, 1)};
        tk_run(kernel, x->dtype, &w, x->shape[0], GRAIN / (classes + 1) + 1);
        if (bad != INT64_MAX) {
            tk_fail_label(op, w.target[bad], classes);
            tk_release(out);
            out = NULL;
        }
    }
    tk_release_made(4, made);
    return out;
}

tk_tensor *tk_margin_loss(tk_tensor *x, tk_tensor *target, tk_tensor *weight, double width, int p)
{
    return margin(TK_K_margin_loss, NULL, x, target, weight, width, p);
}

tk_tensor *tk_margin_loss_backward(tk_tensor *g, tk_tensor *x, tk_tensor *target, tk_tensor *weight,
                                   double width, int p)
{
    return margin(TK_K_margin_loss_backward, g, x, target, weight, width, p);
}
