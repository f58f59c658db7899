/* Normalisation by layer, group and batch. Included once per floating type.
 *
 * Sums over a row go chunk by chunk, the chunks' sums in double. */
#define CHUNK ((int64_t)(TK_CHUNK_BYTES / sizeof(T)))
#define MANY_CHUNKS (TK_FETCHED_BYTES / TK_CHUNK_BYTES) /* come from behind the second cache */

TK_OUTLINE double TK_FN(row_total)(const T *x, int64_t n)
{
    T parts[MANY_CHUNKS];
    double total = 0;
    for (; n >= MANY_CHUNKS * CHUNK; n -= MANY_CHUNKS * CHUNK, x += MANY_CHUNKS * CHUNK) {
        TK_FN(sum_lines)(parts, x, CHUNK, CHUNK, MANY_CHUNKS, NULL);
        for (int i = 0; i < MANY_CHUNKS; i++)
            total += (double)parts[i];
    }
    for (; n > 0; n -= CHUNK, x += CHUNK) {
        T part;
        TK_FN(sum_line)(&part, x, n < CHUNK ? n : CHUNK, NULL);
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
    return TK_FN(sum_line_of)(NULL, a, x, n, 0, mean, NULL, TK_FN(centred));
}

/* Adds to two sums what x, y and p give. */
typedef void (*TK_FN(pair_fn))(V x, V y, V p, V *first, V *second);

TK_INLINE void TK_FN(distances)(V x, V y, V p, V *first, V *second)
{
    const V d = x - p;
    (void)y;
    *first += d;
    *second += d * d;
}

TK_INLINE void TK_FN(slopes)(V x, V g, V mean, V *first, V *second)
{
    *first += g;
    *second += g * (x - mean);
}

/* Both sums over x and y, whose elements are multiplied by those of weight, if there are any: at most
 * a chunk of them. In lanes of 128 bytes: of two sums, those of 256 would not fit 16 registers. They
 * start from 0: a first product left for the folding would be fused on some instruction sets only. Where it
 * fetches, what comes soon in x is asked for. */
TK_INLINE void TK_FN(pairs_asking)(const T *x, const T *y, const T *weight, int64_t n, T p,
                                   double *first, double *second, const int fetches,
                                   TK_FN(pair_fn) f)
{
    enum { VECTORS = 128 / TK_VECTOR_BYTES, LANES = 128 / sizeof(T) };
    V s[VECTORS], q[VECTORS];
    const int64_t full = n / LANES * LANES, rest = n - full;
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) {
        s[v] = q[v] = v_set(0);
        if (rest) {
            const int64_t at = full + v * W, left = n - at;
            V other = v_load_filled(y + at, left, 0);
            if (weight)
                other *= v_load_filled(weight + at, left, 0);
            f(v_load_filled(x + at, left, p), other, v_set(p), s + v, q + v);
        }
    }
    for (int64_t i = 0; i < full; i += LANES)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) {
            const int64_t at = i + v * W;
            if (fetches && v * TK_VECTOR_BYTES % 64 == 0)
                __builtin_prefetch((const char *)(x + at) + TK_ROW_AHEAD_BYTES);
            V other = v_load(y + at);
            if (weight)
                other *= v_load(weight + at);
            f(v_load(x + at), other, v_set(p), s + v, q + v);
        }
#pragma GCC unroll 4
    for (int half = VECTORS / 2; half > 0; half /= 2)
#pragma GCC unroll 4
        for (int v = 0; v < half; v++) {
            s[v] += s[v + half];
            q[v] += q[v + half];
        }
    *first += (double)TK_FN(fold)(s[0], TK_FN(added));
    *second += (double)TK_FN(fold)(q[0], TK_FN(added));
}

TK_INLINE void TK_FN(pairs_of_chunk)(const T *x, const T *y, const T *weight, int64_t n, T p,
                                     double *first, double *second, TK_FN(pair_fn) f)
{
    TK_FN(pairs_asking)(x, y, weight, n, p, first, second, 0, f);
}

