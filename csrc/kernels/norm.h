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

/* Of some rows, one behind the other, the means and the sums of squared distances to them. The mean
 * of what is left corrects the first: nearly equal elements are scaled up a lot. */
TK_OUTLINE void TK_FN(row_means)(const T *x, int64_t n, int64_t rows, T *mean, double *square)
{
    for (int64_t r = 0; r < rows; r++)
        mean[r] = (T)(TK_FN(row_total)(x + r * n, n, TK_FN(sum_line), NULL) / (double)n);
    for (int64_t r = 0; r < rows; r++)
        mean[r] = (T)((double)mean[r] +
                      TK_FN(row_total)(x + r * n, n, TK_FN(difference_line), mean + r) / (double)n);
    for (int64_t r = 0; r < rows; r++)
        square[r] = TK_FN(row_total)(x + r * n, n, TK_FN(deviation_line), mean + r);
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
    for (int64_t rows; lo < hi; lo += rows) {
        const T *x = (const T *)w->x + lo * n;
        T *y = (T *)w->out + lo * n, *mean = (T *)w->mean + lo, *rstd = (T *)w->rstd + lo;
        double square[TK_BLOCK_LINES];
        rows = tk_lines_together(n, hi - lo);
        TK_FN(row_means)(x, n, rows, mean, square);
        for (int64_t r = 0; r < rows; r++)
            rstd[r] = (T)(1 / sqrt(square[r] / (double)n + w->eps));
        for (int64_t r = 0; r < rows; r++, x += n, y += n) {
            const V centre = v_set(mean[r]), gain = v_set(rstd[r]);
            for (int64_t i = 0; i < n; i += W) {
                int left = n - i < W ? (int)(n - i) : W;
                V d = TK_FN(row_load)(x, i, left, 0);
                V scale = TK_FN(row_load)(weight, i, left, 1);
                V shift = TK_FN(row_load)(bias, i, left, 0);
                d = (d - centre) * gain;
                TK_FN(row_store)(y, i, left, d * scale + shift);
            }
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
        const int64_t start = lo * TK_NORM_ROWS;
        const int64_t end = start + TK_NORM_ROWS < w->rows ? start + TK_NORM_ROWS : w->rows;
        T *dweight = w->dweight ? (T *)w->dweight + lo * n : NULL;
        T *dbias = w->dbias ? (T *)w->dbias + lo * n : NULL;
        for (int64_t row = start, rows; row < end; row += rows) {
            const T *x = (const T *)w->x + row * n, *g = (const T *)w->gradient + row * n;
            const T *mean = (const T *)w->mean + row, *rstd = (const T *)w->rstd + row;
            T *dx = (T *)w->out + row * n, a[TK_BLOCK_LINES], b[TK_BLOCK_LINES];
            rows = tk_lines_together(n, end - row);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t i = 0; i < n; i += W) {
                    int left = n - i < W ? (int)(n - i) : W;
                    V scale = TK_FN(row_load)(weight, i, left, 1);
                    TK_FN(row_store)
                    (dx + r * n, i, left, TK_FN(row_load)(g + r * n, i, left, 0) * scale);
                }
            for (int64_t r = 0; r < rows; r++)
                b[r] = (T)(TK_FN(centred_product)(dx + r * n, x + r * n, n, mean[r]) *
                           (double)rstd[r] / (double)n);
            for (int64_t r = 0; r < rows; r++)
                a[r] = (T)(TK_FN(row_total)(dx + r * n, n, TK_FN(sum_line), NULL) / (double)n);
            for (int64_t r = 0; r < rows; r++, x += n, g += n, dx += n) {
                const int first = row + r == start;
                const V centre = v_set(mean[r]), gain = v_set(rstd[r]);
                const V p = v_set(a[r]), q = v_set(b[r]);
                for (int64_t i = 0; i < n; i += W) {
                    int left = n - i < W ? (int)(n - i) : W;
                    V h = TK_FN(row_load)(x, i, left, 0), d = TK_FN(row_load)(dx, i, left, 0);
                    V gradient = TK_FN(row_load)(g, i, left, 0);
                    V dw = TK_FN(row_load)(first ? NULL : dweight, i, left, 0);
                    V db = TK_FN(row_load)(first ? NULL : dbias, i, left, 0);
                    h = (h - centre) * gain;
                    dw += gradient * h;
                    db += gradient;
                    TK_FN(row_store)(dx, i, left, gain * (d - p - h * q));
                    if (dweight)
                        TK_FN(row_store)(dweight, i, left, dw);
                    if (dbias)
                        TK_FN(row_store)(dbias, i, left, db);
                }
            }
        }
    }
}

/* Batch normalisation, Ioffe and Szegedy 2015. What a channel's elements are multiplied by and what
 * is then added to their distance from the mean, and the statistics that are kept. */
