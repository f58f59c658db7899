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
#define ROWS 4 /* of B at once: an addition then takes the time of reading it */
#define LONG (TK_GEMM_LONG / (int)sizeof(T))
#define CHUNK (256 / (int)sizeof(T))
#define TALL ((MR + SIDE - 1) / SIDE * SIDE) /* a tile's rows, in blocks of v_transpose */

typedef void TK_FN(gemm_tile)(int64_t k, const T *a, int64_t step, const T *b, int64_t b_row, T *c,
                              int64_t c_row, int add);
#define TILE(name) TK_FN(name)
#define TILE_BYTES TK_VECTOR_BYTES
#define TILE_NV NV
#include "matmul_tile.h"
#undef TILE
#undef TILE_BYTES
#undef TILE_NV

/* Few columns are multiplied in vectors of half the width, where registers come in both. */
#define HALVES TK_GEMM_HALVES(TK_VECTOR_BYTES)
#if HALVES
#define TILE(name) TK_FN(name##_half)
#define TILE_BYTES (TK_VECTOR_BYTES / 2)
#define TILE_NV 1
#include "matmul_tile.h"
#undef TILE
#undef TILE_BYTES
#undef TILE_NV
#endif

/* The width of the tile with which so many columns begin. */
TK_INLINE int TK_FN(gemm_width)(int64_t cols)
{
    if (HALVES)
        return 2 * cols > 3 * W ? NV * W : 2 * cols > W ? W : W / 2;
    return cols > W ? NV * W : W;
}

/* Columns of the last tile, if it is not a full one; else 0. */
TK_INLINE int TK_FN(gemm_rest)(int64_t cols)
{
    int rest = (int)(cols % (NV * W));
    while (rest >= TK_FN(gemm_width)(rest))
        rest -= TK_FN(gemm_width)(rest);
    return rest;
}