/* The sums of the distances to a pivot, and of their squares. */
TK_OUTLINE void TK_FN(line_moments)(const T *x, int64_t n, T pivot, double *sum, double *square)
{
    for (; n > CHUNK * MANY_CHUNKS; n -= CHUNK, x += CHUNK)
        TK_FN(pairs_asking)(x, x, NULL, CHUNK, pivot, sum, square, 1, TK_FN(distances));
    for (; n > 0; n -= CHUNK, x += CHUNK)
        TK_FN(pairs_of_chunk)
        (x, x, NULL, n < CHUNK ? n : CHUNK, pivot, sum, square, TK_FN(distances));
}

/* The sums of g and of g (x - mean), g multiplied by the weight, if there is one. */
TK_OUTLINE void TK_FN(line_slopes)(const T *x, const T *g, const T *weight, int64_t n, T mean,
                                   double *sum, double *product)
{
    for (int64_t some; n > 0; n -= some, x += some, g += some) {
        some = n < CHUNK ? n : CHUNK;
        if (weight) {
            TK_FN(pairs_of_chunk)(x, g, weight, some, mean, sum, product, TK_FN(slopes));
            weight += some;
        } else {
            TK_FN(pairs_of_chunk)(x, g, NULL, some, mean, sum, product, TK_FN(slopes));
        }
    }
}

/* The mean of n elements and the sum of their squared distances to it, from the sums of distances to
 * a pivot near it and of their squares. */
TK_INLINE void TK_FN(settle)(double sum, double sum_of_squares, double n, T pivot, T *mean,
                             double *square)
{
    *mean = (T)((double)pivot + sum / n);
    sum_of_squares -= sum * sum / n;
    *square = sum_of_squares < 0 ? 0 : sum_of_squares; /* NaN stays */
}

/* Of `pieces` lines of n elements, `step` elements apart, the mean and the sum of squared distances to
 * it. What the first mean is off by corrects both: nearly equal elements are scaled up a lot. */
TK_OUTLINE void TK_FN(moments)(const T *x, int64_t pieces, int64_t n, int64_t step, T *mean,
                               double *square)
{
    const double count = (double)(pieces * n);
    double total = 0, sum = 0, squares = 0;
    for (int64_t p = 0; p < pieces; p++)
        total += TK_FN(row_total)(x + p * step, n);
    const T pivot = (T)(total / count);
    for (int64_t p = 0; p < pieces; p++)
        TK_FN(line_moments)(x + p * step, n, pivot, &sum, &squares);
    TK_FN(settle)(sum, squares, count, pivot, mean, square);
}

/* A step of one number a line is done for as many as there may be: in vectors. */
#define TK_EACH_LINE(r) for (int r = 0; r < TK_BLOCK_LINES; r++)

/* Where the distances of a line's elements are counted from: from 0, from their mean, or from the mean
 * that is counted from the first of them, so that equal ones have none. */
#ifndef TK_FROM
#define TK_FROM
enum { TK_FROM_ZERO, TK_FROM_MEAN, TK_FROM_FIRST };
#endif

/* Of some lines, `step` elements apart, the pivots, and the sums of distances to them and of their
 * squares. Each step is done for all lines before the next begins: theirs are long chains, which run at
 * once. The lines are short, and loaded anew for each step. */
