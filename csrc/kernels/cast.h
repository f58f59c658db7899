/* Copies and conversions from the current element type to each dtype, strided on both sides.
 * Included once per source type.
 *
 * A float outside the range of an integer, or NaN, gives the lowest integer of 64 (32) bits, as the
 * x86 instruction does; C leaves it undefined. uint8 takes the low byte of the int64.
 */
#if TK_IS_FLOAT
TK_INLINE int64_t TK_FN(as_int64)(T x)
{
    return x >= (T)-9223372036854775808.0 && x < (T)9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

TK_INLINE int32_t TK_FN(as_int32)(T x)
{
    double wide = (double)x;
    return wide > -2147483649.0 && wide < 2147483648.0 ? (int32_t)x : INT32_MIN;
}
#else
TK_INLINE int64_t TK_FN(as_int64)(T x)
{
    return (int64_t)x;
}

TK_INLINE int32_t TK_FN(as_int32)(T x)
{
    return (int32_t)x;
}
#endif

/* raw: the bytes may be copied where the types agree, as they may not into a bool */
#define CAST(to, Out, raw, expression)                                                             \
    static void TK_FN(cast_##to)(const void *work, int64_t lo, int64_t hi)                         \
    {                                                                                              \
        const tk_map_work *w = work;                                                               \
        int64_t out_step = w->stride[0][w->ndim - 1], in_step = w->stride[1][w->ndim - 1];         \
        int64_t index[TK_MAX_NDIM];                                                                \
        tk_start_rows(w, lo, index);                                                               \
        while (lo < hi) {                                                                          \
            char *row[2];                                                                          \
            int64_t n = tk_next_row(w, 2, index, hi - lo, row);                                    \
            if (out_step == sizeof(Out) && in_step == sizeof(T)) {                                 \
                if (raw && __builtin_types_compatible_p(T, Out) && !TK_IS_BOOL)                    \
                    memcpy(row[0], row[1], (size_t)n * sizeof(T));                                 \
                else                                                                               \
                    for (int64_t i = 0; i < n; i++) {                                              \
                        T x = ((const T *)row[1])[i];                                              \
                        ((Out *)row[0])[i] = (Out)(expression);                                    \
                    }                                                                              \
            } else if (out_step == sizeof(Out) && in_step == 0) {                                  \
                T x = *(const T *)row[1];                                                          \
                Out value = (Out)(expression);                                                     \
                for (int64_t i = 0; i < n; i++)                                                    \
                    ((Out *)row[0])[i] = value;                                                    \
            } else {                                                                               \
                for (int64_t i = 0; i < n; i++) {                                                  \
                    T x = *(const T *)(row[1] + i * in_step);                                      \
                    *(Out *)(row[0] + i * out_step) = (Out)(expression);                           \
                }                                                                                  \
            }                                                                                      \
            lo += n;                                                                               \
        }                                                                                          \
    }

CAST(f32, float, 1, x)
CAST(f64, double, 1, x)
CAST(i64, int64_t, 1, TK_FN(as_int64)(x))
CAST(i32, int32_t, 1, TK_FN(as_int32)(x))
CAST(u8, uint8_t, 1, TK_FN(as_int64)(x))
CAST(bool, uint8_t, 0, x != 0)
#undef CAST