TK_INLINE void TK_FN(batch_channel)(const tk_batch_work *w, int64_t channel, T mean, double square,
                                    T *scale, T *shift)
{
    const int64_t n = w->length;
    const double variance = square / (double)n;
    *scale = (T)(1 / sqrt(variance + w->eps)) * (w->weight ? ((const T *)w->weight)[channel] : 1);
    *shift = w->bias ? ((const T *)w->bias)[channel] : 0;
    ((T *)w->mean)[channel] = mean;
    ((T *)w->variance)[channel] = (T)variance;
    if (w->running_mean) {
        T *running = (T *)w->running_mean + channel;
        *running = (T)((1 - w->momentum) * (double)*running + w->momentum * (double)mean);
    }
    if (w->running_var) {
        T *running = (T *)w->running_var + channel;
        *running = (T)((1 - w->momentum) * (double)*running +
                       w->momentum * (square / (double)(n - 1)));
    }
}

/* The gradient is scale (g - less - (x - mean) slope); the sums are of g and of g (x - mean). */
TK_INLINE void TK_FN(batch_slopes)(const tk_batch_work *w, int64_t channel, double sum,
                                   double product, T *scale, T *less, T *slope)
{
    const double n = (double)w->length;
    const double rstd = 1 / sqrt((double)((const T *)w->variance)[channel] + w->eps);
    *scale = (T)(rstd * (w->weight ? (double)((const T *)w->weight)[channel] : 1));
    *less = (T)(sum / n);
    *slope = (T)(rstd * rstd * product / n);
    ((T *)w->dweight)[channel] = (T)(product * rstd);
    ((T *)w->dbias)[channel] = (T)sum;
}

/* Channels side by side, [length][channels]: some of them at a time, as columns. */
enum { TK_FN(batch_columns) = 64 }; /* four cache lines of each row; the parameters stay in L1 */

/* The sums down n columns, chunk by chunk, those of the chunks in double. */
TK_OUTLINE void TK_FN(column_totals)(const T *x, int64_t step, int64_t rows, int64_t n,
                                     tk_column_fn *columns, const T *pivot, double *total)
{
    enum { GROUP = 8 };
    T chunk[TK_FN(batch_columns)];
    for (int64_t i = 0; i < n; i++)
        total[i] = 0;
    for (int64_t start = 0; start < rows; start += TK_CHUNK_ROWS) {
        const int64_t end = rows - start < TK_CHUNK_ROWS ? rows : start + TK_CHUNK_ROWS;
        for (int64_t r = start; r < end; r += GROUP) {
            const char *row[GROUP];
            const int some = end - r < GROUP ? (int)(end - r) : GROUP;
            for (int k = 0; k < some; k++)
                row[k] = (const char *)(x + (r + k) * step);
            columns(chunk, row, some, n, r == start, pivot);
        }
        for (int64_t i = 0; i < n; i++)
            total[i] += (double)chunk[i];
    }
}

TK_OUTLINE void TK_FN(batch_norm_columns)(const tk_batch_work *w, int64_t channel, int64_t n)
{
    enum { MOST = TK_FN(batch_columns) };
    const int64_t rows = w->length, step = w->channels;
    const T *x = (const T *)w->x + channel;
    T *y = (T *)w->out + channel, mean[MOST], scale[MOST], shift[MOST];
    double total[MOST];
    TK_FN(column_totals)(x, step, rows, n, TK_FN(sum_columns), NULL, total);
    for (int64_t i = 0; i < n; i++)
        mean[i] = (T)(total[i] / (double)rows);
    TK_FN(column_totals)(x, step, rows, n, TK_FN(difference_columns), mean, total);
    for (int64_t i = 0; i < n; i++)
        mean[i] = (T)((double)mean[i] + total[i] / (double)rows);
    TK_FN(column_totals)(x, step, rows, n, TK_FN(deviation_columns), mean, total);
    for (int64_t i = 0; i < n; i++)
        TK_FN(batch_channel)(w, channel + i, mean[i], total[i], scale + i, shift + i);
    for (int64_t r = 0; r < rows; r++, x += step, y += step)
        for (int64_t i = 0; i < n; i += W) {
            const int left = n - i < W ? (int)(n - i) : W;
            V d = TK_FN(row_load)(x, i, left, 0), m = TK_FN(row_load)(mean, i, left, 0);
            V gain = TK_FN(row_load)(scale, i, left, 0), bias = TK_FN(row_load)(shift, i, left, 0);
            TK_FN(row_store)(y, i, left, (d - m) * gain + bias);
        }
}