TK_INLINE void TK_FN(held_sums)(const T *x, int64_t rows, int64_t n, int64_t step, T *pivot,
                                double *sum, double *squares, const int vectors, const int from)
{
    T first[TK_BLOCK_LINES] = {0};
    for (int64_t r = 0; r < rows && from != TK_FROM_ZERO; r++) {
        const T *line = x + r * step;
        V a[MOST];
        if (from == TK_FROM_FIRST)
            first[r] = line[0];
        EACH_OF(v, vectors)
        {
            a[v] = v_load_filled(line + v * W, n - v * W, first[r]);
            if (from == TK_FROM_FIRST)
                a[v] -= v_set(first[r]);
        }
        /* 0 is added, as there may be other lanes: a sum of -0 alone is then 0 whatever their number */
        sum[r] = 0 + (double)TK_FN(fold_line)(a, TK_FN(added), vectors);
    }
    TK_EACH_LINE(r)
    {
        const double off = sum[r] / (double)n;
        pivot[r] = (T)(from == TK_FROM_FIRST ? (double)first[r] + off : off);
    }
    for (int64_t r = 0; r < rows; r++) {
        V d[MOST], q[MOST];
        EACH_OF(v, vectors)
        {
            const int64_t left = n - v * W;
            d[v] = v_load_filled(x + r * step + v * W, left, pivot[r]) - v_set(pivot[r]);
            q[v] = v_set(0) + d[v] * d[v]; /* as in pairs_of_chunk: nothing is left to fuse */
        }
        sum[r] = from ? (double)TK_FN(fold_line)(d, TK_FN(added), vectors) : 0;
        squares[r] = (double)TK_FN(fold_line)(q, TK_FN(added), vectors);
    }
}

/* The same of lines longer than `above`, where they are so short; whether they are. */
TK_INLINE int TK_FN(held_lines)(const T *x, int64_t rows, int64_t n, int64_t step, T *pivot,
                                double *sum, double *squares, const int from, const int above)
{
    if (above < W && n <= W)
        TK_FN(held_sums)(x, rows, n, step, pivot, sum, squares, 1, from);
    else if (n <= TK_LANES)
        TK_FN(held_sums)(x, rows, n, step, pivot, sum, squares, TK_VECTORS, from);
    else if (n <= 2 * TK_LANES)
        TK_FN(held_sums)(x, rows, n, step, pivot, sum, squares, MOST, from);
    else
        return 0;
    return 1;
}

/* The means of some lines that are not short, one behind the other, and the sums of squared distances to
 * them; unless `centred` of distances to 0. */
TK_OUTLINE void TK_FN(line_moments_of)(const T *x, int64_t rows, int64_t n, int centred, T *mean,
                                       double *square)
{
    T pivot[TK_BLOCK_LINES] = {0};
    double sum[TK_BLOCK_LINES] = {0};
    TK_EACH_LINE(r) square[r] = 0;
    enum { ABOVE = TK_SHORT_LINE };
    if (!(centred ? TK_FN(held_lines)(x, rows, n, n, pivot, sum, square, TK_FROM_MEAN, ABOVE)
                  : TK_FN(held_lines)(x, rows, n, n, pivot, sum, square, TK_FROM_ZERO, ABOVE))) {
        for (int64_t r = 0; r < rows && centred; r++)
            pivot[r] = (T)(TK_FN(row_total)(x + r * n, n) / (double)n);
        for (int64_t r = 0; r < rows; r++)
            TK_FN(line_moments)(x + r * n, n, pivot[r], sum + r, square + r);
    }
    TK_EACH_LINE(r)
    {
        mean[r] = 0;
        if (centred)
            TK_FN(settle)(sum[r], square[r], (double)n, pivot[r], mean + r, square + r);
    }
}

/* Lines of a few elements: so many of them are turned to columns. */
enum { TK_FN(short_lines_most) = 256 / sizeof(T) };

