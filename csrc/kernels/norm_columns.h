/* Normalisation of channels that lie side by side. Included once per floating type, by norm.h. */

/* Channels side by side, [length][channels]: some of them at a time, as columns. So many that rows are
 * read in long pieces, and that what is kept of them stays in a 32 KiB L1. */
enum { TK_FN(most_columns) = 4096 / sizeof(T), TK_FN(column_rows) = 8 };

/* Whether rows of so many elements in all come from behind the second cache. */
TK_INLINE int TK_FN(are_far)(int64_t elements)
{
    return elements * (int64_t)sizeof(T) >= TK_FETCHED_BYTES;
}

/* first and second (n columns each) get the sums over some rows of what f gives of x, y and p, which
 * is added to them unless `fresh`. The rows behind those are asked for where `fetches`. */
TK_INLINE void TK_FN(column_pairs)(T *first, T *second, const T *x, const T *y, const T *p,
                                   int64_t step, int64_t rows, int64_t n, int fresh,
                                   TK_FN(pair_fn) f, const int fetches)
{
    for (int64_t i = 0; i < n; i += W) {
        const int left = n - i < W ? (int)(n - i) : W;
        const V pivot = TK_FN(row_load)(p, i, left, 0);
        V a = v_set(0), b = v_set(0);
        for (int64_t r = 0; r < rows; r++) {
            if (fetches)
                __builtin_prefetch(x + (rows + r) * step + i);
            if (fetches && y != x)
                __builtin_prefetch(y + (rows + r) * step + i);
            f(TK_FN(row_load)(x + r * step, i, left, 0), TK_FN(row_load)(y + r * step, i, left, 0),
              pivot, &a, &b);
        }
        if (!fresh) {
            a += TK_FN(row_load)(first, i, left, 0);
            b += TK_FN(row_load)(second, i, left, 0);
        }
        TK_FN(row_store)(first, i, left, a);
        TK_FN(row_store)(second, i, left, b);
    }
}

TK_INLINE void TK_FN(column_groups)(T *first, T *second, const T *x, const T *y, const T *p,
                                    int64_t step, int64_t rows, int64_t n, TK_FN(pair_fn) f,
                                    const int fetches)
{
    enum { GROUP = TK_FN(column_rows) };
    for (int64_t r = 0; r < rows; r += GROUP)
        TK_FN(column_pairs)
        (first, second, x + r * step, y + r * step, p, step, rows - r < GROUP ? rows - r : GROUP, n,
         r == 0, f, fetches);
}

/* Over rows of at most a chunk. */
TK_OUTLINE void TK_FN(column_moments)(T *first, T *second, const T *x, const T *p, int64_t step,
                                      int64_t rows, int64_t n, int far)
{
    if (far)
        TK_FN(column_groups)(first, second, x, x, p, step, rows, n, TK_FN(distances), 1);
    else
        TK_FN(column_groups)(first, second, x, x, p, step, rows, n, TK_FN(distances), 0);
}

TK_OUTLINE void TK_FN(column_slopes)(T *first, T *second, const T *x, const T *g, const T *p,
                                     int64_t step, int64_t rows, int64_t n, int far)
{
    if (far)
        TK_FN(column_groups)(first, second, x, g, p, step, rows, n, TK_FN(slopes), 1);
    else
        TK_FN(column_groups)(first, second, x, g, p, step, rows, n, TK_FN(slopes), 0);
}

/* The means of n columns, counted from `base`, and the sums of squared distances to them, in one pass: a
 * chunk's are taken from distances to the mean so far, and put together as Chan, Golub and LeVeque 1983 do.
 * The distance of that mean counts in the result as much as it costs in the chunk, so nothing is lost. Nor
 * is it where the columns are far from 0, as means are counted from one that is near. */
