/* Losses of margins: what each given class t lacks to stand a margin above each class i that is not
 * given, max(0, margin - x[t] + x[i]) or its square, added up, over the number of classes. Included once
 * per floating type. */
#if TK_IS_FLOAT
/* Classes that are looked at a time: they and their slopes fill half of a 32 KiB L1. */
#define PART ((int64_t)(8192 / sizeof(T)))

/* How far p + x is above 0; not at all where x is -inf, as given classes are. */
TK_INLINE V TK_FN(lack)(V x, V y, V p)
{
    (void)y;
    return v_select(x == v_set(-(T)INFINITY), v_set(0), v_max(x + p, v_set(0)));
}

TK_INLINE V TK_FN(lack_squared)(V x, V y, V p)
{
    const V lack = TK_FN(lack)(x, y, p);
    return lack * lack;
}

TK_INLINE V TK_FN(lack_slope)(V x, V y, V p)
{
    (void)y;
    return v_and_mask((x + p) > v_set(0), v_set(1));
}

TK_INLINE V TK_FN(lack_squared_slope)(V x, V y, V p)
{
    (void)y;
    return v_and_mask((x + p) > v_set(0), 2 * (x + p));
}

/* The sum of what one of them gives; of slopes each is kept. As many elements from next on are asked for,
 * unless it is NULL. */
TK_OUTLINE double TK_FN(lacks)(const T *x, int64_t n, T p, int squares, const T *next)
{
    if (squares)
        return TK_FN(sum_line_of)(NULL, x, x, n, -(T)INFINITY, p, next, TK_FN(lack_squared));
    return TK_FN(sum_line_of)(NULL, x, x, n, -(T)INFINITY, p, next, TK_FN(lack));
}

TK_OUTLINE double TK_FN(lack_slopes)(T *slopes, const T *x, int64_t n, T p, int squares,
                                     const T *next)
{
    if (squares)
        return TK_FN(sum_line_of)
        (slopes, x, x, n, -(T)INFINITY, p, next, TK_FN(lack_squared_slope));
    return TK_FN(sum_line_of)(slopes, x, x, n, -(T)INFINITY, p, next, TK_FN(lack_slope));
}

TK_INLINE void TK_FN(add_slopes)(T *dx, const T *slopes, int64_t n)
{
    for (int64_t i = 0; i < n; i += W) {
        const int left = n - i < W ? (int)(n - i) : W;
        TK_FN(row_store)(dx, i, left, TK_FN(row_load)(dx, i, left, 0) + TK_FN(row_load)(slopes, i, left, 0));
    }
}

TK_INLINE void TK_FN(scale_slopes)(T *dx, int64_t n, T share)
{
    for (int64_t i = 0; i < n; i += W) {
        const int left = n - i < W ? (int)(n - i) : W;
        TK_FN(row_store)(dx, i, left, TK_FN(row_load)(dx, i, left, 0) * v_set(share));
    }
}

/* How many labels a row has; the first that is no class is noted. */
TK_INLINE int64_t TK_FN(labels_given)(const tk_margin_work *w, int64_t row)
{
    const int64_t *target = w->target + row * w->listed, least = w->several ? -1 : 0;
    int64_t given = 0, bad = 0;
    for (int64_t k = 0; k < w->listed; k++)
        bad |= (target[k] < least) | (target[k] >= w->classes);
    for (int64_t k = 0; bad && k < w->listed; k++)
        if (target[k] < least || target[k] >= w->classes) {
            tk_note_bad(w->bad, row * w->listed + k);
            bad = 0;
        }
    while (given < w->listed && target[given] >= 0)
        given++;
    return given;
}

/* n elements of a row from `start` on, without those of its labels. */
TK_INLINE void TK_FN(not_given)(T *others, const T *x, const int64_t *target, int64_t given,
                                int64_t start, int64_t n)
{
    memcpy(others, x + start, (size_t)n * sizeof(T));
    for (int64_t k = 0; k < given; k++) {
        const int64_t at = target[k] - start;
        if (at >= 0 && at < n)
            others[at] = -(T)INFINITY;
    }
}

/* A row's loss, or its gradient, which goes to dx unless that is NULL. What lies `ahead` of it is asked
 * for, unless that is 0. */