TK_INLINE TK_FN(gemm_tile) *TK_FN(gemm_tile_of)(int rows, int width, int along)
{
#if HALVES
    if (width < W)
        return TK_FN(gemm_tiles_half)[rows - 1][0][along];
#endif
    return TK_FN(gemm_tiles)[rows - 1][width / W - 1][along];
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
        if (!add && !bias && !addend && rows % SIDE == 0 && cols % SIDE == 0) {
            for (int i = 0; i < rows; i += SIDE)
                v_transpose(c + i, g->c_col, sums + i * NV * W, NV * W, SIDE, cols);
            for (int j = 0; end && j < cols; j++)
                TK_FN(gemm_end)(g, c + j * g->c_col, rows);
            return;
        }
        T turned[NV * W * TALL + W] __attribute__((aligned(64)));
        for (int i = 0; i < rows; i += SIDE)
            v_transpose(turned + i, TALL, sums + i * NV * W, NV * W,
                        rows - i < SIDE ? rows - i : SIDE, (cols + SIDE - 1) & -SIDE);
        for (int i = 0; i < rows; i += W) {
            int n = rows - i < W ? rows - i : W;
            V shift = bias ? TK_FN(gemm_bias)(bias + i * g->bias_step, g->bias_step, n) : v_set(0);
            for (int j = 0; j < cols; j++) {
                int64_t at = j * g->c_col + i;
                TK_FN(gemm_emit)(c + at, add ? c + at : NULL, v_load(turned + j * TALL + i), n,
                                 bias ? &shift : NULL, addend ? addend + at : NULL);
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

/* to[p*width + i] = from[i*lane + p*along] for p < k, i < lanes; the width is lanes or a tile's,
 * and values from lanes to the width are any.
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
    if (along == 1 && k >= SIDE) {
        /* Few lines of few rows at a time: rows may lie so that a cache holds no more.
         * Downwards: what a part block stores too much belongs to the next p. */
        int last = (lanes - 1) / SIDE * SIDE;
        for (int64_t p = 0, n; p < k; p += n) {
            n = k - p < CHUNK ? (k - p) & -SIDE : CHUNK;
            if (!n) /* the last block repeats some */
                p = k - SIDE, n = SIDE;
            for (int i = last; i >= 0; i -= SIDE)
                v_transpose(to + p * width + i, width, from + i * lane + p, lane,
                            lanes - i < SIDE ? lanes - i : SIDE, n);
        }
        return;
    }
    for (int64_t p = 0; p < k; p++)
        for (int i = 0; i < lanes; i++)
            to[p * width + i] = from[i * lane + p * along];
}

/* Copies a block of B, k x cols, into panels: each k rows of a tile's width. */
static void TK_FN(gemm_panels)(const tk_gemm *g, T *to, const T *from, int64_t cols, int64_t k)
{
    int64_t j = 0;
    if (g->b_col == 1) /* by whole rows, which the processor foresees */
        for (int64_t p = 0; p < k; p++)
            for (j = 0; j + NV * W <= cols; j += NV * W)
                for (int v = 0; v < NV; v++)
                    v_store(to + j * k + (p * NV + v) * W, v_load(from + p * g->b_row + j + v * W));
    for (int width; j < cols; j += width) {
        width = TK_FN(gemm_width)(cols - j);
        int n = cols - j < width ? (int)(cols - j) : width;
        TK_FN(gemm_panel)(to + j * k, width, from + j * g->b_col, g->b_col, g->b_row, n, n, k);
    }
}

/* Rows [i0, i1) of C times a block of k and of columns, whose panels are there. */
static void TK_FN(gemm_block)(const tk_gemm *g, const T *a, const T *b, T *c,
                              const tk_gemm_block *at, T *panels, T *held, T *copied)
{
    T sums[MR * NV * W] __attribute__((aligned(64)));
    int64_t i0 = at->i0, i1 = at->i1, j0 = at->j0, j1 = at->j1, k0 = at->k0, k = at->k;
    /* strips of like height, the first `taller` of them by a row */
    int64_t strips = (i1 - i0 + g->strip - 1) / g->strip, taller = (i1 - i0) % strips;
    int height = (int)((i1 - i0) / strips);
    int last = k0 + k == g->k, add = k0 && !g->held;
    if (g->held)
        memset(sums, 0, sizeof sums); /* what narrow tiles leave out is held too */
    for (int64_t s = 0, i = i0; s < strips; s++) {
        int rows = height + (s < taller);
        const T *as = a + i * g->a_row + k0 * g->a_col;
        int64_t step = g->a_down ? g->a_col : g->a_row;
        int along = !g->a_down;
        if (g->pack_a) {
            T *strip = copied + (g->keep_a ? (i - i0) * k : 0);
            if (at->pack_a)
                TK_FN(gemm_panel)(strip, rows, as, g->a_row, g->a_col, rows, i1 - i, k);
            as = strip;
            step = rows;
            along = 0;
        }
        for (int64_t j = j0, width; j < j1; j += width) {
            width = TK_FN(gemm_width)(j1 - j);
            int cols = (int)(j1 - j < width ? j1 - j : width);
            const T *bs = b + k0 * g->b_row + j;
            int64_t b_row = g->b_row;
            if (g->pack_b || cols < width) {
                bs = g->pack_b ? panels + (j - j0) * k : panels;
                b_row = width;
            }
            TK_FN(gemm_tile) *tile = TK_FN(gemm_tile_of)(rows, (int)width, along);
            T *to = c + i * g->c_row + j * g->c_col;
            if (cols == width && g->c_col == 1 && !g->held && !(last && (g->bias || g->addend))) {
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
                int64_t rest = TK_FN(gemm_rest)(at.j1 - at.j0);
                if (g->pack_b)
                    TK_FN(gemm_panels)(g, panels, bs + at.j0 * g->b_col, at.j1 - at.j0, at.k);
                else if (rest)
                    TK_FN(gemm_panels)(g, panels, bs + at.j1 - rest, rest, at.k);
                TK_FN(gemm_block)(g, a, b, c, &at, panels, held, copied);
            }
            at.k0 += at.k;
        } while (at.k0 < g->k);
    }
}

/* Adds to nv registers a row of k values, or as many in each of `blocks` blocks side by side, times
 * contiguous rows of a matrix, the last vector of n values: the same chains as in a tile. */
TK_INLINE void TK_FN(gemm_span)(const tk_gemm *g, int nv, int blocks, int64_t k, const T *a,
                                const T *b, int n, V total[8])
{
    V acc[8];
#pragma GCC unroll 8
    for (int v = 0; v < nv * blocks; v++)
        acc[v] = v_set(0);
    for (int64_t p = 0; p < k; p++, a += g->a_col, b += g->b_row)
#pragma GCC unroll 8
        for (int q = 0; q < blocks; q++) {
            const T *bs = b + q * KC * g->b_row;
            V x = v_set(a[q * KC * g->a_col]);
#pragma GCC unroll 8
            for (int v = 0; v < nv; v++)
                acc[q * nv + v] += x * (n == W ? v_load(bs + v * W) : v_load_part(bs + v * W, n));
        }
#pragma GCC unroll 8
    for (int v = 0; v < nv * blocks; v++)
        total[v % nv] += acc[v];
}

/* nv vectors of a row of C, the last of n values. */
TK_INLINE void TK_FN(gemm_spans)(const tk_gemm *g, int nv, const T *a, const T *b, T *c, int64_t j,
                                 int n)
{
    V total[8];
    int64_t k = g->k;
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++)
        total[v] = v_set((T)-0.0); /* which changes nothing that is added */
    b += j;
    if (nv == 1) /* a chain alone mostly waits for its own last step */
        for (; k >= 4 * KC; k -= 4 * KC, a += 4 * KC * g->a_col, b += 4 * KC * g->b_row)
            TK_FN(gemm_span)(g, nv, 4, KC, a, b, n, total);
    for (; k > KC; k -= KC, a += KC * g->a_col, b += KC * g->b_row)
        TK_FN(gemm_span)(g, nv, 1, KC, a, b, n, total);
    if (k || !g->k)
        TK_FN(gemm_span)(g, nv, 1, k, a, b, n, total);
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

/* Adds so many rows of a matrix, times a value each, to n sums, or starts these. */
TK_INLINE void TK_FN(gemm_add_rows)(const tk_gemm *g, int rows, int first, const T *a, const T *b,
                                    int64_t n, T *sums)
{
    V x[ROWS];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
        x[r] = v_set(a[r * g->a_col]);
    for (int64_t j = 0; j < n; j += W) {
        V sum = first ? v_set(0) : v_load(sums + j);
        int left = n - j < W ? (int)(n - j) : W;
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
            sum += x[r] * TK_FN(gemm_load)(b + r * g->b_row + j, left);
        v_store(sums + j, sum);
    }
}

/* n columns from j on of one row times a matrix of long rows, which are read one after the other,
 * as memory likes it. */
static void TK_FN(gemm_long_row)(const tk_gemm *g, const T *a, const T *b, T *c, int64_t j,
                                 int64_t n, T *sums)
{
    const T *bias = g->bias ? (const T *)g->bias + j * g->bias_step : NULL;
    T *total = sums + LONG;
    b += j;
    c += j;
    for (int64_t k0 = 0; k0 < g->k; k0 += KC) {
        int64_t k = g->k - k0 < KC ? g->k - k0 : KC, p = 0;
        for (; p + ROWS <= k; p += ROWS, a += ROWS * g->a_col, b += ROWS * g->b_row)
            TK_FN(gemm_add_rows)(g, ROWS, !p, a, b, n, sums);
        for (; p < k; p++, a += g->a_col, b += g->b_row)
            TK_FN(gemm_add_rows)(g, 1, !p, a, b, n, sums);
        for (int64_t i = 0; i < n; i += W)
            v_store(total + i, k0 ? v_load(total + i) + v_load(sums + i) : v_load(sums + i));
    }
    for (int64_t i = 0; i < n; i += W) {
        int left = n - i < W ? (int)(n - i) : W;
        V shift = v_set(0);
        if (bias)
            shift = TK_FN(gemm_bias)(bias + i * g->bias_step, g->bias_step, left);
        TK_FN(gemm_emit)(c + i, NULL, v_load(total + i), left, bias ? &shift : NULL,
                         TK_FN(gemm_beside)(g, g->addend, c + i));
    }
    if (g->epilogue)
        TK_FN(gemm_end)(g, c, n);
}

/* Row by row, with the sums in registers. */
static void TK_FN(gemm_rows_alone)(const tk_gemm *g, const T *a, const T *b, T *c,
                                   const tk_gemm_unit *u)
{
    a += u->i0 * g->a_row;
    c += u->i0 * g->c_row;
    for (int64_t i = u->i0; i < u->i1; i++, a += g->a_row, c += g->c_row) {
        int64_t j = u->j0, j1 = u->j1;
        for (; j + 8 * W <= j1; j += 8 * W)
            TK_FN(gemm_spans)(g, 8, a, b, c, j, W);
        for (; j + 4 * W <= j1; j += 4 * W)
            TK_FN(gemm_spans)(g, 4, a, b, c, j, W);
        for (; j + 2 * W <= j1; j += 2 * W)
            TK_FN(gemm_spans)(g, 2, a, b, c, j, W);
        for (; j < j1; j += W)
            TK_FN(gemm_spans)(g, 1, a, b, c, j, j1 - j < W ? (int)(j1 - j) : W);
        if (g->epilogue)
            TK_FN(gemm_end)(g, c + u->j0, j1 - u->j0);
    }
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

/* Lane i of the result: the lanes of the rows i added by halves, from `half` on; t holds W of them
 * if that is W/2, W/2 if it is W/4. */
TK_INLINE V TK_FN(gemm_totals)(V *t, const int half)
{
    if (half >= 8)
        TK_FN(gemm_halves)(t, 8);
    if (half >= 4)
        TK_FN(gemm_halves)(t, 4);
    if (half >= 2)
        TK_FN(gemm_halves)(t, 2);
    TK_FN(gemm_halves)(t, 1);
    return t[0];
}

/* The same for rows of PARTS vectors. */
TK_INLINE V TK_FN(gemm_part_totals)(V s[W][PARTS])
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
    return TK_FN(gemm_totals)(t, W / 2);
}

#if TK_VECTOR_BYTES >= 32
/* The dot products of up to W rows and one column, where k is at most W / many: a vector holds
 * `many` rows, 1 or 2. `dense`: there are W rows, one behind the other, that fill the vectors. */
TK_INLINE V TK_FN(gemm_short_dots)(int many, int dense, int rows, const T *a, int64_t a_row,
                                   const T *b, int k)
{
    M two;
    V t[W];
    for (int i = 0; i < W; i++)
        two[i] = i % (W / 2) + 2 * i / W * W;
    V y = TK_FN(gemm_load)(b, k);
    if (many == 2)
        y = TK_SHUFFLE(y, y, two);
#pragma GCC unroll 16
    for (int i = 0; i < W / many; i++) {
        const T *row = a + many * i * a_row;
        V x;
        if (dense) {
            x = v_load(a + i * W);
        } else {
            x = many * i < rows ? TK_FN(gemm_load)(row, k) : v_set(0);
            if (many == 2 && 2 * i + 1 < rows)
                x = TK_SHUFFLE(x, v_load_part(row + a_row, k), two);
        }
        t[i] = v_set(0) + x * y;
    }
    return TK_FN(gemm_totals)(t, W / many / 2);
}
#endif

/* W or fewer rows of a column of C, which are dot products. */
TK_INLINE void TK_FN(gemm_emit_dots)(const tk_gemm *g, T *c, int64_t i, int64_t j, V x, int rows)
{
    const T *bias = (const T *)g->bias;
    V shift = v_set(0);
    T *to = c + i * g->c_row + j * g->c_col;
    const T *addend = TK_FN(gemm_beside)(g, g->addend, to);
    if (bias)
        shift = g->c_col == 1 ? v_set(bias[j * g->bias_step])
                              : TK_FN(gemm_bias)(bias + i * g->bias_step, g->bias_step, rows);
    if (g->c_row == 1) {
        TK_FN(gemm_emit)(to, NULL, x, rows, bias ? &shift : NULL, addend);
        return;
    }
    if (bias)
        x += shift;
    for (int r = 0; r < rows; r++)
        to[r * g->c_row] = addend ? addend[r * g->c_row] + x[r] : x[r];
}

/* Few columns, with k contiguous in both operands. */
static void TK_FN(gemm_dotted)(const tk_gemm *g, const T *a, const T *b, T *c,
                               const tk_gemm_unit *u)
{
    V sums[DOT_COLS][W][PARTS];
    for (int64_t i = u->i0; i < u->i1; i += W) {
        int rows = u->i1 - i < W ? (int)(u->i1 - i) : W;
#if TK_VECTOR_BYTES >= 32
        if (g->k <= W) {
            int many = W == LANES && 2 * g->k <= W ? 2 : 1, k = (int)g->k;
            int dense = many * k == W && g->a_row == k && rows == W;
            for (int64_t j = u->j0; j < u->j1; j++) {
                const T *as = a + i * g->a_row, *bs = b + j * g->b_col;
                V x = dense && many == 2 ? TK_FN(gemm_short_dots)(2, 1, W, as, W / 2, bs, W / 2)
                      : dense            ? TK_FN(gemm_short_dots)(1, 1, W, as, W, bs, W)
                      : many == 2 ? TK_FN(gemm_short_dots)(2, 0, rows, as, g->a_row, bs, k)
                                  : TK_FN(gemm_short_dots)(1, 0, rows, as, g->a_row, bs, k);
                TK_FN(gemm_emit_dots)(g, c, i, j, x, rows);
            }
            continue;
        }
#endif
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
            for (int s = 0; s < cols; s++, j++)
                TK_FN(gemm_emit_dots)(g, c, i, j, TK_FN(gemm_part_totals)(sums[s]), rows);
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
    else if (g->path == TK_GEMM_LONG_ROW)
        for (int64_t j = u->j0; j < u->j1; j += LONG)
            TK_FN(gemm_long_row)(g, a, b, c, j, u->j1 - j < LONG ? u->j1 - j : LONG, u->scratch);
    else if (g->path == TK_GEMM_ROWS)
        TK_FN(gemm_rows_alone)(g, a, b, c, u);
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
#undef CHUNK
#undef LONG
#undef ROWS
#undef TALL
#undef HALVES
