/* Register tiles of a matrix product, up to MR rows of up to TILE_NV vectors of TILE_BYTES;
 * included by matmul_blocks.h once per element type and width. TILE(name) is the name for both. */
typedef T TILE(gemm_vector) __attribute__((vector_size(TILE_BYTES)));
#define X TILE(gemm_vector)
#define LANES (TILE_BYTES / (int)sizeof(T))
#define LINE (64 / (int)sizeof(T)) /* of a cache */
#define SPREAD 64 /* values of k that are worth a loop in a loop */

TK_INLINE X TILE(gemm_get)(const T *p)
{
    X x;
    memcpy(&x, p, sizeof x);
    return x;
}

TK_INLINE void TILE(gemm_store_tile)(int mr, int nv, X acc[MR][TILE_NV], T *c, int64_t c_row,
                                     int add)
{
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++, c += c_row)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            X x = add ? TILE(gemm_get)(c + v * LANES) + acc[i][v] : acc[i][v];
            memcpy(c + v * LANES, &x, sizeof x);
        }
}

/* Where a tile is in A, B and the copy it makes of A; few registers reach every row of A from a, a5
 * and a10. */
typedef struct {
    const T *a, *a5, *a10, *b;
    T *copy;
} TILE(gemm_at);

/* Adds the products of the next k values to acc. */
TK_INLINE void TILE(gemm_steps)(int mr, int nv, const int way, int64_t k, TILE(gemm_at) *at,
                                int64_t step, int64_t b_row, int64_t ahead, X acc[MR][TILE_NV])
{
    const int along = way == TK_ALONG, half = mr < 8 ? 4 : 8; /* a strip is copied by two vectors */
    const int64_t i_step = along ? step : 1, p_step = along ? 1 : step;
    const T *a = at->a, *a5 = at->a5, *a10 = at->a10, *b = at->b;
    /* Six rows are so few instructions that those of the loop tell, above all where another thread
     * of the core issues every second time. */
    enum { turn = TILE_BYTES < 64 ? 2 : 1 };
#pragma GCC unroll turn
    for (int64_t p = 0; p < k; p++, a += p_step, a5 += p_step, a10 += p_step, b += b_row) {
        X row[TILE_NV];
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            row[v] = TILE(gemm_get)(b + v * LANES);
        if (way == TK_COPYING) {
            memcpy(at->copy, a, (size_t)half * sizeof(T));
            memcpy(at->copy + mr - half, a + mr - half, (size_t)half * sizeof(T));
            at->copy += mr;
        }
        if (ahead)
#pragma GCC unroll 2
            for (int v = 0; v < nv * LANES; v += LINE)
                __builtin_prefetch(b + ahead + v, 0, 2); /* for the second level */
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            T value = !along || i < 5 ? a[i * i_step]
                      : i < 10        ? a5[(i - 5) * i_step]
                                      : a10[(i - 10) * i_step];
            X x = value - (X){0};
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[i][v] += x * row[v];
        }
    }
    at->a = a;
    at->a5 = a5;
    at->a10 = a10;
    at->b = b;
}

/* Stores the sums over k of one tile, mr x nv vectors, to c, or adds them to what is there. A's
 * value (i, p) is a[i*step + p] where the way is TK_ALONG its contiguous rows, otherwise
 * a[p*step + i]. TK_COPYING also copies it, to copy[p*mr + i], beside the multiply-adds. What lies
 * `ahead` of B's rows is asked for, unless that is 0; and what `asks` say, unless they are NULL. */
