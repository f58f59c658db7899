/* Copies and conversions from the current element type to each dtype, strided on both sides.
 * Included once per source type.
 *
 * A float outside the range of an integer, or NaN, gives the lowest integer of 64 (32) bits, as the
 * x86 instruction does; C leaves it undefined. uint8 takes the low byte of the int64.
 */
#if TK_IS_FLOAT
TK_INLINE int64_t TK_FN(as_int64)(T x)
{
    return (int64_t)(((x >= (T)-0x1p63) & (x < (T)0x1p63)) ? x : (T)-0x1p63);
}

TK_INLINE int32_t TK_FN(as_int32)(T x)
{
    const T below = sizeof(T) == 8 ? (T)-2147483649.0 : (T)-0x1.000002p31; /* the next one */
    return (int32_t)(((x > below) & (x < (T)0x1p31)) ? x : (T)-0x1p31);
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

typedef void TK_FN(convert_fn)(void *restrict out, const T *restrict in, int64_t n);

/* n elements of one row at a time, or a block of rows where either side is crossed; what is not
 * contiguous goes through a buffer. `convert` may be NULL: the bytes are copied. */
TK_OUTLINE void TK_FN(cast_loop)(const tk_map_work *w, int64_t lo, int64_t hi, int64_t size,
                                 TK_FN(convert_fn) *convert)
{
    enum { TILE = 512 }; /* elements: two buffers of 4 KiB at most */
    const int last = w->ndim - 1, crossed = tk_crossed(w, 0) || tk_crossed(w, 1);
    const int64_t out_step = w->stride[0][last], in_step = w->stride[1][last];
    const int direct = out_step == size && in_step == sizeof(T);
    int64_t index[TK_MAX_NDIM];
    T from[TILE];
    int64_t to[TILE];
    tk_start_rows(w, lo, index);
    while (lo < hi) {
        char *row[2];
        int64_t rows = crossed ? tk_rows_ahead(w, index, hi - lo) : 1;
        int64_t n = tk_next_row(w, 2, index, hi - lo, row), most = TILE / rows;
        const int64_t row_step[2] = {rows > 1 ? w->stride[0][last - 1] : 0,
                                     rows > 1 ? w->stride[1][last - 1] : 0};
        tk_skip_rows(w, index, rows - 1);
        lo += rows * n;
        const int64_t first = n < most ? n : most;
        if (in_step == 0) /* the whole buffer at once, for all tiles of the row */
            tk_gather_span(row[1], &(tk_span){rows, first, row_step[1], 0}, from,
                           sizeof(T));
        for (int64_t tile; n > 0; n -= tile) {
            tile = direct || n < most ? n : most;
            const char *in = row[1];
            char *out = row[0];
            int64_t in_row = row_step[1], out_row = row_step[0];
            if (in_step != sizeof(T)) {
                if (in_step)
                    tk_gather_span(in, &(tk_span){rows, tile, in_row, in_step}, from, sizeof(T));
                in = (const char *)from;
                in_row = (in_step ? tile : first) * (int64_t)sizeof(T);
            }
            if (out_step != size) {
                out = (char *)to;
                out_row = tile * size;
            }
            for (int64_t r = 0; r < rows; r++, in += in_row, out += out_row) {
                if (convert)
                    convert(out, (const T *)in, tile);
                else
                    memcpy(out, in, (size_t)(tile * size));
            }
            if (out_step != size)
                tk_scatter_span(row[0], &(tk_span){rows, tile, row_step[0], out_step}, to, size);
            row[0] += tile * out_step;
            row[1] += tile * in_step;
        }
    }
}

/* raw: the bytes may be copied where the types agree, as they may not into a bool. Blocks of a
 * constant size are what makes the compiler use vectors here. */
#define CAST(to, Out, raw, expression)                                                             \
    TK_OUTLINE void TK_FN(convert_##to)(void *restrict result, const T *restrict in, int64_t n)    \
    {                                                                                              \
        Out *restrict out = result;                                                                \
        int64_t i = 0;                                                                             \
        for (; i + 64 <= n; i += 64)                                                               \
            for (int64_t j = i; j < i + 64; j++) {                                                 \
                T x = in[j];                                                                       \
                out[j] = (Out)(expression);                                                        \
            }                                                                                      \
        for (; i < n; i++) {                                                                       \
            T x = in[i];                                                                           \
            out[i] = (Out)(expression);                                                            \
        }                                                                                          \
    }                                                                                              \
    static void TK_FN(cast_##to)(const void *work, int64_t lo, int64_t hi)                         \
    {                                                                                              \
        const int same = raw && __builtin_types_compatible_p(T, Out) && !TK_IS_BOOL;               \
        TK_FN(cast_loop)(work, lo, hi, sizeof(Out), same ? NULL : TK_FN(convert_##to));            \
    }

CAST(f32, float, 1, x)
CAST(f64, double, 1, x)
CAST(i64, int64_t, 1, TK_FN(as_int64)(x))
CAST(i32, int32_t, 1, TK_FN(as_int32)(x))
CAST(u8, uint8_t, 1, TK_FN(as_int64)(x))
CAST(bool, uint8_t, 0, x != 0)
#undef CAST
