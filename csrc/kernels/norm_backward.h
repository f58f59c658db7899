/* Backward passes of normalisation by layer and group. Included once per floating type, by norm.h. */

/* With h = (x - mean) rstd and d = g weight: dx = rstd (d - mean(d) - h mean(d h)), where the mean is
 * 0 rstd (d - h mean(d h)); dweight = the sum over rows of g h, dbias = that of g; of a group here
 * those of its row. */
TK_OUTLINE void TK_FN(norm_group_backward)(const tk_norm_work *w, int64_t row, tk_pieces *pieces)
{
    const int64_t n = w->length, many = w->channels, size = n / many;
    const T *x = (const T *)w->x + row * n, *g = (const T *)w->gradient + row * n;
    const T *weight = w->weight ? (const T *)w->weight + row % w->groups * many : NULL;
    T *dweight = (T *)w->dweight, *dbias = (T *)w->dbias, *dx = (T *)w->out + row * n;
    const T mean = ((const T *)w->mean)[row], rstd = ((const T *)w->rstd)[row];
    double sum = 0, product = 0;
    for (int64_t c = 0; c < many; c++) {
        const double scale = weight ? (double)weight[c] : 1;
        double first = 0, second = 0;
        TK_FN(line_slopes)(x + c * size, g + c * size, NULL, size, mean, &first, &second);
        sum += first * scale;
        product += second * scale;
        if (dweight)
            dweight[row * many + c] = (T)(second * (double)rstd);
        if (dbias)
            dbias[row * many + c] = (T)first;
    }
    const double gain = (double)rstd, less = gain * sum / (double)n;
    const double slope = gain * gain * gain * product / (double)n;
    for (int64_t c = 0; c < many; c++, x += size, g += size, dx += size) {
        const T p[4] = {mean, weight ? rstd * weight[c] : rstd, (T)less, (T)slope};
        TK_FN(norm_piece_backward)(dx, x, g, size, p, pieces);
    }
}

/* Of `rows` lines, `step` elements apart, in `to` to_step, n columns: p has the mean, rstd, mean(d)
 * and mean(d h) of each line. dweight and dbias are added to unless `fresh`; both may be NULL. */
TK_INLINE void TK_FN(norm_lines_slopes)(T *to, int64_t to_step, const T *x, const T *g,
                                        const T *weight, T *dweight, T *dbias, int64_t rows,
                                        int64_t step, int64_t n, T (*p)[TK_BLOCK_LINES], int fresh,
                                        int64_t ahead, const int fetches)
{
    for (int64_t i = 0; i < n; i += W) {
        const int left = n - i < W ? (int)(n - i) : W;
        const V scale = TK_FN(row_load)(weight, i, left, 1);
        V dw = TK_FN(row_load)(fresh ? NULL : dweight, i, left, 0);
        V db = TK_FN(row_load)(fresh ? NULL : dbias, i, left, 0);
        for (int64_t r = 0; r < rows; r++) {
            const V mean = v_set(p[0][r]), gain = v_set(p[1][r]);
            const V less = v_set(p[2][r]), slope = v_set(p[3][r]);
            if (fetches) {
                __builtin_prefetch(g + r * step + i + ahead);
                __builtin_prefetch(x + r * step + i + ahead);
            }
            const V gradient = TK_FN(row_load)(g + r * step, i, left, 0);
            V h = TK_FN(row_load)(x + r * step, i, left, 0);
            h = (h - mean) * gain;
            dw += gradient * h;
            db += gradient;
            TK_FN(row_store)
            (to + r * to_step, i, left, gain * (gradient * scale - less - h * slope));
        }
        if (dweight)
            TK_FN(row_store)(dweight, i, left, dw);
        if (dbias)
            TK_FN(row_store)(dbias, i, left, db);
    }
}

TK_OUTLINE void TK_FN(norm_lines_backward)(T *to, int64_t to_step, const T *x, const T *g,
                                           const T *weight, T *dweight, T *dbias, int64_t rows,
                                           int64_t step, int64_t n, T (*p)[TK_BLOCK_LINES], int fresh,
                                           int64_t ahead)
{
    if (ahead)
        TK_FN(norm_lines_slopes)
        (to, to_step, x, g, weight, dweight, dbias, rows, step, n, p, fresh, ahead, 1);
    else
        TK_FN(norm_lines_slopes)
        (to, to_step, x, g, weight, dweight, dbias, rows, step, n, p, fresh, 0, 0);
}

