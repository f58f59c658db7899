/* Softmax and its kin: each line along one dimension is reduced, then rewritten with what the
 * reductions gave. Included once per floating type.
 *
 * A block is one line, or where the lines lie across each other a tile of them: `rows` elements of
 * each, `n` lines side by side. The first parameter of a rewrite belongs to the line, so it is one
 * number for a line and one of n for a tile.
 */
typedef V (*TK_FN(rewrite_fn))(V x, V y, V p);

/* Partial results of a line's chunks; this many are folded into one before more are taken. */
#define PARTS ((int)(1024 / sizeof(T)))

TK_OUTLINE void TK_FN(block_reduce)(const tk_block *b, const T *x, T *result, tk_line_fn *line,
                                    tk_column_fn *columns)
{
    enum { ROWS = 8, CHUNK = TK_CHUNK_BYTES / sizeof(T) };
    T parts[PARTS];
    if (!b->columns && b->n <= CHUNK) {
        line(result, x, b->n, NULL);
        return;
    }
    if (!b->columns) {
        int have = 0;
        for (int64_t i = 0, n; i < b->n; i += n) {
            n = b->n - i < CHUNK ? b->n - i : CHUNK;
            if (have == PARTS) {
                line(parts, parts, have, NULL);
                have = 1;
            }
            line(parts + have++, x + i, n, NULL);
        }
        line(result, parts, have, NULL);
        return;
    }
    T chunk[TK_BLOCK_COLUMNS];
    const char *const part = (const char *)chunk;
    for (int64_t start = 0; start < b->rows; start += TK_CHUNK_ROWS) {
        int64_t rows = b->rows - start < TK_CHUNK_ROWS ? b->rows - start : TK_CHUNK_ROWS;
        for (int64_t r = 0; r < rows; r += ROWS) {
            const char *row[ROWS];
            int group = rows - r < ROWS ? (int)(rows - r) : ROWS;
            for (int i = 0; i < group; i++)
                row[i] = (const char *)(x + (start + r + i) * b->stride);
            columns(start ? chunk : result, row, group, b->n, r == 0, NULL);
        }
        if (start)
            columns(result, &part, 1, b->n, 0, NULL);
    }
}

/* out may be x or y. */
TK_INLINE void TK_FN(block_rewrite)(const tk_block *b, T *out, const T *x, const T *y, const T *p,
                                    TK_FN(rewrite_fn) f)
{
    for (int64_t r = 0; r < b->rows; r++, out += b->stride, x += b->stride, y += b->stride)
        for (int64_t i = 0; i < b->n; i += W) {
            int left = b->n - i < W ? (int)(b->n - i) : W;
            V a, c, q = v_set(*p);
            if (__builtin_expect(left == W, 1)) {
                a = v_load(x + i);
                c = v_load(y + i);
                if (b->columns)
                    q = v_load(p + i);
            } else {
                a = v_load_part(x + i, left);
                c = v_load_part(y + i, left);
                if (b->columns)
                    q = v_load_part(p + i, left);
            }
            a = f(a, c, q);
            if (__builtin_expect(left == W, 1))
                v_store(out + i, a);
            else
                v_store_part(out + i, a, left);
        }
}

