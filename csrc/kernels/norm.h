/* Layer normalisation: Ba, Kiros and Hinton 2016. Included once per floating type.
 *
 * Sums over a row go chunk by chunk, the chunks' sums in double. */
#define LANES ((int)(256 / sizeof(T)))
#define VECTORS (LANES / W)
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

/* The sum of a[i] * (x[i] - mean), as a line is reduced. */
TK_OUTLINE T TK_FN(centred_product)(const T *a, const T *x, int64_t n, T mean)
{
    V acc[VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < VECTORS; v++)
        acc[v] = v_set(0);
    T padded_a[LANES], padded_x[LANES];
    const T *end = a + n / LANES * LANES, *end_x = x + n / LANES * LANES;
    int64_t blocks = (n + LANES - 1) / LANES;
    n %= LANES;
    if (n > 0)
        for (int i = 0; i < LANES; i += W) {
            v_store(padded_a + i, TK_FN(load_filled)(end + i, n - i, 0));
            v_store(padded_x + i, TK_FN(load_filled)(end_x + i, n - i, mean));
        }
    for (; blocks > 0; blocks--, a += LANES, x += LANES) {
        if (a == end) {
            a = padded_a;
            x = padded_x;
        }
#pragma GCC unroll 16
        for (int v = 0; v < VECTORS; v++)
            acc[v] += v_load(a + v * W) * (v_load(x + v * W) - v_set(mean));
    }
#pragma GCC unroll 4
    for (int half = VECTORS / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
        for (int v = 0; v < half; v++)
            acc[v] += acc[v + half];
    }
    return TK_FN(fold)(acc[0], TK_FN(added));
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
        T mean = (T)(TK_FN(row_total)(x, n, TK_FN(sum_line), NULL) / (double)n);
        /* The mean of what is left corrects it: nearly equal elements are scaled up a lot. */
        mean = (T)((double)mean +
                   TK_FN(row_total)(x, n, TK_FN(difference_line), &mean) / (double)n);
        double square = TK_FN(row_total)(x, n, TK_FN(deviation_line), &mean);
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
            double product = 0, sum = TK_FN(row_total)(dx, n, TK_FN(sum_line), NULL);
            for (int64_t i = 0; i < n; i += CHUNK)
                product += (double)TK_FN(centred_product)(dx + i, x + i,
                                                          n - i < CHUNK ? n - i : CHUNK, mean);
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
#undef LANES
#undef VECTORS
#undef CHUNK
