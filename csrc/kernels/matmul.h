/* Matrix products of a floating type; included once per type.
 *
 * A tile of MR x NV vectors of C stays in registers while k runs. B is read a row of vectors at a
 * time, from a panel copied into scratch (or in place, where its rows are contiguous); A one value
 * at a time, broadcast, from a copied strip or in place. The strip stays in L1, the block of
 * panels in L2.
 */
#define MR TK_GEMM_MR(TK_VECTOR_BYTES)
#define NV TK_GEMM_NV
#define KC TK_GEMM_KC

/* Asks for a tile of C that will be added to when the sums are done. */
TK_INLINE void TK_FN(gemm_ask_tile)(int mr, int nv, const T *c, int64_t c_row, int add)
{
    if (add)
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++)
                __builtin_prefetch(c + i * c_row + v * W, 1, 3);
}

TK_INLINE void TK_FN(gemm_store_tile)(int mr, int nv, V acc[MR][NV], T *c, int64_t c_row, int add)
{
    if (add) {
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                v_store(c + i * c_row + v * W, v_load(c + i * c_row + v * W) + acc[i][v]);
        return;
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            v_store(c + i * c_row + v * W, acc[i][v]);
}

/* Stores the sums over k of one tile, mr x nv vectors, to c, or adds them to what is there.
 * gemm_down: A's value (i, p) is a[p*step + i], a copied strip or contiguous columns in place.
 * gemm_along: it is a[i*step + p], contiguous rows in place. */
TK_INLINE void TK_FN(gemm_down)(int mr, int nv, int64_t k, const T *a, int64_t step, const T *b,
                                int64_t b_row, T *c, int64_t c_row, int add)
{
    V acc[MR][NV];
    TK_FN(gemm_ask_tile)(mr, nv, c, c_row, add);
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
    TK_FN(gemm_store_tile)(mr, nv, acc, c, c_row, add);
}

TK_INLINE void TK_FN(gemm_along)(int mr, int nv, int64_t k, const T *a, int64_t step, const T *b,
                                 int64_t b_row, T *c, int64_t c_row, int add)
{
    V acc[MR][NV];
    const T *a5 = a + 5 * step, *a10 = a + 10 * step; /* few registers reach every row from these */
    TK_FN(gemm_ask_tile)(mr, nv, c, c_row, add);
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
    TK_FN(gemm_store_tile)(mr, nv, acc, c, c_row, add);
}

typedef void TK_FN(gemm_tile)(int64_t k, const T *a, int64_t step, const T *b, int64_t b_row, T *c,
                              int64_t c_row, int add);

#define TILE(mr, nv) \
    static void TK_FN(gemm_down_##mr##x##nv)(int64_t k, const T *a, int64_t step, const T *b, \
                                             int64_t b_row, T *c, int64_t c_row, int add) \
    { \
        TK_FN(gemm_down)(mr, nv, k, a, step, b, b_row, c, c_row, add); \
    } \
    static void TK_FN(gemm_along_##mr##x##nv)(int64_t k, const T *a, int64_t step, const T *b, \
                                              int64_t b_row, T *c, int64_t c_row, int add) \
    { \
        TK_FN(gemm_along)(mr, nv, k, a, step, b, b_row, c, c_row, add); \
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
            s[2 * i] = TK_SHUFFLE(r[i], r[i + W / 2], low);
            s[2 * i + 1] = TK_SHUFFLE(r[i], r[i + W / 2], high);
        }
#pragma GCC unroll 16
        for (int i = 0; i < W; i++)
            r[i] = s[i];
    }
}

TK_INLINE V TK_FN(gemm_load)(const T *p, int n)
{
    return n == W ? v_load(p) : v_load_part(p, n);
}

TK_INLINE void TK_FN(gemm_store)(T *p, V x, int n)
{
    if (n == W)
        v_store(p, x);
    else
        v_store_part(p, x, n);
}

/* n values of C: what is there or x alone (then `so_far` is NULL), bias and addend. */
TK_INLINE void TK_FN(gemm_emit)(T *to, const T *so_far, V x, int n, const V *bias, const T *addend)
{
    if (so_far)
        x = TK_FN(gemm_load)(so_far, n) + x;
    if (bias)
        x += *bias;
    if (addend)
        x = TK_FN(gemm_load)(addend, n) + x;
    TK_FN(gemm_store)(to, x, n);
}

