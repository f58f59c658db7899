/* Products by tiles, and what is copied for them; included by matmul.h once per type.
 *
 * A tile of MR x NV vectors of C stays in registers while k runs. B is read a row of vectors at a
 * time, from a panel copied into scratch (or in place, where its rows are contiguous); A one value
 * at a time, broadcast, from a copied strip or in place. The strip stays in L1, the block of
 * panels in L2.
 */
#define MR TK_GEMM_MR(TK_VECTOR_BYTES)
#define NV TK_GEMM_NV
#define CHUNK (256 / (int)sizeof(T))
#define PANEL TK_GEMM_PANEL
#define TALL ((MR + SIDE - 1) / SIDE * SIDE) /* a tile's rows, in blocks of v_transpose */

typedef void TK_FN(gemm_tile)(int64_t k, const T *a, int64_t step, const T *b, int64_t b_row,
                              int64_t ahead, T *c, int64_t c_row, int add, const tk_asks *asks,
                              T *copy);
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

/* NULL where there is none that copies. */
TK_INLINE TK_FN(gemm_tile) *TK_FN(gemm_tile_of)(int rows, int width, int way)
{
#if HALVES
    if (width < W)
        return TK_FN(gemm_tiles_half)[rows - 1][0][way];
#endif
    return TK_FN(gemm_tiles)[rows - 1][width / W - 1][way];
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

/* Asks for CHUNK values of each of so many rows. */
TK_INLINE void TK_FN(gemm_ask_chunk)(const T *from, int64_t row, int rows)
{
    for (int i = 0; i < rows; i++, from += row)
        for (int p = 0; p < CHUNK; p += TK_ASK_LINE / (int)sizeof(T))
            __builtin_prefetch(from + p, 0, 2);
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
            const T *next = p + n < k ? from + p + n : from + lanes * lane;
            for (int i = last; i >= 0; i -= SIDE) {
                int rows = lanes - i < SIDE ? lanes - i : SIDE;
                TK_FN(gemm_ask_chunk)(next + i * lane, lane, rows);
                v_transpose(to + p * width + i, width, from + i * lane + p, lane, rows, n);
            }
        }
        return;
    }
    for (int64_t p = 0; p < k; p++)
        for (int i = 0; i < lanes; i++)
            to[p * width + i] = from[i * lane + p * along];
}

/* Copies a block of B, k x cols, into panels: each k rows of a tile's width, then a gap. Without it
 * the rows that are written side by side lie whole pages apart, in the same sets of L1. */
static void TK_FN(gemm_panels)(const tk_gemm *g, T *to, const T *from, int64_t cols, int64_t k)
{
    int64_t j = 0, stride = PANEL(k);
    if (g->b_col == 1) /* by whole rows, which the processor foresees */
        for (int64_t p = 0; p < k; p++)
            for (j = 0; j + NV * W <= cols; j += NV * W) {
                const T *row = from + p * g->b_row + j;
                for (int v = 0; v < NV * W; v += TK_ASK_LINE / (int)sizeof(T))
                    __builtin_prefetch(row + 2 * g->b_row + v, 0, 3);
                for (int v = 0; v < NV; v++)
                    v_store(to + j * stride + (p * NV + v) * W, v_load(row + v * W));
            }
    for (int width; j < cols; j += width) {
        width = TK_FN(gemm_width)(cols - j);
        int n = cols - j < width ? (int)(cols - j) : width;
        TK_FN(gemm_panel)(to + j * stride, width, from + j * g->b_col, g->b_col, g->b_row, n, n, k);
    }
}

/* A strip of A whose values are contiguous along its rows, copied as it is: k values a row, then a
 * gap, so that rows do not meet in the same sets of L1. */
static void TK_FN(gemm_copy_rows)(T *to, const T *from, int64_t row, int rows, int64_t k)
{
    for (int i = 0; i < rows; i++, to += TK_GEMM_COPIED(k, sizeof(T)), from += row) {
        int64_t p = 0;
        for (; p + W <= k; p += W)
            v_store(to + p, v_load(from + p));
        if (p < k)
            v_store_part(to + p, v_load_part(from + p, (int)(k - p)), (int)(k - p));
    }
}

/* How the tiles of one strip read A. */
typedef struct {
    const T *a;
    int64_t step;
    int way;
    T *copy; /* where the first tile copies it, if its way is TK_COPYING */
} TK_FN(gemm_strip);

/* The strip of so many rows from row i on, copied to `copy` if that is wanted and is not done yet;
 * the first tile does it where it can. */
static TK_FN(gemm_strip) TK_FN(gemm_strip_of)(const tk_gemm *g, const tk_gemm_block *at,
                                              const T *a, int64_t i, int rows, T *copy)
{
    TK_FN(gemm_strip) s = {a + i * g->a_row + at->k0 * g->a_col,
                           g->a_down ? g->a_col : g->a_row, g->a_down ? TK_DOWN : TK_ALONG, copy};
    if (!g->pack_a)
        return s;
    if (s.way == TK_ALONG && g->a_col == 1) {
        if (at->pack_a)
            TK_FN(gemm_copy_rows)(copy, s.a, g->a_row, rows, at->k);
        s.step = TK_GEMM_COPIED(at->k, sizeof(T));
    } else if (at->pack_a && g->a_down &&
               TK_FN(gemm_tile_of)(rows, TK_FN(gemm_width)(at->j1 - at->j0), TK_COPYING)) {
        s.way = TK_COPYING;
        return s;
    } else {
        if (at->pack_a)
            TK_FN(gemm_panel)(copy, rows, s.a, g->a_row, g->a_col, rows, at->i1 - i, at->k);
        s.step = rows;
        s.way = TK_DOWN;
    }
    s.a = copy;
    return s;
}