#define UNUSED __attribute__((unused))
#define REWRITE(name, expression)                                                                  \
    TK_INLINE V TK_FN(name##_of)(V x, V y UNUSED, V p UNUSED)                                      \
    {                                                                                              \
        return expression;                                                                         \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name)(const tk_block *b, T *out, const T *x, const T *y, const T *p)     \
    {                                                                                              \
        TK_FN(block_rewrite)(b, out, x, y, p, TK_FN(name##_of));                                   \
    }
REWRITE(less_exp, v_exp(x - p))
REWRITE(divide, x / p)
REWRITE(scale, x *p)
REWRITE(less, x - p)
REWRITE(times, x *y)
REWRITE(scaled_difference, y *(x - p))
REWRITE(less_scaled_exp, x - v_exp(y) * p)
#undef REWRITE
#undef UNUSED

/* The sum of exp(x - top) over a line, the exponentials kept in out unless it is NULL. */
TK_OUTLINE double TK_FN(kept_exp_sum)(T *out, const T *x, int64_t n, T top)
{
    return TK_FN(sum_line_of)(out, x, x, n, -(T)INFINITY, top, TK_FN(less_exp_of));
}

TK_OUTLINE double TK_FN(exp_total)(const T *x, int64_t n, T top)
{
    return TK_FN(sum_line_of)(NULL, x, x, n, -(T)INFINITY, top, TK_FN(less_exp_of));
}

/* (x - p) - q */
TK_OUTLINE void TK_FN(less_two)(T *out, const T *x, int64_t n, T p, T q)
{
    for (int64_t i = 0; i < n; i += W) {
        int left = n - i < W ? (int)(n - i) : W;
        V v = TK_FN(row_load)(x, i, left, 0);
        TK_FN(row_store)(out, i, left, v - v_set(p) - v_set(q));
    }
}

TK_OUTLINE double TK_FN(product_total)(const T *x, const T *y, int64_t n)
{
    return TK_FN(sum_line_of)(NULL, x, y, n, 0, 0, TK_FN(times_of));
}

#define AMAX TK_FN(amax_line), TK_FN(amax_columns)
#define SUM TK_FN(sum_line), TK_FN(sum_columns)

/* A line of few classes stays in one register. Lanes without an element hold exp(-inf) = 0. */
TK_INLINE void TK_FN(short_line)(T *out, const T *x, int n, const int want_log)
{
    V v = v_load_filled(x, n, -(T)INFINITY);
    v -= v_set(TK_FN(fold)(v, TK_FN(greater)));
    V e = v_exp(v);
    T sum = TK_FN(fold)(e, TK_FN(added));
    V r = want_log ? v - v_set((T)log((double)sum)) : e / v_set(sum);
    if (n == W)
        v_store(out, r);
    else
        v_store_part(out, r, n);
}

TK_INLINE void TK_FN(softmax_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[TK_BLOCK_COLUMNS];
    (void)y;
    if (!b->columns && b->n <= W) {
        TK_FN(short_line)(out, x, (int)b->n, 0);
        return;
    }
    TK_FN(block_reduce)(b, x, p, AMAX);
    if (!b->columns) {
        *p = (T)(1 / TK_FN(kept_exp_sum)(out, x, b->n, *p));
        TK_FN(scale)(b, out, out, out, p);
        return;
    }
    TK_FN(less_exp)(b, out, x, x, p);
    TK_FN(block_reduce)(b, out, p, SUM);
    TK_FN(divide)(b, out, out, out, p);
}

/* (x - max) - log(sum of exp(x - max)): subtracted one after the other, for max may be large */
TK_INLINE void TK_FN(log_softmax_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T top[TK_BLOCK_COLUMNS], p[TK_BLOCK_COLUMNS];
    (void)y;
    if (!b->columns && b->n <= W) {
        TK_FN(short_line)(out, x, (int)b->n, 1);
        return;
    }
    TK_FN(block_reduce)(b, x, top, AMAX);
    if (!b->columns) {
        TK_FN(less_two)(out, x, b->n, *top, (T)log(TK_FN(exp_total)(x, b->n, *top)));
        return;
    }
    TK_FN(less_exp)(b, out, x, x, top);
    TK_FN(block_reduce)(b, out, p, SUM);
    for (int64_t i = 0; i < b->n; i++)
        p[i] = (T)log((double)p[i]);
    TK_FN(less)(b, out, x, x, top);
    TK_FN(less)(b, out, out, out, p);
}

/* The backward ones take the gradient x and the result y of the forward pass. */
TK_INLINE void TK_FN(softmax_backward_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[TK_BLOCK_COLUMNS];
    if (b->columns) {
        TK_FN(times)(b, out, x, y, x);
        TK_FN(block_reduce)(b, out, p, SUM);
    } else {
        *p = (T)TK_FN(product_total)(x, y, b->n);
    }
    TK_FN(scaled_difference)(b, out, x, y, p);
}

TK_INLINE void TK_FN(log_softmax_backward_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[TK_BLOCK_COLUMNS];
    TK_FN(block_reduce)(b, x, p, SUM);
    TK_FN(less_scaled_exp)(b, out, x, y, p);
}

#define ROWS(name)                                                                                 \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        const tk_rows_work *w = work;                                                              \
        tk_block b;                                                                                \
        for (int64_t at, n; lo < hi; lo += n) {                                                    \
            n = tk_next_block(w, lo, hi, &b, &at);                                                 \
            TK_FN(name##_block)                                                                    \
            (&b, (T *)w->out + at, (const T *)w->in[0] + at, (const T *)w->in[1] + at);            \
        }                                                                                          \
    }
ROWS(softmax)
ROWS(log_softmax)
ROWS(softmax_backward)
ROWS(log_softmax_backward)
#undef ROWS
#undef PARTS
#undef AMAX
#undef SUM
