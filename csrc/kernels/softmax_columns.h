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

/* The sums of f(x, y) down the columns. */
TK_INLINE void TK_FN(columns_sum)(const tk_block *b, const T *x, const T *y, T *total,
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

/* The maxima of the columns, of their finite elements at least, and the sums of exp(x - top). */
TK_OUTLINE void TK_FN(columns_exp_sum)(const tk_block *b, const T *x, T *top, T *total)
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

/* f(x, y, p, q) with a p and a q for each column, which have room for COLUMNS; out may be x or y. Short
 * rows that lie behind each other are rewritten as long ones. */
TK_INLINE void TK_FN(columns_rewrite)(const tk_block *b, T *out, const T *x, const T *y, T *p, T *q,
                                      TK_FN(columns_fn) f)
{
    _Alignas(64) T part[COLUMNS];
    const int64_t fold = tk_rows_joined_to(COLUMNS, b->n, b->stride, b->rows);
    const int64_t step = fold * b->stride;
    TK_FN(repeat)(p, b->n, fold);
    TK_FN(repeat)(q, b->n, fold);
    for (int64_t r = 0; r < b->rows; r += fold, out += step, x += step, y += step) {
        const int64_t n = (b->rows - r < fold ? b->rows - r : fold) * b->n;
        T *const to = b->streams ? part : out;
        for (int64_t j = 0; j < n; j += W) {
            const int left = n - j < W ? (int)(n - j) : W;
            const V v = TK_FN(row_load)(x, j, left, 0), u = TK_FN(row_load)(y, j, left, 0);
            TK_FN(row_store)
            (to, j, left, f(v, u, TK_FN(row_load)(p, j, left, 0), TK_FN(row_load)(q, j, left, 0)));
        }
        if (b->streams)
            tk_stream((char *)out, (const char *)part, n * (int64_t)sizeof(T));
    }
}

/* Columns of at most FEW elements, n of them in rows from x and y on, `stride` elements apart; the
 * rows of out are `to` apart. out may be x. */
#define FEW 8
#define FEW_COLUMNS ((int)(1024 / sizeof(T))) /* are done at a time: FEW of each are 8 KiB */
typedef void TK_FN(few_fn)(T *out, int64_t to, const T *x, const T *y, int64_t stride, int64_t rows,
                           int64_t n);

TK_INLINE void TK_FN(few_exps)(T *out, int64_t to, const T *x, int64_t stride, int64_t rows,
                               int64_t n, const int want_log)
{
    for (int64_t j = 0; j < n; j += W) {
        const int left = n - j < W ? (int)(n - j) : W;
        V top = TK_FN(row_load)(x, j, left, 0), sum = v_set(0);
        for (int64_t r = 1; r < rows; r++)
            top = v_larger(top, TK_FN(row_load)(x + r * stride, j, left, 0));
        for (int64_t r = 0; r < rows; r++) {
            const V e = v_exp(TK_FN(row_load)(x + r * stride, j, left, 0) - top);
            sum += e;
            if (!want_log)
                TK_FN(row_store)(out + r * to, j, left, e);
        }
        const V p = want_log ? v_log(sum) : v_set(1) / sum;
        for (int64_t r = 0; r < rows; r++)
            if (want_log)
                TK_FN(row_store)
                (out + r * to, j, left, TK_FN(row_load)(x + r * stride, j, left, 0) - top - p);
            else
                TK_FN(row_store)(out + r * to, j, left, TK_FN(row_load)(out + r * to, j, left, 0) * p);
    }
}

/* The columns are rewritten by the sums of what `term` gives down them. */
TK_INLINE void TK_FN(few_sums)(T *out, int64_t to, const T *x, const T *y, int64_t stride,
                               int64_t rows, int64_t n, TK_FN(line_fn) term,
                               TK_FN(columns_fn) rewrite)
{
    for (int64_t j = 0; j < n; j += W) {
        const int left = n - j < W ? (int)(n - j) : W;
        V sum = v_set(0);
        for (int64_t r = 0, at = j; r < rows; r++, at += stride) {
            const V a = TK_FN(row_load)(x, at, left, 0), c = TK_FN(row_load)(y, at, left, 0);
            sum += term(a, c, (V){0});
        }
        for (int64_t r = 0, at = j; r < rows; r++, at += stride) {
            const V a = TK_FN(row_load)(x, at, left, 0), c = TK_FN(row_load)(y, at, left, 0);
            TK_FN(row_store)(out + r * to, j, left, rewrite(a, c, sum, sum));
        }
    }
}

/* Lines across each other. */
TK_INLINE void TK_FN(few_across)(const tk_block *b, T *out, const T *x, const T *y,
                                 TK_FN(few_fn) *f)
{
    _Alignas(64) T part[FEW * FEW_COLUMNS];
    if (!b->streams) {
        f(out, b->stride, x, y, b->stride, b->rows, b->n);
        return;
    }
    for (int64_t start = 0, n; start < b->n; start += n) {
        n = b->n - start < FEW_COLUMNS ? b->n - start : FEW_COLUMNS;
        f(part, FEW_COLUMNS, x + start, y + start, b->stride, b->rows, n);
        for (int64_t r = 0; r < b->rows; r++)
            tk_stream((char *)(out + r * b->stride + start), (const char *)(part + r * FEW_COLUMNS),
                      n * (int64_t)sizeof(T));
    }
}

/* n lines of `length` elements one behind the other, turned to columns and back. */
TK_INLINE void TK_FN(few_lines)(T *out, const T *x, const T *y, int64_t length, int64_t n,
                                int streams, TK_FN(few_fn) *f)
{
    _Static_assert(FEW >= TK_MOST_SIDE, "short lines are turned in squares");
    _Alignas(64) T lines[FEW * (FEW_COLUMNS + 1)], columns[2][FEW * FEW_COLUMNS];
    const int64_t bytes = length * n * (int64_t)sizeof(T);
    for (int i = 0; i < 1 + (y != x); i++) {
        tk_copy_rows((char *)lines, 0, (const char *)(i ? y : x), 0, 1, bytes, 0);
        tk_turn_short((char *)columns[i], (const char *)lines, length, n, 0, sizeof(T));
    }
    f(columns[0], n, columns[0], columns[y != x], n, length, n);
    tk_turn_short((char *)lines, (const char *)columns[0], length, n, 1, sizeof(T));
    tk_copy_rows((char *)out, 0, (const char *)lines, 0, 1, bytes, streams);
}
