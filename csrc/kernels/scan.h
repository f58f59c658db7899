/* Running sums, products and extremes along one dimension. Included once per element type.
 *
 * Floats are accumulated in double, for a running sum has no tree. */
#define TILE 128 /* lines side by side: 1 KiB of accumulators */

#define SCAN(name, Acc, Out, start, step)                                                          \
    TK_OUTLINE void TK_FN(name##_block)(const T *restrict in, Out *restrict out, int64_t rows,     \
                                        int64_t stride, int64_t n)                                 \
    {                                                                                              \
        Acc a = start, acc[TILE];                                                                  \
        if (n == 1) { /* in a register: a chain through memory is three times as long */           \
            for (; rows > 0; rows--, in += stride, out += stride) {                                \
                const Acc x = (Acc)*in;                                                            \
                a = (Acc)(step);                                                                   \
                *out = (Out)a;                                                                     \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            acc[i] = start;                                                                        \
        for (; rows > 0; rows--, in += stride, out += stride)                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const Acc x = (Acc)in[i];                                                          \
                a = acc[i];                                                                        \
                acc[i] = (Acc)(step);                                                              \
                out[i] = (Out)acc[i];                                                              \
            }                                                                                      \
    }                                                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        const tk_scan_work *w = work;                                                              \
        for (int64_t n; lo < hi; lo += n) {                                                        \
            int64_t column = lo % w->inner, at = lo / w->inner * w->length * w->inner + column;    \
            n = w->inner - column;                                                                 \
            n = n > hi - lo ? hi - lo : n;                                                         \
            n = n > TILE ? TILE : n;                                                               \
            if (w->reverse)                                                                        \
                at += (w->length - 1) * w->inner;                                                  \
            TK_FN(name##_block)                                                                    \
            ((const T *)w->in + at, (Out *)w->out + at, w->length,                                 \
             w->reverse ? -w->inner : w->inner, n);                                                \
        }                                                                                          \
    }

#if TK_IS_FLOAT
SCAN(cumsum, double, T, 0, a + x)
SCAN(cumprod, double, T, 1, a *x)
#else
SCAN(cumsum, int64_t, int64_t, 0, a + x)
SCAN(cumprod, int64_t, int64_t, 1, a *x)
#endif
/* NaN, once met, stays. */
SCAN(cummax, T, T, TK_FN(lowest)(), a >= x || TK_FN(other)(a, a) ? a : x)
SCAN(cummin, T, T, TK_FN(highest)(), a <= x || TK_FN(other)(a, a) ? a : x)
#undef SCAN
#undef TILE
