/* Softmax and its kin: each line along one dimension is reduced, then rewritten with what the
 * reductions gave. Included once per floating type.
 * The parameter of a rewrite belongs to the line. */
/* Partial results of a line's chunks; this many are folded into one before more are taken. */
#define PARTS ((int)(1024 / sizeof(T)))

TK_OUTLINE T TK_FN(line_reduce)(const T *x, int64_t n, tk_line_fn *line)
{
    enum { CHUNK = TK_CHUNK_BYTES / sizeof(T) };
    T parts[PARTS], result;
    int have = 0;
    for (int64_t i = 0, some; i < n; i += some) {
        some = n - i < CHUNK ? n - i : CHUNK;
        if (have == PARTS) {
            line(parts, parts, have, NULL);
            have = 1;
        }
        line(parts + have++, x + i, some, NULL);
    }
    if (have == 1)
        return parts[0];
    line(&result, parts, have, NULL);
    return result;
}

TK_INLINE void TK_FN(rewrite_vector)(T *out, const T *x, const T *y, int64_t i, const int left, V p,
                                     TK_FN(line_fn) f)
{
    const V a = TK_FN(row_load)(x, i, left, 0), c = TK_FN(row_load)(y, i, left, 0);
    TK_FN(row_store)(out, i, left, f(a, c, p));
}

TK_INLINE void TK_FN(rewrite_ahead)(T *out, const T *x, const T *y, int64_t n, V p, int64_t ahead,
                                    const int fetches, TK_FN(line_fn) f)
{
    int64_t i = 0;
    for (; i + W <= n; i += W) {
        if (fetches) {
            __builtin_prefetch(x + i + ahead);
            __builtin_prefetch(y + i + ahead);
        }
        TK_FN(rewrite_vector)(out, x, y, i, W, p, f);
    }
    if (i < n)
        TK_FN(rewrite_vector)(out, x, y, i, (int)(n - i), p, f);
}

TK_INLINE void TK_FN(row_rewrite)(T *out, const T *x, const T *y, int64_t n, V p, int64_t ahead,
                                  TK_FN(line_fn) f)
{
    if (ahead)
        TK_FN(rewrite_ahead)(out, x, y, n, p, ahead, 1, f);
    else
        TK_FN(rewrite_ahead)(out, x, y, n, p, 0, 0, f);
}

/* Lines that go past the caches do so by parts of this: so few stores wait while others compute. */
#define STREAM_PART ((int64_t)(1024 / sizeof(T)))
/* The exponentials of such a line are kept aside, in half of an L2 at the most. */
enum { TK_FN(most_kept) = 65536 / sizeof(T) };

/* out may be x or y. What goes past the caches is put together first: rows may be short. */
TK_INLINE void TK_FN(block_rewrite)(const tk_block *b, T *out, const T *x, const T *y, const T *p,
                                    TK_FN(line_fn) f)
{
    _Alignas(64) T part[STREAM_PART];
    int64_t held = 0;
    for (int64_t r = 0; r < b->rows; r++, x += b->stride, y += b->stride) {
        const V q = v_set(p[r]);
        if (!b->pieces) {
            TK_FN(row_rewrite)(out + r * b->stride, x, y, b->n, q, b->ahead, f);
            continue;
        }
        for (int64_t i = 0, n; i < b->n; i += n) {
            n = b->n - i < STREAM_PART - held ? b->n - i : STREAM_PART - held;
            TK_FN(row_rewrite)(part + held, x + i, y + i, n, q, b->ahead, f);
            held += n;
            if (held == STREAM_PART || (r == b->rows - 1 && i + n == b->n)) {
                tk_put_piece(b->pieces, (char *)out, (const char *)part, held * (int64_t)sizeof(T));
                out += held;
                held = 0;
            }
        }
    }
}

