/* Softmax and its kin of lines that lie across each other, n of them side by side: the rows are
 * read one group after the other, as they lie in memory, and then once more to be rewritten; sums of
 * exponentials are scaled where the maximum grows (Milakov and Gimelshein 2018, Online normalizer
 * calculation for softmax). Included once per floating type, by softmax.h. */

/* Lines side by side: what is kept of each is 12 KiB in all, beside the rows in a small L1. */
#define COLUMNS ((int)(4096 / sizeof(T)))
#define GROUP 8 /* rows that are treated together */

typedef V (*TK_FN(columns_fn))(V x, V y, V p, V q);

/* Combines 1 or GROUP vectors pairwise, which is a short chain. v is overwritten. */
TK_INLINE V TK_FN(tree)(V v[GROUP], const int n, TK_FN(combine_fn) combine)
{
#pragma GCC unroll 4
    for (int half = n / 2; half > 0; half /= 2)
        EACH_OF(r, half) v[r] = combine(v[r], v[r + half]);
    return v[0];
}

/* Adds what f makes of `rows` rows, 1 or GROUP of them. */
TK_INLINE void TK_FN(add_group)(T *sum, const T *x, const T *y, int64_t stride, int64_t n,
                                const int rows, TK_FN(line_fn) f)
{
    for (int64_t j = 0; j < n; j += W) {
        const int left = n - j < W ? (int)(n - j) : W;
        V v[GROUP];
        EACH_OF(r, rows)
        {
            const T *const a = x + r * stride, *const b = y + r * stride;
            __builtin_prefetch(a + GROUP * stride + j);
            __builtin_prefetch(b + GROUP * stride + j);
            v[r] = f(TK_FN(row_load)(a, j, left, 0), TK_FN(row_load)(b, j, left, 0), (V){0});
        }
        TK_FN(row_store)
        (sum, j, left, TK_FN(row_load)(sum, j, left, 0) + TK_FN(tree)(v, rows, TK_FN(added)));
    }
}

/* The sums of f(x, y) down the columns, row by row. */
TK_INLINE void TK_FN(plain_sum)(const tk_block *b, const T *x, const T *y, T *total,
                                TK_FN(line_fn) f)
{
    T sum[COLUMNS];
    memset(total, 0, (size_t)b->n * sizeof(T));
    for (int64_t start = 0, rows; start < b->rows; start += rows) {
        rows = b->rows - start < TK_CHUNK_ROWS ? b->rows - start : TK_CHUNK_ROWS;
        int64_t r = 0;
        memset(sum, 0, (size_t)b->n * sizeof(T));
        for (; r + GROUP <= rows; r += GROUP, x += GROUP * b->stride, y += GROUP * b->stride)
            TK_FN(add_group)(sum, x, y, b->stride, b->n, GROUP, f);
        for (; r < rows; r++, x += b->stride, y += b->stride)
            TK_FN(add_group)(sum, x, y, b->stride, b->n, 1, f);
        for (int64_t j = 0; j < b->n; j++)
            total[j] += sum[j];
    }
}

/* Columns that do not fill vectors: so many of their rows, a power of two, are taken as one. */
TK_INLINE int64_t TK_FN(rows_as_one)(const tk_block *b)
{
    enum { LEAST_BYTES = 512 };
    int64_t fold = 1;
    while (fold * b->stride * (int64_t)sizeof(T) < LEAST_BYTES && b->rows >= GROUP * fold)
        fold *= 2;
    return fold;
}

/* The block of the long rows, and that of the rows which are left; returns where these begin. Where the
 * columns are parted, each part does the work of all, and has the same bits. */
TK_INLINE int64_t TK_FN(split_rows)(const tk_block *b, int64_t fold, tk_block *wide, tk_block *rest)
{
    *wide = *rest = *b;
    rest->n = b->stride;
    wide->n = wide->stride = fold * b->stride;
    wide->rows = b->rows / fold;
    rest->rows = b->rows - wide->rows * fold;
    return wide->rows * wide->stride;
}

/* The parts of what long rows gave are added up in halves. */
TK_INLINE void TK_FN(add_parts)(T *total, int64_t n, int64_t fold)
{
    for (int64_t half = fold / 2 * n; half >= n; half /= 2)
        for (int64_t j = 0; j < half; j++)
            total[j] += total[j + half];
}