/* A unit's short rows go in blocks of TK_LANES, which are turned to columns and back. A block is always
 * full: rows of zeros, which count for nothing, follow the last. The gradients of weight and bias are summed
 * in 64 bytes of lanes, in the order of rows. */
enum { TK_FN(short_sums) = 64 / TK_VECTOR_BYTES };

typedef struct TK_FN(short_sum) {
    V weight[TK_FN(short_sums)], bias[TK_FN(short_sums)];
} TK_FN(short_sum);

/* Turned lines of a gradient g and of x become the gradient of x; adds to sum, one for each column. */
TK_INLINE void TK_FN(short_block_backward)(T *x, const T *g, const T *weight, int64_t n,
                                           const T *means, const T *rstds, const int centred,
                                           TK_FN(short_sum) *sum)
{
    enum { SUMS = TK_FN(short_sums) };
    const V count = v_set((T)n);
    V mean[TK_VECTORS], gain[TK_VECTORS], less[TK_VECTORS], slope[TK_VECTORS];
    TK_EACH_VECTOR(v)
    {
        V s = v_set(0), p = v_set(0);
        mean[v] = v_load(means + v * W);
        gain[v] = v_load(rstds + v * W);
        for (int64_t i = 0; i < n; i++) {
            V d = v_load(g + i * TK_LANES + v * W);
            if (weight)
                d *= v_set(weight[i]);
            TK_FN(slopes)(v_load(x + i * TK_LANES + v * W), d, mean[v], &s, &p);
        }
        less[v] = centred ? s / count : v_set(0);
        slope[v] = p * gain[v] / count;
    }
    for (int64_t i = 0; i < n; i++, x += TK_LANES, g += TK_LANES) {
        const V scale = v_set(weight ? weight[i] : 1);
        TK_EACH_VECTOR(v)
        {
            const V d = v_load(g + v * W), h = (v_load(x + v * W) - mean[v]) * gain[v];
            sum[i].weight[v % SUMS] += d * h;
            sum[i].bias[v % SUMS] += d;
            v_store(x + v * W, gain[v] * (d * scale - less[v] - h * slope[v]));
        }
    }
}

/* The sum over 64 bytes of lanes. */
TK_INLINE T TK_FN(fold_short)(V *sum)
{
#pragma GCC unroll 4
    for (int half = TK_FN(short_sums) / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++)
            sum[v] += sum[v + half];
    return TK_FN(fold)(sum[0], TK_FN(added));
}

/* n lines of `length` elements turned to the columns of a full block. */
TK_INLINE void TK_FN(turn_block)(T *columns, T *lines, const T *x, int64_t length, int64_t n)
{
    if (n < TK_LANES || length < TK_MOST_SIDE) {
        memcpy(lines, x, (size_t)(n * length) * sizeof(T));
        memset(lines + n * length, 0, (size_t)((TK_LANES - n) * length) * sizeof(T));
        x = lines;
    }
    tk_turn_short((char *)columns, (const char *)x, length, TK_LANES, 0, sizeof(T));
}

/* A number for each line of a block: those of the first n, if they are given, else 0. */
TK_INLINE void TK_FN(fill_block)(T *out, const T *x, int64_t n)
{
    memset(out, 0, TK_LANES * sizeof(T));
    if (x)
        memcpy(out, x, (size_t)n * sizeof(T));
}

TK_OUTLINE void TK_FN(norm_short_backward)(const tk_norm_work *w, int64_t unit)
{
    _Alignas(64) T lines[TK_SHORT_LINE * TK_LANES + TK_MOST_SIDE];
    _Alignas(64) T x[TK_SHORT_LINE * TK_LANES], g[TK_SHORT_LINE * TK_LANES];
    _Alignas(64) T mean[TK_LANES], rstd[TK_LANES];
    TK_FN(short_sum) sum[TK_SHORT_LINE];
    const int64_t n = w->length, start = unit * TK_SHORT_NORM_ROWS, left = w->rows - start;
    const int64_t end = left < TK_SHORT_NORM_ROWS ? w->rows : start + TK_SHORT_NORM_ROWS;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t row = start, rows; row < end; row += rows) {
        rows = end - row < TK_LANES ? end - row : TK_LANES;
        TK_FN(turn_block)(x, lines, (const T *)w->x + row * n, n, rows);
        TK_FN(turn_block)(g, lines, (const T *)w->gradient + row * n, n, rows);
        TK_FN(fill_block)(mean, w->mean ? (const T *)w->mean + row : NULL, rows);
        TK_FN(fill_block)(rstd, (const T *)w->rstd + row, rows);
        TK_FN(short_block_backward)(x, g, (const T *)w->weight, n, mean, rstd, w->mean != NULL, sum);
        tk_turn_short((char *)lines, (const char *)x, n, TK_LANES, 1, sizeof(T));
        tk_copy_rows((char *)((T *)w->out + row * n), 0, (const char *)lines, 0, 1,
                     rows * n * (int64_t)sizeof(T), w->streams);
    }
    for (int64_t i = 0; i < n && w->dweight; i++)
        ((T *)w->dweight)[unit * n + i] = TK_FN(fold_short)(sum[i].weight);
    for (int64_t i = 0; i < n && w->dbias; i++)
        ((T *)w->dbias)[unit * n + i] = TK_FN(fold_short)(sum[i].bias);
}

