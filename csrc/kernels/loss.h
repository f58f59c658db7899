/* The negative log-likelihood of class labels. A unit is one sample; the targets are int64. Included
 * once per floating type. */
#if TK_IS_FLOAT
TK_INLINE T TK_FN(class_weight)(const tk_nll_work *w, int64_t target)
{
    return w->weight ? *(const T *)(w->weight + target * w->weight_step) : 1;
}

/* Whether a target counts; one that is no class is noted, and does not. */
TK_INLINE int TK_FN(counts)(const tk_nll_work *w, int64_t target, int64_t at)
{
    if (target == w->ignored)
        return 0;
    if ((uint64_t)target < (uint64_t)w->classes)
        return 1;
    tk_note_bad(w->bad, at);
    return 0;
}

/* Of targets in range, or -1 where ignored. */
TK_INLINE void TK_FN(label_weights)(char *out, const int64_t *target, const char *weight,
                                    int64_t step, int64_t n)
{
    T *weights = (T *)out;
    if (!weight)
        for (int64_t i = 0; i < n; i++)
            weights[i] = target[i] >= 0;
    else
        for (int64_t i = 0; i < n; i++)
            weights[i] = target[i] < 0 ? 0 : *(const T *)(weight + target[i] * step);
}

static void TK_FN(nll_weight)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nll_work *w = work;
    TK_FN(label_weights)
    (w->weights + lo * (int64_t)sizeof(T), w->target + lo, w->weight, w->weight_step, hi - lo);
}

/* How many samples from lo on are inner_step apart, and the operand of the first. */
TK_INLINE int64_t TK_FN(some_samples)(const tk_nll_work *w, int64_t lo, int64_t hi, const char **in)
{
    const int64_t row = lo / w->inner, column = lo - row * w->inner, left = w->inner - column;
    *in = w->in + row * w->row_step + column * w->inner_step;
    return w->inner == 1 || left > hi - lo ? hi - lo : left;
}

/* n losses of samples at even steps from `at` on, and unless NULL the weights of their labels, of which
 * `known` may be read. What labels choose is asked for ahead: it lies apart, at steps that nobody foresees.
 * Which label was bad is asked only where some did not count. */
TK_INLINE void TK_FN(even_losses)(const tk_nll_work *w, T *out, T *weights, const char *in,
                                  int64_t at, int64_t n, int64_t known, const int weighted)
{
    enum { AHEAD = 192 };
    const int64_t *const target = w->target + at;
    const int64_t step = w->inner_step, class_step = w->class_step, ignored = w->ignored;
    const uint64_t classes = (uint64_t)w->classes;
    int others = 0;
    for (int64_t i = 0; i < n; i++, in += step) {
        const int64_t t = target[i], ahead = i + AHEAD < known ? target[i + AHEAD] : 0;
        const int64_t next = (uint64_t)ahead < classes ? ahead : 0;
        T loss = 0, share = 0;
        __builtin_prefetch(in + AHEAD * step + next * class_step);
        if (__builtin_expect((uint64_t)t < classes && t != ignored, 1)) {
            share = weighted ? TK_FN(class_weight)(w, t) : 1;
            loss = -share * *(const T *)(in + t * class_step);
        } else {
            others = 1;
        }
        out[i] = loss;
        if (weights)
            weights[i] = share;
    }
    for (int64_t i = 0; others && i < n; i++)
        TK_FN(counts)(w, target[i], at + i);
}

TK_OUTLINE void TK_FN(sample_losses)(const tk_nll_work *w, T *out, T *weights, int64_t lo,
                                     int64_t hi)
{
    const char *in;
    for (int64_t n; lo < hi; lo += n, out += n, weights = weights ? weights + n : NULL) {
        n = TK_FN(some_samples)(w, lo, hi, &in);
        const int64_t known = w->inner > 1 ? n : (w->summed ? w->summed : hi) - lo;
        if (w->weight)
            TK_FN(even_losses)(w, out, weights, in, lo, n, known, 1);
        else
            TK_FN(even_losses)(w, out, weights, in, lo, n, known, 0);
    }
}