/* The same of so many lines of at most TK_SHORT_LINE elements. */
TK_OUTLINE void TK_FN(short_line_moments)(const T *x, int64_t rows, int64_t n, int centred, T *mean,
                                          double *square)
{
    enum { LINES = TK_FN(short_lines_most) };
    _Alignas(64) T lines[TK_SHORT_LINE * LINES + TK_MOST_SIDE], columns[TK_SHORT_LINE * LINES];
    _Alignas(64) T pivot[LINES] = {0}, sum[LINES] = {0}, squares[LINES] = {0};
    TK_FN(lines_to_columns)(columns, lines, x, n, rows);
    for (int64_t j = 0; j < rows; j += W) {
        const int left = rows - j < W ? (int)(rows - j) : W;
        V total = v_set(0), s = v_set(0), q = v_set(0);
        for (int64_t i = 0; i < n && centred; i++)
            total += TK_FN(row_load)(columns + i * rows, j, left, 0);
        const V p = total / v_set((T)n);
        for (int64_t i = 0; i < n; i++)
            TK_FN(distances)(TK_FN(row_load)(columns + i * rows, j, left, 0), p, p, &s, &q);
        v_store(pivot + j, p);
        v_store(sum + j, s);
        v_store(squares + j, q);
    }
    for (int64_t at = 0; at < rows; at += TK_BLOCK_LINES)
        TK_EACH_LINE(r)
        {
            mean[at + r] = 0;
            square[at + r] = (double)squares[at + r];
            if (centred)
                TK_FN(settle)
                ((double)sum[at + r], square[at + r], (double)n, pivot[at + r], mean + at + r,
                 square + at + r);
        }
}

TK_INLINE T TK_FN(rstd_of)(double square, int64_t n, double eps)
{
    return (T)(1 / sqrt(square / (double)n + eps));
}

#include "norm_columns.h"

/* What goes past the caches does so by parts of this. */
enum { TK_FN(norm_part) = 1024 / sizeof(T) };

/* y = (x - p[0]) p[1] + p[2], or backward, g p[1] - p[2] - (x - p[0]) p[3]. */
TK_INLINE void TK_FN(map_piece)(T *y, const T *x, const T *g, int64_t n, const T *p,
                                tk_pieces *pieces, const int backward)
{
    enum { PART = TK_FN(norm_part) };
    _Alignas(64) T part[PART];
    const V mean = v_set(p[0]), gain = v_set(p[1]), shift = v_set(p[2]);
    const V slope = v_set(backward ? p[3] : 0);
    for (int64_t start = 0, end; start < n; start = end) {
        T *to = pieces ? part : y + start;
        end = pieces && n - start > PART ? start + PART : n;
        for (int64_t i = start; i < end; i += W) {
            const int left = end - i < W ? (int)(end - i) : W;
            const V d = TK_FN(row_load)(x, i, left, 0);
            if (backward) {
                const V gradient = TK_FN(row_load)(g, i, left, 0);
                TK_FN(row_store)(to, i - start, left, gradient * gain - shift - (d - mean) * slope);
            } else {
                TK_FN(row_store)(to, i - start, left, (d - mean) * gain + shift);
            }
        }
        if (pieces)
            tk_put_piece(pieces, (char *)(y + start), (const char *)part,
                         (end - start) * (int64_t)sizeof(T));
    }
}

TK_OUTLINE void TK_FN(norm_piece)(T *y, const T *x, int64_t n, const T *p, tk_pieces *pieces)
{
    TK_FN(map_piece)(y, x, NULL, n, p, pieces, 0);
}

TK_OUTLINE void TK_FN(norm_piece_backward)(T *dx, const T *x, const T *g, int64_t n, const T *p,
                                           tk_pieces *pieces)
{
    TK_FN(map_piece)(dx, x, g, n, p, pieces, 1);
}

TK_INLINE V TK_FN(normalised)(V x, V mean, V rstd, V weight, V bias)
{
    /* 0 is added, so that a branch between the product and the bias does not show in the bits */
    return v_set(0) + (x - mean) * rstd * weight + bias;
}

/* A vector of such a line, or the `left` elements that remain. */
TK_INLINE void TK_FN(norm_vector)(T *y, const T *x, const T *weight, const T *bias, int64_t i,
                                  const int left, V mean, V rstd)
{
    const V d = TK_FN(row_load)(x, i, left, 0);
    const V scale = TK_FN(row_load)(weight, i, left, 1), shift = TK_FN(row_load)(bias, i, left, 0);
    TK_FN(row_store)(y, i, left, TK_FN(normalised)(d, mean, rstd, scale, shift));
}