TK_INLINE void TILE(gemm_sums)(int mr, int nv, const int way, int64_t k, const T *a, int64_t step,
                               const T *b, int64_t b_row, int64_t ahead, T *c, int64_t c_row,
                               int add, const tk_asks *asks, T *copy)
{
    X acc[MR][TILE_NV];
    const int64_t i_step = way == TK_ALONG ? step : 1;
    TILE(gemm_at) at = {a, a + 5 * i_step, a + 10 * i_step, b, copy};
    /* C's rows, if they are added to, are asked for one by one: all at once keep B's waiting. */
    const int64_t stretch = (add || asks) && k >= SPREAD ? k / mr + 1 : k;
    const T *asked = c;
    const char *ask_a = asks ? asks->a : NULL, *ask_b = asks && !asks->wait ? asks->b : NULL;
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            acc[i][v] = (X){0};
    for (int64_t left = k, some; left > 0; left -= some, asked += c_row) {
        some = left < stretch ? left : stretch;
        if (asks) {
            for (int i = 0; i < asks->lines; i++)
                __builtin_prefetch(ask_a + i * asks->apart, 0, 2);
            ask_a += asks->step;
            if (ask_b) {
                __builtin_prefetch(ask_b, 0, 2);
                ask_b += LINE * sizeof(T);
            }
        }
        if (add) {
            for (int v = 0; v < nv * LANES; v += LINE)
                __builtin_prefetch(asked + v, 1, 3);
            __builtin_prefetch(asked + nv * LANES - 1, 1, 3); /* one line more, if they straddle */
        }
        if (ahead) /* told here, not at every value of k */
            TILE(gemm_steps)(mr, nv, way, some, &at, step, b_row, ahead, acc);
        else
            TILE(gemm_steps)(mr, nv, way, some, &at, step, b_row, 0, acc);
    }
    if (add)
        TILE(gemm_store_tile)(mr, nv, acc, c, c_row, 1);
    else
        TILE(gemm_store_tile)(mr, nv, acc, c, c_row, 0);
}

#define ONE(name, mr, nv, way) \
    static void TILE(name##mr##x##nv)(int64_t k, const T *a, int64_t step, const T *b, \
                                      int64_t b_row, int64_t ahead, T *c, int64_t c_row, int add, \
                                      const tk_asks *asks, T *copy) \
    { \
        TILE(gemm_sums)(mr, nv, way, k, a, step, b, b_row, ahead, c, c_row, add, asks, copy); \
    }
#define WAYS(mr, nv) ONE(gemm_down_, mr, nv, TK_DOWN) ONE(gemm_along_, mr, nv, TK_ALONG)
#if TILE_NV == 2
#define EACH(mr) WAYS(mr, 1) WAYS(mr, 2)
#define TALLEST(mr) EACH(mr) ONE(gemm_copying_, mr, 2, TK_COPYING)
#else
#define EACH(mr) WAYS(mr, 1)
#define TALLEST EACH
#endif
#if TK_GEMM_MR(TK_VECTOR_BYTES) == 14
EACH(1) EACH(2) EACH(3) EACH(4) EACH(5) EACH(6) EACH(7) EACH(8) EACH(9) EACH(10) EACH(11)
TALLEST(12) TALLEST(13) TALLEST(14)
#else
EACH(1) EACH(2) EACH(3) TALLEST(4) TALLEST(5) TALLEST(6)
#endif
#undef ONE
#undef WAYS
#undef EACH
#undef TALLEST

/* [rows - 1][vectors - 1][way]; only the tallest and widest, with which strips begin, copy */
#define WAYS(mr, nv) TILE(gemm_down_##mr##x##nv), TILE(gemm_along_##mr##x##nv)
#if TILE_NV == 2
#define EACH(mr) {{WAYS(mr, 1)}, {WAYS(mr, 2)}}
#define TALLEST(mr) {{WAYS(mr, 1)}, {WAYS(mr, 2), TILE(gemm_copying_##mr##x2)}}
#else
#define EACH(mr) {{WAYS(mr, 1)}}
#define TALLEST EACH
#endif
static TK_FN(gemm_tile) *const TILE(gemm_tiles)[MR][TILE_NV][TK_COPYING + 1] = {
#if TK_GEMM_MR(TK_VECTOR_BYTES) == 14
    EACH(1), EACH(2),  EACH(3),  EACH(4),     EACH(5),     EACH(6),     EACH(7),
    EACH(8), EACH(9),  EACH(10), EACH(11),    TALLEST(12), TALLEST(13), TALLEST(14),
#else
    EACH(1), EACH(2),  EACH(3),  TALLEST(4),  TALLEST(5),  TALLEST(6),
#endif
};
#undef WAYS
#undef EACH
#undef TALLEST
#undef X
#undef LANES
#undef LINE
#undef SPREAD
