/* Products of few columns, with k contiguous in both operands; included by matmul.h once per type. */
#define LANES (64 / (int)sizeof(T)) /* partial sums of a dot product, on every instruction set */
#define PARTS (LANES / W)
#define DOT_ROWS (W < 4 ? W : 4)      /* dot products side by side keep the multiply-adds busy: */
#define DOT_COLS (PARTS == 1 ? 4 : 1) /* 4 x 4 of one vector each, or 4 of two; */
#define ROW_VECTORS 16 /* of a column that is multiplied row by row: half of 32 registers */
#define LONE_ROWS (PARTS == 1 && W >= 8 ? 8 : DOT_ROWS) /* 8 x 1, to wait less for memory */

/* The lanes of the dot products of rows of a and columns of b, all contiguous: sums[j][i], to which
 * they are added if they are not the first. What lies `ahead` of the rows is asked for, if there is
 * one column, unless that is 0. */
TK_INLINE void TK_FN(gemm_dots)(int rows, int cols, const T *a, int64_t a_row, int64_t ahead,
                                const T *b, int64_t b_col, int64_t k, int first,
                                V sums[][W][PARTS])
{
    V acc[LONE_ROWS][DOT_COLS][PARTS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < cols; j++)
#pragma GCC unroll 8
            for (int v = 0; v < PARTS; v++)
                acc[i][j][v] = v_set(0);
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES)
#pragma GCC unroll 8
        for (int v = 0; v < PARTS; v++) {
            V y[DOT_COLS];
#pragma GCC unroll 8
            for (int j = 0; j < cols; j++)
                y[j] = v_load(b + j * b_col + p + v * W);
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                V x = v_load(a + i * a_row + p + v * W);
                if (cols == 1 && ahead && v * W % LANES == 0)
                    __builtin_prefetch(a + i * a_row + ahead + p + v * W, 0, 2);
#pragma GCC unroll 8
                for (int j = 0; j < cols; j++)
                    acc[i][j][v] += x * y[j];
            }
        }