TK_OUTLINE void TK_FN(column_means)(const T *x, int64_t step, int64_t rows, int64_t n, T *base,
                                    double *centre, double *square)
{
    enum { MOST_COLUMNS = TK_FN(most_columns), FIRST = 4 * TK_FN(column_rows) };
    T sum[MOST_COLUMNS], squares[MOST_COLUMNS], mean[MOST_COLUMNS];
    const int64_t some = rows < FIRST ? rows : FIRST;
    memcpy(base, x, (size_t)n * sizeof(T));
    TK_FN(column_moments)(sum, squares, x, base, step, some, n, 0);
    for (int64_t i = 0; i < n; i++) {
        mean[i] = base[i] = (T)((double)base[i] + (double)sum[i] / (double)some);
        centre[i] = square[i] = 0;
    }
    for (int64_t start = 0; start < rows; start += TK_CHUNK_ROWS) {
        const int64_t more = rows - start < TK_CHUNK_ROWS ? rows - start : TK_CHUNK_ROWS;
        const double count = (double)more, before = (double)start, all = before + count;
        const double to_mean = 1 / count, share = count / all;
        TK_FN(column_moments)
        (sum, squares, x + start * step, mean, step, more, n, TK_FN(are_far)(rows * n));
        for (int64_t i = 0; i < n; i++) {
            const double off = (double)sum[i] * to_mean;
            const double apart = ((double)mean[i] - (double)base[i]) - centre[i] + off;
            const double own = (double)squares[i] - (double)sum[i] * off;
            square[i] += (own < 0 ? 0 : own) + apart * apart * (before * share);
            centre[i] += apart * share;
            mean[i] = (T)((double)base[i] + centre[i]);
        }
    }
}

/* The sums over all rows of g and of g (x - mean). */
TK_OUTLINE void TK_FN(column_slope_sums)(const T *x, const T *g, int64_t step, int64_t rows,
                                         int64_t n, const T *mean, double *sums, double *products)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    T first[MOST_COLUMNS], second[MOST_COLUMNS];
    for (int64_t i = 0; i < n; i++)
        sums[i] = products[i] = 0;
    for (int64_t start = 0; start < rows; start += TK_CHUNK_ROWS) {
        const int64_t some = rows - start < TK_CHUNK_ROWS ? rows - start : TK_CHUNK_ROWS;
        TK_FN(column_slopes)
        (first, second, x + start * step, g + start * step, mean, step, some, n,
         TK_FN(are_far)(rows * n));
        for (int64_t i = 0; i < n; i++) {
            sums[i] += (double)first[i];
            products[i] += (double)second[i];
        }
    }
}

/* A vector of columns, or the `left` that remain, to y[to] and on: (x - mean) gain + shift, or with a
 * gradient g g gain - shift - (x - mean) slope, where that is 0 if there is no x. */
TK_INLINE void TK_FN(map_column)(T *y, int64_t to, const T *x, const T *g, int64_t i, const int left,
                                 const T *mean, const T *gain, const T *shift, const T *slope)
{
    const V d = TK_FN(row_load)(x, i, left, 0), m = TK_FN(row_load)(mean, i, left, 0);
    const V scale = TK_FN(row_load)(gain, i, left, 0), off = TK_FN(row_load)(shift, i, left, 0);
    const V gradient = TK_FN(row_load)(g, i, left, 0), rate = TK_FN(row_load)(slope, i, left, 0);
    if (!g)
        TK_FN(row_store)(y, to, left, (d - m) * scale + off);
    else if (x)
        TK_FN(row_store)(y, to, left, gradient * scale - off - (d - m) * rate);
    else
        TK_FN(row_store)(y, to, left, gradient * scale - off);
}