#define UNUSED __attribute__((unused))
#define TERM(name, expression)                                                                     \
    TK_INLINE V TK_FN(name##_of)(V x, V y UNUSED, V p UNUSED)                                      \
    {                                                                                              \
        return expression;                                                                         \
    }
#define REWRITE(name, expression)                                                                  \
    TERM(name, expression)                                                                         \
    TK_OUTLINE void TK_FN(name)(const tk_block *b, T *out, const T *x, const T *y, const T *p)     \
    {                                                                                              \
        TK_FN(block_rewrite)(b, out, x, y, p, TK_FN(name##_of));                                   \
    }
TERM(less_exp, v_exp(x - p))
TERM(times, x *y)
TERM(first, x)
REWRITE(scale, x *p)
REWRITE(scaled_difference, y *(x - p))
REWRITE(less_scaled_exp, x - v_exp(y) * p)
#undef REWRITE
#undef TERM

#define COLUMNS_REWRITE(name, expression)                                                          \
    TK_INLINE V TK_FN(name##_at)(V x, V y UNUSED, V p, V q UNUSED)                                 \
    {                                                                                              \
        return expression;                                                                         \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_columns)(const tk_block *b, T *out, const T *x, const T *y,       \
                                          T *p, T *q)                                              \
    {                                                                                              \
        TK_FN(columns_rewrite)(b, out, x, y, p, q, TK_FN(name##_at));                              \
    }
#include "softmax_columns.h"
COLUMNS_REWRITE(less_exp, v_exp(x - p) * q)
COLUMNS_REWRITE(less_two, x - p - q)
COLUMNS_REWRITE(scaled_difference, y *(x - p))
COLUMNS_REWRITE(less_scaled_exp, x - v_exp(y) * p)
#undef COLUMNS_REWRITE

#define FEW_OF(name, fetching)                                                                     \
    TK_OUTLINE void TK_FN(name##_few)(T *out, int64_t to, const T *x, const T *y UNUSED,           \
                                      int64_t stride, int64_t rows, int64_t n, int64_t ahead)      \
    {                                                                                              \
        if (ahead)                                                                                 \
            fetching(1);                                                                           \
        else                                                                                       \
            fetching(0);                                                                           \
    }
#define EXPS(log, fetches) TK_FN(few_exps)(out, to, x, stride, rows, n, log, ahead, fetches)
#define SUMS(term, rewrite, fetches)                                                               \
    TK_FN(few_sums)                                                                                \
    (out, to, x, y, stride, rows, n, TK_FN(term##_of), TK_FN(rewrite##_at), ahead, fetches)
#define SOFTMAX(fetches) EXPS(0, fetches)
#define LOG_SOFTMAX(fetches) EXPS(1, fetches)
#define SOFTMAX_BACKWARD(fetches) SUMS(times, scaled_difference, fetches)
#define LOG_SOFTMAX_BACKWARD(fetches) SUMS(first, less_scaled_exp, fetches)
FEW_OF(softmax, SOFTMAX)
FEW_OF(log_softmax, LOG_SOFTMAX)
FEW_OF(softmax_backward, SOFTMAX_BACKWARD)
FEW_OF(log_softmax_backward, LOG_SOFTMAX_BACKWARD)
#undef SOFTMAX
#undef LOG_SOFTMAX
#undef SOFTMAX_BACKWARD
#undef LOG_SOFTMAX_BACKWARD
#undef EXPS
#undef SUMS
#undef FEW_OF
#undef UNUSED

/* The sum of exp(x - top) over a line, the exponentials kept in out unless it is NULL. The passes over a
 * line before and after this one wait for the caches alone: here the next lines are asked for. */
TK_OUTLINE double TK_FN(kept_exp_sum)(T *out, const T *x, int64_t n, T top, int64_t ahead)
{
    const T *const next = ahead ? x + ahead : NULL;
    return out ? TK_FN(sum_line_of)(out, x, x, n, -(T)INFINITY, top, next, TK_FN(less_exp_of))
               : TK_FN(sum_line_of)(NULL, x, x, n, -(T)INFINITY, top, next, TK_FN(less_exp_of));
}

/* (x - p) - q */
TK_OUTLINE void TK_FN(less_two)(T *out, const T *x, int64_t n, T p, T q, tk_pieces *pieces)
{
    _Alignas(64) T part[STREAM_PART];
    for (int64_t start = 0, some; start < n; start += some, x += some, out += some) {
        T *to = pieces ? part : out;
        some = n - start < STREAM_PART ? n - start : STREAM_PART;
        for (int64_t i = 0; i < some; i += W) {
            int left = some - i < W ? (int)(some - i) : W;
            V v = TK_FN(row_load)(x, i, left, 0);
            TK_FN(row_store)(to, i, left, v - v_set(p) - v_set(q));
        }
        if (pieces)
            tk_put_piece(pieces, (char *)out, (const char *)part, some * (int64_t)sizeof(T));
    }
}

TK_OUTLINE double TK_FN(product_total)(const T *x, const T *y, int64_t n)
{
    return TK_FN(sum_line_of)(NULL, x, y, n, 0, 0, NULL, TK_FN(times_of));
}

/* Loads a line, and gives its exponentials, their sum, and the maximum that was subtracted. Lanes
 * without an element hold exp(-inf) = 0. */
TK_INLINE T TK_FN(exp_line)(V *e, const T *x, int64_t n, T *top, const int vectors)
{
    EACH_OF(v, vectors) e[v] = v_load_filled(x + v * W, n - v * W, -(T)INFINITY);
    *top = TK_FN(fold_line)(e, TK_FN(greater), vectors);
    EACH_OF(v, vectors) e[v] = v_exp(e[v] - v_set(*top));
    return TK_FN(fold_line)(e, TK_FN(added), vectors);
}

/* The maximum of a line, unless it is held in registers and found there. */
TK_INLINE T TK_FN(line_top)(const T *x, int64_t n)
{
    return n <= 2 * TK_LANES ? 0 : TK_FN(line_reduce)(x, n, TK_FN(amax_line));
}

/* The same for a line of any length: the sum, and where out is not NULL what was summed; *top is that of
 * line_top, and becomes the maximum. What lies `ahead` of it is asked for, unless that is 0. */
TK_OUTLINE double TK_FN(line_exps)(T *out, const T *x, int64_t n, T *top, int64_t ahead)
{
    V e[MOST];
    T sum;
#define LINE(vectors)                                                                              \
    sum = TK_FN(exp_line)(e, x, n, top, vectors);                                                  \
    if (out)                                                                                       \
        TK_FN(store_line)(out, e, n, vectors);                                                     \
    return (double)sum
    for (int64_t i = 0; ahead && n <= 2 * TK_LANES && i < n; i += 64 / (int64_t)sizeof(T))
        __builtin_prefetch(x + ahead + i);
    if (n <= W) {
        LINE(1);
    }
    if (n <= TK_LANES) {
        LINE(TK_VECTORS);
    }
    if (n <= 2 * TK_LANES) {
        LINE(MOST);
    }
#undef LINE
    return TK_FN(kept_exp_sum)(out, x, n, *top, ahead);
}

TK_INLINE void TK_FN(short_line)(T *out, const T *x, int64_t n, const int want_log,
                                 const int vectors)
{
    V e[MOST];
    T top;
    const double sum = (double)TK_FN(exp_line)(e, x, n, &top, vectors);
    const V scale = v_set((T)(1 / sum)), first = v_set(top);
    const V second = v_set(want_log ? (T)log(sum) : 0);
    EACH_OF(v, vectors)
    {
        if (want_log)
            e[v] = v_load_filled(x + v * W, n - v * W, 0) - first - second;
        else
            e[v] = e[v] * scale;
    }
    TK_FN(store_line)(out, e, n, vectors);
}

/* Whether the lines of a block are so short; they are done then. */
TK_INLINE int TK_FN(short_lines)(const tk_block *b, T *out, const T *x, const int want_log)
{
    const int64_t n = b->n;
    if (n > 2 * TK_LANES)
        return 0;
    _Alignas(64) T part[TK_BLOCK_LINES * 2 * TK_LANES];
    T *to = b->pieces ? part : out;
    for (int64_t i = 0; b->ahead && i < b->rows * n; i += 64 / (int64_t)sizeof(T))
        __builtin_prefetch(x + b->ahead + i);
    for (int64_t r = 0; r < b->rows; r++, to += n, x += n)
        if (n <= W)
            TK_FN(short_line)(to, x, n, want_log, 1);
        else if (n <= TK_LANES)
            TK_FN(short_line)(to, x, n, want_log, TK_VECTORS);
        else
            TK_FN(short_line)(to, x, n, want_log, MOST);
    if (b->pieces)
        tk_put_piece(b->pieces, (char *)out, (const char *)part, b->rows * n * (int64_t)sizeof(T));
    return 1;
}

TK_INLINE void TK_FN(softmax_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[TK_BLOCK_LINES];
    (void)y;
    if (TK_FN(short_lines)(b, out, x, 0))
        return;
    tk_block line = *b;
    line.ahead = 0; /* of x: the last step reads exponentials */
    line.rows = 1;
    for (int64_t r = 0; r < b->rows; r++)
        p[r] = TK_FN(line_reduce)(x + r * b->n, b->n, TK_FN(amax_line));
    _Alignas(64) T kept[TK_FN(most_kept)];
    T *const e = b->pieces && b->n <= TK_FN(most_kept) ? kept : out;
    /* One line behind: what goes past the caches does so while the next exponentials are computed. */
    for (int64_t r = 0, at = 0; r <= b->rows; r++, at += b->n) {
        if (r < b->rows)
            p[r] = (T)(1 / TK_FN(kept_exp_sum)(e + at, x + at, b->n, p[r], b->ahead));
        if (r > 0)
            TK_FN(scale)(&line, out + at - b->n, e + at - b->n, e + at - b->n, p + r - 1);
    }
}

TK_INLINE void TK_FN(softmax_across)(const tk_block *b, T *out, const T *x, const T *y)
{
    T top[COLUMNS], p[COLUMNS];
    TK_FN(columns_exp_sum)(b, x, top, p);
    for (int64_t i = 0; i < b->n; i++)
        p[i] = 1 / p[i];
    TK_FN(less_exp_columns)(b, out, x, y, top, p);
}

/* (x - max) - log(sum of exp(x - max)): subtracted one after the other, for max may be large */
TK_INLINE void TK_FN(log_softmax_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T top[TK_BLOCK_LINES], p[TK_BLOCK_LINES];
    (void)y;
    if (TK_FN(short_lines)(b, out, x, 1))
        return;
    for (int64_t r = 0; r < b->rows; r++)
        top[r] = TK_FN(line_reduce)(x + r * b->n, b->n, TK_FN(amax_line));
    for (int64_t r = 0, at = 0; r <= b->rows; r++, at += b->n) { /* as above */
        if (r < b->rows)
            p[r] = (T)log(TK_FN(kept_exp_sum)(NULL, x + at, b->n, top[r], b->ahead));
        if (r > 0)
            TK_FN(less_two)(out + at - b->n, x + at - b->n, b->n, top[r - 1], p[r - 1], b->pieces);
    }
}

TK_INLINE void TK_FN(log_softmax_across)(const tk_block *b, T *out, const T *x, const T *y)
{
    T top[COLUMNS], p[COLUMNS];
    TK_FN(columns_exp_sum)(b, x, top, p);
    for (int64_t i = 0; i < b->n; i += W) {
        const int left = b->n - i < W ? (int)(b->n - i) : W;
        TK_FN(row_store)(p, i, left, v_log(TK_FN(row_load)(p, i, left, 1)));
    }
    TK_FN(less_two_columns)(b, out, x, y, top, p);
}

/* The backward ones take the gradient x and the result y of the forward pass. */
TK_INLINE void TK_FN(softmax_backward_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[TK_BLOCK_LINES];
    for (int64_t r = 0, at = 0; r < b->rows; r++, at += b->n)
        p[r] = (T)TK_FN(product_total)(x + at, y + at, b->n);
    TK_FN(scaled_difference)(b, out, x, y, p);
}

TK_INLINE void TK_FN(softmax_backward_across)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[COLUMNS];
    TK_FN(columns_sum)(b, x, y, p, TK_FN(times_of));
    TK_FN(scaled_difference_columns)(b, out, x, y, p, p);
}

TK_INLINE void TK_FN(log_softmax_backward_block)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[TK_BLOCK_LINES];
    for (int64_t r = 0; r < b->rows; r++)
        p[r] = TK_FN(line_reduce)(x + r * b->n, b->n, TK_FN(sum_line));
    TK_FN(less_scaled_exp)(b, out, x, y, p);
}

TK_INLINE void TK_FN(log_softmax_backward_across)(const tk_block *b, T *out, const T *x, const T *y)
{
    T p[COLUMNS];
    TK_FN(columns_sum)(b, x, x, p, TK_FN(first_of));
    TK_FN(less_scaled_exp_columns)(b, out, x, y, p, p);
}

#define ROWS(name)                                                                                 \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        const tk_rows_work *w = work;                                                              \
        const T *x = (const T *)w->in[0], *y = (const T *)w->in[1];                                \
        tk_pieces waiting = {.held = 0}, *const pieces = w->streams ? &waiting : NULL;             \
        tk_block b;                                                                                \
        for (int64_t at, n; lo < hi; lo += n) {                                                    \
            if (w->inner == 1 && w->length <= FEW) {                                               \
                n = hi - lo < FEW_COLUMNS ? hi - lo : FEW_COLUMNS;                                 \
                at = lo * w->length;                                                               \
                TK_FN(few_lines)                                                                   \
                ((T *)w->out + at, x + at, y + at, w->length, n, w->streams, TK_FN(name##_few));   \
            } else if (w->inner == 1) {                                                            \
                n = tk_next_lines(w, lo, hi, pieces, &b, &at);                                     \
                TK_FN(name##_block)(&b, (T *)w->out + at, x + at, y + at);                         \
            } else {                                                                               \
                n = tk_next_columns(w, lo, hi, COLUMNS, pieces, &b, &at);                          \
                if (w->length <= GROUP || tk_are_close(w, sizeof(T)))                              \
                    TK_FN(few_across)(&b, (T *)w->out + at, x + at, y + at, TK_FN(name##_few));    \
                else                                                                               \
                    TK_FN(name##_across)(&b, (T *)w->out + at, x + at, y + at);                    \
            }                                                                                      \
        }                                                                                          \
        if (w->streams)                                                                            \
            tk_end_pieces(pieces);                                                                 \
    }
ROWS(softmax)
ROWS(log_softmax)
ROWS(softmax_backward)
ROWS(log_softmax_backward)
#undef ROWS
#undef PARTS
#undef STREAM_PART
#undef MOST
#undef COLUMNS
#undef GROUP
#undef FEW
#undef FEW_COLUMNS