TK_OUTLINE void TK_FN(batch_norm_backward_columns)(const tk_batch_work *w, int64_t channel,
                                                   int64_t n)
{
    enum { MOST = TK_FN(batch_columns), GROUP = 8 };
    const int64_t rows = w->length, step = w->channels;
    const T *x = (const T *)w->x + channel, *g = (const T *)w->gradient + channel;
    const T *mean = (const T *)w->mean + channel;
    T *dx = (T *)w->out + channel, product[MOST], scale[MOST], less[MOST], slope[MOST];
    double sums[MOST], products[MOST] = {0};
    TK_FN(column_totals)(g, step, rows, n, TK_FN(sum_columns), NULL, sums);
    for (int64_t start = 0; start < rows; start += TK_CHUNK_ROWS) {
        const int64_t end = rows - start < TK_CHUNK_ROWS ? rows : start + TK_CHUNK_ROWS;
        memset(product, 0, sizeof product);
        for (int64_t r = start; r < end; r += GROUP)
            for (int64_t i = 0; i < n; i += W) {
                const int left = n - i < W ? (int)(n - i) : W;
                const V m = TK_FN(row_load)(mean, i, left, 0);
                V group = v_set(0);
                for (int64_t k = r; k < r + GROUP && k < end; k++) {
                    V d = TK_FN(row_load)(x + k * step, i, left, 0);
                    group += TK_FN(row_load)(g + k * step, i, left, 0) * (d - m);
                }
                TK_FN(row_store)
                (product, i, left, TK_FN(row_load)(product, i, left, 0) + group);
            }
        for (int64_t i = 0; i < n; i++)
            products[i] += (double)product[i];
    }
    for (int64_t i = 0; i < n; i++)
        TK_FN(batch_slopes)
        (w, channel + i, sums[i], products[i], scale + i, less + i, slope + i);
    for (int64_t r = 0; r < rows; r++, x += step, g += step, dx += step)
        for (int64_t i = 0; i < n; i += W) {
            const int left = n - i < W ? (int)(n - i) : W;
            V d = TK_FN(row_load)(x, i, left, 0), gradient = TK_FN(row_load)(g, i, left, 0);
            V m = TK_FN(row_load)(mean, i, left, 0), gain = TK_FN(row_load)(scale, i, left, 0);
            V a = TK_FN(row_load)(less, i, left, 0), b = TK_FN(row_load)(slope, i, left, 0);
            d = d - m;
            TK_FN(row_store)(dx, i, left, gain * (gradient - a - d * b));
        }
}

static void TK_FN(batch_norm)(const void *work, int64_t lo, int64_t hi)
{
    const tk_batch_work *w = work;
    const int64_t n = w->length;
    for (int64_t some; lo < hi; lo += some) {
        some = !w->channels ? 1 : hi - lo < TK_FN(batch_columns) ? hi - lo : TK_FN(batch_columns);
        if (w->channels) {
            TK_FN(batch_norm_columns)(w, lo, some);
            continue;
        }
        const T *x = (const T *)w->x + lo * n;
        T *y = (T *)w->out + lo * n, mean, scale, shift;
        double square;
        TK_FN(row_means)(x, n, 1, &mean, &square);
        TK_FN(batch_channel)(w, lo, mean, square, &scale, &shift);
        const V m = v_set(mean), gain = v_set(scale), bias = v_set(shift);
        for (int64_t i = 0; i < n; i += W) {
            int left = n - i < W ? (int)(n - i) : W;
            V r = TK_FN(row_load)(x, i, left, 0);
            TK_FN(row_store)(y, i, left, (r - m) * gain + bias);
        }
    }
}

/* With d = x - mean: dx = weight rstd (g - mean(g) - d rstd^2 mean(g d)). */
static void TK_FN(batch_norm_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_batch_work *w = work;
    const int64_t n = w->length;
    for (int64_t some; lo < hi; lo += some) {
        some = !w->channels ? 1 : hi - lo < TK_FN(batch_columns) ? hi - lo : TK_FN(batch_columns);
        if (w->channels) {
            TK_FN(batch_norm_backward_columns)(w, lo, some);
            continue;
        }
        const T *x = (const T *)w->x + lo * n, *g = (const T *)w->gradient + lo * n;
        T *dx = (T *)w->out + lo * n, scale, less, slope;
        const T mean = ((const T *)w->mean)[lo];
        const double sum = TK_FN(row_total)(g, n, TK_FN(sum_line), NULL);
        const double product = TK_FN(centred_product)(g, x, n, mean);
        TK_FN(batch_slopes)(w, lo, sum, product, &scale, &less, &slope);
        const V m = v_set(mean), gain = v_set(scale), a = v_set(less), b = v_set(slope);
        for (int64_t i = 0; i < n; i += W) {
            int left = n - i < W ? (int)(n - i) : W;
            V d = TK_FN(row_load)(x, i, left, 0), gradient = TK_FN(row_load)(g, i, left, 0);
            d = d - m;
            TK_FN(row_store)(dx, i, left, gain * (gradient - a - d * b));
        }
    }
}
#undef CHUNK