/* A unit's rows: each group is a row of a sample. */
TK_OUTLINE void TK_FN(norm_rows_backward)(const tk_norm_work *w, int64_t unit, tk_pieces *pieces)
{
    _Alignas(64) T part[TK_LINES_ELEMENTS];
    const int64_t n = w->length, groups = w->groups ? w->groups : 1, step = groups * n;
    const int64_t group = unit % groups, start = unit / groups * TK_NORM_ROWS;
    const int64_t samples = w->rows / groups;
    const int64_t end = start + TK_NORM_ROWS < samples ? start + TK_NORM_ROWS : samples;
    const T *weight = w->weight ? (const T *)w->weight + group * n : NULL;
    T *dweight = w->dweight ? (T *)w->dweight + unit * n : NULL;
    T *dbias = w->dbias ? (T *)w->dbias + unit * n : NULL;
    for (int64_t sample = start, rows; sample < end; sample += rows) {
        const int64_t at = sample * step + group * n;
        const T *x = (const T *)w->x + at, *g = (const T *)w->gradient + at;
        T *dx = (T *)w->out + at, p[4][TK_BLOCK_LINES] = {{0}};
        double sum[TK_BLOCK_LINES] = {0}, product[TK_BLOCK_LINES] = {0};
        rows = tk_lines_together(n, end - sample);
        const int64_t ahead = groups == 1 ? tk_ahead(rows * n, w->rows * n)
                                          : tk_ahead(1, w->rows * n) * rows * step; /* lie apart */
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = (sample + r) * groups + group;
            p[0][r] = w->mean ? ((const T *)w->mean)[row] : 0;
            p[1][r] = ((const T *)w->rstd)[row];
            TK_FN(line_slopes)
            (x + r * step, g + r * step, weight, n, p[0][r], sum + r, product + r);
        }
        TK_EACH_LINE(r)
        {
            p[2][r] = w->mean ? (T)(sum[r] / (double)n) : 0;
            p[3][r] = (T)(product[r] * (double)p[1][r] / (double)n);
        }
        for (int64_t i = 0, some; i < n; i += some) {
            some = pieces && n - i > TK_LINES_ELEMENTS ? TK_LINES_ELEMENTS : n - i;
            TK_FN(norm_lines_backward)
            (pieces ? part : dx + i, pieces ? some : step, x + i, g + i,
             weight ? weight + i : NULL, dweight ? dweight + i : NULL, dbias ? dbias + i : NULL,
             rows, step, some, p, sample == start, ahead);
            const int64_t joined = some == step ? rows : 1; /* lie side by side */
            for (int64_t r = 0; r < rows && pieces; r += joined)
                tk_put_piece(pieces, (char *)(dx + r * step + i), (const char *)(part + r * some),
                             joined * some * (int64_t)sizeof(T));
        }
    }
}

static void TK_FN(layer_norm_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_norm_work *w = work;
    tk_pieces waiting = {.held = 0}, *const pieces = w->streams ? &waiting : NULL;
    for (; lo < hi; lo++)
        if (w->columns)
            TK_FN(norm_sample_backward)(w, lo);
        else if (w->channels)
            TK_FN(norm_group_backward)(w, lo, pieces);
        else if (tk_are_short_rows(w))
            TK_FN(norm_short_backward)(w, lo);
        else
            TK_FN(norm_rows_backward)(w, lo, pieces);
    if (pieces)
        tk_end_pieces(pieces);
}
