/* Matrix products of a floating type; included once per type.
 *
 * A tile of MR x NV vectors of C stays in registers while k runs. B is read a row of vectors at a
 * time, from a panel copied into scratch (or in place, where its rows are contiguous); A one value
 * at a time, broadcast, from a copied strip or in place. The strip stays in L1, the block of
 * panels in L2.
 */
#define MR TK_GEMM_MR(TK_VECTOR_BYTES)
#define NV TK_GEMM_NV
#define KC ((int)TK_GEMM_KC(sizeof(T)))

/* Stores the sums over k of one tile, mr x nv vectors, to c.
 * gemm_down: A's value (i, p) is a[p*step + i], a copied strip or contiguous columns in place.
 * gemm_along: it is a[i*step + p], contiguous rows in place. */
TK_INLINE void TK_FN(gemm_down)(int mr, int nv, int64_t k, const T *a, int64_t step, const T *b,
                                int64_t b_row, T *c, int64_t c_row)
{
    V acc[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            acc[i][v] = v_set(0);
    for (int64_t p = 0; p < k; p++, a += step, b += b_row) {
        V row[NV];
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            row[v] = v_load(b + v * W);
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            V x = v_set(a[i]);
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[i][v] += x * row[v];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            v_store(c + i * c_row + v * W, acc[i][v]);
}

TK_INLINE void TK_FN(gemm_along)(int mr, int nv, int64_t k, const T *a, int64_t step, const T *b,
                                 int64_t b_row, T *c, int64_t c_row)
{
    V acc[MR][NV];
    const T *a5 = a + 5 * step, *a10 = a + 10 * step; /* few registers reach every row from these */
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            acc[i][v] = v_set(0);
    for (int64_t p = 0; p < k; p++, a++, a5++, a10++, b += b_row) {
        V row[NV];
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            row[v] = v_load(b + v * W);
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            V x = v_set(i < 5 ? a[i * step] : i < 10 ? a5[(i - 5) * step] : a10[(i - 10) * step]);
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[i][v] += x * row[v];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            v_store(c + i * c_row + v * W, acc[i][v]);
}

typedef void TK_FN(gemm_tile)(int64_t k, const T *a, int64_t step, const T *b, int64_t b_row, T *c,
                              int64_t c_row);

#define TILE(mr, nv) \
    static void TK_FN(gemm_down_##mr##x##nv)(int64_t k, const T *a, int64_t step, const T *b, \
                                             int64_t b_row, T *c, int64_t c_row) \
    { \
        TK_FN(gemm_down)(mr, nv, k, a, step, b, b_row, c, c_row); \
    } \
    static void TK_FN(gemm_along_##mr##x##nv)(int64_t k, const T *a, int64_t step, const T *b, \
                                              int64_t b_row, T *c, int64_t c_row) \
    { \
        TK_FN(gemm_along)(mr, nv, k, a, step, b, b_row, c, c_row); \
    }
#define TILES(mr) TILE(mr, 1) TILE(mr, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#if TK_GEMM_MR(TK_VECTOR_BYTES) == 14
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)
#endif
#undef TILE
#undef TILES

/* [rows - 1][vectors - 1][A contiguous along its rows] */
#define TILE(mr, nv) {TK_FN(gemm_down_##mr##x##nv), TK_FN(gemm_along_##mr##x##nv)}
#define TILES(mr) {TILE(mr, 1), TILE(mr, 2)}
static TK_FN(gemm_tile) *const TK_FN(gemm_tiles)[MR][NV][2] = {
    TILES(1), TILES(2),  TILES(3),  TILES(4),  TILES(5),  TILES(6),
#if TK_GEMM_MR(TK_VECTOR_BYTES) == 14
    TILES(7), TILES(8),  TILES(9),  TILES(10), TILES(11), TILES(12), TILES(13), TILES(14),
#endif
};
#undef TILE
#undef TILES

/* From a tile's sums to C: those already there (add), bias (of the first column, or NULL), act. */
static void TK_FN(gemm_finish)(T *c, int64_t c_row, const T *sums, int rows, int cols, int add,
                               const T *bias, int64_t bias_step, int act)
{
    for (int j = 0; j < cols; j += W) {
        int n = cols - j < W ? cols - j : W;
        V shift = !bias ? v_set(0)
                  : !bias_step ? v_set(*bias)
                  : n == W ? v_load(bias + j)
                           : v_load_part(bias + j, n);
        for (int i = 0; i < rows; i++) {
            T *to = c + i * c_row + j;
            V x = v_load(sums + i * NV * W + j);
            if (add)
                x = (n == W ? v_load(to) : v_load_part(to, n)) + x;
            if (bias)
                x += shift;
            if (act == TK_ACT_RELU)
                x = v_max(x, v_set(0));
            if (n == W)
                v_store(to, x);
            else
                v_store_part(to, x, n);
        }
    }
}

/* The W x W block with row i at rows[i], transposed in place: log2(W) perfect shuffles. */
TK_INLINE void TK_FN(gemm_transpose)(V r[W])
{
    M low, high;
    for (int i = 0; i < W; i++) {
        low[i] = i / 2 + i % 2 * W;
        high[i] = low[i] + W / 2;
    }
    V s[W];
#pragma GCC unroll 4
    for (int half = 1; half < W; half *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < W / 2; i++) {
            s[2 * i] = __builtin_shuffle(r[i], r[i + W / 2], low);
            s[2 * i + 1] = __builtin_shuffle(r[i], r[i + W / 2], high);
        }
#pragma GCC unroll 16
        for (int i = 0; i < W; i++)
            r[i] = s[i];
    }
}

/* to[p*width + i] = from[i*lane + p*along] for p < k, i < lanes; zero for lanes <= i < width.
 * With along = 1, up to W - 1 values past the end of `to` are overwritten. */
static void TK_FN(gemm_panel)(T *to, int width, const T *from, int64_t lane, int64_t along,
                              int lanes, int64_t k)
{
    if (lane == 1) {
        int whole = lanes / W * W;
        for (int64_t p = 0; p < k; p++, to += width, from += along) {
            for (int i = 0; i < whole; i += W)
                v_store(to + i, v_load(from + i));
            for (int i = whole; i < lanes; i++)
                to[i] = from[i];
            for (int i = lanes; i < width; i++)
                to[i] = 0;
        }
        return;
    }
    int64_t p = 0;
    if (along == 1)
        for (; p + W <= k; p += W)
            /* Downwards: a last part vector's store runs over into the next p's first values. */
            for (int i = (width - 1) / W * W; i >= 0; i -= W) {
                V r[W];
#pragma GCC unroll 16
                for (int j = 0; j < W; j++)
                    r[j] = i + j < lanes ? v_load(from + (i + j) * lane + p) : v_set(0);
                TK_FN(gemm_transpose)(r);
#pragma GCC unroll 16
                for (int j = 0; j < W; j++)
                    v_store(to + (p + j) * width + i, r[j]);
            }
    for (; p < k; p++)
        for (int i = 0; i < width; i++)
            to[p * width + i] = i < lanes ? from[i * lane + p * along] : 0;
}

static void TK_FN(matmul_unit)(const tk_gemm *g, const T *a, const T *b, T *c, const tk_gemm_unit *u)
{
    int64_t i0 = u->i0, i1 = u->i1, j0 = u->j0, j1 = u->j1;
    int64_t strips = (i1 - i0 + MR - 1) / MR, k0 = 0;
    T sums[MR * NV * W] __attribute__((aligned(64)));
    T *panels = u->scratch, *strip = panels + g->b_copy;
    do {
        int64_t k = g->k - k0 < KC ? g->k - k0 : KC;
        int last = k0 + k == g->k, add = k0 || g->accumulate;
        for (int64_t j = j0; j < j1; j += NV * W) {
            int cols = j1 - j < NV * W ? (int)(j1 - j) : NV * W;
            int width = (cols + W - 1) / W * W;
            if (g->pack_b)
                TK_FN(gemm_panel)(panels + (j - j0) * k, width, b + k0 * g->b_row + j * g->b_col,
                                  g->b_col, g->b_row, cols, k);
            else if (cols < width)
                TK_FN(gemm_panel)(panels, width, b + k0 * g->b_row + j, 1, g->b_row, cols, k);
        }
        for (int64_t s = 0, i = i0; s < strips; s++) {
            int rows = (int)((i1 - i + strips - s - 1) / (strips - s)); /* strips of like height */
            const T *as = a + i * g->a_row + k0 * g->a_col;
            int64_t step = g->a_down ? g->a_col : g->a_row;
            int along = !g->a_down;
            if (g->pack_a) {
                TK_FN(gemm_panel)(strip, rows, as, g->a_row, g->a_col, rows, k);
                as = strip;
                step = rows;
                along = 0;
            }
            for (int64_t j = j0; j < j1; j += NV * W) {
                int cols = j1 - j < NV * W ? (int)(j1 - j) : NV * W, nv = (cols + W - 1) / W;
                const T *bs = b + k0 * g->b_row + j;
                int64_t b_row = g->b_row;
                if (g->pack_b || cols < nv * W) {
                    bs = g->pack_b ? panels + (j - j0) * k : panels;
                    b_row = nv * W;
                }
                TK_FN(gemm_tile) *tile = TK_FN(gemm_tiles)[rows - 1][nv - 1][along];
                T *to = c + i * g->c_row + j;
                int finish = last && (g->bias || g->act);
                if (!add && !finish && cols == nv * W) {
                    tile(k, as, step, bs, b_row, to, g->c_row);
                    continue;
                }
                tile(k, as, step, bs, b_row, sums, NV * W);
                TK_FN(gemm_finish)(to, g->c_row, sums, rows, cols, add,
                                   finish && g->bias ? (const T *)g->bias + j * g->bias_step : NULL,
                                   g->bias_step, finish ? g->act : TK_ACT_NONE);
            }
            i += rows;
        }
        k0 += k;
    } while (k0 < g->k);
}
#undef MR
#undef NV
#undef KC