static void TK_FN(nll_loss)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nll_work *w = work;
    T *out = (T *)w->out, *weights = (T *)w->weights;
    T losses[TK_SAMPLES_SUMMED], shares[TK_SAMPLES_SUMMED];
    if (!w->summed) {
        TK_FN(sample_losses)(w, out + lo, NULL, lo, hi);
        return;
    }
    for (; lo < hi; lo++) {
        const int64_t start = lo * TK_SAMPLES_SUMMED, left = w->summed - start;
        const int64_t n = left < TK_SAMPLES_SUMMED ? left : TK_SAMPLES_SUMMED;
        TK_FN(sample_losses)(w, losses, shares, start, start + n);
        TK_FN(sum_line)(out + lo, losses, n, NULL);
        TK_FN(sum_line)(weights + lo, shares, n, NULL);
    }
}

static void TK_FN(nll_loss_backward)(const void *work, int64_t lo, int64_t hi)
{
    static const int64_t zero = 0;
    const tk_nll_work *w = work;
    const int64_t size = (int64_t)sizeof(T), classes = w->classes, inner = w->inner;
    /* their slopes: half of a small L1, but a few cache lines of each class */
    const int64_t most = (inner == 1 ? 1 : 64) + 16384 / (classes * size + 1);
    const char *in;
    for (int64_t n; lo < hi; lo += n) {
        n = TK_FN(some_samples)(w, lo, hi, &in);
        n = n < most ? n : most;
        const int64_t row = lo / inner, apart = inner == 1 ? classes : 1;
        T *out = (T *)w->out + row * classes * inner + lo % inner;
        if (inner == 1)
            tk_fill((char *)out, size, &zero, size, n * classes, 0);
        else
            for (int64_t c = 0; c < classes; c++)
                tk_fill((char *)(out + c * inner), size, &zero, size, n, 0);
        for (int64_t i = 0; i < n; i++, in += w->inner_step, out += apart) {
            const int64_t t = w->target[lo + i];
            if (TK_FN(counts)(w, t, lo + i))
                out[t * inner] = -TK_FN(class_weight)(w, t) * *(const T *)in;
        }
    }
}

/* Cross-entropy with smoothing s, class weights w of sum W, label t of C classes:
 * (1 - s) w[t] (log sum exp x - x[t]) + s / C (W log sum exp x - sum of w x), all x less their
 * maximum. A unit is a row of logits. */
TK_INLINE V TK_FN(below)(V x, V y, V p)
{
    (void)y;
    return x - p;
}

TK_OUTLINE double TK_FN(below_total)(const T *x, int64_t n, T top)
{
    return TK_FN(sum_line_of)(NULL, x, x, n, top, top, NULL, TK_FN(below));
}

typedef struct TK_FN(entropy_row) {
    int64_t target;
    const T *x, *weight;
    T top;
    double hard, smooth, total; /* (1 - s) w[t], s / C, W */
} TK_FN(entropy_row);

TK_INLINE TK_FN(entropy_row) TK_FN(entropy_start)(const tk_entropy_work *w, int64_t row)
{
    const int64_t n = w->classes, target = w->target[row];
    TK_FN(entropy_row) r = {.target = target, .x = (const T *)w->in + row * n,
                            .weight = (const T *)w->weight};
    if (target < 0)
        return r;
    r.top = TK_FN(line_top)(r.x, n);
    r.hard = (1 - w->smoothing) * (r.weight ? (double)r.weight[target] : 1);
    r.smooth = w->smoothing / (double)n;
    r.total = r.weight ? (double)*(const T *)w->weight_sum : (double)n;
    return r;
}

/* The first step of some rows; returns how many they are. */
TK_INLINE int64_t TK_FN(entropy_starts)(const tk_entropy_work *w, int64_t lo, int64_t hi,
                                        TK_FN(entropy_row) r[TK_BLOCK_LINES])
{
    const int64_t rows = tk_lines_together(w->classes, hi - lo);
    for (int64_t i = 0; i < rows; i++)
        r[i] = TK_FN(entropy_start)(w, lo + i);
    return rows;
}

/* Whether the classes are columns, or so few that they are turned to such; the units are done then. */
TK_INLINE int TK_FN(entropy_across)(const tk_entropy_work *w, int64_t lo, int64_t hi)
{
    if (w->inner > 1)
        TK_FN(entropy_columns)(w, lo, hi);
    else if (w->classes <= FEW_CLASSES)
        TK_FN(entropy_few)(w, lo, hi);
    return w->inner > 1 || w->classes <= FEW_CLASSES;
}

