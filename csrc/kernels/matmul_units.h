/* The matmul family's kernels for one element type: from units to blocks of one matrix. */

/* Where a matrix of a batch and its operands are. */
typedef struct {
    int64_t at[TK_GEMM_DIMS];
    const T *a, *b;
    T *c;
} TK_FN(gemm_place);

static void TK_FN(gemm_find)(const tk_gemm *g, TK_FN(gemm_place) *p, int64_t matrix)
{
    p->a = (const T *)g->a;
    p->b = (const T *)g->b;
    p->c = (T *)g->c;
    for (int d = g->batch_dims - 1; d >= 0; d--) {
        int64_t size = g->batch_size[d], at = matrix;
        matrix = at / size;
        p->at[d] = at -= matrix * size;
        p->a += at * g->a_batch[d];
        p->b += at * g->b_batch[d];
        p->c += at * g->c_batch[d];
    }
}

/* On to the next matrix, without divisions: a product may be that small. */
TK_INLINE void TK_FN(gemm_advance)(const tk_gemm *g, TK_FN(gemm_place) *p)
{
    for (int d = g->batch_dims - 1; d >= 0; d--) {
        p->a += g->a_batch[d];
        p->b += g->b_batch[d];
        p->c += g->c_batch[d];
        if (++p->at[d] < g->batch_size[d])
            return;
        p->at[d] = 0;
        p->a -= g->batch_size[d] * g->a_batch[d];
        p->b -= g->batch_size[d] * g->b_batch[d];
        p->c -= g->batch_size[d] * g->c_batch[d];
    }
}

/* Whole matrices [lo, hi) of a batch. */
static void TK_FN(gemm_matrices)(const tk_gemm *g, tk_gemm_unit *u, int64_t lo, int64_t hi)
{
    TK_FN(gemm_place) p;
    const int asks = g->ask_a || g->ask_b || g->ask_c;
    TK_FN(gemm_find)(g, &p, lo);
    u->i1 = g->m;
    u->j1 = g->n;
    for (; lo < hi; lo++) {
        const T *a = p.a, *b = p.b;
        T *c = p.c;
        TK_FN(gemm_advance)(g, &p);
        if (asks && lo + 1 < hi) {
            u->next_a = (const char *)p.a;
            u->next_b = (const char *)p.b;
            u->next_c = (const char *)p.c;
            if (g->path == TK_GEMM_DOTS) { /* tiles do it strip by strip */
                tk_ask_share(u->next_a, g->ask_a, 0, 1);
                tk_ask_share(u->next_b, g->ask_b, 0, 1);
            }
        } else
            u->next_a = NULL;
        TK_FN(matmul_unit)(g, a, b, c, u);
    }
}

static void TK_FN(matmul)(const void *work, int64_t lo, int64_t hi)
{
    const tk_gemm *g = work;
    tk_gemm_unit u = {.scratch = tk_scratch(g->scratch)};
    if (!u.scratch)
        return; /* unreachable: the door has reserved it */
    int64_t pieces = g->row_units * g->col_units;
    if (pieces == 1) {
        TK_FN(gemm_matrices)(g, &u, lo, hi);
        return;
    }
    while (lo < hi) {
        int64_t row = lo % g->row_units, col = lo / g->row_units % g->col_units;
        /* Units one below the other are done as one, so that a panel of B is copied once. */
        int64_t many = g->row_units - row < hi - lo ? g->row_units - row : hi - lo;
        if (g->held)
            many = 1; /* there is room for one */
        u.i0 = row * g->rows;
        u.i1 = (row + many) * g->rows < g->m ? (row + many) * g->rows : g->m;
        u.j0 = col * g->cols;
        u.j1 = u.j0 + g->cols < g->n ? u.j0 + g->cols : g->n;
        TK_FN(gemm_place) p;
        TK_FN(gemm_find)(g, &p, lo / pieces);
        TK_FN(matmul_unit)(g, p.a, p.b, p.c, &u);
        lo += many;
    }
}

/* The same with b's last two dimensions exchanged, which is the door's affair. */
static void TK_FN(linear)(const void *work, int64_t lo, int64_t hi)
{
    TK_FN(matmul)(work, lo, hi);
}