/* Rows [i0, i1) of C times a block of k and of columns, whose panels are there. */
static void TK_FN(gemm_block)(const tk_gemm *g, const T *a, const T *b, T *c,
                              const tk_gemm_block *at, const tk_gemm_unit *u, T *panels, T *held,
                              T *copied)
{
    T sums[MR * NV * W] __attribute__((aligned(64)));
    int64_t i0 = at->i0, i1 = at->i1, j0 = at->j0, j1 = at->j1, k0 = at->k0, k = at->k;
    /* strips of like height, the first `taller` of them by a row */
    int64_t strips = (i1 - i0 + g->strip - 1) / g->strip, taller = (i1 - i0) % strips;
    int height = (int)((i1 - i0) / strips);
    int last = k0 + k == g->k, add = k0 && !g->held;
    int64_t tiles = tk_ask_pieces(j1 - j0, NV * W), size = sizeof(T);
    tk_asks asks = {.a = (const char *)a, .b = NULL};
    if (g->asks && g->pack_b && g->b_col == 1 && at->next_cols) /* turned, its copy asks itself */
        tk_ask_for_b(&asks, (const char *)(b + at->next_k0 * g->b_row + at->next_j0), at->next_k,
                     g->b_row * size, at->next_cols * size, tiles * strips, height);
    if (g->held)
        memset(sums, 0, sizeof sums); /* what narrow tiles leave out is held too */
    for (int64_t s = 0, i = i0; s < strips; s++) {
        int rows = height + (s < taller);
        if (u->next_a) {
            tk_ask_share(u->next_a, g->ask_a, s, strips);
            tk_ask_share(u->next_b, g->ask_b, s, strips);
            tk_ask_share(u->next_c, g->ask_c, s, strips);
        }
        T *copy = copied + (g->keep_a ? (i - i0) * TK_GEMM_COPIED(k, size) : 0);
        TK_FN(gemm_strip) strip = TK_FN(gemm_strip_of)(g, at, a, i, rows, copy);
        if (g->asks && s + 1 < strips && (at->pack_a || !g->pack_a))
            tk_ask_for_a(&asks, (const char *)(a + (i + rows) * g->a_row + k0 * g->a_col),
                         height + (s + 1 < taller), g->a_row * size, k, g->a_col * size, size,
                         tiles, rows);
        else
            tk_ask_no_a(&asks);
        for (int64_t j = j0, width; j < j1; j += width) {
            width = TK_FN(gemm_width)(j1 - j);
            int cols = (int)(j1 - j < width ? j1 - j : width);
            const T *bs = b + k0 * g->b_row + j;
            int64_t b_row = g->b_row, ahead = g->ahead ? width : 0;
            if (g->pack_b || cols < width) {
                bs = g->pack_b ? panels + (j - j0) * PANEL(k) : panels;
                b_row = width;
            }
            TK_FN(gemm_tile) *tile = TK_FN(gemm_tile_of)(rows, (int)width, strip.way);
            T *to = c + i * g->c_row + j * g->c_col;
            int straight = cols == width && g->c_col == 1 && !g->held &&
                           !(last && (g->bias || g->addend));
            tile(k, strip.a, strip.step, bs, b_row, ahead, straight ? to : sums,
                 straight ? g->c_row : NV * W, straight && add, g->asks ? &asks : NULL, strip.copy);
            tk_ask_next(&asks);
            if (strip.way == TK_COPYING)
                strip = (TK_FN(gemm_strip)){copy, rows, TK_DOWN, NULL};
            if (straight) {
                for (int r = 0; last && g->epilogue && r < rows; r++)
                    TK_FN(gemm_end)(g, to + r * g->c_row, cols);
                continue;
            }
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

/* Which block of B comes after this one. */
static void TK_FN(gemm_next)(const tk_gemm *g, tk_gemm_block *at, const tk_gemm_unit *u)
{
    int below = at->j1 == u->j1; /* its columns are done: on to the next values of k */
    at->next_k0 = below ? at->k0 + at->k : at->k0;
    at->next_j0 = below ? u->j0 : at->j1;
    at->next_k = g->k - at->next_k0 < KC ? g->k - at->next_k0 : KC;
    int64_t cols = u->j1 - at->next_j0 < g->block_cols ? u->j1 - at->next_j0 : g->block_cols;
    at->next_cols = at->next_k > 0 ? cols : 0;
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
                TK_FN(gemm_next)(g, &at, u);
                const T *bs = b + at.k0 * g->b_row;
                int64_t rest = TK_FN(gemm_rest)(at.j1 - at.j0);
                if (g->pack_b)
                    TK_FN(gemm_panels)(g, panels, bs + at.j0 * g->b_col, at.j1 - at.j0, at.k);
                else if (rest)
                    TK_FN(gemm_panels)(g, panels, bs + at.j1 - rest, rest, at.k);
                TK_FN(gemm_block)(g, a, b, c, &at, u, panels, held, copied);
            }
            at.k0 += at.k;
        } while (at.k0 < g->k);
    }
}
#undef MR
#undef NV
#undef CHUNK
#undef PANEL
#undef TALL
#undef HALVES