static void TK_FN(cross_entropy)(const void *work, int64_t lo, int64_t hi)
{
    const tk_entropy_work *w = work;
    const int64_t n = w->classes;
    if (w->weights)
        TK_FN(label_weights)
        (w->weights + lo * (int64_t)sizeof(T), w->target + lo, w->weight, sizeof(T), hi - lo);
    if (TK_FN(entropy_across)(w, lo, hi))
        return;
    TK_FN(entropy_row) some[TK_BLOCK_LINES];
    double sum[TK_BLOCK_LINES];
    for (int64_t rows; lo < hi; lo += rows) {
        rows = TK_FN(entropy_starts)(w, lo, hi, some);
        const int64_t ahead = tk_ahead(rows * n, (hi - lo) * n);
        for (int64_t i = 0; i < rows; i++)
            sum[i] = some[i].target < 0
                         ? 1
                         : TK_FN(line_exps)(NULL, some[i].x, n, &some[i].top, ahead);
        for (int64_t i = 0; i < rows; i++) {
            const TK_FN(entropy_row) r = some[i];
            double loss = 0;
            if (r.target >= 0) {
                const double rest = log(sum[i]);
                loss = r.hard * (rest - ((double)r.x[r.target] - (double)r.top));
                if (r.smooth != 0)
                    loss += r.smooth * (r.total * rest -
                                        (r.weight ? TK_FN(centred_product)(r.weight, r.x, n, r.top)
                                                  : TK_FN(below_total)(r.x, n, r.top)));
            }
            ((T *)w->out)[lo + i] = (T)loss;
        }
    }
}

/* The slopes of a row, times g, of its exponentials and their sum. */
TK_OUTLINE void TK_FN(entropy_slopes)(T *e, const TK_FN(entropy_row) *r, int64_t n, double g,
                                      double sum)
{
    if (r->target < 0) {
        memset(e, 0, (size_t)n * sizeof(T));
        return;
    }
    const V scale = v_set((T)(g * (r->hard + r->smooth * r->total) / sum));
    const V smooth = v_set((T)(g * r->smooth));
    for (int64_t i = 0; i < n; i += W) {
        const int left = n - i < W ? (int)(n - i) : W;
        const V share = TK_FN(row_load)(r->weight, i, left, 1), p = TK_FN(row_load)(e, i, left, 0);
        TK_FN(row_store)(e, i, left, p * scale - share * smooth);
    }
    e[r->target] -= (T)(g * r->hard);
}

/* With p = softmax(x): (hard + smooth W) p - smooth w, less hard at the label. What goes past the caches is
 * kept until it is complete. */
static void TK_FN(cross_entropy_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_entropy_work *w = work;
    const int64_t n = w->classes;
    if (TK_FN(entropy_across)(w, lo, hi)) {
        if (w->streams)
            tk_stream_end();
        return;
    }
    TK_FN(entropy_row) some[TK_BLOCK_LINES];
    double sum[TK_BLOCK_LINES] = {0}; /* of an ignored row there is none */
    _Alignas(64) T kept[TK_FN(most_kept)];
    tk_pieces waiting = {.held = 0};
    const int streams = w->streams && n <= (int64_t)TK_FN(most_kept);
    for (int64_t rows; lo < hi; lo += rows) {
        T *const first = (T *)w->out + lo * n, *out = streams ? kept : first;
        rows = TK_FN(entropy_starts)(w, lo, hi, some);
        const int64_t ahead = tk_ahead(rows * n, (hi - lo) * n);
        /* One row behind: it is stored while the next exponentials are computed. */
        for (int64_t i = 0, at = 0; i <= rows; i++, at += n) {
            if (i < rows && some[i].target >= 0)
                sum[i] = TK_FN(line_exps)(out + at, some[i].x, n, &some[i].top, ahead);
            if (i == 0)
                continue;
            T *const e = out + at - n;
            const double g = (double)((const T *)w->gradient)[lo + i - 1];
            TK_FN(entropy_slopes)(e, some + i - 1, n, g, sum[i - 1]);
            if (streams)
                tk_put_piece(&waiting, (char *)(first + at - n), (const char *)e,
                             n * (int64_t)sizeof(T));
        }
    }
    if (streams)
        tk_end_pieces(&waiting);
}
#undef FEW_CLASSES
#endif
