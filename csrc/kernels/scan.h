/* Running sums, products and extremes along one dimension. Included once per element type.
 *
 * Floats are accumulated in double, for a running sum has no tree. Blocks of a constant size are what
 * makes the compiler use vectors here. */
#define SCAN(name, Acc, Out, start, step)                                                          \
    TK_OUTLINE void TK_FN(name##_line)(const char *in, int64_t in_step, char *out,                 \
                                       int64_t out_step, int64_t n)                                \
    {                                                                                              \
        Acc a = start;                                                                             \
        for (; n > 0; n--, in += in_step, out += out_step) {                                       \
            const Acc x = (Acc)*(const T *)in;                                                     \
            a = (Acc)(step);                                                                       \
            *(Out *)out = (Out)a;                                                                  \
        }                                                                                          \
    }                                                                                              \
    TK_INLINE void TK_FN(name##_some)(const T *restrict in, Out *restrict out, Acc *restrict acc,  \
                                      const int n)                                                 \
    {                                                                                              \
        for (int i = 0; i < n; i++) {                                                              \
            const Acc a = acc[i], x = (Acc)in[i];                                                  \
            acc[i] = (Acc)(step);                                                                  \
            out[i] = (Out)acc[i];                                                                  \
        }                                                                                          \
    }                                                                                              \
    TK_OUTLINE void TK_FN(name##_rows)(const char *in, int64_t in_step, char *out,                 \
                                       int64_t out_step, int64_t rows, int64_t n, void *before,    \
                                       int first)                                                  \
    {                                                                                              \
        Acc *acc = before;                                                                         \
        if (first)                                                                                 \
            for (int64_t i = 0; i < n; i++)                                                        \
                acc[i] = start;                                                                    \
        for (; rows > 0; rows--, in += in_step, out += out_step) {                                 \
            int64_t i = 0;                                                                         \
            for (; i + 16 <= n; i += 16)                                                           \
                TK_FN(name##_some)((const T *)in + i, (Out *)out + i, acc + i, 16);                \
            TK_FN(name##_some)((const T *)in + i, (Out *)out + i, acc + i, (int)(n - i));          \
        }                                                                                          \
    }                                                                                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        static const tk_scanner f = {sizeof(T), sizeof(Out), !TK_IS_FLOAT,                         \
                                     TK_FN(name##_line), TK_FN(name##_rows)};                      \
        tk_scan_units(work, lo, hi, &f);                                                           \
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