#pragma GCC unroll 8
    for (int v = 0; v < PARTS; v++, p += W) {
        int n = k - p >= W ? W : (int)(k - p);
        if (n > 0) {
            V y[DOT_COLS];
#pragma GCC unroll 8
            for (int j = 0; j < cols; j++)
                y[j] = TK_FN(gemm_load)(b + j * b_col + p, n);
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                V x = TK_FN(gemm_load)(a + i * a_row + p, n);
#pragma GCC unroll 8
                for (int j = 0; j < cols; j++)
                    acc[i][j][v] += x * y[j];
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < cols; j++)
#pragma GCC unroll 8
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

/* PARTS vectors added by halves. */
TK_INLINE V TK_FN(gemm_parts)(const V s[PARTS])
{
    if (PARTS == 4)
        return (s[0] + s[PARTS / 2]) + (s[PARTS > 1] + s[PARTS - 1]);
    return PARTS == 1 ? s[0] : s[0] + s[PARTS > 1];
}

/* The same for rows of PARTS vectors. */
TK_INLINE V TK_FN(gemm_part_totals)(const V s[W][PARTS])
{
    V t[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; i++)
        t[i] = TK_FN(gemm_parts)(s[i]);
    return TK_FN(gemm_totals)(t, W / 2);
}

/* The lanes of the dot product of a row with nv vectors, the last of which has n values. */
TK_INLINE V TK_FN(gemm_row_dot)(int nv, int n, const T *a, const V *y)
{
    V sum[PARTS];
#pragma GCC unroll 8
    for (int v = 0; v < PARTS; v++)
        sum[v] = v_set(0);
#pragma GCC unroll 16
    for (int v = 0; v < nv; v++)
        sum[v % PARTS] += TK_FN(gemm_load)(a + v * W, v < nv - 1 ? W : n) * y[v];
    return TK_FN(gemm_parts)(sum);
}

/* The dot products of up to W rows and one column of nv vectors, which stays in registers: row
 * after row, as memory likes it. */
TK_INLINE V TK_FN(gemm_row_dots)(int nv, int n, int rows, const T *a, int64_t a_row, const T *b)
{
    V t[W], y[ROW_VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < nv; v++)
        y[v] = TK_FN(gemm_load)(b + v * W, v < nv - 1 ? W : n);
    if (rows == W && nv <= 4) { /* then storing each row's lanes would be a large part */
#pragma GCC unroll 16
        for (int i = 0; i < W; i++, a += a_row)
            t[i] = TK_FN(gemm_row_dot)(nv, n, a, y);
        return TK_FN(gemm_totals)(t, W / 2);
    }
    for (int i = 0; i < rows; i++, a += a_row)
        t[i] = TK_FN(gemm_row_dot)(nv, n, a, y);
    for (int i = rows; i < W; i++)
        t[i] = v_set(0);
    return TK_FN(gemm_totals)(t, W / 2);
}

/* Up to W rows and one column of at most ROW_VECTORS vectors. */
TK_INLINE V TK_FN(gemm_short_rows)(int rows, const T *a, int64_t a_row, const T *b, int64_t k)
{
    int nv = (int)((k + W - 1) / W), n = (int)k - (nv - 1) * W;
    switch (nv) {
#define DOTS(nv)                                                                                   \
    case nv:                                                                                       \
        return n == W ? TK_FN(gemm_row_dots)(nv, W, rows, a, a_row, b)                             \
                      : TK_FN(gemm_row_dots)(nv, n, rows, a, a_row, b);
        DOTS(1) DOTS(2) DOTS(3) DOTS(4) DOTS(5) DOTS(6) DOTS(7) DOTS(8)
        DOTS(9) DOTS(10) DOTS(11) DOTS(12) DOTS(13) DOTS(14) DOTS(15)
    default:
        DOTS(16)
#undef DOTS
    }
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
    V sums[TK_GEMM_FEW][W][PARTS];
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
        if (u->j1 - u->j0 == 1 && g->k <= ROW_VECTORS * W) {
            V x = TK_FN(gemm_short_rows)(rows, a + i * g->a_row, g->a_row, b + u->j0 * g->b_col,
                                         g->k);
            TK_FN(gemm_emit_dots)(g, c, i, u->j0, x, rows);
            continue;
        }
        if (rows < W)
            memset(sums, 0, (size_t)(u->j1 - u->j0) * sizeof *sums);
        int64_t k0 = 0;
        do { /* lane by lane in blocks, for long sums */
            int64_t k = g->k - k0 < KC * LANES ? g->k - k0 : KC * LANES;
            int lone = u->j1 - u->j0 == 1, group = lone ? LONE_ROWS : DOT_ROWS;
            int64_t ahead = lone && g->far ? group * g->a_row : 0;
            for (int r = 0; r < rows; r += r + group <= rows ? group : 1) {
                int many = r + group <= rows;
                for (int64_t j = u->j0; j < u->j1;) {
                    int cols = u->j1 - j < DOT_COLS ? 1 : DOT_COLS;
                    const T *as = a + (i + r) * g->a_row + k0, *bs = b + j * g->b_col + k0;
                    V(*to)[W][PARTS] = (V(*)[W][PARTS])sums[j - u->j0][r];
                    if (many && group > DOT_ROWS)
                        TK_FN(gemm_dots)(LONE_ROWS, 1, as, g->a_row, ahead, bs, 0, k, !k0, to);
                    else if (many && cols == DOT_COLS)
                        TK_FN(gemm_dots)(DOT_ROWS, DOT_COLS, as, g->a_row, ahead, bs, g->b_col, k,
                                         !k0, to);
                    else if (many)
                        TK_FN(gemm_dots)(DOT_ROWS, 1, as, g->a_row, 0, bs, g->b_col, k, !k0, to);
                    else if (cols == DOT_COLS)
                        TK_FN(gemm_dots)(1, DOT_COLS, as, g->a_row, 0, bs, g->b_col, k, !k0, to);
                    else
                        TK_FN(gemm_dots)(1, 1, as, g->a_row, 0, bs, g->b_col, k, !k0, to);
                    j += cols;
                }
            }
            k0 += k;
        } while (k0 < g->k);
        for (int64_t j = u->j0; j < u->j1; j++)
            TK_FN(gemm_emit_dots)(g, c, i, j, TK_FN(gemm_part_totals)(sums[j - u->j0]), rows);
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
#undef LANES
#undef PARTS
#undef DOT_ROWS
#undef DOT_COLS
#undef LONE_ROWS
#undef ROW_VECTORS
