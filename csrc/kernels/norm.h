/* Layer normalisation, Ba, Kiros and Hinton 2016; and by batch. Included once per floating type.
 *
 * Sums over a row go chunk by chunk, the chunks' sums in double. */
#define CHUNK ((int64_t)(TK_CHUNK_BYTES / sizeof(T)))

TK_OUTLINE double TK_FN(row_total)(const T *x, int64_t n, tk_line_fn *line, const T *pivot)
{
    double total = 0;
    for (; n > 0; n -= CHUNK, x += CHUNK) {
        T part;
        line(&part, x, n < CHUNK ? n : CHUNK, pivot);
        total += (double)part;
    }
    return total;
}

TK_INLINE V TK_FN(centred)(V a, V x, V mean)
{
    return a * (x - mean);
}

/* The sum of a[i] * (x[i] - mean). */
TK_OUTLINE double TK_FN(centred_product)(const T *a, const T *x, int64_t n, T mean)
{
    return TK_FN(sum_line_of)(NULL, a, x, n, 0, mean, TK_FN(centred));
}

/* The mean and the sum of squared distances to it. The mean of what is left corrects the first:
 * nearly equal elements are scaled up a lot. */
TK_INLINE T TK_FN(row_mean)(const T *x, int64_t n, double *square)
{
    T mean = (T)(TK_FN(row_total)(x, n, TK_FN(sum_line), NULL) / (double)n);
    mean =
        (T)((double)mean + TK_FN(row_total)(x, n, TK_FN(difference_line), &mean) / (double)n);
    *square = TK_FN(row_total)(x, n, TK_FN(deviation_line), &mean);
    return mean;
}

/* W elements of a row, or the `left` that remain; `otherwise` where p is NULL. Loads branch, and so
 * stand before the arithmetic: a branch between a product and a sum would keep them from fusing on
 * one instruction set and not on another. */
TK_INLINE V TK_FN(row_load)(const T *p, int64_t i, int left, T otherwise)
{
    if (!p)
        return v_set(otherwise);
    return __builtin_expect(left == W, 1) ? v_load(p + i) : v_load_part(p + i, left);
}

TK_INLINE void TK_FN(row_store)(T *p, int64_t i, int left, V v)
{
    if (__builtin_expect(left == W, 1))
        v_store(p + i, v);
    else
        v_store_part(p + i, v, left);
}

static void TK_FN(layer_norm)(const void *work, int64_t lo, int64_t hi)
{
    const tk_norm_work *w = work;
    const int64_t n = w->length;
    const T *weight = (const T *)w->weight, *bias = (const T *)w->bias;
    for (; lo < hi; lo++) {
        const T *x = (const T *)w->x + lo * n;
        T *y = (T *)w->out + lo * n;
        double square;
        T mean = TK_FN(row_mean)(x, n, &square);
        T rstd = (T)(1 / sqrt(square / (double)n + w->eps));
        ((T *)w->mean)[lo] = mean;
        ((T *)w->rstd)[lo] = rstd;
        for (int64_t i = 0; i < n; i += W) {
            int left = n - i < W ? (int)(n - i) : W;
            V r = TK_FN(row_load)(x, i, left, 0);
            V scale = TK_FN(row_load)(weight, i, left, 1);
            V shift = TK_FN(row_load)(bias, i, left, 0);
            r = (r - v_set(mean)) * v_set(rstd);
            TK_FN(row_store)(y, i, left, r * scale + shift);
        }
    }
}

/* With h = (x - mean) rstd and d = g weight: dx = rstd (d - mean(d) - h mean(d h)),
 * dweight = the sum over rows of g h, dbias = that of g; here the sums of a unit's rows. */
