/* Cross-entropy of logits [classes][inner], as images have them: the positions side by side are lanes.
 * Included once per floating type, before loss.h. */
#if TK_IS_FLOAT
#define TILE 4          /* vectors of positions: so many chains of sums run at once */
#define SOME_CLASSES 64 /* are read at a time: with a tile's positions 16 KiB, half of a small L1 */

typedef struct TK_FN(entropy_tile) {
    V top[TILE], sum[TILE], below[TILE]; /* of exp(x - top), of weight (x - top) */
    T hard[TILE * W], chosen[TILE * W]; /* see tile_labels */
    I kept[TILE * W];                   /* all ones where the label is not ignored */
    T value[SOME_CLASSES * TILE * W];   /* exp(x - top) of the last classes read */
} TK_FN(entropy_tile);

/* The sums of the n positions from x on. Classes are read once: what was summed before is scaled
 * where later ones have a larger maximum. */
TK_INLINE void TK_FN(tile_sums)(const tk_entropy_work *w, TK_FN(entropy_tile) *t, const T *x, int n,
                                const int vectors, const int smooths)
{
    const T *weight = smooths ? (const T *)w->weight : NULL;
    T total = 0; /* of the weights so far */
    V top[TILE], sum[TILE], below[TILE];
    EACH_OF(v, vectors)
    {
        top[v] = v_set(-(T)INFINITY);
        t->top[v] = t->sum[v] = t->below[v] = v_set(0);
    }
    for (int64_t start = 0, some; start < w->classes; start += some) {
        some = w->classes - start < SOME_CLASSES ? w->classes - start : SOME_CLASSES;
        V before[TILE];
        EACH_OF(v, vectors) before[v] = top[v];
        for (int64_t c = 0; c < some; c++, x += w->inner)
            EACH_OF(v, vectors)
            {
                const V value = v_load_filled(x + v * W, n - v * W, 0);
                v_store(t->value + (c * vectors + v) * W, value);
                top[v] = v_max(top[v], value);
            }
        EACH_OF(v, vectors)
        {
            /* -inf is not subtracted: a later logit may be finite */
            const V now = v_select(top[v] == v_set(-(T)INFINITY), v_set(0), top[v]);
            if (start) {
                t->sum[v] *= v_exp(before[v] - now);
                t->below[v] += v_set(total) * (t->top[v] - now);
            }
            t->top[v] = now;
            sum[v] = below[v] = v_set(0);
        }
        for (int64_t c = 0; c < some; c++) {
            const T share = weight ? weight[start + c] : 1;
            total += share;
            EACH_OF(v, vectors)
            {
                T *const place = t->value + (c * vectors + v) * W;
                const V value = v_load(place) - t->top[v], e = v_exp(value);
                v_store(place, e);
                sum[v] += e;
                if (smooths)
                    below[v] += v_set(share) * value;
            }
        }
        EACH_OF(v, vectors)
        {
            t->sum[v] += sum[v];
            t->below[v] += below[v];
        }
    }
}

/* For the labels of sample `at` and on: the share and the logit of each. */
TK_INLINE void TK_FN(tile_labels)(const tk_entropy_work *w, TK_FN(entropy_tile) *t, const T *x,
                                  int64_t at, int n)
{
    const T *weight = (const T *)w->weight, hard = (T)(1 - w->smoothing);
    for (int i = 0; i < TILE * W; i++) {
        const int64_t label = i < n ? w->target[at + i] : -1;
        t->kept[i] = label < 0 ? 0 : -1;
        t->hard[i] = label < 0 ? 0 : weight ? hard * weight[label] : hard;
        t->chosen[i] = label < 0 ? 0 : x[label * w->inner + i];
    }
}

TK_INLINE void TK_FN(tile_losses)(const tk_entropy_work *w, TK_FN(entropy_tile) *t, const T *x,
                                  int64_t at, int n, const int vectors)
{
    const T smooth = (T)(w->smoothing / (double)w->classes);
    const V total = v_set(w->weight ? *(const T *)w->weight_sum : (T)w->classes);
    if (smooth != 0)
        TK_FN(tile_sums)(w, t, x, n, vectors, 1);
    else
        TK_FN(tile_sums)(w, t, x, n, vectors, 0);
    TK_FN(tile_labels)(w, t, x, at, n);
    for (int v = 0; v * W < n; v++) {
        const V rest = v_log(t->sum[v]), chosen = v_load(t->chosen + v * W) - t->top[v];
        V loss = v_load(t->hard + v * W) * (rest - chosen);
        if (smooth != 0)
            loss += v_set(smooth) * (total * rest - t->below[v]);
        M kept;
        memcpy(&kept, t->kept + v * W, sizeof kept);
        TK_FN(row_store)
        ((T *)w->out + at, v * W, n - v * W < W ? n - v * W : W, v_and_mask(kept, loss));
    }
}