/* One such row, in parts where it goes past the caches; what lies so far before is asked for. */
TK_INLINE void TK_FN(map_one_row)(T *y, const T *x, const T *g, int64_t n, const T *mean, const T *gain,
                                  const T *shift, const T *slope, int64_t before, const int fetches,
                                  tk_pieces *pieces)
{
    enum { PART = 1024 / sizeof(T) };
    _Alignas(64) T part[PART];
    for (int64_t start = 0, end; start < n; start = end) {
        T *const to = pieces ? part : y + start;
        int64_t i = start;
        end = pieces && n - start > PART ? start + PART : n;
        for (; i + W <= end; i += W) {
            if (fetches && x)
                __builtin_prefetch(x + i - before);
            if (fetches && g)
                __builtin_prefetch(g + i - before);
            TK_FN(map_column)(to, i - start, x, g, i, W, mean, gain, shift, slope);
        }
        if (i < end)
            TK_FN(map_column)(to, i - start, x, g, i, (int)(end - i), mean, gain, shift, slope);
        if (pieces)
            tk_put_piece(pieces, (char *)(y + start), (const char *)part,
                         (end - start) * (int64_t)sizeof(T));
    }
}

/* Of rows, `step` elements apart. What belongs to the columns has room for most_columns: short rows that
 * lie behind each other are done as long ones. They were read from the first to the last: the last are
 * still in the caches, so these are done first; some at a time, so that lines which end within one are
 * stored whole past the caches. */
TK_INLINE void TK_FN(map_rows)(T *y, const T *x, const T *g, int64_t step, int64_t rows, int64_t n,
                               T *mean, T *gain, T *shift, T *slope, int streams,
                               const int fetches)
{
    enum { AT_ONCE = 65536 / sizeof(T) };
    const int64_t fold = tk_rows_joined_to(TK_FN(most_columns), n, step, rows);
    const int64_t many = AT_ONCE / (fold * n), group = fold * (many > 1 ? many : 1);
    tk_pieces waiting = {.held = 0}, *pieces = &waiting;
    if (!streams || (n != step && n * (int64_t)sizeof(T) < TK_STREAMED_ROW_BYTES))
        pieces = NULL;
    T *const all[4] = {mean, gain, shift, slope};
    for (int k = 0; k < 4; k++)
        if (all[k])
            TK_FN(repeat)(all[k], n, fold);
    for (int64_t r = (rows - 1) / group * group, end = rows; r >= 0; end = r, r -= group)
        for (int64_t row = r; row < end; row += fold) {
            const int64_t some = (end - row < fold ? end - row : fold) * n, at = row * step;
            TK_FN(map_one_row)
            (y + at, x ? x + at : NULL, g ? g + at : NULL, some, mean, gain, shift, slope, group * step,
             fetches, pieces);
        }
    if (pieces)
        tk_end_pieces(pieces);
}

TK_OUTLINE void TK_FN(map_columns)(T *y, const T *x, int64_t step, int64_t rows, int64_t n, T *mean,
                                   T *gain, T *shift, int streams)
{
    if (TK_FN(are_far)(rows * n))
        TK_FN(map_rows)(y, x, NULL, step, rows, n, mean, gain, shift, NULL, streams, 1);
    else
        TK_FN(map_rows)(y, x, NULL, step, rows, n, mean, gain, shift, NULL, streams, 0);
}

TK_OUTLINE void TK_FN(map_columns_backward)(T *dx, const T *x, const T *g, int64_t step,
                                            int64_t rows, int64_t n, T *mean, T *gain, T *less,
                                            T *slope, int streams)
{
    if (!x)
        TK_FN(map_rows)(dx, NULL, g, step, rows, n, mean, gain, less, slope, streams, 1);
    else if (TK_FN(are_far)(rows * n))
        TK_FN(map_rows)(dx, x, g, step, rows, n, mean, gain, less, slope, streams, 1);
    else
        TK_FN(map_rows)(dx, x, g, step, rows, n, mean, gain, less, slope, streams, 0);
}

/* The mean of some columns, and the sum of the squared distances to it, from those of each; see
 * column_means. */
TK_INLINE double TK_FN(join_columns)(const T *base, const double *centre, const double *square,
                                     int64_t columns, int64_t rows, T *mean)
{
    const double from = (double)*base;
    double all = 0, sum = 0;
    for (int64_t i = 0; i < columns; i++)
        all += ((double)base[i] - from) + centre[i];
    all /= (double)columns;
    for (int64_t i = 0; i < columns; i++) {
        const double off = ((double)base[i] - from) + centre[i] - all;
        sum += square[i] + (double)rows * off * off;
    }
    *mean = (T)(from + all);
    return sum;
}

