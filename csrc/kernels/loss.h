/* The negative log-likelihood of class labels. A unit is one sample; the targets are int64 and
 * checked, -1 where the sample is ignored. Included once per floating type. */
#if TK_IS_FLOAT
TK_INLINE T TK_FN(class_weight)(const tk_nll_work *w, int64_t target)
{
    return w->weight ? *(const T *)(w->weight + target * w->weight_step) : 1;
}

static void TK_FN(nll_loss)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nll_work *w = work;
    for (; lo < hi; lo++) {
        int64_t t = w->target[lo];
        const char *row = w->in + lo * w->row_step;
        ((T *)w->out)[lo] =
            t < 0 ? 0 : -TK_FN(class_weight)(w, t) * *(const T *)(row + t * w->class_step);
    }
}

static void TK_FN(nll_loss_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nll_work *w = work;
    for (; lo < hi; lo++) {
        int64_t t = w->target[lo];
        T *row = (T *)w->out + lo * w->classes;
        memset(row, 0, (size_t)w->classes * sizeof(T));
        if (t >= 0)
            row[t] = -TK_FN(class_weight)(w, t) * *(const T *)(w->in + lo * w->row_step);
    }
}

static void TK_FN(nll_weight)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nll_work *w = work;
    for (; lo < hi; lo++)
        ((T *)w->out)[lo] = w->target[lo] < 0 ? 0 : TK_FN(class_weight)(w, w->target[lo]);
}
#endif