TK_INLINE void TK_FN(norm_line)(T *y, const T *x, const T *weight, const T *bias, int64_t n, T mean,
                                T rstd, int64_t ahead, const int fetches)
{
    const V centre = v_set(mean), gain = v_set(rstd);
    int64_t i = 0;
    for (; i + W <= n; i += W) {
        if (fetches)
            __builtin_prefetch(x + i + ahead);
        TK_FN(norm_vector)(y, x, weight, bias, i, W, centre, gain);
    }
    if (i < n) {
        if (fetches)
            __builtin_prefetch(x + i + ahead);
        TK_FN(norm_vector)(y, x, weight, bias, i, (int)(n - i), centre, gain);
    }
}

/* Where the weights of a row begin: those of all rows, or of the group that it is. */
TK_INLINE int64_t TK_FN(weights_of)(const tk_norm_work *w, int64_t row)
{
    return w->groups ? row % w->groups * w->length : 0;
}

/* Some lines of layer_norm, one behind the other. */
TK_OUTLINE void TK_FN(norm_lines)(const tk_norm_work *w, T *y, const T *x, int64_t row, int64_t rows,
                                  const T *mean, const T *rstd, tk_pieces *pieces)
{
    enum { PART = TK_FN(norm_part) };
    _Alignas(64) T part[PART];
    const int64_t n = w->length;
    const int64_t ahead = tk_ahead(rows * n, w->rows * n);
    int64_t held = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t start = 0, some; start < n; start += some) {
            some = pieces && n - start > PART - held ? PART - held : n - start;
            T *const to = pieces ? part + held : y + r * n + start;
            const T *from = x + r * n + start;
            const int64_t at = start + TK_FN(weights_of)(w, row + r);
            const T *weight = w->weight ? (const T *)w->weight + at : NULL;
            const T *bias = w->bias ? (const T *)w->bias + at : NULL;
            if (ahead)
                TK_FN(norm_line)(to, from, weight, bias, some, mean[r], rstd[r], ahead, 1);
            else
                TK_FN(norm_line)(to, from, weight, bias, some, mean[r], rstd[r], 0, 0);
            held += some;
            if (pieces && (held == PART || (r == rows - 1 && start + some == n))) {
                tk_put_piece(pieces, (char *)y, (const char *)part, held * (int64_t)sizeof(T));
                y += held;
                held = 0;
            }
        }
}

/* Group normalisation, Wu and He 2018: a line is some channels, each with one weight and bias. */
TK_OUTLINE void TK_FN(norm_group)(const tk_norm_work *w, int64_t row, T *y, const T *x, T mean,
                                  T rstd, tk_pieces *pieces)
{
    const int64_t size = w->length / w->channels, first = row % w->groups * w->channels;
    const T *weight = (const T *)w->weight, *bias = (const T *)w->bias;
    for (int64_t c = first; c < first + w->channels; c++, x += size, y += size) {
        const T p[3] = {mean, weight ? rstd * weight[c] : rstd, bias ? bias[c] : 0};
        TK_FN(norm_piece)(y, x, size, p, pieces);
    }
}

/* Layer normalisation, Ba, Kiros and Hinton 2016, by root mean squares, Zhang and Sennrich 2019, or
 * of groups. */