/* Columns i * each and on of n arrays become what belongs to channel i. */
TK_INLINE void TK_FN(set_columns)(int64_t each, int64_t i, const T *values, T *const *columns,
                                  const int n)
{
    for (int k = 0; k < n; k++)
        for (int64_t c = i * each; c < (i + 1) * each; c++)
            columns[k][c] = values[k];
}

/* Groups of channels side by side: a unit's, of which [*channel, *end) are the channels. Returns the sample. */
TK_INLINE int64_t TK_FN(unit_channels)(const tk_norm_work *w, int64_t unit, int64_t *channel,
                                       int64_t *end)
{
    const int64_t parts = tk_column_parts(w), first = unit % parts * w->columns;
    const int64_t left = w->groups - first;
    *channel = first * w->channels;
    *end = (first + (left < w->columns ? left : w->columns)) * w->channels;
    return unit / parts;
}

/* How many of them are done at a time, in whole groups. */
TK_INLINE int64_t TK_FN(some_groups)(const tk_norm_work *w, int64_t left)
{
    const int64_t most = TK_FN(most_columns) / w->channels * w->channels;
    return left < most ? left : most;
}

/* Whether the groups of some channels are so small that numbers of them are sums of T over columns; of a
 * channel alone nothing is spared. */
TK_INLINE int TK_FN(are_small_groups)(const tk_norm_work *w)
{
    return w->channels > 1 && w->length * (int64_t)sizeof(T) <= TK_CHUNK_BYTES;
}

TK_INLINE T TK_FN(columns_total)(const T *x, int64_t n)
{
    T sum;
    TK_FN(sum_line)(&sum, x, n, NULL);
    return sum;
}

TK_INLINE void TK_FN(fill)(T *out, T value, int64_t n)
{
    for (int64_t i = 0; i < n; i += W)
        TK_FN(row_store)(out, i, n - i < W ? (int)(n - i) : W, v_set(value));
}

/* out = value times the weights, of which there may be none. */
TK_INLINE void TK_FN(fill_weighted)(T *out, T value, const T *weight, int64_t n)
{
    for (int64_t i = 0; i < n; i += W) {
        const int left = n - i < W ? (int)(n - i) : W;
        TK_FN(row_store)(out, i, left, TK_FN(row_load)(weight, i, left, 1) * v_set(value));
    }
}

/* The sums of n columns over some rows. */
TK_INLINE void TK_FN(column_sums)(T *sum, const T *x, int64_t step, int64_t rows, int64_t n)
{
    for (int64_t r = 0, group; r < rows; r += group) {
        const char *row[TK_ROW_GROUP];
        group = rows - r < TK_ROW_GROUP ? rows - r : TK_ROW_GROUP;
        for (int64_t i = 0; i < group; i++)
            row[i] = (const char *)(x + (r + i) * step);
        TK_FN(sum_columns)(sum, row, (int)group, n, r == 0, NULL);
    }
}

/* A group's statistics, and what belongs to its channels. */
TK_INLINE void TK_FN(put_group)(const tk_norm_work *w, int64_t row, T centre, double square, T *mean,
                                T *gain, T *shift)
{
    const int64_t many = w->channels, first = row % w->groups * many;
    const T rstd = TK_FN(rstd_of)(square, w->length, w->eps);
    const T *bias = (const T *)w->bias;
    ((T *)w->mean)[row] = centre;
    ((T *)w->rstd)[row] = rstd;
    TK_FN(fill)(mean, centre, many);
    TK_FN(fill_weighted)(gain, rstd, w->weight ? (const T *)w->weight + first : NULL, many);
    if (bias)
        memcpy(shift, bias + first, (size_t)many * sizeof(T));
    else
        TK_FN(fill)(shift, 0, many);
}

/* n channels of small groups, the first of them `row`: the mean of a group first, then the sums of the
 * distances to it and of their squares, as of lines. */