TK_INLINE double TK_FN(margin_row)(const tk_margin_work *w, int64_t row, T *dx, double gradient,
                                   int64_t ahead)
{
    _Alignas(64) T others[PART], slopes[PART];
    const int64_t classes = w->classes, given = TK_FN(labels_given)(w, row);
    const int64_t *target = w->target + row * w->listed;
    const T *x = (const T *)w->in + row * classes;
    double total = 0, share = gradient / (double)classes;
    if (dx)
        memset(dx, 0, (size_t)classes * sizeof(T));
    if (w->weight && given && target[0] < classes)
        share *= (double)((const T *)w->weight)[target[0]];
    for (int64_t start = 0, n; start < classes && given; start += n) {
        n = classes - start < PART ? classes - start : PART;
        TK_FN(not_given)(others, x, target, given, start, n);
        for (int64_t k = 0; k < given; k++) {
            const int64_t t = target[k];
            if (t < 0 || t >= classes)
                continue; /* noted, or changed meanwhile by another thread */
            const T p = (T)w->margin - x[t], *const next = ahead && k == 0 ? x + start + ahead : NULL;
            if (!dx) {
                total += TK_FN(lacks)(others, n, p, w->squares, next);
                continue;
            }
            dx[t] -= (T)TK_FN(lack_slopes)(slopes, others, n, p, w->squares, next);
            TK_FN(add_slopes)(dx + start, slopes, n);
        }
    }
    if (dx && given)
        TK_FN(scale_slopes)(dx, classes, (T)share);
    return total * share;
}

/* The loss of a row of few classes and one label: as above, without a buffer. */
TK_INLINE double TK_FN(margin_few)(const tk_margin_work *w, int64_t row, const int squares)
{
    const int64_t classes = w->classes, label = w->target[row];
    if ((uint64_t)label >= (uint64_t)classes) {
        tk_note_bad(w->bad, row);
        return 0;
    }
    const T *x = (const T *)w->in + row * classes;
    const V none = v_set(-(T)INFINITY), p = v_set((T)w->margin - x[label]);
    M lane;
    V lack[TK_VECTORS];
#pragma GCC unroll 64
    for (int i = 0; i < W; i++)
        lane[i] = (I)i;
    TK_EACH_VECTOR(v)
    {
        const int64_t at = v * W, left = classes - at;
        lack[v] = v_set(0);
        if (left <= 0)
            continue;
        const V some = v_load_filled(x + at, left, -(T)INFINITY);
        const V others = v_select(lane == (I)(label - at), none, some);
        lack[v] = squares ? TK_FN(lack_squared)(others, none, p) : TK_FN(lack)(others, none, p);
    }
    const double share = 1 / (double)classes;
    return (double)TK_FN(fold_block)(lack, TK_FN(added)) *
           (w->weight ? share * (double)((const T *)w->weight)[label] : share);
}

static void TK_FN(margin_loss)(const void *work, int64_t lo, int64_t hi)
{
    const tk_margin_work *w = work;
    T *out = (T *)w->out;
    if (w->several || w->classes > TK_LANES)
        for (; lo < hi; lo++)
            out[lo] = (T)TK_FN(margin_row)(w, lo, NULL, 1, tk_ahead(w->classes, (hi - lo) * w->classes));
    else if (w->squares)
        for (; lo < hi; lo++)
            out[lo] = (T)TK_FN(margin_few)(w, lo, 1);
    else
        for (; lo < hi; lo++)
            out[lo] = (T)TK_FN(margin_few)(w, lo, 0);
}

static void TK_FN(margin_loss_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_margin_work *w = work;
    const int64_t classes = w->classes;
    const int streams = w->streams && classes <= (int64_t)TK_FN(most_kept);
    _Alignas(64) T kept[TK_FN(most_kept)];
    tk_pieces waiting = {.held = 0};
    for (; lo < hi; lo++) {
        T *const dx = (T *)w->out + lo * classes;
        TK_FN(margin_row)
        (w, lo, streams ? kept : dx, (double)((const T *)w->gradient)[lo],
         tk_ahead(classes, (hi - lo) * classes));
        if (streams)
            tk_put_piece(&waiting, (char *)dx, (const char *)kept, classes * (int64_t)sizeof(T));
    }
    if (streams)
        tk_end_pieces(&waiting);
}
#undef PART
#endif