/* The sums of f(x, y) down the columns. */
TK_INLINE void TK_FN(columns_sum)(const tk_block *b, const T *x, const T *y, T *total,
                                  TK_FN(line_fn) f)
{
    T sums[COLUMNS], more[COLUMNS];
    tk_block wide, rest;
    const int64_t fold = TK_FN(rows_as_one)(b);
    if (fold == 1) {
        TK_FN(plain_sum)(b, x, y, total, f);
        return;
    }
    const int64_t left = TK_FN(split_rows)(b, fold, &wide, &rest) - b->first;
    TK_FN(plain_sum)(&wide, x - b->first, y - b->first, sums, f);
    TK_FN(plain_sum)(&rest, x + left, y + left, more, f); /* of no rows: 0 */
    TK_FN(add_parts)(sums, b->stride, fold);
    for (int64_t j = 0; j < b->n; j++)
        total[j] = sums[b->first + j] + more[b->first + j];
}

/* Adds the exponentials of `rows` rows, 1 or GROUP of them. Where a row exceeds what was subtracted
 * so far, the sums so far are scaled. The elements are loaded twice: kept for all rows at once they
 * would leave no registers for the constants of v_exp. */
TK_INLINE void TK_FN(add_exps)(T *top, T *sum, T *total, const T *x, int64_t stride, int64_t n,
                               const int rows)
{
    for (int64_t j = 0; j < n; j += W) {
        const int left = n - j < W ? (int)(n - j) : W;
        const V before = TK_FN(row_load)(top, j, left, 0);
        V v[GROUP], some = TK_FN(row_load)(sum, j, left, 0), e = v_set(0);
        EACH_OF(r, rows)
        {
            v[r] = TK_FN(row_load)(x + r * stride, j, left, 0);
            __builtin_prefetch(x + (r + GROUP) * stride + j);
        }
        const V now = v_larger(TK_FN(tree)(v, rows, v_larger), before);
        if (__builtin_expect(v_any(now > before), 0)) {
            const V scale = v_exp(before - now);
            some *= scale;
            TK_FN(row_store)(top, j, left, now);
            TK_FN(row_store)(total, j, left, TK_FN(row_load)(total, j, left, 0) * scale);
        }
#pragma GCC unroll 1
        for (int r = 0; r < rows; r++)
            e += v_exp(TK_FN(row_load)(x + r * stride, j, left, 0) - now);
        TK_FN(row_store)(sum, j, left, some + e);
    }
}

/* The maxima of the columns, of their finite elements at least, and the sums of exp(x - top), row by
 * row. */
TK_OUTLINE void TK_FN(plain_exp_sum)(const tk_block *b, const T *x, T *top, T *total)
{
    T sum[COLUMNS];
    for (int64_t j = 0; j < b->n; j++) {
        top[j] = sizeof(T) == 4 ? (T)-FLT_MAX : (T)-DBL_MAX;
        total[j] = 0;
    }
    for (int64_t start = 0, rows; start < b->rows; start += rows) {
        rows = b->rows - start < TK_CHUNK_ROWS ? b->rows - start : TK_CHUNK_ROWS;
        int64_t r = 0;
        memset(sum, 0, (size_t)b->n * sizeof(T));
        for (; r + GROUP <= rows; r += GROUP, x += GROUP * b->stride)
            TK_FN(add_exps)(top, sum, total, x, b->stride, b->n, GROUP);
        for (; r < rows; r++, x += b->stride)
            TK_FN(add_exps)(top, sum, total, x, b->stride, b->n, 1);
        for (int64_t j = 0; j < b->n; j++)
            total[j] += sum[j];
    }
}

/* Sums of exponentials, scaled to larger maxima. */
TK_INLINE void TK_FN(scale_sums)(T *total, const T *top, const T *now, int64_t n)
{
    for (int64_t j = 0; j < n; j += W) {
        const int left = n - j < W ? (int)(n - j) : W;
        const V off = TK_FN(row_load)(top, j, left, 0) - TK_FN(row_load)(now, j, left, 0);
        TK_FN(row_store)(total, j, left, TK_FN(row_load)(total, j, left, 0) * v_exp(off));
    }
}

TK_INLINE void TK_FN(columns_exp_sum)(const tk_block *b, const T *x, T *top, T *total)
{
    T tops[COLUMNS], sums[COLUMNS], now[COLUMNS], rest_tops[COLUMNS], more[COLUMNS];
    tk_block wide, rest;
    const int64_t n = b->stride, fold = TK_FN(rows_as_one)(b);
    if (fold == 1) {
        TK_FN(plain_exp_sum)(b, x, top, total);
        return;
    }
    const int64_t left = TK_FN(split_rows)(b, fold, &wide, &rest) - b->first;
    TK_FN(plain_exp_sum)(&wide, x - b->first, tops, sums);
    TK_FN(plain_exp_sum)(&rest, x + left, rest_tops, more); /* of no rows: 0 */
    memcpy(now, rest_tops, (size_t)n * sizeof(T));
    for (int64_t start = 0; start < fold * n; start += n)
        for (int64_t j = 0; j < n; j++)
            now[j] = tops[start + j] > now[j] ? tops[start + j] : now[j];
    TK_FN(repeat)(now, n, fold);
    TK_FN(scale_sums)(sums, tops, now, fold * n);
    TK_FN(scale_sums)(more, rest_tops, now, n);
    TK_FN(add_parts)(sums, n, fold);
    for (int64_t j = 0; j < b->n; j++) {
        top[j] = now[b->first + j];
        total[j] = sums[b->first + j] + more[b->first + j];
    }
}