TK_INLINE void TK_FN(small_groups)(const tk_norm_work *w, const T *x, int64_t row, int64_t n, T *mean,
                                   T *gain, T *shift)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    T sum[MOST_COLUMNS], squares[MOST_COLUMNS];
    const int64_t many = w->channels, all = w->groups * many, rows = w->length / many;
    const double count = (double)w->length;
    TK_FN(column_sums)(sum, x, all, rows, n);
    for (int64_t i = 0; i < n; i += many)
        TK_FN(fill)(mean + i, (T)((double)TK_FN(columns_total)(sum + i, many) / count), many);
    TK_FN(column_moments)(sum, squares, x, mean, all, rows, n, 0);
    for (int64_t i = 0; i < n; i += many, row++) {
        T centre;
        double square;
        TK_FN(settle)
        ((double)TK_FN(columns_total)(sum + i, many), (double)TK_FN(columns_total)(squares + i, many), count,
         mean[i], &centre, &square);
        TK_FN(put_group)(w, row, centre, square, mean + i, gain + i, shift + i);
    }
}

/* Those of groups of any size: what the means of their channels, and the sums of the squared distances to
 * them, say of all. */
TK_INLINE void TK_FN(large_groups)(const tk_norm_work *w, const T *x, int64_t row, int64_t n, T *mean,
                                   T *gain, T *shift)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    double centre[MOST_COLUMNS], square[MOST_COLUMNS];
    const int64_t many = w->channels, all = w->groups * many, rows = w->length / many;
    TK_FN(column_means)(x, all, rows, n, mean, centre, square);
    for (int64_t i = 0; i < n; i += many, row++) {
        T joined;
        const double sum = TK_FN(join_columns)(mean + i, centre + i, square + i, many, rows, &joined);
        TK_FN(put_group)(w, row, joined, sum, mean + i, gain + i, shift + i);
    }
}

TK_OUTLINE void TK_FN(norm_sample)(const tk_norm_work *w, int64_t unit)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    const int64_t all = w->groups * w->channels, rows = w->length / w->channels;
    T mean[MOST_COLUMNS], gain[MOST_COLUMNS], shift[MOST_COLUMNS];
    int64_t channel, end;
    const int64_t sample = TK_FN(unit_channels)(w, unit, &channel, &end);
    for (int64_t n; channel < end; channel += n) {
        const int64_t at = sample * rows * all + channel;
        const int64_t row = sample * w->groups + channel / w->channels;
        const T *x = (const T *)w->x + at;
        n = TK_FN(some_groups)(w, end - channel);
        if (TK_FN(are_small_groups)(w))
            TK_FN(small_groups)(w, x, row, n, mean, gain, shift);
        else
            TK_FN(large_groups)(w, x, row, n, mean, gain, shift);
        TK_FN(map_columns)((T *)w->out + at, x, all, rows, n, mean, gain, shift, w->streams);
    }
}

/* A group's slopes, of its sums of g and of g (x - mean), both multiplied by the weights; see
 * norm_group_backward. */
TK_INLINE void TK_FN(put_slopes)(const tk_norm_work *w, int64_t row, double sum, double product, T *gain,
                                 T *less, T *slope)
{
    const int64_t many = w->channels, first = row % w->groups * many;
    const T *weight = w->weight ? (const T *)w->weight + first : NULL;
    const double n = (double)w->length, rstd = (double)((const T *)w->rstd)[row];
    TK_FN(fill_weighted)(gain, (T)rstd, weight, many);
    TK_FN(fill)(less, (T)(rstd * sum / n), many);
    TK_FN(fill)(slope, (T)(rstd * rstd * rstd * product / n), many);
}