static void TK_FN(layer_norm)(const void *work, int64_t lo, int64_t hi)
{
    enum { LINES = TK_FN(short_lines_most) };
    _Static_assert((int)LINES >= (int)TK_BLOCK_LINES, "or so many longer ones");
    const tk_norm_work *w = work;
    const int64_t n = w->length;
    tk_pieces waiting = {.held = 0}, *const pieces = w->streams ? &waiting : NULL;
    for (; w->columns && lo < hi; lo++)
        TK_FN(norm_sample)(w, lo);
    for (int64_t rows; lo < hi; lo += rows) {
        const T *x = (const T *)w->x + lo * n;
        T *y = (T *)w->out + lo * n, mean[LINES], rstd[LINES];
        double square[LINES];
        if (n <= TK_SHORT_LINE) {
            rows = hi - lo < LINES ? hi - lo : LINES;
            TK_FN(short_line_moments)(x, rows, n, w->mean != NULL, mean, square);
        } else {
            rows = tk_lines_together(n, hi - lo);
            TK_FN(line_moments_of)(x, rows, n, w->mean != NULL, mean, square);
        }
        for (int64_t at = 0; at < rows; at += TK_BLOCK_LINES)
            TK_EACH_LINE(r) rstd[at + r] = TK_FN(rstd_of)(square[at + r], n, w->eps);
        memcpy((T *)w->rstd + lo, rstd, (size_t)rows * sizeof(T));
        if (w->mean)
            memcpy((T *)w->mean + lo, mean, (size_t)rows * sizeof(T));
        if (!w->channels)
            TK_FN(norm_lines)(w, y, x, lo, rows, mean, rstd, pieces);
        else
            for (int64_t r = 0; r < rows; r++)
                TK_FN(norm_group)
                (w, lo + r, y + r * n, x + r * n, mean[r], rstd[r], pieces);
    }
    if (pieces)
        tk_end_pieces(pieces);
}

#include "norm_backward.h"

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

/* The gradient is scale (g - less - (x - mean) slope); the sums are of g and of g (x - mean). The last
 * two are 0 where the statistics are not the batch's. */
TK_INLINE void TK_FN(batch_slopes)(const tk_batch_work *w, int64_t channel, double sum,
                                   double product, T *scale, T *less, T *slope)
{
    const double n = (double)w->length;
    const double rstd = 1 / sqrt((double)((const T *)w->variance)[channel] + w->eps);
    *scale = (T)(rstd * (w->weight ? (double)((const T *)w->weight)[channel] : 1));
    *less = w->frozen ? 0 : (T)(sum / n);
    *slope = w->frozen ? 0 : (T)(rstd * rstd * product / n);
    ((T *)w->dweight)[channel] = (T)(product * rstd);
    ((T *)w->dbias)[channel] = (T)sum;
}

/* Channels side by side, n from `channel` on: of each some columns. */
TK_OUTLINE void TK_FN(batch_norm_columns)(const tk_batch_work *w, int64_t channel, int64_t n)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    const int64_t each = w->each, step = w->channels * each, rows = w->length / each;
    const T *x = (const T *)w->x + channel * each;
    T mean[MOST_COLUMNS], scale[MOST_COLUMNS], shift[MOST_COLUMNS];
    double centre[MOST_COLUMNS], square[MOST_COLUMNS];
    TK_FN(column_means)(x, step, rows, n * each, mean, centre, square);
    for (int64_t i = 0; i < n; i++) {
        T p[3];
        const int64_t at = i * each;
        const double sum =
            TK_FN(join_columns)(mean + at, centre + at, square + at, each, rows, p);
        TK_FN(batch_channel)(w, channel + i, p[0], sum, p + 1, p + 2);
        TK_FN(set_columns)(each, i, p, (T *const[]){mean, scale, shift}, 3);
    }
    TK_FN(map_columns)
    ((T *)w->out + channel * each, x, step, rows, n * each, mean, scale, shift, w->streams);
}