/* What is laid out as C, at the place of an element of C; NULL if there is none. */
TK_INLINE const T *TK_FN(gemm_beside)(const tk_gemm *g, const char *like_c, const T *to)
{
    return like_c ? (const T *)like_c + (to - (const T *)g->c) : NULL;
}

/* The epilogue of n contiguous values of C, which are in the cache still. Whatever their places
 * in vectors, an elementwise kernel gives the same bits. */
TK_OUTLINE void TK_FN(gemm_end)(const tk_gemm *g, T *c, int64_t n)
{
    const T *saved = TK_FN(gemm_beside)(g, g->saved ? g->saved : g->c, c);
    const V p = v_set((T)g->p), q = v_set((T)g->q), z = p;
    switch (g->epilogue) {
#define TK_EPILOGUE(name)                                                                          \
    case TK_EPILOGUE_##name:                                                                       \
        for (int64_t i = 0; i < n; i += W) {                                                       \
            int left = n - i < W ? (int)(n - i) : W;                                               \
            V x = TK_FN(gemm_load)(c + i, left), y = TK_FN(gemm_load)(saved + i, left);            \
            TK_FN(gemm_store)(c + i, TK_FN(name##_of)(x, y, z, p, q), left);                       \
        }                                                                                          \
        break;
        TK_EPILOGUES(TK_EPILOGUE)
#undef TK_EPILOGUE
    }
}

TK_INLINE V TK_FN(gemm_bias)(const T *bias, int64_t step, int n)
{
    return !step ? v_set(*bias) : n == W ? v_load(bias) : v_load_part(bias, n);
}

/* From a tile's sums, NV*W a row, to C, adding those of earlier blocks of k if it holds them; then
 * what follows the last block, if it was this; bias is the tile's first element, if any. */
static void TK_FN(gemm_finish)(const tk_gemm *g, T *c, const T *sums, int rows, int cols, int add,
                               int last, const T *bias)
{
    const T *addend = last ? TK_FN(gemm_beside)(g, g->addend, c) : NULL;
    int end = last && g->epilogue;
    if (!last)
        bias = NULL;
    if (g->c_col != 1) { /* the product is transposed: C is contiguous along the tile's rows */
        for (int i = 0; i < rows; i += W) {
            int n = rows - i < W ? rows - i : W;
            V shift = bias ? TK_FN(gemm_bias)(bias + i * g->bias_step, g->bias_step, n) : v_set(0);
            for (int j = 0; j < cols; j += W) {
                V r[W];
#pragma GCC unroll 16
                for (int l = 0; l < W; l++)
                    r[l] = l < n ? v_load(sums + (i + l) * NV * W + j) : v_set(0);
                TK_FN(gemm_transpose)(r);
                for (int l = 0; l < W && j + l < cols; l++) {
                    int64_t at = (j + l) * g->c_col + i;
                    TK_FN(gemm_emit)(c + at, add ? c + at : NULL, r[l], n, bias ? &shift : NULL,
                                     addend ? addend + at : NULL);
                }
            }
        }
        for (int j = 0; end && j < cols; j++)
            TK_FN(gemm_end)(g, c + j * g->c_col, rows);
        return;
    }
    for (int j = 0; j < cols; j += W) {
        int n = cols - j < W ? cols - j : W;
        V shift = bias ? TK_FN(gemm_bias)(bias + j * g->bias_step, g->bias_step, n) : v_set(0);
        for (int i = 0; i < rows; i++) {
            int64_t at = i * g->c_row + j;
            TK_FN(gemm_emit)(c + at, add ? c + at : NULL, v_load(sums + i * NV * W + j), n,
                             bias ? &shift : NULL, addend ? addend + at : NULL);
        }
    }
    for (int i = 0; end && i < rows; i++)
        TK_FN(gemm_end)(g, c + i * g->c_row, cols);
}

/* One tile's sums beside those of earlier blocks of k, which C cannot hold: first they are `held`,
 * in the end they come back. */
static void TK_FN(gemm_hold)(T *held, T *sums, int first, int last)
{
    for (int i = 0; i < MR * NV * W; i += W) {
        V x = v_load(sums + i);
        v_store((last ? sums : held) + i, first ? x : v_load(held + i) + x);
    }
}

/* k rows of so many vectors, the last of which holds n values, to[p*width] = from[p*along]. */
TK_INLINE void TK_FN(gemm_rows)(T *to, int width, const T *from, int64_t along, int vectors, int n,
                                int64_t k)
{
    const T *ends = from + (vectors - 1) * W;
#pragma GCC unroll 4
    for (int64_t p = 0; p < k; p++, to += width, from += along, ends += along) {
        for (int v = 0; v < vectors - 1; v++)
            v_store(to + v * W, v_load(from + v * W));
        v_store(to + (vectors - 1) * W, n == W ? v_load(ends) : v_load_part(ends, n));
    }
}

/* to[p*width + i] = from[i*lane + p*along] for p < k, i < lanes; zero up to the width, which is
 * lanes or the next multiple of W.
 * Up to W - 1 values past the end of `to` are overwritten; of a row, `known` values may be read. */
static void TK_FN(gemm_panel)(T *to, int width, const T *from, int64_t lane, int64_t along,
                              int lanes, int64_t known, int64_t k)
{
    if (lane == 1) {
        int vectors = (lanes + W - 1) / W, n = known >= vectors * W ? W : lanes - (vectors - 1) * W;
        if (vectors == 1 && n == W)
            TK_FN(gemm_rows)(to, width, from, along, 1, W, k);
        else if (vectors == 2 && n == W)
            TK_FN(gemm_rows)(to, width, from, along, 2, W, k);
        else
            TK_FN(gemm_rows)(to, width, from, along, vectors, n, k);
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

/* Asks for a share, [from, to) of `of`, of the strip of A at `as`, which will be copied next: its
 * rows are short and far apart, so the processor does not foresee them. */
static void TK_FN(gemm_ask)(const tk_gemm *g, const T *as, int rows, int64_t k, int64_t from,
                            int64_t to, int64_t of)
{
    if (g->a_col == 1)
        for (int64_t i = rows * from / of; i < rows * to / of; i++)
            for (int64_t p = 0; p < k; p += 64 / (int64_t)sizeof(T))
                __builtin_prefetch(as + i * g->a_row + p, 0, 2);
}

/* Copies a block of B, k x cols, into panels: each k rows of NV*W values, the last one of W if that
 * is enough. */
static void TK_FN(gemm_panels)(const tk_gemm *g, T *to, const T *from, int64_t cols, int64_t k)
{
    int64_t j = 0;
    if (g->b_col == 1) /* by whole rows, which the processor foresees */
        for (int64_t p = 0; p < k; p++)
            for (j = 0; j + NV * W <= cols; j += NV * W)
                for (int v = 0; v < NV; v++)
                    v_store(to + j * k + (p * NV + v) * W, v_load(from + p * g->b_row + j + v * W));
    for (; j < cols; j += NV * W) {
        int n = cols - j < NV * W ? (int)(cols - j) : NV * W;
        TK_FN(gemm_panel)(to + j * k, (n + W - 1) / W * W, from + j * g->b_col, g->b_col, g->b_row,
                          n, n, k);
    }
}

/* Rows [i0, i1) of C times a block of k and of columns, whose panels are there. */
static void TK_FN(gemm_block)(const tk_gemm *g, const T *a, const T *b, T *c,
                              const tk_gemm_block *at, T *panels, T *held, T *copied)
{
    T sums[MR * NV * W] __attribute__((aligned(64)));
    int64_t i0 = at->i0, i1 = at->i1, j0 = at->j0, j1 = at->j1, k0 = at->k0, k = at->k;
    int64_t strips = (i1 - i0 + g->strip - 1) / g->strip;
    int last = k0 + k == g->k, add = k0 && !g->held;
    if (g->held)
        memset(sums, 0, sizeof sums); /* what narrow tiles leave out is held too */
    for (int64_t s = 0, i = i0; s < strips; s++) {
        int rows = (int)((i1 - i + strips - s - 1) / (strips - s)); /* strips of like height */
        const T *as = a + i * g->a_row + k0 * g->a_col;
        const T *next = as + rows * g->a_row;
        int64_t step = g->a_down ? g->a_col : g->a_row;
        int along = !g->a_down;
        int next_rows = s + 1 < strips ? (int)((i1 - i - rows) / (strips - s - 1)) : 0;
        if (g->pack_a) {
            T *strip = copied + (g->keep_a ? (i - i0) * k : 0);
            if (at->pack_a)
                TK_FN(gemm_panel)(strip, rows, as, g->a_row, g->a_col, rows, i1 - i, k);
            as = strip;
            step = rows;
            along = 0;
        }
        for (int64_t j = j0; j < j1; j += NV * W) {
            if (at->pack_a && next_rows)
                TK_FN(gemm_ask)(g, next, next_rows, k, j - j0, j - j0 + NV * W, j1 - j0);
            int cols = j1 - j < NV * W ? (int)(j1 - j) : NV * W, nv = (cols + W - 1) / W;
            const T *bs = b + k0 * g->b_row + j;
            int64_t b_row = g->b_row;
            if (g->pack_b || cols < nv * W) {
                bs = g->pack_b ? panels + (j - j0) * k : panels;
                b_row = nv * W;
            }
            TK_FN(gemm_tile) *tile = TK_FN(gemm_tiles)[rows - 1][nv - 1][along];
            T *to = c + i * g->c_row + j * g->c_col;
            if (cols == nv * W && g->c_col == 1 && !g->held && !(last && (g->bias || g->addend))) {
                tile(k, as, step, bs, b_row, to, g->c_row, add);
                for (int r = 0; last && g->epilogue && r < rows; r++)
                    TK_FN(gemm_end)(g, to + r * g->c_row, cols);
                continue;
            }
            tile(k, as, step, bs, b_row, sums, NV * W, 0);
            if (g->held) {
                TK_FN(gemm_hold)(held, sums, !k0, last);
                held += MR * NV * W;
                if (!last)
                    continue;
            }
            const T *bias = g->bias ? (const T *)g->bias : NULL;
            TK_FN(gemm_finish)(g, to, sums, rows, cols, add, last,
                               bias ? bias + (g->c_col == 1 ? j : i) * g->bias_step : NULL);
        }
        i += rows;
    }
}

/* The product by tiles. A block of A is copied while its first columns of C are made, and kept for
 * the others. */
static void TK_FN(gemm_tiled)(const tk_gemm *g, const T *a, const T *b, T *c, const tk_gemm_unit *u)
{
    T *panels = u->scratch, *held = panels + g->b_copy, *copied = held + g->held;
    tk_gemm_block at;
    for (at.i0 = u->i0; at.i0 < u->i1; at.i0 = at.i1) {
        at.i1 = u->i1 - at.i0 < g->block_rows ? u->i1 : at.i0 + g->block_rows;
        at.k0 = 0;
        do {
            at.k = g->k - at.k0 < KC ? g->k - at.k0 : KC;
            for (at.j0 = u->j0; at.j0 < u->j1; at.j0 = at.j1) {
                at.j1 = u->j1 - at.j0 < g->block_cols ? u->j1 : at.j0 + g->block_cols;
                at.pack_a = g->pack_a && (at.j0 == u->j0 || !g->keep_a);
                const T *bs = b + at.k0 * g->b_row;
                int64_t rest = (at.j1 - at.j0) % (NV * W);
                if (g->pack_b)
                    TK_FN(gemm_panels)(g, panels, bs + at.j0 * g->b_col, at.j1 - at.j0, at.k);
                else if (rest % W)
                    TK_FN(gemm_panels)(g, panels, bs + at.j1 - rest, rest, at.k);
                TK_FN(gemm_block)(g, a, b, c, &at, panels, held, copied);
            }
            at.k0 += at.k;
        } while (at.k0 < g->k);
    }
}

/* n columns of one row times a matrix whose rows are contiguous: the same chains as in a tile, in
 * nv registers. */
TK_INLINE void TK_FN(gemm_span)(const tk_gemm *g, int nv, const T *a, const T *b, T *c, int64_t j,
                                int n)
{
    V total[8], acc[8];
    int64_t k0 = 0;
    do {
        int64_t k = g->k - k0 < KC ? g->k - k0 : KC;
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            acc[v] = v_set(0);
        const T *bs = b + k0 * g->b_row + j, *as = a + k0 * g->a_col;
        for (int64_t p = 0; p < k; p++, bs += g->b_row, as += g->a_col) {
            V x = v_set(*as);
#pragma GCC unroll 8
            for (int v = 0; v < nv; v++)
                acc[v] += x * (n == W ? v_load(bs + v * W) : v_load_part(bs + v * W, n));
        }
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            total[v] = k0 ? total[v] + acc[v] : acc[v];
        k0 += k;
    } while (k0 < g->k);
    const T *addend = TK_FN(gemm_beside)(g, g->addend, c + j), *bias = (const T *)g->bias;
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) {
        int64_t at = v * W;
        V shift = v_set(0);
        if (bias)
            shift = TK_FN(gemm_bias)(bias + (j + at) * g->bias_step, g->bias_step, n);
        TK_FN(gemm_emit)(c + j + at, NULL, total[v], n, bias ? &shift : NULL,
                         addend ? addend + at : NULL);
    }
}

static void TK_FN(gemm_row)(const tk_gemm *g, const T *a, const T *b, T *c, const tk_gemm_unit *u)
{
    int64_t j = u->j0, j1 = u->j1;
    for (; j + 8 * W <= j1; j += 8 * W)
        TK_FN(gemm_span)(g, 8, a, b, c, j, W);
    for (; j + 4 * W <= j1; j += 4 * W)
        TK_FN(gemm_span)(g, 4, a, b, c, j, W);
    for (; j + 2 * W <= j1; j += 2 * W)
        TK_FN(gemm_span)(g, 2, a, b, c, j, W);
    for (; j < j1; j += W)
        TK_FN(gemm_span)(g, 1, a, b, c, j, j1 - j < W ? (int)(j1 - j) : W);
    if (g->epilogue)
        TK_FN(gemm_end)(g, c + u->j0, j1 - u->j0);
}

#define LANES (64 / (int)sizeof(T)) /* partial sums of a dot product, on every instruction set */
#define PARTS (LANES / W)
#define DOT_ROWS (W < 4 ? W : 4)      /* dot products side by side keep the multiply-adds busy: */
#define DOT_COLS (PARTS == 1 ? 4 : 1) /* 4 x 4 of one vector each, or 4 of two */

/* The lanes of the dot products of rows of a and columns of b, all contiguous: sums[j][i], to which
 * they are added if they are not the first. */
TK_INLINE void TK_FN(gemm_dots)(int rows, int cols, const T *a, int64_t a_row, const T *b,
                                int64_t b_col, int64_t k, int first, V sums[][W][PARTS])
{
    V acc[DOT_ROWS][DOT_COLS][PARTS];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < cols; j++)
#pragma GCC unroll 4
            for (int v = 0; v < PARTS; v++)
                acc[i][j][v] = v_set(0);
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES)
#pragma GCC unroll 4
        for (int v = 0; v < PARTS; v++) {
            V y[DOT_COLS];
#pragma GCC unroll 4
            for (int j = 0; j < cols; j++)
                y[j] = v_load(b + j * b_col + p + v * W);
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++) {
                V x = v_load(a + i * a_row + p + v * W);
#pragma GCC unroll 4
                for (int j = 0; j < cols; j++)
                    acc[i][j][v] += x * y[j];
            }
        }
#pragma GCC unroll 4
    for (int v = 0; v < PARTS; v++, p += W) {
        int n = k - p >= W ? W : (int)(k - p);
        if (n > 0) {
            V y[DOT_COLS];
#pragma GCC unroll 4
            for (int j = 0; j < cols; j++)
                y[j] = TK_FN(gemm_load)(b + j * b_col + p, n);
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++) {
                V x = TK_FN(gemm_load)(a + i * a_row + p, n);
#pragma GCC unroll 4
                for (int j = 0; j < cols; j++)
                    acc[i][j][v] += x * y[j];
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < cols; j++)
#pragma GCC unroll 4
            for (int v = 0; v < PARTS; v++)
                sums[j][i][v] = first ? acc[i][j][v] : sums[j][i][v] + acc[i][j][v];
}

/* Adds the halves of each group of 2*half lanes of 2*half vectors: those of t[2*i], then of
 * t[2*i + 1], go to t[i]. */
TK_INLINE void TK_FN(gemm_halves)(V *t, const int half)
{
    M low, high;
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) {
        low[i] = i / half * 2 * half + i % half; /* from W on, a lane of the second */
        high[i] = low[i] + half;
    }
#pragma GCC unroll 8
    for (int i = 0; i < half; i++)
        t[i] = TK_SHUFFLE(t[2 * i], t[2 * i + 1], low) +
               TK_SHUFFLE(t[2 * i], t[2 * i + 1], high);
}