static void TK_FN(layer_norm_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_norm_work *w = work;
    const int64_t n = w->length;
    const T *weight = (const T *)w->weight;
    for (; lo < hi; lo++) {
        int64_t row = lo * TK_NORM_ROWS, end = row + TK_NORM_ROWS;
        T *dweight = w->dweight ? (T *)w->dweight + lo * n : NULL;
        T *dbias = w->dbias ? (T *)w->dbias + lo * n : NULL;
        for (int first = 1; row < end && row < w->rows; row++, first = 0) {
            const T *x = (const T *)w->x + row * n, *g = (const T *)w->gradient + row * n;
            T *dx = (T *)w->out + row * n;
            const T mean = ((const T *)w->mean)[row], rstd = ((const T *)w->rstd)[row];
            for (int64_t i = 0; i < n; i += W) {
                int left = n - i < W ? (int)(n - i) : W;
                TK_FN(row_store)
                (dx, i, left,
                 TK_FN(row_load)(g, i, left, 0) * TK_FN(row_load)(weight, i, left, 1));
            }
            double product = TK_FN(centred_product)(dx, x, n, mean),
                   sum = TK_FN(row_total)(dx, n, TK_FN(sum_line), NULL);
            const V a = v_set((T)(sum / (double)n));
            const V b = v_set((T)(product * (double)rstd / (double)n));
            for (int64_t i = 0; i < n; i += W) {
                int left = n - i < W ? (int)(n - i) : W;
                V h = TK_FN(row_load)(x, i, left, 0), d = TK_FN(row_load)(dx, i, left, 0);
                V gradient = TK_FN(row_load)(g, i, left, 0);
                V dw = TK_FN(row_load)(first ? NULL : dweight, i, left, 0);
                V db = TK_FN(row_load)(first ? NULL : dbias, i, left, 0);
                h = (h - v_set(mean)) * v_set(rstd);
                dw += gradient * h;
                db += gradient;
                TK_FN(row_store)(dx, i, left, v_set(rstd) * (d - a - h * b));
                if (dweight)
                    TK_FN(row_store)(dweight, i, left, dw);
                if (dbias)
                    TK_FN(row_store)(dbias, i, left, db);
            }
        }
    }
}

/* Batch normalisation, Ioffe and Szegedy 2015: a row is a channel. */
static void TK_FN(batch_norm)(const void *work, int64_t lo, int64_t hi)
{
    const tk_batch_work *w = work;
    const int64_t n = w->length;
    for (; lo < hi; lo++) {
        const T *x = (const T *)w->x + lo * n;
        T *y = (T *)w->out + lo * n;
        double square, variance;
        const T mean = TK_FN(row_mean)(x, n, &square);
        variance = square / (double)n;
        const T gain = w->weight ? ((const T *)w->weight)[lo] : 1;
        const T shift = w->bias ? ((const T *)w->bias)[lo] : 0;
        const T scale = (T)(1 / sqrt(variance + w->eps)) * gain;
        ((T *)w->mean)[lo] = mean;
        ((T *)w->variance)[lo] = (T)variance;
        if (w->running_mean) {
            T *running = (T *)w->running_mean + lo;
            *running = (T)((1 - w->momentum) * (double)*running + w->momentum * (double)mean);
        }
        if (w->running_var) {
            T *running = (T *)w->running_var + lo;
            *running = (T)((1 - w->momentum) * (double)*running +
                           w->momentum * (square / (double)(n - 1)));
        }
        for (int64_t i = 0; i < n; i += W) {
            int left = n - i < W ? (int)(n - i) : W;
            V r = TK_FN(row_load)(x, i, left, 0);
            TK_FN(row_store)(y, i, left, (r - v_set(mean)) * v_set(scale) + v_set(shift));
        }
    }
}

/* With d = x - mean: dx = weight rstd (g - mean(g) - d rstd^2 mean(g d)). */
static void TK_FN(batch_norm_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_batch_work *w = work;
    const int64_t n = w->length;
    for (; lo < hi; lo++) {
        const T *x = (const T *)w->x + lo * n, *g = (const T *)w->gradient + lo * n;
        T *dx = (T *)w->out + lo * n;
        const T mean = ((const T *)w->mean)[lo];
        const double rstd = 1 / sqrt((double)((const T *)w->variance)[lo] + w->eps);
        const double sum = TK_FN(row_total)(g, n, TK_FN(sum_line), NULL);
        const double product = TK_FN(centred_product)(g, x, n, mean);
        const V scale = v_set((T)(rstd * (w->weight ? (double)((const T *)w->weight)[lo] : 1)));
        const V a = v_set((T)(sum / (double)n)), b = v_set((T)(rstd * rstd * product / (double)n));
        ((T *)w->dweight)[lo] = (T)(product * rstd);
        ((T *)w->dbias)[lo] = (T)sum;
        for (int64_t i = 0; i < n; i += W) {
            int left = n - i < W ? (int)(n - i) : W;
            V d = TK_FN(row_load)(x, i, left, 0), gradient = TK_FN(row_load)(g, i, left, 0);
            d = d - v_set(mean);
            TK_FN(row_store)(dx, i, left, scale * (gradient - a - d * b));
        }
    }
}
#undef CHUNK
