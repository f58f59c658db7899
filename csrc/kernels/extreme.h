/* Running extremes along one dimension, and where they were last met. Included once per element type.
 * NaN, once met, stays. */

/* The extreme so far of one line, and where it was met. */
typedef struct TK_FN(extreme) {
    T best;
    int64_t at;
} TK_FN(extreme);

#define EXTREME(name, start, better, beats)                                                        \
    /* Elements [i, end) of a line, `step` apart. Only the extreme waits for the one before; where \
     * it was met follows from it. Until a NaN is met: then only those count. */                   \
    TK_INLINE TK_FN(extreme) TK_FN(name##_run)(const T *in, T *out, int64_t *index, int64_t i,     \
                                               int64_t end, const int64_t step,                    \
                                               TK_FN(extreme) so_far)                              \
    {                                                                                              \
        T best = so_far.best;                                                                      \
        int64_t at = so_far.at;                                                                    \
        int number = !TK_FN(other)(best, best);                                                    \
        for (; number && i < end; i++) {                                                           \
            const T x = in[i * step];                                                              \
            if (TK_FN(other)(x, x))                                                                \
                break;                                                                             \
            best = best beats x ? best : x;                                                        \
            at = best == x ? i : at;                                                               \
            out[i * step] = best;                                                                  \
            index[i * step] = at;                                                                  \
        }                                                                                          \
        for (; i < end; i++) {                                                                     \
            number = !TK_FN(other)(in[i * step], in[i * step]);                                    \
            out[i * step] = best = number ? best : in[i * step];                                   \
            index[i * step] = at = number ? at : i;                                                \
        }                                                                                          \
        return (TK_FN(extreme)){best, at};                                                         \
    }                                                                                              \
    /* Most vectors of a long line hold no new extreme, but for the first. */                      \
    TK_OUTLINE void TK_FN(name##_line)(const T *in, T *out, int64_t *index, int64_t n)             \
    {                                                                                              \
        int64_t i = n < TK_EXTREME_FIRST ? n : TK_EXTREME_FIRST;                                   \
        TK_FN(extreme) so_far = {start, 0};                                                        \
        so_far = TK_FN(name##_run)(in, out, index, 0, i, 1, so_far);                               \
        for (int64_t end; i < n; i = end) {                                                        \
            for (const V held = v_set(so_far.best); i + W <= n; i += W) {                          \
                const V x = v_load(in + i);                                                        \
                if (v_any((x better held) | v_isnan(x)))                                           \
                    break;                                                                         \
                v_store(out + i, held);                                                            \
                for (int k = 0; k < W; k++)                                                        \
                    index[i + k] = so_far.at;                                                      \
            }                                                                                      \
            end = n - i < W ? n : i + W;                                                           \
            so_far = TK_FN(name##_run)(in, out, index, i, end, 1, so_far);                         \
        }                                                                                          \
    }                                                                                              \
    /* Few columns, one after the other, some rows at a time that stay in cache. */                \
    TK_OUTLINE void TK_FN(name##_few)(const T *in, T *out, int64_t *index, int64_t rows,           \
                                      int64_t n, int64_t step)                                     \
    {                                                                                              \
        enum { ROWS = 256 };                                                                       \
        TK_FN(extreme) so_far[TK_EXTREME_FEW];                                                     \
        for (int64_t c = 0; c < n; c++)                                                            \
            so_far[c] = (TK_FN(extreme)){start, 0};                                                \
        for (int64_t r = 0, end; r < rows; r = end) {                                              \
            end = rows - r < ROWS ? rows : r + ROWS;                                               \
            for (int64_t c = 0; c < n; c++)                                                        \
                so_far[c] = TK_FN(name##_run)(in + c, out + c, index + c, r, end, step,            \
                                              so_far[c]);                                          \
        }                                                                                          \
    }                                                                                              \
    TK_INLINE void TK_FN(name##_some)(const T *restrict in, T *restrict out,                       \
                                      int64_t *restrict index, T *restrict best,                   \
                                      int64_t *restrict at, int64_t r, const int n)                \
    {                                                                                              \
        for (int i = 0; i < n; i++) {                                                              \
            const int found = (in[i] better best[i]) | TK_FN(other)(in[i], in[i]);                 \
            out[i] = best[i] = found ? in[i] : best[i];                                            \
            index[i] = at[i] = found ? r : at[i];                                                  \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_columns)(const T *in, T *out, int64_t *index, int64_t rows,       \
                                          int64_t n, int64_t step)                                 \
    {                                                                                              \
        T best[TK_EXTREME_COLUMNS];                                                                \
        int64_t at[TK_EXTREME_COLUMNS];                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            best[i] = start;                                                                       \
            at[i] = 0;                                                                             \
        }                                                                                          \
        for (int64_t r = 0; r < rows; r++, in += step, out += step, index += step) {               \
            int64_t i = 0;                                                                         \
            for (; i + 16 <= n; i += 16)                                                           \
                TK_FN(name##_some)(in + i, out + i, index + i, best + i, at + i, r, 16);           \
            TK_FN(name##_some)(in + i, out + i, index + i, best + i, at + i, r, (int)(n - i));     \
        }                                                                                          \
    }                                                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        const tk_extreme_work *w = work;                                                           \
        for (int64_t n; lo < hi; lo += n) {                                                        \
            const int64_t column = lo % w->inner, rest = w->inner - column;                        \
            const int64_t at = lo / w->inner * w->length * w->inner + column;                      \
            n = rest < hi - lo ? rest : hi - lo;                                                   \
            n = n < TK_EXTREME_COLUMNS ? n : TK_EXTREME_COLUMNS;                                   \
            if (w->inner == 1)                                                                     \
                TK_FN(name##_line)((const T *)w->in + at, (T *)w->out + at, w->index + at,         \
                                   w->length);                                                     \
            else if (n <= TK_EXTREME_FEW)                                                          \
                TK_FN(name##_few)((const T *)w->in + at, (T *)w->out + at, w->index + at,          \
                                  w->length, n, w->inner);                                         \
            else                                                                                   \
                TK_FN(name##_columns)((const T *)w->in + at, (T *)w->out + at, w->index + at,      \
                                      w->length, n, w->inner);                                     \
        }                                                                                          \
    }
#ifndef TK_EXTREME_COLUMNS
#define TK_EXTREME_COLUMNS 512 /* side by side: 4 KiB of places, and at most as much of values */
#define TK_EXTREME_FEW 8
#define TK_EXTREME_FIRST 32
#endif
EXTREME(cummax, TK_FN(lowest)(), >=, >)
EXTREME(cummin, TK_FN(highest)(), <=, <)
#undef EXTREME