/* The gradient of the logits from x on into `out`; of more classes than are kept, the exponentials
 * are computed again. */
TK_INLINE void TK_FN(tile_slopes)(const tk_entropy_work *w, TK_FN(entropy_tile) *t, T *out,
                                  const T *x, int64_t at, int n, const int vectors)
{
    const T smooth = (T)(w->smoothing / (double)w->classes), *weight = (const T *)w->weight;
    const V total = v_set(w->weight ? *(const T *)w->weight_sum : (T)w->classes);
    const T *gradient = (const T *)w->gradient + at;
    V scale[TILE], share[TILE];
    M kept[TILE];
    TK_FN(tile_sums)(w, t, x, n, vectors, 0);
    TK_FN(tile_labels)(w, t, x, at, n);
    EACH_OF(v, vectors)
    {
        const V g = v_load_filled(gradient + v * W, n - v * W, 0), hard = v_load(t->hard + v * W);
        memcpy(&kept[v], t->kept + v * W, sizeof *kept);
        scale[v] = g * (hard + v_set(smooth) * total) / t->sum[v];
        share[v] = g * v_set(smooth);
        v_store(t->hard + v * W, g * hard);
    }
    for (int64_t c = 0; c < w->classes; c++) {
        const V each = v_set(weight ? weight[c] : 1);
        EACH_OF(v, vectors)
        {
            const int left = n - v * W < W ? n - v * W : W;
            const V e = w->classes <= SOME_CLASSES
                            ? v_load(t->value + (c * vectors + v) * W)
                            : v_exp(v_load_filled(x + c * w->inner + v * W, left, 0) - t->top[v]);
            if (left > 0)
                TK_FN(row_store)(out + c * w->inner, v * W, left,
                                 v_and_mask(kept[v], e * scale[v] - each * share[v]));
        }
    }
    for (int i = 0; i < n; i++)
        if (w->target[at + i] >= 0)
            out[w->target[at + i] * w->inner + i] -= t->hard[i];
}

/* n positions, from label `at` on; forward where there is no gradient. */
TK_OUTLINE void TK_FN(entropy_tile_work)(const tk_entropy_work *w, T *out, const T *x, int64_t at,
                                         int n)
{
    TK_FN(entropy_tile) tile;
    if (w->gradient && n > W)
        TK_FN(tile_slopes)(w, &tile, out, x, at, n, TILE);
    else if (w->gradient)
        TK_FN(tile_slopes)(w, &tile, out, x, at, n, 1);
    else if (n > W)
        TK_FN(tile_losses)(w, &tile, x, at, n, TILE);
    else
        TK_FN(tile_losses)(w, &tile, x, at, n, 1);
}

TK_INLINE void TK_FN(entropy_columns)(const tk_entropy_work *w, int64_t lo, int64_t hi)
{
    for (int64_t n; lo < hi; lo += n) {
        const int64_t sample = lo / w->inner, column = lo % w->inner;
        const int64_t start = sample * w->classes * w->inner + column;
        n = w->inner - column < hi - lo ? w->inner - column : hi - lo;
        n = n < TILE * W ? n : TILE * W;
        TK_FN(entropy_tile_work)
        (w, (T *)w->out + start, (const T *)w->in + start, lo, (int)n);
    }
}

/* Rows of a few classes, which would not fill vectors, are turned to columns. */
#define FEW_CLASSES 32
TK_INLINE void TK_FN(entropy_few)(const tk_entropy_work *w, int64_t lo, int64_t hi)
{
    _Alignas(64) T lines[FEW_CLASSES * TILE * W + TK_MOST_SIDE];
    _Alignas(64) T logits[FEW_CLASSES * TILE * W], slopes[FEW_CLASSES * TILE * W];
    tk_entropy_work turned = *w;
    for (int64_t n; lo < hi; lo += n) {
        const int64_t start = lo * w->classes;
        n = turned.inner = hi - lo < TILE * W ? hi - lo : TILE * W;
        TK_FN(lines_to_columns)(logits, lines, (const T *)w->in + start, w->classes, n);
        TK_FN(entropy_tile_work)(&turned, slopes, logits, lo, (int)n);
        if (w->gradient)
            TK_FN(columns_to_lines)((T *)w->out + start, lines, slopes, w->classes, n, w->streams);
    }
}
#undef TILE
#undef SOME_CLASSES
#undef EACH_OF
#endif
