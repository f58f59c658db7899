/* Copies and conversions from the current element type to each dtype, strided on both sides.
 * Included once per source type.
 *
 * A float outside the range of an integer, or NaN, gives the lowest integer of 64 (32) bits, as the
 * x86 instruction does; C leaves it undefined. uint8 takes the low byte of the int64, which is 0 for
 * a float32 outside the range of an int32, as it is for the lowest integer.
 */
#if TK_IS_FLOAT
TK_INLINE int64_t TK_FN(as_int64)(T x)
{
#if defined(__x86_64__) && !defined(__AVX512DQ__) /* which has no vectors of this */
    return sizeof(T) == 8 ? _mm_cvttsd_si64(_mm_set_sd(x)) : _mm_cvttss_si64(_mm_set_ss((float)x));
#else
    return (int64_t)(((x >= (T)-0x1p63) & (x < (T)0x1p63)) ? x : (T)-0x1p63);
#endif
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

/* asks: for what will be read next, where that lies past the caches */
typedef void TK_FN(convert_fn)(void *restrict out, const T *restrict in, int64_t n, int asks);

/* How a pair of types is copied. */
typedef struct TK_FN(cast_row) {
    int64_t size;                /* bytes of a result */
    TK_FN(convert_fn) * convert; /* NULL: the bytes are copied */
    int moves;                   /* the bytes may be copied, and then, if they are bools, set right */
} TK_FN(cast_row);

/* Rows of bools, whose bytes may have been anything but 0 for true. */
TK_OUTLINE void TK_FN(set_right)(char *row, int64_t row_step, int64_t rows, int64_t n)
{
    for (int64_t r = 0; r < rows; r++, row += row_step) {
        int64_t i = 0;
        for (; i + TK_VECTOR_BYTES <= n; i += TK_VECTOR_BYTES)
            tk_bytes_store(row + i, (tk_bytes)(tk_bytes_load(row + i) != 0) & 1);
        for (; i < n; i++)
            row[i] = row[i] != 0;
    }
}

/* What is not contiguous along the last dimension goes through a buffer, a block of rows at a time
 * where either side is crossed. */
TK_OUTLINE void TK_FN(cast_staged)(char *out, const tk_span *to, const char *in,
                                   const tk_span *from, const TK_FN(cast_row) * f)
{
    enum { TILE = 512 }; /* elements: two buffers of 4 KiB at most */
    T read[TILE];
    int64_t written[TILE];
    const int64_t rows = to->rows, most = TILE / rows;
    const int gathers = from->step != sizeof(T), scatters = to->step != f->size;
    for (int64_t n = to->n, tile; n > 0; n -= tile) {
        tile = n < most ? n : most;
        const char *x = in;
        char *y = scatters ? (char *)written : out;
        const int64_t x_row = gathers ? tile * (int64_t)sizeof(T) : from->row_step;
        const int64_t y_row = scatters ? tile * f->size : to->row_step;
        if (gathers) {
            tk_gather_span(in, &(tk_span){rows, tile, from->row_step, from->step}, read, sizeof(T));
            x = (const char *)read;
        }
        for (int64_t r = 0; r < rows; r++, x += x_row, y += y_row) {
            if (f->convert)
                f->convert(y, (const T *)x, tile, 0);
            else
                tk_copy(y, (const char *)x, tile * f->size);
        }
        if (scatters)
            tk_scatter_span(out, &(tk_span){rows, tile, to->row_step, to->step}, written, f->size);
        out += tile * to->step;
        in += tile * from->step;
    }
}

/* A row past the caches, through a buffer unless it is copied as it lies. Parts begin where a line of
 * the output does: what is stored in a buffer can only be read at once as it was stored. */
TK_OUTLINE void TK_FN(cast_pieces)(tk_pieces *pieces, char *out, const char *in, int64_t step,
                                   int64_t n, const TK_FN(cast_row) * f)
{
    enum { TILE = 1024 }; /* elements: two buffers of 8 KiB at most */
    _Alignas(64) T read[TILE];
    _Alignas(64) int64_t written[TILE];
    const int gathers = step != sizeof(T);
    const int64_t lead = (int64_t)(-(uintptr_t)out % 64) / f->size;
    int64_t part = !gathers && !f->convert ? n : lead ? lead : TILE;
    for (int64_t some; n > 0; n -= some, out += some * f->size, in += some * step, part = TILE) {
        some = n < part ? n : part;
        const char *x = in;
        if (gathers) {
            tk_gather_span(x, &(tk_span){1, some, 0, step}, read, sizeof(T));
            x = (const char *)read;
        }
        if (f->convert) {
            f->convert(written, (const T *)x, some, !gathers);
            x = (const char *)written;
        }
        tk_put_piece(pieces, out, x, some * f->size);
    }
}

TK_OUTLINE void TK_FN(cast_loop)(const tk_map_work *w, int64_t lo, int64_t hi,
                                 const TK_FN(cast_row) * f)
{
    enum { LONG = 65536 };      /* bytes of a row past the caches whose ends cost more than copies' */
    enum { BLOCK = 16 };        /* rows, a cache line of float32 where an operand runs down them */
    enum { SOME = 16384 };      /* bools that are moved before they are set right: half of a small L1 */
    const int last = w->ndim - 1;
    const int64_t size = f->size, out_step = w->stride[0][last], in_step = w->stride[1][last];
    const int64_t out_down = last ? w->stride[0][last - 1] : 0;
    const int64_t in_down = last ? w->stride[1][last - 1] : 0;
    const int direct = out_step == size && in_step == sizeof(T);
    const int converts = f->convert && !(f->moves && w->size[last] < 64); /* blocks of a conversion */
    const int fills = in_step == 0;
    const int turns_in = f->moves && out_step == size && in_down == size;
    const int turns_out = !f->convert && in_step == size && out_down == size;
    const int crossed = tk_crossed(w, 0) || tk_crossed(w, 1);
    const int follows = last == 0 || out_down == w->size[last] * size;
    const int gathers = f->moves && !crossed && out_step == size && follows;
    const int scatters = !f->convert && !crossed && in_step == size &&
                         (last == 0 || in_down == w->size[last] * size);
    const int streams = w->streams && out_step == size && !crossed &&
                        ((direct && !f->convert) || w->size[last] * size >= LONG);
    const int64_t ahead = in_down < 0 ? tk_rows_asked(w->size[0], w->size[last] * size) : 0;
    const int many = direct || fills || turns_in || turns_out || gathers || scatters || streams;
    tk_pieces pieces = {.held = 0};
    const int right = gathers && !direct && !turns_in && f->convert; /* bools, in cache then */
    const int64_t limit = right ? SOME / w->size[last] + 1 : many ? INT64_MAX : crossed ? BLOCK : 1;
    int64_t index[TK_MAX_NDIM];
    tk_start_rows(w, lo, index);
    while (lo < hi) {
        char *row[2];
        const int64_t rows = tk_rows_ahead(w, index, hi - lo, limit);
        const int64_t n = tk_next_row(w, 2, index, hi - lo, row);
        tk_skip_rows(w, index, rows - 1);
        lo += rows * n;
        if (fills) {
            for (int64_t r = 0; r < rows; r++, row[0] += out_down, row[1] += in_down) {
                int64_t value;
                if (f->convert)
                    f->convert(&value, (const T *)row[1], 1, 0);
                tk_fill(row[0], out_step, f->convert ? (char *)&value : row[1], size, n,
                        streams);
            }
        } else if (streams) {
            for (int64_t r = 0; r < rows; r++, row[0] += out_down, row[1] += in_down) {
                if (ahead && direct)
                    tk_ask_row(row[1] + ahead * in_down, n * size);
                TK_FN(cast_pieces)(&pieces, row[0], row[1], in_step, n, f);
            }
        } else if (direct && converts) {
            for (int64_t r = 0; r < rows; r++, row[0] += out_down, row[1] += in_down)
                f->convert(row[0], (const T *)row[1], n, 0);
        } else if (direct) {
            tk_copy_rows(row[0], out_down, row[1], in_down, rows, n * size, 0);
            if (f->convert)
                TK_FN(set_right)(row[0], out_down, rows, n);
        } else if (turns_in && rows > 1) {
            tk_turn(row[0], out_down, row[1], in_step, rows, n, size);
            if (f->convert)
                TK_FN(set_right)(row[0], out_down, rows, n);
        } else if (turns_out && rows > 1) {
            tk_turn(row[0], out_step, row[1], in_down, n, rows, size);
        } else {
            const tk_span to = {rows, n, out_down, out_step}, from = {rows, n, in_down, in_step};
            if (!gathers && scatters) {
                tk_scatter_span(row[0], &to, row[1], size);
            } else if (!gathers) {
                TK_FN(cast_staged)(row[0], &to, row[1], &from, f);
            } else {
                tk_gather_span(row[1], &from, row[0], size);
                if (f->convert)
                    TK_FN(set_right)(row[0], 0, 1, rows * n);
            }
        }
    }
    if (streams)
        tk_end_pieces(&pieces);
}

/* raw: the bytes may be copied where the types agree, as they may not into a bool. Blocks of a
 * constant size are what makes the compiler use vectors here. */
#define CAST(to, Out, raw, expression)                                                             \
    TK_OUTLINE void TK_FN(convert_##to)(void *restrict result, const T *restrict in, int64_t n,    \
                                        int asks)                                                  \
    {                                                                                              \
        Out *restrict out = result;                                                                \
        int64_t i = 0;                                                                             \
        for (; i + 64 <= n; i += 64) {                                                             \
            if (asks)                                                                              \
                tk_ask_row((const char *)(in + i) + TK_STREAM_AHEAD, 64 * sizeof(T));              \
            for (int64_t j = i; j < i + 64; j++) {                                                 \
                T x = in[j];                                                                       \
                out[j] = (Out)(expression);                                                        \
            }                                                                                      \
        }                                                                                          \
        if (i < n && n >= 64) { /* the last block again, as far as it is needed */                 \
            for (int64_t j = n - 64; j < n; j++) {                                                 \
                T x = in[j];                                                                       \
                out[j] = (Out)(expression);                                                        \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            T x = in[i];                                                                           \
            out[i] = (Out)(expression);                                                            \
        }                                                                                          \
    }                                                                                              \
    static void TK_FN(cast_##to)(const void *work, int64_t lo, int64_t hi)                         \
    {                                                                                              \
        const int same = raw && __builtin_types_compatible_p(T, Out) && !TK_IS_BOOL;               \
        const int bools = !raw && TK_IS_BOOL;                                                      \
        const TK_FN(cast_row) f = {sizeof(Out), same ? NULL : TK_FN(convert_##to), same || bools}; \
        TK_FN(cast_loop)(work, lo, hi, &f);                                                        \
    }

CAST(f32, float, 1, x)
CAST(f64, double, 1, x)
CAST(i64, int64_t, 1, TK_FN(as_int64)(x))
CAST(i32, int32_t, 1, TK_FN(as_int32)(x))
CAST(u8, uint8_t, 1, sizeof(T) == 4 ? TK_FN(as_int32)(x) : TK_FN(as_int64)(x))
CAST(bool, uint8_t, 0, x != 0)
#undef CAST