/* f(x, y, p, q) with a p and a q for each column, which have room for COLUMNS; out may be x or y. Short
 * rows that lie behind each other are rewritten as long ones. */
TK_INLINE void TK_FN(columns_rewrite)(const tk_block *b, T *out, const T *x, const T *y, T *p, T *q,
                                      TK_FN(columns_fn) f)
{
    enum { PART = 1024 / sizeof(T) };
    _Alignas(64) T part[PART];
    const int64_t fold = tk_rows_joined_to(COLUMNS, b->n, b->stride, b->rows);
    const int64_t step = fold * b->stride, row = fold * b->n * (int64_t)sizeof(T);
    const int64_t ahead = (TK_ROW_AHEAD_BYTES / row + 1) * step;
    TK_FN(repeat)(p, b->n, fold);
    TK_FN(repeat)(q, b->n, fold);
    for (int64_t r = 0; r < b->rows; r += fold, out += step, x += step, y += step) {
        const int64_t n = (b->rows - r < fold ? b->rows - r : fold) * b->n;
        for (int64_t start = 0, end; start < n; start = end) {
            T *const to = b->pieces ? part : out + start;
            end = b->pieces && n - start > PART ? start + PART : n;
            for (int64_t j = start; j < end; j += W) {
                const int left = end - j < W ? (int)(end - j) : W;
                if (b->pieces) { /* so much is far from the caches */
                    __builtin_prefetch(x + j + ahead);
                    if (y != x)
                        __builtin_prefetch(y + j + ahead);
                }
                const V v = TK_FN(row_load)(x, j, left, 0), u = TK_FN(row_load)(y, j, left, 0);
                TK_FN(row_store)
                (to, j - start, left,
                 f(v, u, TK_FN(row_load)(p, j, left, 0), TK_FN(row_load)(q, j, left, 0)));
            }
            if (b->pieces)
                tk_put_piece(b->pieces, (char *)(out + start), (const char *)part,
                             (end - start) * (int64_t)sizeof(T));
        }
    }
}

/* Columns whose elements stay in a small cache until the last is read, n of them in rows from x and y
 * on, `stride` elements apart; the rows of out are `to` apart. out may be x. Their sums stay in registers;
 * they are taken by groups, so that no chain of roundings is long. So many elements ahead are asked for,
 * unless 0. */
#define FEW 16 /* so short are lines that are turned to columns */
#define FEW_COLUMNS ((int)(512 / sizeof(T))) /* are done at a time: FEW of each are 8 KiB */
typedef void TK_FN(few_fn)(T *out, int64_t to, const T *x, const T *y, int64_t stride, int64_t rows,
                           int64_t n, int64_t ahead);
#define EACH_GROUP(start, end, rows)                                                               \
    for (int64_t start = 0, end = GROUP; start < rows; start = end, end += GROUP)
#define EACH_ROW(r, start, end, rows) for (int64_t r = start; r < end && r < rows; r++)

TK_INLINE void TK_FN(few_exps_at)(T *out, int64_t to, const T *x, int64_t stride, int64_t rows,
                                  const int left, const int want_log, int64_t ahead,
                                  const int fetches)
{
    V top = TK_FN(row_load)(x, 0, left, 0), sum = v_set(0);
    for (int64_t r = 0; r < rows; r++) {
        if (fetches)
            __builtin_prefetch(x + r * stride + ahead);
        top = v_larger(top, TK_FN(row_load)(x, r * stride, left, 0));
    }
    EACH_GROUP(start, end, rows)
    {
        V some = v_set(0);
        EACH_ROW(r, start, end, rows)
        {
            const V e = v_exp(TK_FN(row_load)(x, r * stride, left, 0) - top);
            some += e;
            if (!want_log)
                TK_FN(row_store)(out, r * to, left, e);
        }
        sum += some;
    }
    const V p = want_log ? v_log(sum) : v_set(1) / sum;
    for (int64_t r = 0; r < rows; r++)
        if (want_log)
            TK_FN(row_store)(out, r * to, left, TK_FN(row_load)(x, r * stride, left, 0) - top - p);
        else
            TK_FN(row_store)(out, r * to, left, TK_FN(row_load)(out, r * to, left, 0) * p);
}