/* n channels of small groups, the first of them `row`, of which mean has the means. */
TK_INLINE void TK_FN(small_slopes)(const tk_norm_work *w, const T *x, const T *g, int64_t row,
                                   int64_t n, const T *mean, T *gain, T *less, T *slope)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    T sum[MOST_COLUMNS], product[MOST_COLUMNS];
    const int64_t many = w->channels, all = w->groups * many, rows = w->length / many;
    T *dweight = (T *)w->dweight, *dbias = (T *)w->dbias;
    TK_FN(column_slopes)(sum, product, x, g, mean, all, rows, n, 0);
    for (int64_t i = 0; i < n; i += many, row++) {
        const T rstd = ((const T *)w->rstd)[row];
        if (dweight)
            TK_FN(fill_weighted)(dweight + row * many, rstd, product + i, many);
        if (dbias)
            memcpy(dbias + row * many, sum + i, (size_t)many * sizeof(T));
        if (w->weight) {
            const T *weight = (const T *)w->weight + row % w->groups * many;
            for (int64_t j = 0; j < many; j += W) {
                const int left = many - j < W ? (int)(many - j) : W;
                const V scale = TK_FN(row_load)(weight, j, left, 0);
                TK_FN(row_store)(sum + i, j, left, TK_FN(row_load)(sum + i, j, left, 0) * scale);
                TK_FN(row_store)
                (product + i, j, left, TK_FN(row_load)(product + i, j, left, 0) * scale);
            }
        }
        TK_FN(put_slopes)
        (w, row, (double)TK_FN(columns_total)(sum + i, many), (double)TK_FN(columns_total)(product + i, many),
         gain + i, less + i, slope + i);
    }
}

TK_INLINE void TK_FN(large_slopes)(const tk_norm_work *w, const T *x, const T *g, int64_t row,
                                   int64_t n, const T *mean, T *gain, T *less, T *slope)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    double sums[MOST_COLUMNS], products[MOST_COLUMNS];
    const int64_t many = w->channels, all = w->groups * many, rows = w->length / many;
    TK_FN(column_slope_sums)(x, g, all, rows, n, mean, sums, products);
    for (int64_t i = 0; i < n; row++) {
        const T *weight = w->weight ? (const T *)w->weight + row % w->groups * many : NULL;
        const double rstd = (double)((const T *)w->rstd)[row];
        const int64_t start = i;
        double sum = 0, product = 0;
        for (int64_t j = 0; j < many; j++, i++) {
            const double scale = weight ? (double)weight[j] : 1;
            sum += sums[i] * scale;
            product += products[i] * scale;
            if (w->dweight)
                ((T *)w->dweight)[row * many + j] = (T)(products[i] * rstd);
            if (w->dbias)
                ((T *)w->dbias)[row * many + j] = (T)sums[i];
        }
        TK_FN(put_slopes)(w, row, sum, product, gain + start, less + start, slope + start);
    }
}

TK_OUTLINE void TK_FN(norm_sample_backward)(const tk_norm_work *w, int64_t unit)
{
    enum { MOST_COLUMNS = TK_FN(most_columns) };
    const int64_t all = w->groups * w->channels, rows = w->length / w->channels;
    T mean[MOST_COLUMNS], gain[MOST_COLUMNS], less[MOST_COLUMNS], slope[MOST_COLUMNS];
    int64_t channel, end;
    const int64_t sample = TK_FN(unit_channels)(w, unit, &channel, &end);
    for (int64_t n; channel < end; channel += n) {
        const int64_t at = sample * rows * all + channel;
        const int64_t row = sample * w->groups + channel / w->channels;
        const T *x = (const T *)w->x + at, *g = (const T *)w->gradient + at;
        n = TK_FN(some_groups)(w, end - channel);
        for (int64_t i = 0; i < n; i += w->channels)
            TK_FN(fill)(mean + i, ((const T *)w->mean)[row + i / w->channels], w->channels);
        if (TK_FN(are_small_groups)(w))
            TK_FN(small_slopes)(w, x, g, row, n, mean, gain, less, slope);
        else
            TK_FN(large_slopes)(w, x, g, row, n, mean, gain, less, slope);
        TK_FN(map_columns_backward)((T *)w->out + at, x, g, all, rows, n, mean, gain, less, slope,
                                    w->streams);
    }
}
