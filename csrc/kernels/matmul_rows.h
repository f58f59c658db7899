/* Products of one row, or of single values; included by matmul.h once per type. */
#define ROWS 4 /* of B at once: an addition then takes the time of reading it */
#define FAR_ROWS 8 /* from memory, which half the passes over the sums leave more time for */

/* Adds to nv registers a row of k values, or as many in each of `blocks` blocks side by side, times
 * contiguous rows of a matrix, whose last vector has n values: the same chains as in a tile. */
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
                acc[q * nv + v] += x * TK_FN(gemm_load)(bs + v * W, v < nv - 1 ? W : n);
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
    if (nv <= 2) /* one or two chains mostly wait for their own last steps */
        for (; k >= 4 * KC; k -= 4 * KC, a += 4 * KC * g->a_col, b += 4 * KC * g->b_row)
            TK_FN(gemm_span)(g, nv, 4, KC, a, b, n, total);
    do { /* nothing left adds 0 to no -0 */
        TK_FN(gemm_span)(g, nv, 1, k < KC ? k : KC, a, b, n, total);
        k -= KC;
        a += KC * g->a_col;
        b += KC * g->b_row;
    } while (k > 0);
    const T *addend = TK_FN(gemm_beside)(g, g->addend, c + j), *bias = (const T *)g->bias;
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) {
        int64_t at = v * W;
        int many = v < nv - 1 ? W : n;
        V shift = v_set(0);
        if (bias)
            shift = TK_FN(gemm_bias)(bias + (j + at) * g->bias_step, g->bias_step, many);
        TK_FN(gemm_emit)(c + j + at, NULL, total[v], many, bias ? &shift : NULL,
                         addend ? addend + at : NULL);
    }
}

/* Adds so many rows of a matrix, times a value each, to n sums, or starts these. */
TK_INLINE void TK_FN(gemm_add_rows)(const tk_gemm *g, int rows, int first, const T *a, const T *b,
                                    int64_t n, T *sums)
{
    V x[FAR_ROWS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        x[r] = v_set(a[r * g->a_col]);
    for (int64_t j = 0; j < n; j += W) {
        V sum = first ? v_set(0) : v_load(sums + j);
        int left = n - j < W ? (int)(n - j) : W;
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
            sum += x[r] * TK_FN(gemm_load)(b + r * g->b_row + j, left);
        v_store(sums + j, sum);
    }
}

/* n columns from j on of one row times a matrix of long rows, which are read one after the other,
 * as memory likes it. */
static void TK_FN(gemm_long_part)(const tk_gemm *g, const T *a, const T *b, T *c, int64_t j,
                                  int64_t n, T *sums)
{
    const T *bias = g->bias ? (const T *)g->bias + j * g->bias_step : NULL;
    T *total = sums + g->block_cols;
    b += j;
    c += j;
    for (int64_t k0 = 0; k0 < g->k; k0 += KC) {
        int64_t k = g->k - k0 < KC ? g->k - k0 : KC, p = 0;
        for (; g->far && p + FAR_ROWS <= k;
             p += FAR_ROWS, a += FAR_ROWS * g->a_col, b += FAR_ROWS * g->b_row)
            TK_FN(gemm_add_rows)(g, FAR_ROWS, !p, a, b, n, sums);
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

static void TK_FN(gemm_long_row)(const tk_gemm *g, const T *a, const T *b, T *c,
                                 const tk_gemm_unit *u)
{
    int64_t most = g->block_cols;
    for (int64_t j = u->j0; j < u->j1; j += most)
        TK_FN(gemm_long_part)(g, a, b, c, j, u->j1 - j < most ? u->j1 - j : most, u->scratch);
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
        int vectors = (int)((j1 - j + W - 1) / W), n = (int)(j1 - j) - (vectors - 1) * W;
        switch (vectors) { /* one pass over B's rows */
#define SPANS(nv)                                                                                  \
    case nv:                                                                                       \
        TK_FN(gemm_spans)(g, nv, a, b, c, j, n);                                                   \
        break;
            SPANS(1) SPANS(2) SPANS(3) SPANS(4) SPANS(5) SPANS(6) SPANS(7) SPANS(8)
#undef SPANS
        }
        if (g->epilogue)
            TK_FN(gemm_end)(g, c + u->j0, j1 - u->j0);
    }
}
#undef ROWS
#undef FAR_ROWS