TK_INLINE void TK_FN(few_exps)(T *out, int64_t to, const T *x, int64_t stride, int64_t rows,
                               int64_t n, const int want_log, int64_t ahead, const int fetches)
{
    for (int64_t j = 0; j < n; j += W)
        TK_FN(few_exps_at)
        (out + j, to, x + j, stride, rows, n - j < W ? (int)(n - j) : W, want_log, ahead, fetches);
}

/* The columns are rewritten by the sums of what `term` gives down them. Whole vectors and the rest take the
 * same instructions: a product might be fused with a sum in one form and not in the other. */
TK_INLINE void TK_FN(few_sums_at)(T *out, int64_t to, const T *x, const T *y, int64_t stride,
                                  int64_t rows, const int left, TK_FN(line_fn) term,
                                  TK_FN(columns_fn) rewrite, int64_t ahead, const int fetches)
{
    V sum = v_set(0);
    EACH_GROUP(start, end, rows)
    {
        V some = v_set(0);
        EACH_ROW(r, start, end, rows)
        {
            if (fetches) {
                __builtin_prefetch(x + r * stride + ahead);
                __builtin_prefetch(y + r * stride + ahead);
            }
            const V a = TK_FN(row_load)(x, r * stride, left, 0);
            const V c = TK_FN(row_load)(y, r * stride, left, 0);
            some += term(a, c, (V){0});
        }
        sum += some;
    }
    for (int64_t r = 0; r < rows; r++) {
        const V a = TK_FN(row_load)(x, r * stride, left, 0);
        const V c = TK_FN(row_load)(y, r * stride, left, 0);
        TK_FN(row_store)(out, r * to, left, rewrite(a, c, sum, sum));
    }
}
#undef EACH_GROUP
#undef EACH_ROW

TK_INLINE void TK_FN(few_sums)(T *out, int64_t to, const T *x, const T *y, int64_t stride,
                               int64_t rows, int64_t n, TK_FN(line_fn) term,
                               TK_FN(columns_fn) rewrite, int64_t ahead, const int fetches)
{
    for (int64_t j = 0; j < n; j += W)
        TK_FN(few_sums_at)
        (out + j, to, x + j, y + j, stride, rows, n - j < W ? (int)(n - j) : W, term, rewrite, ahead,
         fetches);
}

/* Lines across each other, a few of them or close together. */
TK_INLINE void TK_FN(few_across)(const tk_block *b, T *out, const T *x, const T *y,
                                 TK_FN(few_fn) *f)
{
    enum { PART = TK_JOINED_BYTES / sizeof(T) };
    _Alignas(64) T part[PART];
    const int64_t whole = b->n == b->stride ? b->rows * b->n : 0;
    if (!b->pieces) {
        f(out, b->stride, x, y, b->stride, b->rows, b->n, b->ahead);
        return;
    }
    if (whole && whole <= PART) {
        f(part, b->n, x, y, b->stride, b->rows, b->n, b->ahead);
        tk_put_piece(b->pieces, (char *)out, (const char *)part, whole * (int64_t)sizeof(T));
        return;
    }
    const int64_t most = FEW * FEW_COLUMNS / b->rows;
    for (int64_t start = 0, n; start < b->n; start += n) {
        n = b->n - start < most ? b->n - start : most;
        f(part, n, x + start, y + start, b->stride, b->rows, n, b->ahead);
        for (int64_t r = 0; r < b->rows; r++)
            tk_put_piece(b->pieces, (char *)(out + r * b->stride + start), (const char *)(part + r * n),
                         n * (int64_t)sizeof(T));
    }
}

/* n lines of `length` elements one behind the other, turned to columns and back. */
TK_INLINE void TK_FN(few_lines)(T *out, const T *x, const T *y, int64_t length, int64_t n,
                                int streams, TK_FN(few_fn) *f)
{
    _Static_assert(FEW >= TK_MOST_SIDE, "short lines are turned in squares");
    _Alignas(64) T lines[FEW * (FEW_COLUMNS + 1)], columns[2][FEW * FEW_COLUMNS];
    for (int i = 0; i < 1 + (y != x); i++)
        TK_FN(lines_to_columns)(columns[i], lines, i ? y : x, length, n);
    f(columns[0], n, columns[0], columns[y != x], n, length, n, 0);
    TK_FN(columns_to_lines)(out, lines, columns[0], length, n, streams);
}