TK_OUTLINE void TK_FN(batch_norm_backward_columns)(const tk_batch_work *w, int64_t channel,
                                                   int64_t n)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    const int64_t each = w->each, step = w->channels * each, rows = w->length / each;
    const T *x = (const T *)w->x + channel * each, *g = (const T *)w->gradient + channel * each;
    T mean[MOST_COLUMNS] = {0}, scale[MOST_COLUMNS], less[MOST_COLUMNS], slope[MOST_COLUMNS];
    double sums[MOST_COLUMNS], products[MOST_COLUMNS];
    for (int64_t i = 0; i < n; i++)
        TK_FN(set_columns)(each, i, (const T *)w->mean + channel + i, (T *const[]){mean}, 1);
    TK_FN(column_slope_sums)(x, g, step, rows, n * each, mean, sums, products);
    for (int64_t i = 0; i < n; i++) {
        T p[3];
        double sum = 0, product = 0;
        for (int64_t k = i * each; k < (i + 1) * each; k++) {
            sum += sums[k];
            product += products[k];
        }
        TK_FN(batch_slopes)(w, channel + i, sum, product, p, p + 1, p + 2);
        p[1] *= p[0];
        p[2] *= p[0];
        TK_FN(set_columns)(each, i, p, (T *const[]){scale, less, slope}, 3);
    }
    /* an infinite distance times a slope of 0 is NaN */
    TK_FN(map_columns_backward)
    ((T *)w->out + channel * each, w->frozen ? NULL : x, g, step, rows, n * each, mean, scale, less,
     slope, w->streams);
}

/* How many channels are done at a time. */
TK_INLINE int64_t TK_FN(some_channels)(const tk_batch_work *w, int64_t left)
{
    const int64_t most = w->channels ? TK_FN(most_columns) / w->each : 1;
    return left < most ? left : most;
}

static void TK_FN(batch_norm)(const void *work, int64_t lo, int64_t hi)
{
    const tk_batch_work *w = work;
    const int64_t n = w->length / w->pieces;
    tk_pieces waiting = {.held = 0}, *const pieces = w->streams ? &waiting : NULL;
    for (int64_t some; lo < hi; lo += some) {
        some = TK_FN(some_channels)(w, hi - lo);
        if (w->channels) {
            TK_FN(batch_norm_columns)(w, lo, some);
            continue;
        }
        const T *x = (const T *)w->x + lo * w->apart;
        T *y = (T *)w->out + lo * w->apart, p[3];
        double square;
        TK_FN(moments)(x, w->pieces, n, w->step, p, &square);
        TK_FN(batch_channel)(w, lo, p[0], square, p + 1, p + 2);
        for (int64_t i = 0; i < w->pieces; i++)
            TK_FN(norm_piece)(y + i * w->step, x + i * w->step, n, p, pieces);
    }
    if (pieces)
        tk_end_pieces(pieces);
}

/* With d = x - mean: dx = weight rstd (g - mean(g) - d rstd^2 mean(g d)). */
static void TK_FN(batch_norm_backward)(const void *work, int64_t lo, int64_t hi)
{
    const tk_batch_work *w = work;
    const int64_t n = w->length / w->pieces;
    tk_pieces waiting = {.held = 0}, *const pieces = w->streams ? &waiting : NULL;
    for (int64_t some; lo < hi; lo += some) {
        some = TK_FN(some_channels)(w, hi - lo);
        if (w->channels) {
            TK_FN(batch_norm_backward_columns)(w, lo, some);
            continue;
        }
        const T *x = (const T *)w->x + lo * w->apart, *g = (const T *)w->gradient + lo * w->apart;
        T *dx = (T *)w->out + lo * w->apart, p[4] = {((const T *)w->mean)[lo]};
        double sum = 0, product = 0;
        for (int64_t i = 0; i < w->pieces; i++)
            TK_FN(line_slopes)(x + i * w->step, g + i * w->step, NULL, n, p[0], &sum, &product);
        TK_FN(batch_slopes)(w, lo, sum, product, p + 1, p + 2, p + 3);
        p[2] *= p[1];
        p[3] *= p[1];
        const T scaled[3] = {0, p[1], (T)-0.0};
        for (int64_t i = 0, at = 0; i < w->pieces; i++, at += w->step)
            if (w->frozen)
                TK_FN(norm_piece)(dx + at, g + at, n, scaled, pieces);
            else
                TK_FN(norm_piece_backward)(dx + at, x + at, g + at, n, p, pieces);
    }
    if (pieces)
        tk_end_pieces(pieces);
}
#undef CHUNK
#undef MANY_CHUNKS