/* Lane i of the result: the lanes of s[i] added by halves. */
TK_INLINE V TK_FN(gemm_totals)(V s[W][PARTS])
{
    V t[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) {
        if (PARTS == 4) {
            s[i][0] += s[i][2];
            s[i][1] += s[i][PARTS - 1];
        }
        t[i] = PARTS == 1 ? s[i][0] : s[i][0] + s[i][PARTS > 1];
    }
    if (W > 8)
        TK_FN(gemm_halves)(t, 8);
    if (W > 4)
        TK_FN(gemm_halves)(t, 4);
    if (W > 2)
        TK_FN(gemm_halves)(t, 2);
    TK_FN(gemm_halves)(t, 1);
    return t[0];
}

/* Few columns, with k contiguous in both operands. */
static void TK_FN(gemm_dotted)(const tk_gemm *g, const T *a, const T *b, T *c,
                               const tk_gemm_unit *u)
{
    const T *bias = (const T *)g->bias;
    V sums[DOT_COLS][W][PARTS];
    for (int64_t i = u->i0; i < u->i1; i += W) {
        int rows = u->i1 - i < W ? (int)(u->i1 - i) : W;
        if (rows < W)
            memset(sums, 0, sizeof sums);
        for (int64_t j = u->j0; j < u->j1;) {
            int cols = u->j1 - j < DOT_COLS ? 1 : DOT_COLS;
            int64_t k0 = 0;
            do { /* lane by lane in blocks, for long sums */
                int64_t k = g->k - k0 < KC * LANES ? g->k - k0 : KC * LANES;
                for (int r = 0; r < rows; r += r + DOT_ROWS <= rows ? DOT_ROWS : 1) {
                    const T *as = a + (i + r) * g->a_row + k0, *bs = b + j * g->b_col + k0;
                    V(*to)[W][PARTS] = (V(*)[W][PARTS])sums[0][r];
                    int many = r + DOT_ROWS <= rows;
                    if (many && cols == DOT_COLS)
                        TK_FN(gemm_dots)(DOT_ROWS, DOT_COLS, as, g->a_row, bs, g->b_col, k, !k0,
                                         to);
                    else if (many)
                        TK_FN(gemm_dots)(DOT_ROWS, 1, as, g->a_row, bs, g->b_col, k, !k0, to);
                    else if (cols == DOT_COLS)
                        TK_FN(gemm_dots)(1, DOT_COLS, as, g->a_row, bs, g->b_col, k, !k0, to);
                    else
                        TK_FN(gemm_dots)(1, 1, as, g->a_row, bs, g->b_col, k, !k0, to);
                }
                k0 += k;
            } while (k0 < g->k);
            for (int s = 0; s < cols; s++, j++) {
                V x = TK_FN(gemm_totals)(sums[s]), shift = v_set(0);
                T *to = c + i * g->c_row + j * g->c_col;
                const T *addend = TK_FN(gemm_beside)(g, g->addend, to);
                if (bias)
                    shift = g->c_col == 1 ? v_set(bias[j * g->bias_step])
                                          : TK_FN(gemm_bias)(bias + i * g->bias_step, g->bias_step,
                                                             rows);
                if (g->c_row == 1) {
                    TK_FN(gemm_emit)(to, NULL, x, rows, bias ? &shift : NULL, addend);
                    continue;
                }
                if (bias)
                    x += shift;
                for (int r = 0; r < rows; r++)
                    to[r * g->c_row] = addend ? addend[r * g->c_row] + x[r] : x[r];
            }
        }
    }
    if (!g->epilogue)
        return;
    int64_t rows = u->i1 - u->i0, cols = u->j1 - u->j0;
    T *first = c + u->i0 * g->c_row + u->j0 * g->c_col;
    if (g->c_col == 1 && g->c_row == cols)
        TK_FN(gemm_end)(g, first, rows * cols);
    else if (g->c_col == 1)
        for (int64_t i = 0; i < rows; i++)
            TK_FN(gemm_end)(g, first + i * g->c_row, cols);
    else
        for (int64_t j = 0; j < cols; j++)
            TK_FN(gemm_end)(g, first + j * g->c_col, rows);
}

static void TK_FN(matmul_unit)(const tk_gemm *g, const T *a, const T *b, T *c,
                               const tk_gemm_unit *u)
{
    if (g->path == TK_GEMM_DOTS)
        TK_FN(gemm_dotted)(g, a, b, c, u);
    else if (g->path == TK_GEMM_ROW)
        TK_FN(gemm_row)(g, a, b, c, u);
    else
        TK_FN(gemm_tiled)(g, a, b, c, u);
}
#undef LANES
#undef PARTS
#undef DOT_ROWS
#undef DOT_COLS
#undef MR
#undef NV
#undef KC
