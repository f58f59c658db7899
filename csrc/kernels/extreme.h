/* Running extremes along one dimension, and where they were last met. Included once per element type.
 * NaN, once met, stays. */
typedef T TK_FN(few) __attribute__((vector_size(16)));
typedef I TK_FN(few_masks) __attribute__((vector_size(16)));

/* Through a function, so that integers compared with themselves pass without a warning. */
TK_INLINE TK_FN(few_masks) TK_FN(few_differ)(TK_FN(few) a, TK_FN(few) b)
{
    return a != b;
}

#define EXTREME(name, start, better)                                                               \
    /* Most vectors of a long line hold no new extreme. In those that do, it is chosen element by  \
     * element without a branch, which would often be guessed wrong; in registers of 16 bytes,     \
     * whose comparisons take no mask register. */                                                 \
    TK_OUTLINE void TK_FN(name##_line)(const T *in, T *out, int64_t *index, int64_t n)             \
    {                                                                                              \
        const TK_FN(few) zero = {0};                                                               \
        TK_FN(few) best = start - zero;                                                            \
        int64_t at = 0, i = 0;                                                                     \
        while (i < n) {                                                                            \
            for (const V held = v_set(best[0]); i + W <= n; i += W) {                              \
                const V x = v_load(in + i);                                                        \
                if (v_any((x better held) | v_isnan(x)))                                           \
                    break;                                                                         \
                v_store(out + i, held);                                                            \
                for (int k = 0; k < W; k++)                                                        \
                    index[i + k] = at;                                                             \
            }                                                                                      \
            for (const int64_t end = n - i < W ? n : i + W; i < end; i++) {                        \
                const TK_FN(few) x = in[i] - zero;                                                 \
                const TK_FN(few_masks) found = (x better best) | TK_FN(few_differ)(x, x);          \
                best = (TK_FN(few))((found & (TK_FN(few_masks))x) |                                \
                                    (~found & (TK_FN(few_masks))best));                            \
                at += (i - at) & (int64_t)found[0];                                                \
                out[i] = best[0];                                                                  \
                index[i] = at;                                                                     \
            }                                                                                      \
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
            else                                                                                   \
                TK_FN(name##_columns)((const T *)w->in + at, (T *)w->out + at, w->index + at,      \
                                      w->length, n, w->inner);                                     \
        }                                                                                          \
    }
#ifndef TK_EXTREME_COLUMNS
#define TK_EXTREME_COLUMNS 512 /* side by side: 4 KiB of places, and at most as much of values */
#endif
EXTREME(cummax, TK_FN(lowest)(), >=)
EXTREME(cummin, TK_FN(highest)(), <=)
#undef EXTREME
